#!/usr/bin/env bash
# The whole comparison, with one command and into one table. ROUNDS=5 PEERS="rusty-s3 minio" BENCHES="get-1k list" narrow it.
#   bench/run.sh [compare|micro|scale|build-cost|instructions|profile|budget|docs]
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo run --quiet -p bench -- "${@:-compare}"
