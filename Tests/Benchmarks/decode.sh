#!/usr/bin/env bash
# Builds and runs the decoder's benchmark: time, records and allocations for each message, from bytes to records
# without sockets. Exits with 1 where a message takes more allocations than the threshold.
set -euo pipefail
cd "$(dirname "$0")/../.."

# What the hot path may allocate, on average, for one small message. Lower it with the hot path; never raise it.
most=${MOST_ALLOCATIONS:-0.01}

swift build -c release --product decode-bench >&2
exec "$(swift build -c release --show-bin-path)/decode-bench" --most-allocations "$most" "$@"
