#!/usr/bin/env python3
"""Mixed traffic through a proxy for as long as wanted, and whether the proxy stays as it is.

    Tests/Benchmarks/soak.py [--minutes 3] [--clients 24] [--binary .build/release/ackscope] [--every 5]

Needs nothing but Python and a built ackscope. Clients over plain WebSockets, over permessage-deflate and over polling
emit text and binary events; some emits are never answered, some are answered by an exception. Every client leaves after
a while in one of many ways (in order, with a FIN, with a reset, within a frame, after garbage, without a word) and comes
back. The capture rotates and keeps three files. One line a sample: resident memory, descriptors, processor time, messages
a second, and the round trip of a client that only measures. Ends by itself, reads the capture back, prints whether memory,
descriptors and round trips were steady (the last quarter against the second), and ends with 1 where they were not.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "EndToEndTests", "Peers"))
from frames import frame, next_frame  # noqa: E402
from load_peers import ENDS, OPEN, Server, next_answer, next_head  # noqa: E402

DEFLATE = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"


# MARK: the server

class SoakServer(Server):
    """Acks, sends binary back, throws, forgets, and sometimes drops the connection."""

    def __init__(self):
        super().__init__()
        self.last_poll = {}

    async def websocket(self, reader, writer, fields):
        try:
            await self.talk(reader, writer, fields)
        except (zlib.error, ValueError):
            # Garbage: a server closes.
            return

    async def talk(self, reader, writer, fields):
        deflated = "permessage-deflate" in fields.get("sec-websocket-extensions", "")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                     + (b"Sec-WebSocket-Extensions: %s\r\n" % DEFLATE.encode() if deflated else b"") + b"\r\n")

        def say(text, opcode=1):
            writer.write(frame(text, False, opcode, deflated))

        say((OPEN % (self.new_sid() + "w")).encode())
        waiting = None
        while True:
            opcode, payload = await next_frame(reader)
            if opcode == 8:
                writer.write(frame(payload, False, 8))
                return
            if opcode == 2 and waiting:
                say(b'461-%s[{"_placeholder":true,"num":0}]' % waiting)
                say(payload, 2)
                waiting = None
            elif payload == b"40":
                say(b'40{"sid":"x"}')
            elif payload.startswith(b"451-"):
                waiting = payload[4:payload.index(b"[")]
            elif payload.startswith(b"42"):
                if b'"forgets"' in payload:
                    continue
                if b'"throws"' in payload:
                    say(b'42["exception",{"status":"error","message":"no"}]')
                elif b'"drops"' in payload:
                    reset(writer)
                    return
                else:
                    say(b"43" + payload[2:payload.index(b"[")] + b"[true]")
            await writer.drain()

    async def polled(self, method, query, body, writer):
        sid = query.get("sid", [None])[0]
        if sid is not None and sid not in self.waiting:
            answer = b'{"code":1,"message":"Session ID unknown"}'
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
            await writer.drain()
            return
        self.last_poll[sid] = time.monotonic()
        await super().polled(method, query, body, writer)


def reset(writer):
    """Ends a connection with RST."""
    made = writer.get_extra_info("socket")
    if made is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def server_process(pipe):
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def main():
        server = SoakServer()

        async def forget():
            while True:
                await asyncio.sleep(2)
                server.tally.server = {"websocket": [], "polling": []}
                # Answers polls, as heartbeats do, so that a client that went away is noticed, and forgets its session.
                for sid, queue in list(server.waiting.items()):
                    queue.put_nowait("6")
                    if time.monotonic() - server.last_poll.setdefault(sid, time.monotonic()) > 10:
                        del server.waiting[sid], server.last_poll[sid]

        listener = await asyncio.start_server(server.connected, "127.0.0.1", 0, limit=1 << 20, backlog=512)
        pipe.send(listener.sockets[0].getsockname()[1])
        await forget()

    asyncio.run(main())


# MARK: the clients

UPGRADE = ("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n")


async def websocket_visit(port, dice, deflated, count):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write((UPGRADE % ("Sec-WebSocket-Extensions: %s\r\n" % DEFLATE if deflated else "")).encode())
        await next_head(reader)
        await next_frame(reader)
        writer.write(frame(b"40", True, 1, deflated))
        await next_frame(reader)

        async def read():
            try:
                while (await next_frame(reader))[0] != 8:
                    count[0] += 1
            except (*ENDS, zlib.error):
                return

        reading = asyncio.create_task(read())
        for number in range(dice.randrange(20, 300)):
            if reading.done():
                break
            event = dice.choices(["message", "forgets", "throws", "binary", "large", "drops"], [90, 2, 2, 5, 1, 0.1])[0]
            if event == "binary":
                writer.write(frame(b'451-%d["binary",{"_placeholder":true,"num":0}]' % number, True, 1, deflated)
                             + frame(dice.randbytes(dice.randrange(2000)), True, 2, deflated))
            else:
                size = 60000 if event == "large" else dice.randrange(200)
                writer.write(frame(b'42%d["%s",{"text":"%s"}]' % (number, event.encode(), b"a" * size), True, 1, deflated))
            count[0] += 1
            await writer.drain()
            await asyncio.sleep(dice.expovariate(60))
        ending = dice.choice(["close", "close", "fin", "reset", "within", "garbage", "abort"])
        if ending == "close":
            writer.write(frame(b"\x03\xe8", True, 8))
            await asyncio.wait([reading], timeout=2)
        elif ending == "fin":
            writer.write_eof()
            await asyncio.wait([reading], timeout=2)
        elif ending == "reset":
            reset(writer)
        elif ending == "within":
            writer.write(frame(b"a" * 1000, True)[:500])
        elif ending == "garbage":
            writer.write(dice.randbytes(500))
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    finally:
        writer.transport.abort()


async def polling_visit(port, dice, count):
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
    try:
        async def exchange(connection, method, target, body=b""):
            reader, writer = connection
            writer.write(b"%s %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (method, target, len(body)) + body)
            await writer.drain()
            status, answer = await next_answer(reader)
            if status != 200:
                raise ConnectionError(status)
            return answer

        target = b"/socket.io/?EIO=4&transport=polling"
        answer = await exchange(connections[0], b"GET", target)
        target += b"&sid=" + json.loads(answer[1:])["sid"].encode()
        await exchange(connections[1], b"POST", target, b"40")

        async def poll():
            try:
                while True:
                    count[0] += (await exchange(connections[0], b"GET", target)).count(b"\x1e") + 1
            except ENDS:
                return

        polling = asyncio.create_task(poll())
        for number in range(dice.randrange(10, 100)):
            packets = [b'42%d["message",{"text":"%s"}]' % (number * 8 + n, b"a" * dice.randrange(200))
                       for n in range(dice.randrange(1, 8))]
            count[0] += len(packets)
            await exchange(connections[1], b"POST", target, b"\x1e".join(packets))
            await asyncio.sleep(dice.expovariate(30))
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)
    finally:
        for _, writer in connections:
            writer.transport.abort()


def client_process(port, seed, clients, shared):
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def client(number):
        dice = random.Random(seed * 1000 + number)
        count = [0]
        while True:
            try:
                if number % 4 == 3:
                    await polling_visit(port, dice, count)
                else:
                    await websocket_visit(port, dice, number % 4 == 1, count)
            except (*ENDS, zlib.error, ValueError):
                pass
            with shared.get_lock():
                shared.value += count[0]
            count[0] = 0
            await asyncio.sleep(dice.random())

    async def main():
        await asyncio.gather(*(client(number) for number in range(clients)))

    asyncio.run(main())


# MARK: what is measured

class Probe(threading.Thread):
    """Emits a hundred times a second and times the ack."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.connection = socket.create_connection(("127.0.0.1", port), 30)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.connection.makefile("rb")
        self.times = []
        self.failure = None
        self.isEnding = False
        self.connection.sendall((UPGRADE % "").encode())
        while self.file.readline() != b"\r\n":
            pass
        self.read()
        self.connection.sendall(frame(b"40", True))
        self.read()
        self.start()

    def read(self):
        head = self.file.read(2)
        length = head[1] & 127
        if length == 126:
            length = int.from_bytes(self.file.read(2), "big")
        return self.file.read(length)

    def run(self):
        number = 0
        try:
            while not self.isEnding:
                began = time.perf_counter()
                self.connection.sendall(frame(b'42%d["message"]' % number, True))
                self.read()
                self.times.append(time.perf_counter() - began)
                number += 1
                time.sleep(0.01)
        except (OSError, IndexError) as problem:
            self.failure = problem


def rss(pid):
    with open("/proc/%d/status" % pid) as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


def processor_seconds(pid):
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def steady(name, samples, room):
    """Compares the last quarter's median with the second's, as the first one warms up."""
    quarter = max(1, len(samples) // 4)
    second, last = statistics.median(samples[quarter:2 * quarter]), statistics.median(samples[-quarter:])
    isSteady = last <= room(second)
    print("%-12s second quarter %.1f, last quarter %.1f: %s" % (name, second, last, "steady" if isSteady else "NOT STEADY"))
    return isSteady


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default=".build/release/ackscope")
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--every", type=float, default=5, help="seconds between samples")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=server_process, args=(theirs,), daemon=True)
    server.start()
    server_port = ours.recv()
    with tempfile.TemporaryDirectory() as folder:
        capture = os.path.join(folder, "soak.jsonl")
        with open(os.path.join(folder, "errors"), "w+") as errors:
            proxy = subprocess.Popen(
                [arguments.binary, "proxy", "http://127.0.0.1:%d" % server_port, "--listen", "127.0.0.1:0", "--capture",
                 capture, "--view", "none", "--rotate-size", "16MiB", "--keep", "3", "--ack-timeout", "1s"],
                stderr=errors, stdout=subprocess.DEVNULL)
            try:
                isFine = watch(arguments, proxy, folder, errors.name)
            finally:
                if proxy.poll() is None:
                    proxy.kill()
                proxy.wait()
        names = sorted(name for name in os.listdir(folder) if name.startswith("soak."))
        print("capture      %s" % ", ".join(names))
        isFine = isFine and len(names) <= 3
        inspection = subprocess.run([arguments.binary, "inspect", capture], capture_output=True, text=True)
        print("inspect      status %d; %s" % (inspection.returncode, "; ".join(
            line for line in inspection.stdout.split("\n") if line.startswith(("Totals", "Verdicts")))))
        wrong = [line for line in inspection.stdout.split("\n") if re.search("damaged|torn|could not be written|jumps", line)]
        print("\n".join(wrong) if wrong else "             every record read back")
        isFine = isFine and inspection.returncode == 0 and not wrong
    server.kill()
    print("steady" if isFine else "NOT STEADY")
    sys.exit(0 if isFine else 1)


def watch(arguments, proxy, folder, errors):
    deadline = time.monotonic() + 10
    while "listening on" not in (text := open(errors).read()):
        if time.monotonic() > deadline or proxy.poll() is not None:
            raise RuntimeError("the proxy does not listen: " + text)
        time.sleep(0.01)
    port = int(text.split("listening on ")[1].split()[0].rsplit(":", 1)[1])
    resting = len(os.listdir("/proc/%d/fd" % proxy.pid))
    probe = Probe(port)
    messages = multiprocessing.Value("q", 0)
    clients = multiprocessing.Process(
        target=client_process, args=(port, arguments.seed, arguments.clients, messages), daemon=True)
    clients.start()
    print("%8s %8s %6s %6s %8s %8s %8s" % ("seconds", "MiB", "fds", "cpu %", "msg/s", "p50 ms", "p99 ms"))
    began = last = time.monotonic()
    busy, sent = processor_seconds(proxy.pid), 0
    samples = {"memory": [], "descriptors": [], "p99": []}
    while time.monotonic() - began < arguments.minutes * 60:
        time.sleep(arguments.every)
        if proxy.poll() is not None or probe.failure:
            print("the proxy ended (%s) or the probe failed (%s)" % (proxy.poll(), probe.failure))
            return False
        now = time.monotonic()
        times, probe.times = sorted(probe.times), []
        if not times:
            continue
        p50, p99 = times[len(times) // 2] * 1e3, times[len(times) * 99 // 100] * 1e3
        memory, descriptors = rss(proxy.pid), len(os.listdir("/proc/%d/fd" % proxy.pid))
        cpu, total = processor_seconds(proxy.pid), messages.value
        print("%8.0f %8.1f %6d %6.1f %8.0f %8.2f %8.2f" % (
            now - began, memory, descriptors, (cpu - busy) / (now - last) * 100, (total - sent) / (now - last), p50, p99),
            flush=True)
        busy, sent, last = cpu, total, now
        samples["memory"].append(memory)
        samples["descriptors"].append(descriptors)
        samples["p99"].append(p99)
    clients.kill()
    clients.join()
    probe.isEnding = True
    probe.join(5)
    probe.file.close()
    probe.connection.close()
    deadline = time.monotonic() + 15
    while (left := len(os.listdir("/proc/%d/fd" % proxy.pid))) > resting and time.monotonic() < deadline:
        time.sleep(0.1)
    print("after the last client: %d descriptors, %d at rest before" % (left, resting))
    # The present file may be another one than at the start, but it is one.
    isFine = left <= resting
    stopped = time.monotonic()
    proxy.send_signal(signal.SIGINT)
    status = proxy.wait(20)
    print("stopped in %.1f s with status %d" % (time.monotonic() - stopped, status))
    results = [
        steady("memory", samples["memory"], lambda before: before * 1.1 + 8),
        steady("descriptors", samples["descriptors"], lambda before: before * 1.3 + 20),
        steady("p99", samples["p99"], lambda before: before * 3 + 5),
    ]
    return isFine and status == 0 and all(results)


if __name__ == "__main__":
    main()
