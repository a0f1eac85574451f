#!/usr/bin/env bash
# Sets HAProxy, which ends TLS on both legs and decodes nothing, beside Ackscope with TLS on both legs, and prints one table:
# 'proxy CPU of a round trip' is what counts, in the columns ackscope-tls and haproxy-tls. Load and server of 'ackscope bench'
# speak no TLS: another HAProxy, whose cost is nobody's, puts it on before the proxy and takes it off behind it, the same
# for both. TLS 1.3 with AES-128-GCM everywhere. All listen on loopback and stop with this script. Arguments go to
# 'ackscope bench', like: --rounds 5 --duration 2s
#
#   FIRST_PORT=19200   the first of seven ports in a row that are free
set -euo pipefail
cd "$(dirname "$0")/../.."

port=${FIRST_PORT:-19200}
server=$port behind=$((port + 1)) ackscope_tls=$((port + 2)) haproxy_tls=$((port + 3))
to_ackscope=$((port + 4)) to_haproxy=$((port + 5))

PATH=$PATH:/usr/sbin
missing=()
for program in haproxy openssl; do command -v $program >/dev/null || missing+=($program); done
if [ ${#missing[@]} -gt 0 ]; then
  echo "missing: ${missing[*]}; install with: sudo apt-get install -y ${missing[*]}" >&2
  exit 2
fi
if [ -n "${ACKSCOPE:-}" ]; then
  ackscope=$ACKSCOPE
else
  swift build -c release --product ackscope >&2
  ackscope=$(swift build -c release --show-bin-path)/ackscope
fi

directory=$(mktemp -d)
children=()
finish() {
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  for child in "${children[@]}"; do wait "$child" 2>/dev/null || true; done
  rm -rf "$directory"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP
ulimit -n "$(ulimit -Hn)"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$directory/key.pem" -out "$directory/cert.pem" 2>/dev/null
cat "$directory/cert.pem" "$directory/key.pem" >"$directory/both.pem"

defaults="global
  maxconn 4000
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
  ssl-default-server-ciphersuites TLS_AES_128_GCM_SHA256
  ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h"
cat >"$directory/proxy.cfg" <<CONFIGURATION
$defaults
listen proxy
  bind 127.0.0.1:$haproxy_tls ssl crt $directory/both.pem backlog 4096
  server behind 127.0.0.1:$behind ssl verify required ca-file $directory/cert.pem verifyhost localhost
CONFIGURATION
cat >"$directory/around.cfg" <<CONFIGURATION
$defaults
listen behind
  bind 127.0.0.1:$behind ssl crt $directory/both.pem backlog 4096
  server bench 127.0.0.1:$server
listen to_ackscope
  bind 127.0.0.1:$to_ackscope backlog 4096
  server ackscope 127.0.0.1:$ackscope_tls ssl verify none
listen to_haproxy
  bind 127.0.0.1:$to_haproxy backlog 4096
  server haproxy 127.0.0.1:$haproxy_tls ssl verify none
CONFIGURATION

haproxy -db -q -f "$directory/around.cfg" &
children+=($!)
haproxy -db -q -f "$directory/proxy.cfg" &
haproxy=$!
children+=("$haproxy")
"$ackscope" proxy "https://localhost:$behind" --upstream-ca "$directory/cert.pem" --cert "$directory/cert.pem" \
  --key "$directory/key.pem" --listen "127.0.0.1:$ackscope_tls" --capture "$directory/capture.jsonl" --view none \
  2>"$directory/ackscope.log" &
proxy=$!
children+=("$proxy")

if ! "$ackscope" bench --server-port "$server" --idle-connections 0 --via "ackscope-tls=$to_ackscope:$proxy" \
  --via "haproxy-tls=$to_haproxy:$haproxy" "$@"; then
  cat "$directory/ackscope.log" >&2
  exit 1
fi
