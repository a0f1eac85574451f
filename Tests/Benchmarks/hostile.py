#!/usr/bin/env python3
"""What the proxy costs at worst: slow and hostile peers, one kind after another, each against a fresh proxy.

    Tests/Benchmarks/hostile.py [--binary .build/release/ackscope] [--only NAME,...] [--small]

Needs nothing but Python and a built ackscope. For each kind it prints the proxy's resident memory before and at its
highest, the bound that must hold, the round trip of a well-behaved client beside it (an emit and its ack, p50 and p99,
before and meanwhile), and what the proxy said about it. It ends by itself, and with status 1 where a bound was broken.
`--small` sends a fraction of everything, for a quick look. Attackers, server and probe are processes of their own.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib

MIB = 1 << 20
LIMIT_SECONDS = 90
UPGRADE = (b"GET /socket.io/?EIO=4&transport=websocket%s HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n")
OPEN = b'0{"sid":"%s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'
MASK = bytes(4)


def frame(payload, masked=False, opcode=1, fin=True, extra=0):
    """One frame; the mask is zero, so that attackers need not work for it."""
    head = bytes([(0x80 if fin else 0) | extra | opcode])
    bit = 0x80 if masked else 0
    length = len(payload)
    if length < 126:
        head += bytes([bit | length])
    elif length < 65536:
        head += bytes([bit | 126]) + length.to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + length.to_bytes(8, "big")
    return head + (MASK if masked else b"") + payload


# MARK: the server

async def serve(reader, writer):
    """Answers polls and upgrades; over a WebSocket, acks `e`, floods on `flood`, and drops what else comes."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            fields = {k.lower(): v.strip() for k, _, v in (l.partition(":") for l in head.split("\r\n")[1:-2])}
            target = head.split()[1]
            if "upgrade" in fields:
                deflate = "permessage-deflate" in fields.get("sec-websocket-extensions", "")
                writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                             b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                             + (b"Sec-WebSocket-Extensions: permessage-deflate\r\n" if deflate else b"") + b"\r\n")
                writer.write(frame(OPEN % os.urandom(8).hex().encode()))
                if "drop" in target:
                    writer.write(frame(b'40{"sid":"x"}'))
                    while await reader.read(1 << 18):
                        pass
                    return
                return await serve_websocket(reader, writer)
            if "silent" in target:
                await asyncio.sleep(3600)
            if "headerflood" in target:
                writer.write(b"HTTP/1.1 200 OK\r\n")
                while True:
                    writer.write(b"X-%s: %s\r\n" % (os.urandom(4).hex().encode(), b"a" * 1000))
                    await writer.drain()
            if "chunked" in fields.get("transfer-encoding", ""):
                while await reader.read(1 << 16):
                    pass
                return
            await reader.readexactly(int(fields.get("content-length", 0)))
            body = b"ok" if head.startswith("POST") else b"6" if "sid=" in target else OPEN % os.urandom(8).hex().encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, OSError):
        pass
    finally:
        writer.close()


async def serve_websocket(reader, writer):
    block = frame(b'42["m","' + b"a" * 60000 + b'"]')
    while True:
        first, second = await reader.readexactly(2)
        length = second & 127
        if length == 126:
            length = int.from_bytes(await reader.readexactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await reader.readexactly(8), "big")
        mask = await reader.readexactly(4)
        if length > 4096:
            while length > 0:
                data = await reader.read(min(length, 1 << 18))
                if not data:
                    return
                length -= len(data)
            continue
        payload = bytes(b ^ mask[i & 3] for i, b in enumerate(await reader.readexactly(length)))
        if payload == b"40":
            writer.write(frame(b'40{"sid":"x"}'))
        elif payload.startswith(b"42") and b'["e"' in payload:
            writer.write(frame(b"43" + payload[2:payload.index(b"[")] + b"[]"))
        elif payload == b'42["flood"]':
            while True:
                writer.write(block)
                await writer.drain()


def server_process(pipe):
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def main():
        listener = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 18, backlog=1024)
        pipe.send(listener.sockets[0].getsockname()[1])
        await asyncio.sleep(3600)

    asyncio.run(main())


# MARK: the well-behaved client

def connect(port, timeout=20):
    made = socket.create_connection(("127.0.0.1", port), timeout)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def read_head(connection):
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionError("closed within a head: %r" % data[:80])
        data += byte
    return data


def read_exactly(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise ConnectionError("closed")
        data += part
    return data


def read_frame(connection):
    _, second = read_exactly(connection, 2)
    length = second & 127
    if length == 126:
        length = int.from_bytes(read_exactly(connection, 2), "big")
    elif length == 127:
        length = int.from_bytes(read_exactly(connection, 8), "big")
    return read_exactly(connection, length)


def join(port, extensions=b"", query=b""):
    """Opens a session; with the query `&drop` before a server that reads without looking."""
    connection = connect(port)
    connection.sendall(UPGRADE % (query, extensions))
    head = read_head(connection)
    if b" 101 " not in head:
        raise ConnectionError(head[:80])
    read_frame(connection)
    connection.sendall(frame(b"40", masked=True))
    read_frame(connection)
    return connection


class Probe(threading.Thread):
    """Emits every few milliseconds and times the ack."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.connection = join(port)
        self.times = []
        self.failure = None
        self.isEnding = False
        self.start()

    def run(self):
        number = 0
        try:
            while not self.isEnding:
                began = time.perf_counter()
                self.connection.sendall(frame(b'42%d["e"]' % number, masked=True))
                read_frame(self.connection)
                self.times.append(time.perf_counter() - began)
                number += 1
                time.sleep(0.005)
        except OSError as problem:
            self.failure = problem

    def take(self):
        times, self.times = sorted(self.times), []
        if not times:
            return "none"
        return "%.1f / %.1f ms" % (times[len(times) // 2] * 1e3, times[min(len(times) - 1, len(times) * 99 // 100)] * 1e3)


# MARK: the attackers. Each gets the proxy's port and a size, and returns words about what it saw.

def send_until_refused(connection, data, total):
    """Sends until so much is gone, or the other side has had enough."""
    sent = 0
    try:
        while sent < total:
            sent += connection.send(data)
        return sent, "all taken"
    except OSError as problem:
        return sent, type(problem).__name__


def answer_of(connection):
    try:
        connection.settimeout(5)
        return connection.recv(200).split(b"\r\n")[0].decode("latin-1") or "closed"
    except OSError as problem:
        return type(problem).__name__


def stalled_readers(port, scale):
    connections = [join(port) for _ in range(20)]
    for connection in connections:
        connection.sendall(frame(b'42["flood"]', masked=True))
    time.sleep(4)
    return "20 clients read nothing for 4 s of a flood"


def stalled_server(port, scale):
    connection = connect(port)
    connection.sendall(b"POST /silent?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
    connection.settimeout(3)
    sent, how = send_until_refused(connection, b"a" * 65536, int(1000 * MIB * scale))
    return "%.1f MiB were taken from the client, then %s" % (sent / MIB, how)


def endless_body(port, scale):
    connection = connect(port)
    connection.sendall(b"POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    sent, how = send_until_refused(connection, b"10000\r\n" + b"a" * 65536 + b"\r\n", int(1000 * MIB * scale))
    return "%.0f MiB of one body: %s" % (sent / MIB, how)


def endless_target(port, scale):
    connection = connect(port)
    connection.sendall(b"GET /")
    sent, how = send_until_refused(connection, b"a" * 65536, int(256 * MIB * scale))
    return "%.2f MiB without a line break: %s, %s" % (sent / MIB, how, answer_of(connection))


def endless_method(port, scale):
    connection = connect(port)
    sent, how = send_until_refused(connection, b"A" * 65536, int(256 * MIB * scale))
    return "%.2f MiB without a space: %s, %s" % (sent / MIB, how, answer_of(connection))


def header_flood(port, scale):
    words = []
    for data in (b"X: " + b"a" * 65536, b"X-a: b\r\n" * 8192):
        connection = connect(port)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        sent, how = send_until_refused(connection, data, int(256 * MIB * scale))
        words.append("%.2f MiB: %s, %s" % (sent / MIB, how, answer_of(connection)))
    return "; ".join(words)


def trailer_flood(port, scale):
    connection = connect(port)
    connection.sendall(b"POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
    sent, how = send_until_refused(connection, b"X-a: b\r\n" * 8192, int(256 * MIB * scale))
    return "%.2f MiB of trailers: %s, %s" % (sent / MIB, how, answer_of(connection))


def chunk_extensions(port, scale):
    connection = connect(port)
    connection.sendall(b"POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=")
    sent, how = send_until_refused(connection, b"b" * 65536, int(256 * MIB * scale))
    return "%.2f MiB of one chunk extension: %s" % (sent / MIB, how)


def header_flood_from_server(port, scale):
    connection = connect(port)
    connection.sendall(b"GET /headerflood HTTP/1.1\r\nHost: a\r\n\r\n")
    return answer_of(connection)


def tiny_frames(port, scale):
    connection = join(port, query=b"&drop")
    count = int(1_000_000 * scale)
    data = frame(b"a", masked=True) * 10000
    for _ in range(count // 10000):
        connection.sendall(data)
    return "%d frames of one byte" % count


def tiny_fragments(port, scale):
    connection = join(port, query=b"&drop")
    count = int(1_000_000 * scale)
    connection.sendall(frame(b"4", masked=True, fin=False))
    data = frame(b"a", masked=True, opcode=0, fin=False) * 10000
    for _ in range(count // 10000):
        connection.sendall(data)
    return "one message in %d frames" % count


def impossible_frame(port, scale):
    words = []
    for length in (1 << 63, (1 << 63) - 1):
        connection = join(port, query=b"&drop")
        connection.sendall(bytes([0x81, 0xFF]) + length.to_bytes(8, "big") + MASK)
        sent, how = send_until_refused(connection, b"a" * 65536, int(200 * MIB * scale))
        words.append("%.0f MiB behind it: %s" % (sent / MIB, how))
    return "; ".join(words)


def huge_message(port, scale):
    connection = join(port)
    length = int(1024 * MIB * scale)
    start = b'42["m","'
    connection.sendall(bytes([0x81, 0xFF]) + length.to_bytes(8, "big") + MASK + start)
    block = b"a" * MIB
    left = length - len(start) - 2
    while left > 0:
        left -= connection.send(block[:left])
    connection.sendall(b'"]' + frame(b'42999["e"]', masked=True))
    connection.settimeout(30)
    return "%d MiB in one message; ack of the next: %s" % (length // MIB, read_frame(connection).decode())


def compression_bomb(port, scale):
    connection = join(port, b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(packer.compress(bytes(MIB)) for _ in range(int(1024 * scale))) + packer.flush(zlib.Z_SYNC_FLUSH)
    connection.sendall(frame(bomb[:-4], masked=True, extra=0x40))
    connection.sendall(frame(b'4299["e"]', masked=True))
    connection.settimeout(60)
    return "%.1f MiB for %d MiB; ack of the next: %s" % (len(bomb) / MIB, 1024 * scale, read_frame(connection).decode())


def half_open(port, scale):
    connections = [connect(port) for _ in range(int(5000 * scale))]
    time.sleep(2)
    return "%d connections that say nothing" % len(connections)


def slowloris(port, scale):
    connections = [connect(port) for _ in range(int(1000 * scale))]
    for connection in connections:
        connection.sendall(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nX-a: ")
    began = time.monotonic()
    left = list(connections)
    while left and time.monotonic() - began < 20:
        for connection in list(left):
            try:
                connection.send(b"a")
                connection.setblocking(False)
                if connection.recv(1) == b"":
                    left.remove(connection)
            except BlockingIOError:
                pass
            except OSError:
                left.remove(connection)
        time.sleep(0.2)
    return "%d heads at a byte each 0.2 s; %d still open after %.0f s" % (
        len(connections), len(left), time.monotonic() - began)


def too_many(port, scale):
    answers = {}
    connections = [connect(port) for _ in range(1000)]
    for connection in connections:
        connection.settimeout(0.01)
        try:
            answer = connection.recv(100)
            words = answer.split(b"\r\n")[0].decode()
        except socket.timeout:
            words = "accepted"
        except OSError as problem:
            words = type(problem).__name__
        answers[words] = answers.get(words, 0) + 1
    return ", ".join("%d %s" % (count, words) for words, count in sorted(answers.items()))


def pipelined(port, scale):
    connection = connect(port)
    connection.settimeout(3)
    sent, how = send_until_refused(
        connection, b"GET /silent?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: a\r\n\r\n" * 1000, int(256 * MIB * scale))
    return "%.2f MiB of requests without an answer: %s" % (sent / MIB, how)


def many_sessions(port, scale):
    count = int(100_000 * scale)
    connection = connect(port)
    connection.settimeout(30)
    for start in range(0, count, 100):
        connection.sendall(b"".join(
            b"GET /socket.io/?EIO=4&transport=polling&sid=%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(start, start + 100)))
        left = 100
        while left:
            left -= connection.recv(1 << 16).count(b"HTTP/1.1 200")
    return "%d session ids" % count


def never_acked(port, scale):
    connection = join(port, query=b"&drop")
    count = int(300_000 * scale)
    for start in range(0, count, 1000):
        connection.sendall(b"".join(frame(b'42%d["m",{"text":"%s"}]' % (n, b"a" * 100), masked=True) for n in range(start, start + 1000)))
    return "%d emits that get no ack" % count


def event_names(port, scale):
    connection = join(port, query=b"&drop")
    count = int(300_000 * scale)
    for start in range(0, count, 1000):
        connection.sendall(b"".join(frame(b'42["%032d",1]' % n, masked=True) for n in range(start, start + 1000)))
    return "%d event names" % count


# name, what it is called in the table, the attacker, arguments of the proxy, MiB above the start that are allowed
KINDS = [
    ("stalled_readers", "20 readers that stall under a flood", stalled_readers, [], 24),
    ("stalled_server", "a server that stalls under a body", stalled_server, [], 16),
    ("endless_body", "a body without an end", endless_body, [], 16),
    ("endless_target", "a request line without an end", endless_target, [], 16),
    ("endless_method", "a method without an end", endless_method, [], 16),
    ("header_flood", "header fields without an end", header_flood, [], 16),
    ("trailer_flood", "trailers without an end", trailer_flood, [], 16),
    ("chunk_extensions", "a chunk extension without an end", chunk_extensions, [], 16),
    ("header_flood_from_server", "header fields without an end, from the server", header_flood_from_server, [], 16),
    ("tiny_frames", "1,000,000 frames of one byte", tiny_frames, [], 32),
    ("tiny_fragments", "a message in 1,000,000 frames", tiny_fragments, [], 32),
    ("impossible_frame", "frames that announce 2^63 bytes", impossible_frame, [], 24),
    ("huge_message", "a message of 1 GiB", huge_message, [], 24),
    ("compression_bomb", "1 MiB that inflates to 1 GiB", compression_bomb, [], 24),
    ("half_open", "5,000 connections that say nothing", half_open, [], 64),
    ("slowloris", "1,000 heads, a byte each 0.2 s", slowloris, ["--idle-timeout", "5s"], 32),
    ("too_many", "1,000 connections, 200 allowed", too_many, ["--max-connections", "200"], 16),
    ("pipelined", "requests without an end, none answered", pipelined, [], 16),
    ("many_sessions", "100,000 session ids", many_sessions, [], 96),
    ("never_acked", "300,000 emits that get no ack", never_acked, ["--ack-timeout", "60s"], 64),
    ("event_names", "300,000 event names", event_names, [], 32),
]


def attack(attacker, port, scale, pipe):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        pipe.send(attacker(port, scale))
        # The connections stay until the proxy was looked at.
        pipe.recv()
    except Exception as problem:
        pipe.send("%s: %s" % (type(problem).__name__, problem))


def memory(pid, name):
    with open("/proc/%d/status" % pid) as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name + ":")) / 1024


def measure(kind, binary, server_port, scale, folder):
    name, title, attacker, arguments, bound = kind
    capture = os.path.join(folder, name + ".jsonl")
    errors = open(os.path.join(folder, name + ".err"), "w+")
    proxy = subprocess.Popen(
        [binary, "proxy", "http://127.0.0.1:%d" % server_port, "--listen", "127.0.0.1:0", "--capture", capture,
         "--view", "none"] + arguments, stderr=errors, stdout=subprocess.DEVNULL)
    ours = None
    try:
        deadline = time.monotonic() + 10
        while "listening on" not in (text := open(errors.name).read()):
            if time.monotonic() > deadline or proxy.poll() is not None:
                raise RuntimeError("the proxy does not listen: " + text)
            time.sleep(0.01)
        port = int(text.split("listening on ")[1].split()[0].rsplit(":", 1)[1])
        probe = Probe(port)
        time.sleep(1)
        calm, before = probe.take(), memory(proxy.pid, "VmRSS")
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.Process(target=attack, args=(attacker, port, scale, theirs), daemon=True)
        process.start()
        words = ours.recv() if ours.poll(LIMIT_SECONDS) else "not done after %d s" % LIMIT_SECONDS
        time.sleep(0.3)
        if proxy.poll() is not None:
            raise RuntimeError("%s: the proxy ended with %d" % (name, proxy.returncode))
        busy, peak = probe.take(), memory(proxy.pid, "VmHWM")
        probe.isEnding = True
        probe.join(5)
        probe.connection.close()
        process.kill()
        process.join()
        began = time.monotonic()
        proxy.send_signal(signal.SIGINT)
        status = proxy.wait(20)
        stop = time.monotonic() - began
        said = [line for line in open(errors.name).read().split("\n")[2:] if line]
        size = os.path.getsize(capture)
        truncated = subprocess.run(["grep", "-c", '"truncated":true', capture], capture_output=True, text=True).stdout.strip()
        broken = peak - before > bound or probe.failure or status != 0
        print("| %s | %.0f | %.0f | %s%.0f | %s | %s | %s |" % (
            title, before, before + bound, "**over** " if broken else "", peak, calm, busy, words), flush=True)
        details = ["stop %.1f s" % stop, "capture %.1f MiB" % (size / MIB)]
        if truncated != "0":
            details.append("%s truncated" % truncated)
        if said:
            details.append("%d lines: %s" % (len(said), said[0][:160]))
        if probe.failure:
            details.append("the probe failed: %s" % probe.failure)
        print("    " + "; ".join(details), file=sys.stderr, flush=True)
        return not broken
    finally:
        if proxy.poll() is None:
            proxy.kill()
        proxy.wait()
        for file in (capture, errors.name):
            if os.path.exists(file):
                os.unlink(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default=".build/release/ackscope")
    parser.add_argument("--only", default="")
    parser.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 20000), most))
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=server_process, args=(theirs,), daemon=True)
    server.start()
    server_port = ours.recv()
    wanted = [name for name in arguments.only.split(",") if name]
    isFine = True
    print("| what comes | MiB before | bound | MiB at most | round trip p50 / p99 before | meanwhile | seen by the attacker |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            if not wanted or kind[0] in wanted:
                isFine = measure(kind, arguments.binary, server_port, 0.02 if arguments.small else 1, folder) and isFine
    server.kill()
    sys.exit(0 if isFine else 1)


if __name__ == "__main__":
    main()
