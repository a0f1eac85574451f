#!/usr/bin/env bash
# Sets HAProxy (TCP mode), nginx (HTTP proxy) and mitmproxy beside Ackscope and prints one table; everything that it
# starts listens on loopback and stops with it. Arguments go to 'ackscope bench', like: --rounds 3 --payload 16KiB
#
#   PROXIES="haproxy nginx"    which of them to compare with (default: all three)
#   FIRST_PORT=19100           the first of four ports in a row that are free
set -euo pipefail
cd "$(dirname "$0")/../.."

read -ra proxies <<<"${PROXIES:-haproxy nginx mitmproxy}"
port=${FIRST_PORT:-19100}
server=$port

wanted() { [[ " ${proxies[*]} " == *" $1 "* ]]; }

missing=()
if wanted haproxy && ! command -v haproxy >/dev/null && [ ! -x /usr/sbin/haproxy ]; then missing+=(haproxy); fi
if wanted nginx && ! command -v nginx >/dev/null && [ ! -x /usr/sbin/nginx ]; then missing+=(nginx-light); fi
if [ ${#missing[@]} -gt 0 ]; then
  echo "missing: ${missing[*]}; install with: apt-get install -y ${missing[*]}" >&2
  exit 2
fi
PATH=$PATH:/usr/sbin

mitmproxy=.build/mitmproxy
if wanted mitmproxy && [ ! -x "$mitmproxy/bin/mitmdump" ]; then
  echo "installing mitmproxy into $mitmproxy" >&2
  python3 -m venv "$mitmproxy"
  "$mitmproxy/bin/pip" install --quiet mitmproxy
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
# Both legs of a connection are open files; HAProxy refuses to start where its share does not fit the limit.
ulimit -n "$(ulimit -Hn)"
files=$(ulimit -n)
[ "$files" != unlimited ] && [ "$files" -lt 60000 ] || files=60000
connections=$((files / 2 - 200))

vias=()
add() {
  children+=("$2")
  vias+=(--via "$1=$port:$2")
}

if wanted haproxy; then
  port=$((port + 1))
  cat >"$directory/haproxy.cfg" <<CONFIGURATION
global
  maxconn $connections
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen bench
  bind 127.0.0.1:$port backlog 4096
  server bench 127.0.0.1:$server
CONFIGURATION
  haproxy -db -q -f "$directory/haproxy.cfg" &
  add haproxy $!
fi

if wanted nginx; then
  port=$((port + 1))
  cat >"$directory/nginx.conf" <<CONFIGURATION
daemon off;
pid $directory/nginx.pid;
error_log $directory/nginx.log;
worker_processes auto;
events { worker_connections $connections; }
http {
  access_log off;
  client_body_temp_path $directory/body;
  proxy_temp_path $directory/proxy;
  fastcgi_temp_path $directory/fastcgi;
  uwsgi_temp_path $directory/uwsgi;
  scgi_temp_path $directory/scgi;
  client_max_body_size 0;
  map \$http_upgrade \$connection_header { default upgrade; '' ''; }
  upstream bench { server 127.0.0.1:$server; keepalive 1000; }
  server {
    listen 127.0.0.1:$port backlog=4096;
    keepalive_requests 100000000;
    location / {
      proxy_pass http://bench;
      proxy_http_version 1.1;
      proxy_set_header Upgrade \$http_upgrade;
      proxy_set_header Connection \$connection_header;
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 1h;
      proxy_send_timeout 1h;
    }
  }
}
CONFIGURATION
  nginx -c "$directory/nginx.conf" -e "$directory/nginx.log" &
  add nginx $!
fi

if wanted mitmproxy; then
  port=$((port + 1))
  "$mitmproxy/bin/mitmdump" --quiet --mode "reverse:http://127.0.0.1:$server" --listen-host 127.0.0.1 \
    --listen-port "$port" --set confdir="$directory/mitmproxy" --set flow_detail=0 >"$directory/mitmproxy.log" 2>&1 &
  add mitmproxy $!
fi

"$ackscope" bench --server-port "$server" "${vias[@]}" "$@" &
bench=$!
children+=("$bench")
wait "$bench"
