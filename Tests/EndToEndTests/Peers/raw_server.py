"""A server that plays scripted HTTP/1.1 behaviours byte by byte: what no library's server does on request.

Needs nothing but Python. Prints {"listening": PORT}; then, for every connection, what it received as JSON lines:
  {"conn": N, "event": "opened"}
  {"conn": N, "event": "request", "head": BASE64, "body": BASE64 or "body_sha256": HEX, "body_bytes": N, "chunked": BOOL}
  {"conn": N, "event": "upgraded"}            the 101 has been written
  {"conn": N, "event": "closed", "by": "fin" | "reset" | "server", "bytes": N, "sha256": HEX}
where `bytes` and `sha256` are of everything that came after the upgrade. Commands on standard input: {"conn": N, "do": ACTION} with ACTION `fin` (half-close), `reset`, `send` (with
`base64`), `resume` (a slow reader goes on).

The path chooses the behaviour, the query its numbers:
  /echo                     200; the body is the exact bytes of the request as they came, head and body
  /static?bytes=N           200 with Content-Length and N bytes that repeat 0..250
  /chunked?bytes=N&chunk=M&trailers=1     the same in chunks; with trailers X-Sum and X-Count
  /until-close?bytes=N      the same with neither length nor chunks: the end of the connection ends the body
  /lowercase                header names and order as no library writes them, a repeated header, an empty value
  /status?code=N            that status and no body: 204 and 304 without Content-Length, others with a text body
  /error?code=N             that status with a JSON body
  /early-hints              103, then 200
  /continue?refuse=1        100, then 200 with the body's digest; with refuse, 417 without reading the body
  /early-answer             answers 413 before the body was read, then closes
  /http10                   an HTTP/1.0 response that ends with the connection
  /wait?id=NAME             no answer until {"conn": N, "do": "send"} brings it
  /cut?bytes=N&of=M         Content-Length M, N bytes, then FIN
  /reset?bytes=N            N bytes of a body, then RST
  /drop                     closes without an answer
  /garbage                  bytes that are not HTTP
  /slow-read?bytes=N        reads the head, then nothing until `resume`; then digests the body and answers 200
  /upgrade?mode=MODE        101 (with a right Sec-WebSocket-Accept where a key came), then MODE:
      echo      sends back what comes        record   keeps the digest, sends nothing
      flood     sends `bytes` pseudo-random bytes of `seed`, then FIN; digests what comes
      greet     `base64` in the same segment as the head, then echo
      split     the head in three segments, then echo
      http400   after the 101 the bytes of an HTTP 400, then close
      fin       half-closes at once, digests what comes until the other side's FIN, then answers nothing
      late      half-closes only after the other side's FIN, sending `base64` before
      reset     RST right after the 101
      slow      reads nothing until `resume`, then digests what comes
  /refuse?code=N&chunked=1  answers an upgrade with 400, 401 or 403 and a body; keeps the connection, unless close=1
Anything else: 404.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import random
import socket
import struct
from urllib.parse import parse_qs, urlsplit

from peer_lines import follow_stdin, limit_lifetime, say

BODY_SHOWN = 4096
LONGEST_HEAD = 1024 * 1024
REASONS = {100: "Continue", 103: "Early Hints", 200: "OK", 204: "No Content", 304: "Not Modified", 400: "Bad Request",
           401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 413: "Content Too Large",
           417: "Expectation Failed", 426: "Upgrade Required", 500: "Internal Server Error", 502: "Bad Gateway"}


def pattern(count, start=0):
    """`count` bytes that repeat 0..250: a prime length, so that a lost or doubled block shows."""
    cycle = bytes(range(251))
    start %= 251
    return (cycle * (count // 251 + 2))[start:start + count]


def response(code, body=b"", *headers, length=True):
    lines = [f"HTTP/1.1 {code} {REASONS.get(code, 'Status')}", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Ended(Exception):
    """The other side has ended the connection, or this side has."""

    def __init__(self, by):
        self.by = by


class Connection:
    """One connection: its requests, answered in turn, and the record of what came."""

    def __init__(self, number, reader, writer):
        self.number, self.reader, self.writer = number, reader, writer
        self.after_upgrade = hashlib.sha256()
        self.bytes_after_upgrade = 0
        self.resumed = asyncio.Event()
        self.raw = bytearray()
        self.expects_continue = False
        self.was_reset_here = False

    def say(self, event, **members):
        say(conn=self.number, event=event, **members)

    async def run(self):
        self.say("opened")
        try:
            while await self.answer_one():
                pass
            by = "server"
        except Ended as end:
            by = end.by
        except ConnectionError:
            by = "reset"
        except asyncio.IncompleteReadError:
            by = "fin"
        except Exception as problem:
            self.say("error", text=f"{type(problem).__name__}: {problem}")
            by = "server"
        self.writer.close()
        if self.was_reset_here:
            by = "server"
        self.say("closed", by=by, bytes=self.bytes_after_upgrade, sha256=self.after_upgrade.hexdigest())

    # MARK: reading a request

    async def answer_one(self):
        try:
            self.head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as end:
            if end.partial:
                self.say("partial", head=base64.b64encode(end.partial).decode())
            raise
        lines = self.head.decode("latin-1").split("\r\n")
        self.method, self.target = lines[0].split(" ")[:2]
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            if name:
                self.headers[name.strip().lower()] = value.strip()
        url = urlsplit(self.target)
        self.query = {k: v[0] for k, v in parse_qs(url.query, keep_blank_values=True).items()}
        self.raw = bytearray(self.head)
        self.expects_continue = self.headers.get("expect", "").lower() == "100-continue"
        behaviour = getattr(self, "on_" + url.path.strip("/").split("/")[0].replace("-", "_"), None)
        if behaviour is None:
            await self.read_body()
            return await self.send(response(404, b"no such behaviour\n"))
        return await behaviour()

    async def read_body(self, report=True):
        """Reads the body by length or chunks; `self.raw` then holds the request's exact bytes."""
        if self.expects_continue:
            await self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = hashlib.sha256()
        shown, count = bytearray(), 0

        def take(data):
            nonlocal count
            body.update(data)
            count += len(data)
            if len(shown) <= BODY_SHOWN:
                shown.extend(data)

        chunked = "chunked" in self.headers.get("transfer-encoding", "").lower()
        if chunked:
            while True:
                line = await self.reader.readuntil(b"\r\n")
                size = int(line.split(b";")[0], 16)
                self.raw += line
                if size == 0:
                    break
                data = await self.reader.readexactly(size + 2)
                self.raw += data
                take(data[:-2])
            while True:
                line = await self.reader.readuntil(b"\r\n")
                self.raw += line
                if line == b"\r\n":
                    break
        else:
            left = int(self.headers.get("content-length", 0))
            while left:
                data = await self.reader.read(min(left, 65536))
                if not data:
                    raise Ended("fin")
                left -= len(data)
                self.raw += data
                take(data)
        self.digest = body.hexdigest()
        if report:
            shape = {"body": base64.b64encode(shown).decode()} if count <= BODY_SHOWN else {"body_sha256": self.digest}
            self.say("request", head=base64.b64encode(self.head).decode(), body_bytes=count, chunked=chunked, **shape)
        return count

    # MARK: writing

    async def send(self, data, keep=True):
        self.writer.write(data)
        await self.writer.drain()
        if not keep:
            raise Ended("server")
        return "close" not in self.headers.get("connection", "").lower()

    def number_of(self, name, default=0):
        return int(self.query.get(name, default))

    def reset(self):
        """Ends the connection by RST: lingering for 0 s throws away what is unsent."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.was_reset_here = True
        self.writer.transport.abort()
        raise Ended("server")

    async def hold(self):
        """Reads nothing from the socket until `resume`: the sender's window fills up."""
        self.writer.transport.pause_reading()
        self.say("holding")
        await self.resumed.wait()
        self.writer.transport.resume_reading()

    async def send_pattern(self, count):
        sent = 0
        while sent < count:
            size = min(65536, count - sent)
            await self.send(pattern(size, sent))
            sent += size

    # MARK: plain behaviours

    async def on_echo(self):
        await self.read_body()
        return await self.send(response(200, bytes(self.raw), "Content-Type: application/octet-stream"))

    async def on_static(self):
        await self.read_body()
        count = self.number_of("bytes")
        await self.send(f"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {count}\r\n\r\n".encode())
        if self.method != "HEAD":
            await self.send_pattern(count)
        return True

    async def on_chunked(self):
        await self.read_body()
        count, chunk = self.number_of("bytes"), max(1, self.number_of("chunk", 1000))
        trailers = "trailers" in self.query
        head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + ("Trailer: X-Sum, X-Count\r\n" if trailers else "")
        await self.send(head.encode() + b"\r\n")
        if self.method == "HEAD":
            return True
        for sent in range(0, count, chunk):
            data = pattern(min(chunk, count - sent), sent)
            await self.send(f"{len(data):X}\r\n".encode() + data + b"\r\n")
        digest = hashlib.sha256(pattern(count)).hexdigest()
        return await self.send(f"0\r\nX-Sum: {digest}\r\nX-Count: {count}\r\n\r\n".encode() if trailers else b"0\r\n\r\n")

    async def on_until_close(self):
        await self.read_body()
        await self.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        await self.send_pattern(self.number_of("bytes"))
        raise Ended("server")

    async def on_lowercase(self):
        await self.read_body()
        return await self.send(
            b"HTTP/1.1 200 Fine By Me\r\nx-ZULU: 1\r\nset-cookie: a=1\r\nX-Empty:\r\ncontent-length: 2\r\n"
            b"Set-Cookie: b=2; Path=/\r\nx-alpha:  spaced \r\n\r\nok")

    async def on_status(self):
        await self.read_body()
        code = self.number_of("code", 200)
        if code in (204, 304):
            return await self.send(response(code, b"", 'ETag: "x"', length=False))
        return await self.send(response(code, f"status {code}\n".encode()))

    async def on_error(self):
        await self.read_body()
        body = json.dumps({"code": 1, "message": "Session ID unknown"}).encode()
        return await self.send(response(self.number_of("code", 400), body, "Content-Type: application/json"))

    async def on_early_hints(self):
        await self.read_body()
        await self.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
        return await self.send(response(200, b"after the hints\n"))

    async def on_continue(self):
        if "refuse" in self.query:
            self.say("request", head=base64.b64encode(self.head).decode(), body_bytes=0, chunked=False, body="")
            return await self.send(response(417, b"no\n", "Connection: close"), keep=False)
        await self.read_body()
        return await self.send(response(200, self.digest.encode()))

    async def on_early_answer(self):
        self.say("request", head=base64.b64encode(self.head).decode(), body_bytes=0, chunked=False, body="")
        await self.send(response(413, b"too large\n", "Connection: close"))
        self.writer.write_eof()
        while await self.reader.read(65536):
            pass
        raise Ended("server")

    async def on_http10(self):
        await self.read_body()
        return await self.send(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold but fine\n", keep=False)

    async def on_wait(self):
        await self.read_body()
        self.say("waiting", id=self.query.get("id", ""))
        came, told = asyncio.ensure_future(self.reader.read(65536)), asyncio.ensure_future(self.resumed.wait())
        await asyncio.wait({came, told}, return_when=asyncio.FIRST_COMPLETED)
        if not came.done():
            came.cancel()
            await asyncio.wait({came})
            self.resumed.clear()
            return True
        told.cancel()
        if came.result():
            self.say("unexpected", base64=base64.b64encode(came.result()).decode())
        raise Ended("fin")

    async def on_cut(self):
        await self.read_body()
        await self.send(f"HTTP/1.1 200 OK\r\nContent-Length: {self.number_of('of', 1000)}\r\n\r\n".encode())
        return await self.send(pattern(self.number_of("bytes", 10)), keep=False)

    async def on_reset(self):
        await self.read_body()
        count = self.number_of("bytes", 10)
        await self.send(f"HTTP/1.1 200 OK\r\nContent-Length: {count + 1000}\r\n\r\n".encode() + pattern(count))
        self.reset()

    async def on_drop(self):
        await self.read_body()
        raise Ended("server")

    async def on_garbage(self):
        await self.read_body()
        return await self.send(b"\x16\x03\x01 this is not HTTP\r\n\r\n", keep=False)

    async def on_slow_read(self):
        await self.hold()
        await self.read_body()
        return await self.send(response(200, self.digest.encode()))

    async def on_refuse(self):
        await self.read_body()
        code = self.number_of("code", 400)
        body = f"refused with {code}\n".encode()
        close = "close" in self.query
        headers = ["Content-Type: text/plain"] + (["Connection: close"] if close else [])
        if code == 401:
            headers.append('WWW-Authenticate: Basic realm="chat"')
        if "chunked" in self.query:
            data = response(code, b"", *headers, "Transfer-Encoding: chunked", length=False)
            data += f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        else:
            data = response(code, body, *headers)
        return await self.send(data, keep=not close)

    # MARK: upgrades

    async def on_upgrade(self):
        await self.read_body()
        lines = ["HTTP/1.1 101 Switching Protocols", f"Upgrade: {self.headers.get('upgrade', 'raw')}", "Connection: Upgrade"]
        key = self.headers.get("sec-websocket-key")
        if key is not None:
            accept = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            lines.append("Sec-WebSocket-Accept: " + base64.b64encode(accept).decode())
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        mode = self.query.get("mode", "echo")
        payload = base64.b64decode(self.query.get("base64", "").replace(" ", "+"))
        if mode == "split":
            for part in (head[:9], head[9:-3], head[-3:]):
                await self.send(part)
                await asyncio.sleep(0.01)  # lets each part leave as a segment of its own
        elif mode == "greet":
            await self.send(head + payload)
        elif mode == "http400":
            await self.send(head)
            self.say("upgraded")
            await self.send(response(400, b"Unsupported protocol version", "Connection: close", "Content-type: text/html"))
            raise Ended("server")
        else:
            await self.send(head)
        self.say("upgraded")
        if mode == "reset":
            self.reset()
        if mode == "fin":
            self.writer.write_eof()
        flood = None
        if mode == "flood":
            flood = asyncio.create_task(self.flood())
        if mode == "slow":
            await self.hold()
        while True:
            try:
                data = await self.reader.read(65536)
            except ConnectionError:
                if flood:
                    flood.cancel()
                raise
            if not data:
                break
            self.after_upgrade.update(data)
            self.bytes_after_upgrade += len(data)
            if mode in ("echo", "greet", "split"):
                await self.send(data)
        if flood:
            await flood
        if mode == "late" and payload:
            await self.send(payload)
        raise Ended("fin")

    async def flood(self):
        """Sends pseudo-random bytes and half-closes; says the digest of what it sent."""
        generator, digest = random.Random(self.number_of("seed", 1)), hashlib.sha256()
        left = self.number_of("bytes", 1_000_000)
        total = left
        while left:
            data = generator.randbytes(min(left, generator.randrange(1, 65536)))
            digest.update(data)
            left -= len(data)
            await self.send(data)
        self.say("flooded", bytes=total, sha256=digest.hexdigest())
        self.writer.write_eof()

    def obey(self, command):
        action = command["do"]
        if action == "fin":
            self.writer.write_eof()
        elif action == "reset":
            try:
                self.reset()
            except Ended:
                pass
        elif action == "send":
            self.writer.write(base64.b64decode(command["base64"]))
            self.resumed.set()
        elif action == "resume":
            self.resumed.set()
        else:
            say(error=f"unknown action {action!r}")


async def serve(options):
    connections = {}

    async def accept(reader, writer):
        number = len(connections) + 1
        connections[number] = connection = Connection(number, reader, writer)
        await connection.run()

    loop = asyncio.get_running_loop()
    follow_stdin(lambda command: loop.call_soon_threadsafe(connections[command["conn"]].obey, command))
    server = await asyncio.start_server(accept, "127.0.0.1", options.port, limit=LONGEST_HEAD)
    say(listening=server.sockets[0].getsockname()[1])
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--max-seconds", type=float, default=120)
    options = parser.parse_args()
    limit_lifetime(options.max_seconds)
    asyncio.run(serve(options))


if __name__ == "__main__":
    main()
