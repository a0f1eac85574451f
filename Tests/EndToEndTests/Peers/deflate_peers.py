"""Servers and clients that compress with permessage-deflate, in every way that their libraries can be told to.

Prints {"listening": {NAME: PORT, ...}}, one server for each NAME of SERVERS. A line

    {"play": "ws://127.0.0.1:PORT/", "library": "websockets" | "aiohttp", "settings": {...}, "seed": N}

on standard input lets a client of that library talk to the server behind that address, which answers each message with one of
its own; then {"played": {"sent": [...], "received": [...]}} tells the texts. The settings are those of
ClientPerMessageDeflateFactory, or `compress` of aiohttp's client.
"""

import argparse
import asyncio
import random

import aiohttp
from aiohttp import web
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory

from peer_lines import follow_stdin, limit_lifetime, say

SERVERS = {
    "plain": {},
    "forgetful": {"server_no_context_takeover": True, "client_no_context_takeover": True},
    "forgetful server": {"server_no_context_takeover": True},
    "forgetful client": {"client_no_context_takeover": True},
    "narrow": {"server_max_window_bits": 9, "client_max_window_bits": 9},
    "narrow server": {"server_max_window_bits": 9, "client_max_window_bits": 15},
    "narrow client": {"server_max_window_bits": 15, "client_max_window_bits": 10},
    "narrow and forgetful": {"server_max_window_bits": 10, "client_max_window_bits": 11, "server_no_context_takeover": True,
                             "client_no_context_takeover": True},
}
LENGTHS = (1, 0, 5, 125, 126, 700, 4000, 4000, 40, 20000, 3, 600)
WORDS = ("room", "message", "✓", "naïve", "chat", "0123456789", "the same again ", "\U0001F600")


def text_of(length, rng):
    """Text that repeats itself near by and far off, so that short and long distances are used."""
    parts, size = [], 0
    while size < length:
        word = rng.choice(WORDS) if rng.random() < 0.8 else "".join(chr(rng.randrange(33, 127)) for _ in range(12))
        parts.append(word)
        size += len(word)
    return "".join(parts)[:length]


def answer(text):
    return text[::-1] + "|" + text[:50]


async def answer_all(connection):
    async for text in connection:
        await connection.send(answer(text))


async def answer_with_aiohttp(request):
    socket = web.WebSocketResponse(compress=True)
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(answer(message.data))
    return socket


async def play_websockets(url, settings, texts):
    received = []
    async with connect(url, compression=None, extensions=[ClientPerMessageDeflateFactory(**settings)]) as socket:
        for number, text in enumerate(texts):
            # Every third message in fragments.
            await socket.send([text[:7], text[7:90], text[90:]] if number % 3 == 2 else text)
            received.append(await socket.recv())
    return received


async def play_aiohttp(url, settings, texts):
    received = []
    async with aiohttp.ClientSession() as session, session.ws_connect(url.replace("ws", "http", 1), **settings) as socket:
        for text in texts:
            await socket.send_str(text)
            received.append(await socket.receive_str())
    return received


async def play(command):
    rng = random.Random(command["seed"])
    texts = [text_of(length, rng) for length in LENGTHS]
    players = {"websockets": play_websockets, "aiohttp": play_aiohttp}
    try:
        received = await players[command["library"]](command["play"], command["settings"], texts)
        say(played={"sent": texts, "received": received})
    except Exception as problem:
        say(error=f"{type(problem).__name__}: {problem}")


async def main(options):
    ports, servers = {}, []
    for name, settings in SERVERS.items():
        server = await serve(answer_all, "127.0.0.1", 0, compression=None,
                             extensions=[ServerPerMessageDeflateFactory(**settings)])
        servers.append(server)
        ports[name] = server.sockets[0].getsockname()[1]
    application = web.Application()
    application.router.add_get("/", answer_with_aiohttp)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    ports["aiohttp"] = site._server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    follow_stdin(lambda command: asyncio.run_coroutine_threadsafe(play(command), loop))
    say(listening=ports)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--max-seconds", type=float, default=300)
    arguments = parser.parse_args()
    limit_lifetime(arguments.max_seconds)
    asyncio.run(main(arguments))
