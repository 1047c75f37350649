#!/usr/bin/env python3
"""Runs a command against an S3 server that nobody here wrote.

    servers.py swift|moto -- COMMAND...

Starts the server on a free loopback port with its data in a temporary folder, runs COMMAND with S3_ENDPOINT, S3_REGION,
S3_ACCESS_KEY, S3_SECRET_KEY and S3_SERVER set, stops the server, and exits as COMMAND did. Needs the packages
of servers.txt in the interpreter that runs it.
"""

import contextlib
import getpass
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

SECRET = "ci-secret-0123456789abcdefghijklmnopqrstuv"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port: int, processes: list[subprocess.Popen]) -> None:
    for _ in range(600):
        if any(p.poll() is not None for p in processes):
            sys.exit("the server stopped before it answered")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    sys.exit("the server did not begin to listen within a minute")


def moto(data: pathlib.Path, started: list[subprocess.Popen]) -> dict[str, str]:
    # Signatures are not checked: moto answers 500 to every presigned URL otherwise.
    port = free_port()
    started.append(subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    wait_for(port, started)
    return {"S3_ENDPOINT": f"http://127.0.0.1:{port}", "S3_ACCESS_KEY": "AKIAMOTOEXAMPLE", "S3_SECRET_KEY": SECRET}


PIPELINE = "catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth slo dlo versioned_writes symlink"


def swift(data: pathlib.Path, started: list[subprocess.Popen]) -> dict[str, str]:
    """Proxy, account, container and object server on one device; no keystone, no memcached."""
    ports = {kind: free_port() for kind in ("account", "container", "object", "proxy")}
    (data / "devices" / "d1").mkdir(parents=True)
    (data / "cache").mkdir()
    (data / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_prefix = ci\nswift_hash_path_suffix = ci\n"
        "[storage-policy:0]\nname = one\ndefault = yes\n")
    base = f"bind_ip = 127.0.0.1\nworkers = 0\nuser = {getpass.getuser()}\nswift_dir = {data}\nlog_level = ERROR\n"
    for kind in ("account", "container", "object"):
        for words in (["create", "4", "1", "1"], ["add", f"r1z1-127.0.0.1:{ports[kind]}/d1", "1"], ["rebalance"]):
            subprocess.run([sys.executable, "-m", "swift.cli.ringbuilder", f"{kind}.builder", *words],
                           cwd=data, stdout=subprocess.DEVNULL)  # a warning makes it exit with 1
        (data / f"{kind}.conf").write_text(
            f"[DEFAULT]\n{base}bind_port = {ports[kind]}\ndevices = {data}/devices\nmount_check = false\n"
            f"fallocate_reserve = 0\nrecon_cache_path = {data}/cache\n"
            f"[pipeline:main]\npipeline = {kind}-server\n[app:{kind}-server]\nuse = egg:swift#{kind}\n")
    filters = {name: "" for name in PIPELINE.split()}
    filters["cache"] = "memcache_servers = 127.0.0.1:1\n"
    filters["tempauth"] = f"user_ci_user = {SECRET} .admin\n"
    filters["slo"] = "max_manifest_segments = 10000\n"
    filters["s3api"] = "location = us-east-1\nstorage_domain = localhost\nmax_upload_part_num = 10000\n"
    filters["versioned_writes"] = "allow_object_versioning = true\n"
    eggs = {"cache": "memcache"}
    (data / "proxy.conf").write_text(
        f"[DEFAULT]\n{base}bind_port = {ports['proxy']}\n[pipeline:main]\npipeline = {PIPELINE} proxy-server\n"
        "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\nallow_account_management = true\n"
        + "".join(f"[filter:{name}]\nuse = egg:swift#{eggs.get(name, name)}\n{extra}" for name, extra in filters.items()))
    for module, config in (("account", "account"), ("container", "container"), ("obj", "object"), ("proxy", "proxy")):
        started.append(subprocess.Popen([sys.executable, "-m", f"swift.{module}.server", str(data / f"{config}.conf")],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    for port in ports.values():
        wait_for(port, started)
    return {"S3_ENDPOINT": f"http://127.0.0.1:{ports['proxy']}", "S3_ACCESS_KEY": "ci:user", "S3_SECRET_KEY": SECRET}


def main() -> int:
    servers = {"swift": swift, "moto": moto}
    if len(sys.argv) < 4 or sys.argv[1] not in servers or sys.argv[2] != "--":
        sys.exit(__doc__)
    # Swift keeps metadata in extended attributes, which not every temporary file system has: stay beside the build.
    pathlib.Path("target").mkdir(exist_ok=True)
    data = pathlib.Path(tempfile.mkdtemp(prefix="s3-", dir="target")).resolve()
    started: list[subprocess.Popen] = []
    try:
        address = servers[sys.argv[1]](data, started)
        print(f"{sys.argv[1]} listens at {address['S3_ENDPOINT']}", flush=True)
        env = {**os.environ, **address, "S3_REGION": "us-east-1", "S3_SERVER": sys.argv[1]}
        return subprocess.run(sys.argv[3:], env=env).returncode
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
