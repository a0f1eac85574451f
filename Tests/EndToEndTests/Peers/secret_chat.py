"""A server that hands secrets out, and a client that tells its own, in every place where there can be any.

    secret_chat.py server [--serializer msgpack] [--deflate] [--changed]
    secret_chat.py client URL --transport polling|websocket [--serializer msgpack] [--deflate] [--secret WORD]

Every secret has `planted` in it. The server prints {"listening": PORT}; with --changed its acks say something else, so that a
replay finds them different. The client prints {"report": {"errors": [...]}}.
"""

import argparse
import asyncio
import json
import sys

import socketio
from chat_server import listening_socket
from peer_lines import follow_stdin, leave, limit_lifetime, say

PATIENCE = 20


def settings(options):
    return {} if options.serializer == "default" else {"serializer": options.serializer}


class SettingCookies:
    """Sets a cookie on every answer."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        async def sending(message):
            if message["type"] in ("http.response.start", "websocket.accept"):
                message["headers"] = [*message.get("headers", []), (b"set-cookie", b"session=planted-cookie; HttpOnly"),
                                      (b"x-next", b"/then#access_token=planted-fragment")]
            await send(message)

        await self.app(scope, receive, sending)


async def serve(options):
    import uvicorn

    server = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*", **settings(options))

    @server.on("connect")
    async def connect(sid, environ, auth=None):
        if (auth or {}).get("name") == "stranger":
            # As messages of errors are: a value printed, JSON in text, a query.
            raise socketio.exceptions.ConnectionRefusedError(
                f"no: {auth!r}, that is {json.dumps(auth)}, or ?token={auth['token']}", auth)

    @server.on("login")
    async def login(sid, data):
        issued = {"credentials": [{"deep": {"jwt": "planted-issued"}}], "secret": b"planted-bytes-issued", "face": b"\x01\x02"}
        await server.emit("issued", issued, room=sid)
        await server.emit("issued_as_text", json.dumps({"token": "planted-in-text"}), room=sid)
        return {"ok": not options.changed, "session_token": "planted-ack", "you_said": data}

    @server.on("upload")
    async def upload(sid, data):
        return {"size": len(data["face"]), "password": data["password"], "changed": options.changed}

    listener = listening_socket(0)
    web = uvicorn.Server(uvicorn.Config(
        SettingCookies(socketio.ASGIApp(server)), log_level="error", lifespan="off", ws_per_message_deflate=options.deflate,
        timeout_graceful_shutdown=1))
    follow_stdin(lambda command: leave(9))
    say(listening=listener.getsockname()[1])
    await web.serve(sockets=[listener])


async def chat(options):
    word = options.secret
    extra = {"websocket_extra_options": {"compress": 15}} if options.deflate else {}
    io = socketio.AsyncClient(reconnection=False, handle_sigint=False, **extra, **settings(options))
    came = asyncio.Event()
    io.on("issued_as_text", lambda *args: came.set())
    headers = {"Authorization": f"Bearer {word}-header", "Cookie": f"id={word}-cookie", "X-Api-Key": f"{word}-key",
               "X-User": json.dumps({"name": "ann", "refresh_token": f"{word}-json-header"}),
               "Referer": f"http://page.example/?token={word}-referer", "X-Page": f"http://a.example/#id_token={word}-page"}
    await io.connect(
        f"{options.url}/?token={word}-query&theme=dark&api%5Fkey={word}-escaped", headers=headers,
        auth={"name": "ann", "token": f"{word}-auth", "nested": [{"jwt": f"{word}-nested-auth"}]},
        transports=[options.transport], wait_timeout=PATIENCE)
    for data in ({"user": "ann", "password": f"{word}-password", "deep": {"a": [{"api_key": f"{word}-deep"}]}},
                 {"form": f"user=ann&password={word}-form", "url": f"https://a.example/?access_token={word}-url&x=1",
                  "json": json.dumps({"list": [{"clientSecret": f"{word}-json"}]})},
                 {"secret": {"all": [f"{word}-tree"]}, "padding": "same words again and again " * 20}):
        await io.call("login", data, timeout=PATIENCE)
    await io.call("upload", {"password": f"{word}-beside".encode(), "face": bytes(range(256)), "name": "ann",
                             "session_cookie": f"{word}-beside-bytes"}, timeout=PATIENCE)
    await asyncio.wait_for(came.wait(), PATIENCE)
    writing = io.eio.write_loop_task
    leaving = asyncio.create_task(io.disconnect())
    if options.transport == "websocket":
        await leaving
    elif writing is not None:
        await asyncio.wait({writing}, timeout=PATIENCE)
    stranger = socketio.AsyncClient(reconnection=False, handle_sigint=False, **settings(options))
    refused = asyncio.Event()
    stranger.on("connect_error", lambda *args: refused.set())
    # Its own end waits for a GET that the server leaves unanswered.
    trying = asyncio.create_task(stranger.connect(
        options.url, auth={"name": "stranger", "token": f"{word}-stranger"}, transports=[options.transport], wait_timeout=PATIENCE))
    await asyncio.wait_for(refused.wait(), PATIENCE)
    trying.cancel()
    say(report={"errors": []})
    leave(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["server", "client"])
    parser.add_argument("url", nargs="?")
    parser.add_argument("--transport", choices=["polling", "websocket"], default="websocket")
    parser.add_argument("--serializer", choices=["default", "msgpack"], default="default")
    parser.add_argument("--deflate", action="store_true")
    parser.add_argument("--changed", action="store_true")
    parser.add_argument("--secret", default="planted")
    options = parser.parse_args()
    limit_lifetime(100)
    if options.role == "server":
        return asyncio.run(serve(options))
    follow_stdin(lambda command: leave(0))
    errors = []
    try:
        asyncio.run(chat(options))
    except Exception as problem:
        import traceback
        traceback.print_exc()
        errors.append(f"{type(problem).__name__}: {problem}")
    say(report={"errors": errors})
    leave(1 if errors else 0)


if __name__ == "__main__":
    main()
