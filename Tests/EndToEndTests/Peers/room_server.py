"""A chat server with state, whose replays are held against what was recorded: rooms and messages have ids that it makes up,
it asks its clients questions, and it breaks on purpose when told so.

Prints {"listening": PORT} once it accepts connections. Runs with python-socketio 5 (Engine.IO 4) and 4.6.1 (Engine.IO 3).

--regression plants one fault, on the message "second": lost_ack, changed_ack, changed_event, missing_event, extra_event,
exception (an event instead of the ack), close (the connection ends), no_room (create_room answers with an error).
"""

import argparse
import asyncio
import datetime
import hashlib
import logging
import ssl
import sys
import uuid

import socketio
from chat_server import MODERN, listening_socket
from peer_lines import follow_stdin, leave, limit_lifetime, say

NAMESPACES = ("/", "/chat")
REGRESSIONS = ("lost_ack", "changed_ack", "changed_event", "missing_event", "extra_event", "exception", "close", "no_room")


class Rooms:
    """The rooms of one namespace, and the handlers."""

    def __init__(self, server, namespace, options):
        self.server, self.namespace, self.options = server, namespace, options
        self.members, self.messages = {}, {}

    def fault(self, data):
        return self.options.regression if data.get("text") == "second" else None

    async def emit(self, event, data, room=None):
        await self.server.emit(event, data, room=room, namespace=self.namespace)

    async def create_room(self, sid, data):
        if self.options.regression == "no_room":
            return {"ok": False, "error": "rooms are closed"}
        room = len(self.members) + self.options.first if self.options.short_ids else uuid.uuid4().hex[:12]
        self.members[room] = set()
        await self.emit("room_created", {"id": room, "name": data["name"]})
        created = datetime.datetime.now(datetime.timezone.utc).isoformat()
        return {"ok": True, "id": room, "name": data["name"], "created": created, "number": len(self.members)}

    async def join(self, sid, data):
        if data["room"] not in self.members:
            return {"ok": False, "error": "no such room"}
        entered = self.server.enter_room(sid, data["room"], namespace=self.namespace)
        if MODERN:
            await entered
        self.members[data["room"]].add(sid)
        await self.emit("joined", {"room": data["room"], "sid": sid, "name": data["name"]}, room=data["room"])
        return {"ok": True, "members": len(self.members[data["room"]])}

    async def send_message(self, sid, data):
        fault = self.fault(data)
        if self.options.delay:
            await asyncio.sleep(self.options.delay)
        if data["room"] not in self.members:
            return {"ok": False, "error": "no such room"}
        message = str(uuid.uuid4())
        self.messages[message] = data
        if fault == "close":
            if MODERN:
                engine = self.server.manager.eio_sid_from_sid(sid, self.namespace)
            else:
                engine = sid
            await self.server.eio.disconnect(engine)
            return None
        if fault == "exception":
            await self.emit("exception", {"status": "error", "message": "Internal server error"}, room=sid)
            return None
        ts = datetime.datetime.now().timestamp() * 1000
        event = {"id": message, "room": data["room"], "text": data["text"], "ts": round(ts), "tags": ["chat"]}
        if fault == "changed_event":
            event["text"] = event["text"].upper()
        if fault != "missing_event":
            await self.emit("message", event, room=data["room"])
        if fault == "extra_event":
            await self.emit("typing", {"room": data["room"]}, room=data["room"])
        return {"ok": fault != "changed_ack", "id": message}

    async def edit_message(self, sid, data):
        if data["id"] not in self.messages:
            return {"ok": False, "error": "no such message"}
        await self.emit("edited", {"id": data["id"], "text": data["text"]}, room=self.messages[data["id"]]["room"])
        return {"ok": True}

    async def link(self, sid, data):
        """An id within a longer text."""
        kind, room = data.split(":")
        return f"https://chat.example/{kind}/{room}" if room in self.members else "nowhere"

    async def upload(self, sid, name, body):
        await self.emit("file", {"name": name, "body": body[::-1]}, room=sid)
        return {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}

    async def ask_me(self, sid, data):
        answer = await self.server.call("question", {"about": data}, sid=sid, namespace=self.namespace)
        return {"you said": answer}

    async def leave_me(self, sid, data):
        """The server ends the connection."""
        await self.server.disconnect(sid, namespace=self.namespace)

    def register(self):
        names = [name for name, value in vars(Rooms).items()
                 if asyncio.iscoroutinefunction(value) and name != "emit"]
        for name in names:
            self.server.on(name, getattr(self, name), namespace=self.namespace)


def lose_acks(server):
    """Takes the id from the emits whose ack is to be lost: their handlers run, and nobody acknowledges."""
    handle_event = server._handle_event

    def on_event(eio_sid, namespace, id, data):
        is_lost = data[0] == "send_message" and data[1].get("text") == "second"
        return handle_event(eio_sid, namespace, None if is_lost else id, data)

    server._handle_event = on_event


def refuse(server, options):
    @server.on("connect", namespace="/")
    async def connect(sid, environ, auth=None):
        if options.token and (auth or {}).get("token") != options.token:
            raise socketio.exceptions.ConnectionRefusedError("wrong token")

    @server.on("connect", namespace="/chat")
    async def connect_chat(sid, environ, auth=None):
        pass


async def serve(options):
    import uvicorn

    settings = {} if options.serializer == "default" else {"serializer": options.serializer}
    server = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*", **settings)
    if not MODERN:
        emit_internal = server._emit_internal
        server._emit_internal = lambda *args, **named: asyncio.ensure_future(emit_internal(*args, **named))
    for namespace in NAMESPACES:
        Rooms(server, namespace, options).register()
    refuse(server, options)
    if options.regression in ("lost_ack", "exception", "close"):
        lose_acks(server)
    listener = listening_socket(options.port)
    secure = {"ssl_certfile": options.tls[0], "ssl_keyfile": options.tls[1]} if options.tls else {}
    if options.client_ca:
        secure.update(ssl_ca_certs=options.client_ca, ssl_cert_reqs=ssl.CERT_REQUIRED)
    web = uvicorn.Server(uvicorn.Config(
        socketio.ASGIApp(server), log_level="error", lifespan="off", ws_per_message_deflate=options.deflate,
        ws_max_size=64 * 1024 * 1024, timeout_graceful_shutdown=1,
        timeout_keep_alive=options.keep_alive, **secure))
    follow_stdin(lambda command: leave(9))
    say(listening=listener.getsockname()[1])
    await web.serve(sockets=[listener])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--regression", choices=REGRESSIONS)
    parser.add_argument("--delay", type=float, default=0, help="seconds before a message is acknowledged")
    parser.add_argument("--serializer", choices=["default", "msgpack"], default="default")
    parser.add_argument("--short-ids", action="store_true", help="rooms are called by small numbers, from 1 or from --first on")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--deflate", action="store_true")
    parser.add_argument("--keep-alive", type=int, default=5, help="seconds after which idle connections end")
    parser.add_argument("--tls", nargs=2, metavar=("CHAIN", "KEY"), help="speak TLS with these")
    parser.add_argument("--client-ca", default="", help="ask clients for a certificate of this issuer")
    parser.add_argument("--token", default="", help="what the auth payload must say for the namespace /")
    parser.add_argument("--max-seconds", type=float, default=300)
    options = parser.parse_args()
    limit_lifetime(options.max_seconds)
    logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL)
    asyncio.run(serve(options))


if __name__ == "__main__":
    main()
