"""A page for a browser and the chat server it talks to, on one port.

    page_chat.py --bundle FILE [--tls CHAIN KEY]

The page runs the official JavaScript client (--bundle: its browser bundle) once for each transport of `?transports=polling,websocket,both`,
chats, and posts what it saw to the server, which prints {"page": WHAT}. Prints {"listening": PORT} first.
"""

import argparse
import asyncio
import json

import socketio
from chat_server import listening_socket
from peer_lines import follow_stdin, leave, limit_lifetime, say

PAGE = """<!doctype html><meta charset="utf-8"><title>chat</title><script src="/client.js"></script><script>
const patience = 20000;
const named = name => name === 'both' ? ['polling', 'websocket'] : [name];

function call(socket, event, ...args) {
  return socket.timeout(patience).emitWithAck(event, ...args);
}

async function chat(name) {
  const socket = io({transports: named(name), forceNew: true, reconnection: false});
  const got = [];
  socket.on('told', (...args) => got.push(args));
  await new Promise((resolve, reject) => {
    socket.on('connect', resolve);
    socket.on('connect_error', problem => reject(new Error(`${name}: ${problem.message} ${problem.description ?? ''}`)));
  });
  const engine = socket.io.engine;
  if (name === 'both' && engine.transport.name !== 'websocket') await new Promise(resolve => engine.once('upgrade', resolve));
  for (let n = 0; n < 3; n++) {
    const {text} = await call(socket, 'say', {n, text: 'é😀 ' + n});
    if (text !== 'é😀 ' + n) throw new Error(`${name}: say ${n} answered ${text}`);
  }
  const bytes = new Uint8Array([1, 2, 3, 255]).buffer;
  const back = new Uint8Array(await call(socket, 'turn', bytes));
  if (String(back) !== '255,3,2,1') throw new Error(`${name}: turn answered ${back}`);
  if (got.length !== 3) throw new Error(`${name}: ${got.length} events came`);
  const transport = engine.transport.name;
  await new Promise(resolve => { engine.once('close', resolve); socket.disconnect(); });
  return {name, transport, secure: window.isSecureContext};
}

(async () => {
  const chats = [], errors = [];
  for (const name of new URLSearchParams(location.search).get('transports').split(',')) {
    try { chats.push(await chat(name)); } catch (problem) { errors.push(`${name}: ${problem}`); }
  }
  const body = JSON.stringify({origin: location.origin, search: location.search, chats, errors});
  await fetch('/seen', {method: 'POST', body});
  document.title = body;
})();
</script>
"""


class Pages:
    """Everything but the chat."""

    def __init__(self, bundle):
        self.bundle = bundle

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        status, kind, body = 200, b"text/html", PAGE.encode()
        if scope["path"] == "/client.js":
            kind, body = b"text/javascript", self.bundle
        elif scope["path"] == "/seen":
            data = b""
            while True:
                message = await receive()
                data += message.get("body", b"")
                if not message.get("more_body"):
                    break
            say(page=json.loads(data))
            body = b"thanks"
        elif scope["path"] != "/":
            status, body = 404, b"nothing here"
        await send({"type": "http.response.start", "status": status,
                    "headers": [(b"content-type", kind), (b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})


async def serve(options):
    import uvicorn

    server = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*")

    @server.on("say")
    async def say_it(sid, data):
        await server.emit("told", data, room=sid)
        return {"text": data["text"]}

    @server.on("turn")
    async def turn(sid, data):
        return data[::-1]

    with open(options.bundle, "rb") as file:
        app = socketio.ASGIApp(server, Pages(file.read()))
    secure = {"ssl_certfile": options.tls[0], "ssl_keyfile": options.tls[1]} if options.tls else {}
    listener = listening_socket(0)
    web = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1, **secure))
    follow_stdin(lambda command: leave(9))
    say(listening=listener.getsockname()[1])
    await web.serve(sockets=[listener])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--tls", nargs=2)
    options = parser.parse_args()
    limit_lifetime(110)
    asyncio.run(serve(options))


if __name__ == "__main__":
    main()
