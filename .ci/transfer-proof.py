#!/usr/bin/env python3
"""Proves what the transfer manager promises, with the examples `upload` and `download` as they are built for release.

    cargo build --release --features indicatif --example upload --example download
    .ci/servers.py swift -- python3 .ci/transfer-proof.py [--size 8G] [memory] [kill]

memory  Peak memory of the client (ru_maxrss) for an object of SIZE up and down, for a stream of unknown length of SIZE, and
        for 1 MiB, held against part size x concurrency + 32 MiB.
kill    An upload and a download are killed (SIGKILL) once a third of their parts stands by their state file, which is written
        once a second, and started again: how many bytes are moved by the second run, and whether the result is the source, read by
        another client.

Server and credentials come from S3_ENDPOINT, S3_REGION, S3_ACCESS_KEY and S3_SECRET_KEY, as .ci/servers.py sets them. Needs `aws`
(awscli) on PATH and room on disk for three times SIZE below target/. Ends with 1 if anything does not hold.
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

MIB = 1 << 20
BUCKET = f"proof-{os.getpid()}"
EXAMPLES = pathlib.Path("target/release/examples")


def size(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([KMG]?)", text).groups()
    return int(number) << {"": 0, "K": 10, "M": 20, "G": 30}[unit]


def environment() -> dict[str, str]:
    given = {
        "AWS_ENDPOINT_URL": os.environ["S3_ENDPOINT"],
        "AWS_REGION": os.environ.get("S3_REGION", "us-east-1"),
        "AWS_DEFAULT_REGION": os.environ.get("S3_REGION", "us-east-1"),
        "AWS_ACCESS_KEY_ID": os.environ["S3_ACCESS_KEY"],
        "AWS_SECRET_ACCESS_KEY": os.environ["S3_SECRET_KEY"],
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    }
    return {**os.environ, **given}


ENV = environment() if "S3_ENDPOINT" in os.environ else None


def aws(*words: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(["aws", *words], env=ENV, check=True, capture_output=True, **options)


def write_source(path: pathlib.Path, length: int) -> str:
    """Different in every block, cheap to make; answers the SHA-256."""
    block, digest = os.urandom(MIB), hashlib.sha256()
    with path.open("wb") as file:
        for number in range(0, length, MIB):
            piece = (number.to_bytes(8, "big") + block[8:])[: length - number]
            file.write(piece)
            digest.update(piece)
    return digest.hexdigest()


def digest_of(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_on_server(key: str, folder: pathlib.Path) -> str:
    """As another client reads it."""
    file = folder / "as-aws-reads-it"
    aws("s3api", "get-object", "--bucket", BUCKET, "--key", key, str(file))
    digest = digest_of(file)
    file.unlink()
    return digest


class Ran:
    def __init__(self, name: str, *words, stdin=None, wait=True):
        self.stderr = tempfile.TemporaryFile()
        self.began = time.monotonic()
        self.process = subprocess.Popen([str(EXAMPLES / name), *map(str, words), "--quiet"], env=ENV, stdin=stdin,
                                        stdout=subprocess.DEVNULL, stderr=self.stderr)
        if wait:
            self.wait()

    def wait(self) -> "Ran":
        _, status, used = os.wait4(self.process.pid, 0)
        self.seconds = time.monotonic() - self.began
        self.code = self.process.returncode = os.waitstatus_to_exitcode(status)
        self.peak = used.ru_maxrss * 1024
        self.cpu = used.ru_utime + used.ru_stime
        self.stderr.seek(0)
        self.said = self.stderr.read().decode(errors="replace").strip()
        return self

    def must(self, what: str) -> "Ran":
        if self.code != 0:
            sys.exit(f"{what} failed with {self.code}: {self.said}")
        return self


class Verdict:
    def __init__(self):
        self.wrong = []

    def hold(self, claim: str, holds: bool, detail: str = ""):
        print(f"{'ok   ' if holds else 'WRONG'} {claim}{': ' + detail if detail else ''}", flush=True)
        if not holds:
            self.wrong.append(claim)


def show(size: int) -> str:
    return f"{size / MIB:.1f} MiB"


def memory(verdict: Verdict, folder: pathlib.Path, length: int, part: int, concurrency: int):
    bound = part * concurrency + 32 * MIB
    knobs = ["--part-size", part, "--concurrency", concurrency]

    def within(what: str, ran: Ran):
        ran.must(what)
        verdict.hold(f"{what} within {show(bound)}", ran.peak <= bound,
                     f"peak {show(ran.peak)}, {ran.seconds:.1f} s, {ran.cpu:.1f} CPU s; {ran.said.splitlines()[-1]}")

    source, target = folder / "source", folder / "target"
    for total in (MIB, length):
        wanted = write_source(source, total)
        within(f"upload of {show(total)}", Ran("upload", source, f"s3://{BUCKET}/file", *knobs))
        within(f"download of {show(total)}", Ran("download", f"s3://{BUCKET}/file", target, *knobs))
        verdict.hold(f"the {show(total)} that came down are those that went up", digest_of(target) == wanted)
        target.unlink()
    aws("s3", "rm", f"s3://{BUCKET}/file")
    with source.open("rb") as file, subprocess.Popen(["cat"], stdin=file, stdout=subprocess.PIPE) as pipe:
        within(f"upload of a stream of unknown length, {show(length)}",
               Ran("upload", "-", f"s3://{BUCKET}/stream", *knobs, stdin=pipe.stdout))
    verdict.hold("the stream arrived whole, as aws reads it", digest_on_server("stream", folder) == wanted)
    aws("s3", "rm", f"s3://{BUCKET}/stream")
    source.unlink()


def parts_in(state: pathlib.Path) -> int:
    """Parts or ranges a state file calls done; its writing is atomic, its absence means none."""
    try:
        known = json.loads(state.read_text())
    except (OSError, ValueError):
        return 0
    lists = [value for value in json_values(known) if isinstance(value, list)]
    return max(map(len, lists), default=0)


def json_values(value):
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from json_values(inner)


def kill_at(ran: Ran, state: pathlib.Path, parts: int) -> int:
    while ran.process.poll() is None and parts_in(state) < parts:
        time.sleep(0.005)
    if ran.process.returncode is not None:
        sys.exit(f"it ended before it could be killed ({ran.process.returncode}): take a larger --size")
    done = parts_in(state)
    ran.process.send_signal(signal.SIGKILL)
    ran.wait()
    return done


def kill(verdict: Verdict, folder: pathlib.Path, length: int, part: int, concurrency: int):
    knobs = ["--part-size", part, "--concurrency", concurrency, "--resume"]
    source, target = folder / "source", folder / "target"
    wanted, third = write_source(source, length), max(1, length // part // 3)

    def again(what: str, words: list, state: pathlib.Path):
        done = kill_at(Ran(what, *words, *knobs, wait=False), state, third)
        ran = Ran(what, *words, *knobs).must(f"{what} after the kill")
        found = re.search(r"(\d+) of them by a run before", ran.said)
        resumed = int(found[1]) if found else 0
        # What was under way when it was killed may be moved twice, and no more.
        spare = part * (concurrency + 1)
        verdict.hold(f"{what} killed at {done} of {length // part} parts goes on", resumed >= done * part - spare and resumed > 0,
                     f"{show(resumed)} stood, {show(length - resumed)} moved by the second run, "
                     f"{show(max(0, done * part - resumed))} of what the state file called done moved again")
        verdict.hold(f"the state file of the {what} is gone", not state.exists())

    again("upload", [source, f"s3://{BUCKET}/killed"], pathlib.Path(f"{source}.s3-upload"))
    verdict.hold("the object is the source, as aws reads it", digest_on_server("killed", folder) == wanted)
    left = json.loads(aws("s3api", "list-multipart-uploads", "--bucket", BUCKET).stdout or "{}").get("Uploads") or []
    verdict.hold("no upload is left open", not left, str(left) if left else "")
    again("download", [f"s3://{BUCKET}/killed", target], pathlib.Path(f"{target}.s3-download"))
    verdict.hold("the file is the source", digest_of(target) == wanted)
    strangers = sorted(path.name for path in folder.iterdir() if path not in (source, target))
    verdict.hold("nothing else is left beside it", not strangers, ", ".join(strangers))
    aws("s3", "rm", f"s3://{BUCKET}/killed")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=size, default="8G", help="bytes to move, such as 256M (default: 8G)")
    parser.add_argument("--part-size", type=size, default="8M")
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("proofs", nargs="*", default=["memory", "kill"])
    asked = parser.parse_args()
    if ENV is None:
        sys.exit("S3_ENDPOINT is not set; see --help")
    proofs = {"memory": memory, "kill": kill}
    verdict = Verdict()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="proof-", dir="target"))
    try:
        aws("s3api", "create-bucket", "--bucket", BUCKET)
        for proof in asked.proofs:
            proofs[proof](verdict, folder, asked.size, asked.part_size, asked.concurrency)
    finally:
        shutil.rmtree(folder)
        subprocess.run(["aws", "s3", "rb", "--force", f"s3://{BUCKET}"], env=ENV, capture_output=True)
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
