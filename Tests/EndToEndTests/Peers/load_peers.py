"""A server and its clients at full load, in both transports, that know exactly what reached them.

Needs nothing but Python. Prints {"listening": PORT} of the server. A round begins with a line on standard input:
  {"proxy": PORT, "pid": PID, "after_ms": N, "signals": [NUMBER, ...], "between_ms": N, "websockets": N, "pollers": N}
Clients connect to the proxy and emit as fast as they are let. `after_ms` after the first acks came back over each transport,
the process PID gets the signals. Everything that still arrives is read to its end, then the round's report is printed:
  {"round": {"server": {"websocket": [ID, ...], "polling": [ID, ...]}, "client": {...}, "seconds": S}}
with the ids of the emits that reached the server and of the acks that reached the clients, and the seconds from the
first signal to the end of the last connection. An emit is `42ID["m",ID]`, its ack `43ID[ID]`; ids are unique in a round.
"""

import argparse
import asyncio
import json
import os
import time
from urllib.parse import parse_qs, urlsplit

from frames import frame, next_frame
from peer_lines import follow_stdin, limit_lifetime, say

SEPARATOR = b"\x1e"
BATCH = 20
# Emits of one client that wait for their acks at once: more would only fill the buffers of the sockets.
WINDOW = 100
OPEN = '0{"sid":"%s","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'


async def next_message(reader):
    """The next text message; None for a close frame."""
    opcode, payload = await next_frame(reader)
    return None if opcode == 8 else payload.decode()


async def next_head(reader):
    """The first line of a request or an answer, and the header fields by lower-case name."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    return lines[0], {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])}


async def next_answer(reader):
    """The status and the whole body of an answer."""
    line, fields = await next_head(reader)
    return int(line.split()[1]), await reader.readexactly(int(fields.get("content-length", 0)))


def number(packet):
    """The ack id of an event or ack packet."""
    return int(packet[2:packet.index("[")])


ENDS = (asyncio.IncompleteReadError, ConnectionError, OSError)


class Tally:
    """What arrived in this round."""

    def __init__(self):
        self.server = {"websocket": [], "polling": []}
        self.client = {"websocket": [], "polling": []}
        self.came_back = {"websocket": asyncio.Event(), "polling": asyncio.Event()}

    def acks_came(self, transport, packets):
        acks = [number(packet) for packet in packets if packet.startswith("43")]
        self.client[transport] += acks
        if acks:
            self.came_back[transport].set()
        return len(acks)


class Server:
    """Answers every emit with its ack."""

    def __init__(self):
        self.tally = Tally()
        self.waiting = {}
        self.sessions = 0
        self.open = 0

    async def connected(self, reader, writer):
        self.open += 1
        try:
            while True:
                line, fields = await next_head(reader)
                method, target, _ = line.split()
                query = parse_qs(urlsplit(target).query)
                if fields.get("upgrade", "").lower() == "websocket":
                    await self.websocket(reader, writer, fields)
                    return
                body = await reader.readexactly(int(fields.get("content-length", 0)))
                await self.polled(method, query, body, writer)
        except ENDS:
            pass
        finally:
            self.open -= 1
            writer.close()

    def new_sid(self):
        self.sessions += 1
        return "s%d" % self.sessions

    async def websocket(self, reader, writer, fields):
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        writer.write(frame((OPEN % self.new_sid()).encode(), False))
        while (text := await next_message(reader)) is not None:
            if text == "40":
                writer.write(frame(b'40{"sid":"x"}', False))
            elif text.startswith("42"):
                self.tally.server["websocket"].append(number(text))
                writer.write(frame(b"43%d[%d]" % (number(text), number(text)), False))
            await writer.drain()

    async def polled(self, method, query, body, writer):
        sid = query.get("sid", [None])[0]
        if sid is None:
            sid = self.new_sid()
            self.waiting[sid] = asyncio.Queue()
            answer = (OPEN % sid).encode()
        elif method == "POST":
            for packet in body.decode().split("\x1e"):
                if packet == "40":
                    self.waiting[sid].put_nowait('40{"sid":"x"}')
                elif packet.startswith("42"):
                    self.tally.server["polling"].append(number(packet))
                    self.waiting[sid].put_nowait("43%d[%d]" % (number(packet), number(packet)))
            answer = b"ok"
        else:
            packets = [await self.waiting[sid].get()]
            while not self.waiting[sid].empty() and len(packets) < 200:
                packets.append(self.waiting[sid].get_nowait())
            answer = SEPARATOR.join(packet.encode() for packet in packets)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: %d\r\n\r\n"
                     % len(answer) + answer)
        await writer.drain()


async def websocket_client(port, ids, tally):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
                 b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    await next_head(reader)
    await next_message(reader)
    writer.write(frame(b"40", True))
    await next_message(reader)

    room = asyncio.Semaphore(WINDOW)

    async def emit():
        try:
            while True:
                for _ in range(BATCH):
                    await room.acquire()
                writer.write(b"".join(frame(b'42%d["m",%d]' % (i, i), True) for i in (next(ids) for _ in range(BATCH))))
                await writer.drain()
        except ENDS:
            pass

    emitting = asyncio.create_task(emit())
    try:
        while (text := await next_message(reader)) is not None:
            for _ in range(tally.acks_came("websocket", [text])):
                room.release()
    except ENDS:
        pass
    emitting.cancel()
    writer.close()


async def polling_client(port, ids, tally):
    polls, posts = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
    target = b"/socket.io/?EIO=4&transport=polling"

    async def exchange(connection, method, target, body=b""):
        reader, writer = connection
        writer.write(b"%s %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (method, target, len(body)) + body)
        await writer.drain()
        status, answer = await next_answer(reader)
        if status != 200:
            raise ConnectionError(status)
        return answer

    answer = await exchange(polls, b"GET", target)
    target += b"&sid=" + json.loads(answer[1:])["sid"].encode()
    await exchange(posts, b"POST", target, b"40")

    async def poll():
        while True:
            tally.acks_came("polling", (await exchange(polls, b"GET", target)).decode().split("\x1e"))

    async def post():
        while True:
            packets = ['42%d["m",%d]' % (i, i) for i in (next(ids) for _ in range(BATCH))]
            await exchange(posts, b"POST", target, "\x1e".join(packets).encode())

    async def to_the_end(work):
        try:
            await work
        except ENDS:
            pass

    await asyncio.gather(to_the_end(poll()), to_the_end(post()))
    for _, writer in (polls, posts):
        writer.close()


def ids_from(start):
    while True:
        yield start
        start += 1


async def tolerant(work):
    """A client whose connection ends before it is set up has received nothing."""
    try:
        await work
    except ENDS:
        pass


async def play(server, plan):
    tally = server.tally = Tally()
    clients = [websocket_client] * plan.get("websockets", 4) + [polling_client] * plan.get("pollers", 4)
    tasks = [asyncio.create_task(tolerant(client(plan["proxy"], ids_from(1_000_000 * (n + 1)), tally)))
             for n, client in enumerate(clients)]
    for transport, count in (("websocket", plan.get("websockets", 4)), ("polling", plan.get("pollers", 4))):
        if count:
            await tally.came_back[transport].wait()
    await asyncio.sleep(plan["after_ms"] / 1000)
    began = time.monotonic()
    for index, signal in enumerate(plan["signals"]):
        if index:
            await asyncio.sleep(plan.get("between_ms", 0) / 1000)
        try:
            os.kill(plan["pid"], signal)
        except ProcessLookupError:
            break
    await asyncio.wait(tasks)
    seconds = time.monotonic() - began
    # The server's ends close a moment later than the clients'; polls that wait for a message are let go.
    while server.open:
        for queue in server.waiting.values():
            queue.put_nowait("6")
        await asyncio.sleep(0.001)
    server.waiting = {}
    say(round={"server": tally.server, "client": tally.client, "seconds": seconds})


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--max-seconds", type=float, default=120)
    arguments = parser.parse_args()
    limit_lifetime(arguments.max_seconds)
    server = Server()
    listener = await asyncio.start_server(server.connected, "127.0.0.1", 0, limit=1 << 20)
    loop = asyncio.get_running_loop()
    rounds = asyncio.Queue()
    follow_stdin(lambda plan: loop.call_soon_threadsafe(rounds.put_nowait, plan))
    say(listening=listener.sockets[0].getsockname()[1])
    while True:
        await play(server, await rounds.get())


if __name__ == "__main__":
    asyncio.run(main())
