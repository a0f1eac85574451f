"""The two ends of a conversation that no library would hold: raw WebSocket and HTTP over asyncio's streams.

Both ends live in one process, so a script can wait at one for what it did at the other.
"""

import asyncio
import json
import os
import socket
import struct

TEXT, BINARY, CLOSE = 1, 2, 8
PATIENCE = 30  # seconds that one wait may take before it counts as an error


def frame(opcode, payload, masked):
    """One whole frame (RFC 6455 section 5.2)."""
    length = len(payload)
    mark = 0x80 if masked else 0
    head = bytes([0x80 | opcode])
    if length < 126:
        head += bytes([mark | length])
    elif length < 65536:
        head += struct.pack(">BH", mark | 126, length)
    else:
        head += struct.pack(">BQ", mark | 127, length)
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[i & 3] for i, byte in enumerate(payload))


class End:
    """One end of a connection: frames in, frames out, or HTTP messages."""

    def __init__(self, reader, writer, is_client):
        self.reader, self.writer, self.is_client = reader, writer, is_client

    # MARK: bytes

    async def write(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def head(self):
        """The head of an HTTP message: its first line, and its fields by lower-case name."""
        lines = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)).decode("latin-1").split("\r\n")
        fields = dict((n.strip().lower(), v.strip()) for n, _, v in (line.partition(":") for line in lines[1:]) if n)
        return lines[0], fields

    async def body(self, fields):
        async def read():
            if fields.get("transfer-encoding") != "chunked":
                return await self.reader.readexactly(int(fields.get("content-length", 0)))
            whole = b""
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                whole += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readuntil(b"\r\n")
            return whole

        return await asyncio.wait_for(read(), PATIENCE)

    async def read_to_end(self):
        """Waits until the other side has ended its direction, in order or not."""
        try:
            while await asyncio.wait_for(self.reader.read(65536), PATIENCE):
                pass
        except ConnectionError:
            pass

    def end(self):
        self.writer.close()

    def reset(self):
        """Ends by RST: lingering for 0 s throws away what is unsent."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    # MARK: frames

    async def text(self, *texts):
        """Text messages, a frame each, in one write."""
        await self.write(b"".join(frame(TEXT, text.encode(), self.is_client) for text in texts))

    async def close_frame(self, code=1000):
        await self.write(frame(CLOSE, struct.pack(">H", code), self.is_client))

    async def message(self):
        async def read():
            first, second = await self.reader.readexactly(2)
            length = second & 127
            if length > 125:
                length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8), "big")
            key = await self.reader.readexactly(4) if second & 128 else bytes(4)
            payload = await self.reader.readexactly(length)
            return first & 15, bytes(byte ^ key[i & 3] for i, byte in enumerate(payload))

        return await asyncio.wait_for(read(), PATIENCE)

    async def expect(self, start):
        """The next text message that starts so; others are dropped."""
        while True:
            opcode, payload = await self.message()
            if opcode == CLOSE:
                raise ConnectionError(f"closed before {start!r} came")
            if payload.startswith(start.encode()):
                return payload.decode()

    async def expect_close(self):
        while (await self.message())[0] != CLOSE:
            pass

    async def leave(self):
        """A client's orderly end."""
        await self.close_frame()
        await self.read_to_end()
        self.end()


async def client_end(host, port):
    return End(*await asyncio.open_connection(host, port), is_client=True)


async def request(end, method, target, body=b"", upgrade=False):
    """Sends a request; returns the status and the body, or only the status of a 101."""
    fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" \
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" if upgrade else f"Content-Length: {len(body)}\r\n"
    await end.write(f"{method} {target} HTTP/1.1\r\nHost: chat\r\n{fields}\r\n".encode() + body)
    line, answer = await end.head()
    status = int(line.split()[1])
    return status, b"" if status == 101 else await end.body(answer)


async def answer(end, status, body=b"ok", reason="Whatever"):
    await end.write(f"HTTP/1.1 {status} {reason}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


async def accept(end):
    """Answers an upgrade whose head was read."""
    await end.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")


def open_packet(sid, **changes):
    """The handshake in the order of the reference server."""
    told = {"sid": sid, "upgrades": [], "pingInterval": 80000, "pingTimeout": 20000, "maxPayload": 1000000}
    return "0" + json.dumps({**told, **changes}, separators=(",", ":"))


def event(id, name, *args, namespace="/", kind="42"):
    """A Socket.IO event packet as text; without an ack id where `id` is None."""
    where = "" if namespace == "/" else namespace + ","
    return kind + where + ("" if id is None else str(id)) + json.dumps([name, *args], separators=(",", ":"))
