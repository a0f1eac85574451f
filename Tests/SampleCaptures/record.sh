#!/usr/bin/env bash
# Records the sample captures anew: the README's story, python-socketio's own server and clients with Ackscope between
# them; and one capture for each verdict. Run it from anywhere; it needs `swift build` and python3 with venv, and takes
# half a minute. With names, such as `late-after-peer-left`, only these verdicts are recorded.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
ackscope="$root/.build/debug/ackscope"
[ -x "$ackscope" ] || { echo "build first: swift build" >&2; exit 1; }
venv="$root/.build/peers/samples"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv" || { echo "sudo apt-get install -y python3 python3-venv" >&2; exit 1; }
"$venv/bin/pip" install --quiet -r "$root/Tests/EndToEndTests/Peers/requirements.txt"

children=()
trap 'kill "${children[@]}" 2>/dev/null || true' EXIT

wait_for() { # a port on loopback
  for _ in $(seq 100); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return; fi
    sleep 0.1
  done
  echo "nothing listens on port $1" >&2
  exit 1
}

mkdir -p "$root/captures"

# The errors that its handlers raise on purpose are the point of some, and no news.
"$venv/bin/python" "$here/faults.py" "$ackscope" "$root/captures" "$@" 2>/dev/null
if [ $# -gt 0 ]; then exit; fi

record() { # file, further arguments of the people
  rm -f "$root/captures/$1"
  "$ackscope" proxy http://127.0.0.1:4180 --listen 127.0.0.1:4181 --capture "$root/captures/$1" --view none \
    --ack-timeout 500ms 2>/dev/null &
  local proxy=$!
  children+=("$proxy")
  wait_for 4181
  "$venv/bin/python" "$here/chat.py" people http://127.0.0.1:4181 "$2"
  kill -INT "$proxy"
  wait "$proxy"
  chmod 644 "$root/captures/$1"
  echo "captures/$1"
}

"$venv/bin/python" "$here/chat.py" server 4180 2>/dev/null &
children+=($!)
wait_for 4180
record chat-without-acks.jsonl --no-acks
record chat-with-acks.jsonl --acks
