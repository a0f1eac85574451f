"""A chat server on python-socketio, with counts of its own to hold a capture against.

Prints {"listening": PORT} once it accepts connections. Commands, one JSON object a line on standard input:
  {"report": true}                          -> {"report": {...}}, the counts so far
  {"emit": EVENT, "args": [...], "namespace": "/"}   emits to everyone of the namespace
  {"register": EVENT}                       -> {"registered": EVENT}; from now on the event has a handler, which acknowledges
  {"message": TEXT}                         sends every session an Engine.IO message, whatever it says
  {"crash": true}                           ends at once, every connection left open
With --say-events a line {"received": EVENT, "namespace": NS, "id": N} comes before each handler runs, so that a test can
act while an emit is pending.

Namespaces: "/", "/chat" (the same handlers) and "/admin", which refuses a client without the token "let-me-in" (in the auth
payload, or as `token` in the query for Engine.IO 3 clients).

Runs with python-socketio 5 (Engine.IO 4), and with 4.6.1 (Engine.IO 3, without --sync). The latter acknowledges events
that have no handler, and loses empty attachments.
"""

import argparse
import asyncio
import functools
import hashlib
import inspect
import json
import logging
import socket
import sys
import threading
from collections import Counter
from urllib.parse import parse_qs

import socketio

from peer_lines import follow_stdin, leave, limit_lifetime, say
from steps import run_steps, run_steps_async

NAMESPACES = ("/", "/chat", "/admin")
TOKEN = "let-me-in"
MODERN = hasattr(socketio, "SimpleClient")


class Counts:
    """What the server itself saw and sent; counters are keyed "namespace event"."""

    def __init__(self):
        self.lock = threading.Lock()
        self.connections = Counter()
        self.refused = Counter()
        self.disconnections = Counter()
        self.received = Counter()
        self.acks_requested = Counter()
        self.acks_sent = Counter()
        self.emitted = Counter()
        self.callbacks = Counter()
        self.most_open = 0
        self.open = set()
        self.awaiting_ack = {}

    def event_arrived(self, eio_sid, namespace, id, event):
        key = f"{namespace} {event}"
        with self.lock:
            self.received[key] += 1
            if id is not None:
                self.acks_requested[key] += 1
                self.awaiting_ack[(eio_sid, namespace, id)] = key

    def packet_left(self, eio_sid, packet):
        namespace = packet.namespace or "/"
        with self.lock:
            if packet.packet_type in (2, 5):
                self.emitted[f"{namespace} {packet.data[0]}"] += 1
            elif packet.packet_type in (3, 6):
                key = self.awaiting_ack.pop((eio_sid, namespace, packet.id), f"{namespace} ?")
                self.acks_sent[key] += 1

    def report(self):
        with self.lock:
            return {
                "connections": dict(self.connections),
                "refused": dict(self.refused),
                "disconnections": dict(self.disconnections),
                "open": len(self.open),
                "most_open": self.most_open,
                "received": dict(self.received),
                "acks_requested": dict(self.acks_requested),
                "acks_sent": dict(self.acks_sent),
                "emitted": dict(self.emitted),
                "callbacks": dict(self.callbacks),
            }


def watch_the_wire(server, counts, say_events):
    """Counts packets where they enter and leave the library, so that a count is of packets and not of intentions.

    `forgets` loses its id here: its handler runs, and nobody acknowledges. So does `sometimes` when told so.
    """
    handle_event, send_packet = server._handle_event, server._send_packet

    def on_event(eio_sid, namespace, id, data):
        name = namespace or "/"
        counts.event_arrived(eio_sid, name, id, data[0])
        if say_events:
            say(received=data[0], namespace=name, id=id)
        is_forgotten = data[0] == "forgets" or data == ["sometimes", False]
        return handle_event(eio_sid, namespace, None if is_forgotten else id, data)

    def on_packet(eio_sid, packet):
        counts.packet_left(eio_sid, packet)
        return send_packet(eio_sid, packet)

    server._handle_event, server._send_packet = on_event, on_packet
    if not MODERN:
        # python-socketio 4 hands coroutines to asyncio.wait, which takes only tasks since Python 3.11.
        emit_internal = server._emit_internal
        server._emit_internal = lambda *args, **named: asyncio.ensure_future(emit_internal(*args, **named))
    if hasattr(server, "_send_eio_packet"):
        # Emits without a callback are encoded once for all their receivers and take this way.
        send_eio_packet = server._send_eio_packet

        def on_eio_packet(eio_sid, eio_packet):
            data = eio_packet.data
            is_attachment = isinstance(data, bytes) and server.packet_class.uses_binary_events
            if not is_attachment:
                counts.packet_left(eio_sid, server.packet_class(encoded_packet=data))
            return send_eio_packet(eio_sid, eio_packet)

        server._send_eio_packet = on_eio_packet


if MODERN:

    class MarkedPacket(socketio.packet.Packet):
        """A parser that nobody else has: an exclamation mark, then the packet as JSON."""

        uses_binary_events = False

        def encode(self):
            return "!" + json.dumps([self.packet_type, self.namespace, self.id, self.data])

        def decode(self, encoded_packet):
            self.packet_type, self.namespace, self.id, self.data = json.loads(encoded_packet[1:])
            return 0


class Chat:
    """The handlers, written once as steps (see steps.py)."""

    def __init__(self, server, counts):
        self.server, self.counts = server, counts

    # MARK: coming and going

    def connect(self, namespace, sid, environ, auth=None):
        query = parse_qs(environ.get("QUERY_STRING", ""))
        token = (auth or {}).get("token") if isinstance(auth, dict) else None
        if namespace == "/admin" and TOKEN not in (token, *query.get("token", [])):
            with self.counts.lock:
                self.counts.refused[namespace] += 1
            raise socketio.exceptions.ConnectionRefusedError("not allowed", {"need": "token"})
        with self.counts.lock:
            self.counts.connections[namespace] += 1
            self.counts.open.add((namespace, sid))
            self.counts.most_open = max(self.counts.most_open, len(self.counts.open))
        return
        yield

    def disconnect(self, namespace, sid, *reason):
        with self.counts.lock:
            self.counts.disconnections[namespace] += 1
            self.counts.open.discard((namespace, sid))
        return
        yield

    # MARK: chat

    def enter_chat_room(self, namespace, sid, data):
        yield self.server.enter_room(sid, str(data["roomId"]), namespace=namespace)
        return {"ok": True, "roomId": data["roomId"]}

    def leave_chat_room(self, namespace, sid, data):
        yield self.server.leave_room(sid, str(data["roomId"]), namespace=namespace)
        return {"ok": True}

    def send_message(self, namespace, sid, data):
        room = str(data["roomId"])
        yield self.server.emit("receive_message", data, room=room, skip_sid=sid, namespace=namespace)
        return {"ok": True}

    def note(self, namespace, sid, *args):
        return
        yield

    # MARK: shapes of an ack

    def several(self, namespace, sid, *args):
        return "one", 2, {"three": [3]}
        yield

    def nothing(self, namespace, sid, *args):
        return None
        yield

    def echo(self, namespace, sid, *args):
        return tuple(args)
        yield

    def upload(self, namespace, sid, data):
        return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        yield

    def download(self, namespace, sid, data):
        body = bytes(i & 255 for i in range(data["size"]))
        yield self.server.emit("file", {"name": "download", "parts": [body, body[:2]]}, room=sid, namespace=namespace)
        return body

    # MARK: acks that do not come, or come late

    def forgets(self, namespace, sid, *args):
        return
        yield

    def sometimes(self, namespace, sid, is_answered):
        return
        yield

    def slow(self, namespace, sid, data):
        yield self.server.sleep(data["delay"])
        return {"waited": data["delay"]}

    def raises(self, namespace, sid, *args):
        raise ValueError("raised on purpose")
        yield

    # MARK: the server asks

    def ask_me(self, namespace, sid, question):
        """Emits `question` to the asker with a callback; the answer is printed and sent back as `answered`."""

        def steps(args):
            with self.counts.lock:
                self.counts.callbacks[f"{namespace} question"] += 1
            say(answer=[repr(a) if isinstance(a, bytes) else a for a in args], namespace=namespace)
            yield self.server.emit("answered", tuple(args), room=sid, namespace=namespace)

        if inspect.iscoroutinefunction(self.server.emit):

            async def on_answer(*args):
                await run_steps_async(steps(args))
        else:

            def on_answer(*args):
                run_steps(steps(args))

        yield self.server.emit("question", question, room=sid, namespace=namespace, callback=on_answer)
        return {"asked": True}

    def call_me(self, namespace, sid, question):
        """Asks within the handler and acknowledges with the answer."""
        answer = yield self.server.call("question", question, sid=sid, namespace=namespace, timeout=10)
        with self.counts.lock:
            self.counts.callbacks[f"{namespace} question"] += 1
        return {"answer": answer}

    def ask_and_forget_answer(self, namespace, sid, event):
        """Emits the named event with a callback, whatever the client does with it."""

        def on_answer(*args):
            with self.counts.lock:
                self.counts.callbacks[f"{namespace} {event}"] += 1

        yield self.server.emit(event, "?", room=sid, namespace=namespace, callback=on_answer)

    def burst(self, namespace, sid, data):
        for n in range(data["count"]):
            yield self.server.emit("tick", n, room=sid, namespace=namespace)
        return {"count": data["count"]}

    def announce(self, namespace, sid, data):
        yield self.server.emit("announcement", data, namespace=namespace)

    # MARK: the end

    def kick(self, namespace, sid, *args):
        """Leaves the namespace before the handler returns, so that its ack has nobody to go to."""
        yield self.server.disconnect(sid, namespace=namespace)

    def register(self, is_async):
        names = [n for n in vars(Chat) if not n.startswith("_") and n != "register"]
        for namespace in NAMESPACES:
            for name in names:
                self.server.on(name, self._handler(getattr(self, name), namespace, is_async), namespace=namespace)

    @staticmethod
    def _handler(method, namespace, is_async):
        if is_async:

            async def handler(*args):
                return await run_steps_async(method(namespace, *args))
        else:

            def handler(*args):
                return run_steps(method(namespace, *args))

        return handler


def listening_socket(port):
    # The protocol is named because asyncio turns Nagle's algorithm off only for sockets that say so.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(512)
    return listener


def obey(server, counts, loop):
    def on_command(command):
        if "report" in command:
            say(report=counts.report())
        elif "emit" in command:
            emit = functools.partial(
                server.emit, command["emit"], tuple(command.get("args", [])), namespace=command.get("namespace", "/"))
            if loop is None:
                emit()
            else:
                asyncio.run_coroutine_threadsafe(emit(), loop)
        elif "register" in command:
            if loop is None:
                server.on(command["register"], lambda sid, *args: "at last")
            else:

                async def handler(sid, *args):
                    return "at last"

                server.on(command["register"], handler)
            say(registered=command["register"])
        elif "message" in command:
            for sid in list(server.eio.sockets):
                sending = server.eio.send(sid, command["message"])
                if loop is not None:
                    asyncio.run_coroutine_threadsafe(sending, loop)
        elif "crash" in command:
            leave(9)
        else:
            raise ValueError("unknown command")

    return on_command


async def serve_async(options, settings):
    import uvicorn

    server = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*", **settings)
    counts = Counts()
    watch_the_wire(server, counts, options.say_events)
    Chat(server, counts).register(is_async=True)
    listener = listening_socket(options.port)
    web = uvicorn.Server(uvicorn.Config(
        socketio.ASGIApp(server, socketio_path=options.path), log_level="error", lifespan="off",
        ws=options.websocket_library,
        ws_per_message_deflate=options.deflate, ws_ping_interval=options.websocket_ping or None,
        ws_max_size=64 * 1024 * 1024, timeout_graceful_shutdown=1,
        ssl_certfile=options.tls and options.tls[0], ssl_keyfile=options.tls and options.tls[1]))
    follow_stdin(obey(server, counts, asyncio.get_running_loop()))
    say(listening=listener.getsockname()[1])
    await web.serve(sockets=[listener])


def serve_sync(options, settings):
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, *args):
            pass

    server = socketio.Server(async_mode="threading", cors_allowed_origins="*", **settings)
    counts = Counts()
    watch_the_wire(server, counts, options.say_events)
    Chat(server, counts).register(is_async=False)
    listener = listening_socket(options.port)
    port = listener.getsockname()[1]
    web = make_server("127.0.0.1", port, socketio.WSGIApp(server, socketio_path=options.path), threaded=True,
                      request_handler=Quiet, fd=listener.fileno(), ssl_context=options.tls and tuple(options.tls))
    follow_stdin(obey(server, counts, None))
    say(listening=port)
    web.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--sync", action="store_true", help="the synchronous server, one thread for each connection")
    parser.add_argument("--deflate", action="store_true", help="accept permessage-deflate (not with --sync)")
    parser.add_argument("--websocket-library", default="auto", choices=["auto", "websockets", "websockets-sansio", "wsproto"])
    parser.add_argument("--transports", choices=["polling", "websocket", "both"], default="both")
    parser.add_argument("--no-upgrade", action="store_true")
    parser.add_argument("--ping-interval", type=float, default=25)
    parser.add_argument("--ping-timeout", type=float, default=20)
    parser.add_argument("--websocket-ping", type=float, default=0, help="seconds between WebSocket pings; 0: none")
    parser.add_argument("--max-body", type=int, default=1_000_000)
    parser.add_argument("--serializer", choices=["default", "msgpack", "marked"], default="default")
    parser.add_argument("--path", default="socket.io")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), help="speak TLS")
    parser.add_argument("--say-events", action="store_true")
    parser.add_argument("--max-seconds", type=float, default=120)
    options = parser.parse_args()

    limit_lifetime(options.max_seconds)
    logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL)
    settings = dict(ping_interval=options.ping_interval, ping_timeout=options.ping_timeout,
                    max_http_buffer_size=options.max_body, allow_upgrades=not options.no_upgrade)
    if options.transports != "both":
        settings["transports"] = [options.transports]
    if options.serializer != "default":
        settings["serializer"] = MarkedPacket if options.serializer == "marked" else options.serializer
    if not MODERN:
        settings.pop("transports", None)
        settings["ping_interval"], settings["ping_timeout"] = int(options.ping_interval), int(options.ping_timeout)
        if options.sync:
            parser.error("python-socketio 4 has no WebSocket in threading mode: leave --sync out")
    if options.sync:
        serve_sync(options, settings)
    else:
        asyncio.run(serve_async(options, settings))


if __name__ == "__main__":
    main()
