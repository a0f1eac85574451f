"""A server that answers as a NestJS gateway does (PROTOCOL.md section D), over both transports of Socket.IO and, at the
path /ws, as Nest's plain WebSocket adapter.

Prints {"listening": PORT}; {"report": true} on standard input prints {"report": {...}} as chat_server.py does.
--nest 11 (default) puts the cause into the `exception` event, --nest 10 leaves it out.

Namespaces "/" and "/chat". Events, by what the handler does:
  sum           returns the sum of its array               list         returns [1,2]: one argument
  zero, empty, no   return 0, "" and false: acknowledged   hello        returns "hi"
  fire          returns null: never acknowledged           void         returns nothing: the same
  events        returns {event, data}: an event and no ack done         returns {event:"done"}: data becomes null
  save          returns an object that happens to have a member `event`: taken for a response, never acknowledged
  stream        an Observable of 1, 2, 3: one ack          stream_events  an Observable of three events: no ack
  later         a Promise: acknowledged after {"delay": s}
  manual_ack    @Ack() called with two arguments           manual_ack_never   @Ack() never called
  throws_text   WsException("Invalid credentials.")        throws_object  WsException({code, text})
  throws_error  Error("boom")                              guarded      a guard that refuses
  validated     a ValidationPipe that refuses
  msg           in "/chat" returns "ok"; elsewhere throws_text for an object, throws_error for the rest
  any other     nothing at all happens
"""

import argparse
import asyncio
import json
import logging
import sys

import socketio
from engineio import packet as engine_packet
from socketio import packet

from chat_server import Counts, listening_socket, watch_the_wire
from peer_lines import follow_stdin, leave, limit_lifetime, say

NODE_ORDER = ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]
NOTHING = object()
"""A member or argument that is absent, which null is not."""


def look_like_node(ping_interval=None):
    """Writes the members of the open packet in the order of the reference server, by which the two can be told apart.

    With a ping interval, in milliseconds, only servers that have it look so.
    """
    encode = engine_packet.Packet.encode

    def encode_like_node(self, *args, **named):
        if self.packet_type == engine_packet.OPEN and ping_interval in (None, self.data["pingInterval"]):
            self.data = {name: self.data[name] for name in sorted(self.data, key=NODE_ORDER.index)}
        return encode(self, *args, **named)

    engine_packet.Packet.encode = encode_like_node


class WsException(Exception):
    def __init__(self, error):
        self.error = error


class Observable:
    def __init__(self, *items):
        self.items = items


class ManualAck:
    """The handler takes the ack into its own hands: these calls of it, and no other."""

    def __init__(self, *calls):
        self.calls = calls


async def later(body):
    await asyncio.sleep(body.get("delay", 0.05))
    return {"done": True}


def throw(error):
    raise error


def guarded(body):
    raise WsException("Forbidden resource")


HANDLERS = {
    "sum": lambda body: sum(body),
    "list": lambda body: [1, 2],
    "zero": lambda body: 0,
    "empty": lambda body: "",
    "no": lambda body: False,
    "hello": lambda body: "hi",
    "fire": lambda body: None,
    "void": lambda body: None,
    "events": lambda body: {"event": "events", "data": body},
    "done": lambda body: {"event": "done"},
    "save": lambda body: {"event": "party", "id": 3},
    "stream": lambda body: Observable(1, 2, 3),
    "stream_events": lambda body: Observable(*({"event": "part", "data": n} for n in range(3))),
    "later": later,
    "manual_ack": lambda body: ManualAck(("first", 2)),
    "manual_ack_never": lambda body: ManualAck(),
    "throws_text": lambda body: throw(WsException("Invalid credentials.")),
    "throws_object": lambda body: throw(WsException({"code": 4001, "text": "no such room"})),
    "throws_error": lambda body: throw(RuntimeError("boom")),
    "guarded": guarded,
    "validated": lambda body: throw(RuntimeError("Bad Request Exception")),
    "msg": lambda body: throw(WsException("Invalid credentials.") if isinstance(body, dict) else RuntimeError("boom")),
}


async def call_handler(namespace, event, body):
    if namespace == "/chat" and event == "msg":
        return "ok"
    result = HANDLERS[event](None if body is NOTHING else body)
    return await result if asyncio.iscoroutine(result) else result


def exception_payload(error, event, body, with_cause):
    if isinstance(error, WsException) and not isinstance(error.error, str):
        return error.error
    payload = {"status": "error", "message": error.error if isinstance(error, WsException) else "Internal server error"}
    if with_cause:
        payload["cause"] = {"pattern": event} if body is NOTHING else {"pattern": event, "data": body}
    return payload


def is_response(result):
    return isinstance(result, dict) and bool(result.get("event"))


def install_gateway(server, with_cause):
    """Replaces the library's dispatch by Nest's."""

    async def on_event(eio_sid, namespace, id, data):
        server.start_background_task(answer, eio_sid, namespace or "/", id, data)

    async def answer(eio_sid, namespace, id, data):
        event, args = data[0], data[1:]
        if event not in HANDLERS:
            return
        body = NOTHING if not args else args[0] if len(args) == 1 else args
        acknowledged = False

        async def send(type, arguments, id=None):
            await server._send_packet(eio_sid, server.packet_class(type, namespace=namespace, data=arguments, id=id))

        async def acknowledge(*arguments):
            nonlocal acknowledged
            if id is not None and not acknowledged:
                acknowledged = True
                await send(packet.ACK, list(arguments), id)

        async def give(result):
            if is_response(result):
                await send(packet.EVENT, [result["event"], result.get("data")])
            elif result is not None:
                await acknowledge(result)

        try:
            result = await call_handler(namespace, event, body)
            if isinstance(result, ManualAck):
                for arguments in result.calls:
                    await acknowledge(*arguments)
            elif isinstance(result, Observable):
                for item in result.items:
                    await give(item)
            else:
                await give(result)
        except Exception as error:
            await send(packet.EVENT, ["exception", exception_payload(error, event, body, with_cause)])

    server._handle_event = on_event


def plain_websocket(with_cause):
    """Nest's adapter for plain WebSockets: {"event", "data"} in, bare JSON or the same out; no ids, no acks."""

    async def application(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        await receive()
        await send({"type": "websocket.accept"})

        async def give(result):
            if result is not None:
                await send({"type": "websocket.send", "text": json.dumps(result, separators=(",", ":"))})

        while (message := await receive())["type"] == "websocket.receive":
            try:
                request = json.loads(message.get("text") or "")
                event = request["event"]
                HANDLERS[event]
            except (ValueError, KeyError, TypeError):
                continue
            body = request.get("data", NOTHING)
            try:
                result = await call_handler("/", event, body)
                for item in result.items if isinstance(result, Observable) else [result]:
                    await give(item)
            except Exception as error:
                await give({"event": "exception", "data": exception_payload(error, event, body, with_cause)})

    return application


async def serve(options):
    import uvicorn

    server = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*")
    for namespace in ("/", "/chat"):
        server.on("connect", lambda *args: None, namespace=namespace)
    counts = Counts()
    look_like_node()
    install_gateway(server, with_cause=options.nest >= 11)
    watch_the_wire(server, counts, options.say_events)
    listener = listening_socket(options.port)

    def on_command(command):
        if "crash" in command:
            leave(9)
        say(report=counts.report())

    follow_stdin(on_command)
    say(listening=listener.getsockname()[1])
    application = socketio.ASGIApp(server, other_asgi_app=plain_websocket(options.nest >= 11))
    await uvicorn.Server(uvicorn.Config(
        application, log_level="error", lifespan="off", ws_per_message_deflate=False,
        ws_ping_interval=None, timeout_graceful_shutdown=1)).serve(sockets=[listener])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--nest", type=int, default=11, choices=[8, 9, 10, 11])
    parser.add_argument("--say-events", action="store_true")
    parser.add_argument("--max-seconds", type=float, default=120)
    options = parser.parse_args()
    limit_lifetime(options.max_seconds)
    logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL)
    asyncio.run(serve(options))


if __name__ == "__main__":
    main()
