"""Both ends of a proxied TLS connection in one process, to see what one end makes of what the other does.

    tls_ends.py --cert FILE --key FILE --trust FILE CASE...

Listens as the upstream (prints {"listening": PORT}), waits for a line {"to": PORT} with the port of the proxy on standard input,
then plays each case and prints {"case": NAME, "saw": WHAT}. Plain Python ssl over memory, so that
each byte and each end is this script's own doing.
"""

import argparse
import json
import os
import socket
import ssl
import sys
import threading

from peer_lines import limit_lifetime, say

PATIENCE = 20
UPGRADE = (b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
ANSWER = (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")


class End:
    """One end: TLS in memory over a socket."""

    def __init__(self, sock, context, server_side, name=None):
        self.sock = sock
        sock.settimeout(PATIENCE)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=server_side, server_hostname=name)
        self.until(self.tls.do_handshake)

    def push(self):
        data = self.outgoing.read()
        if data:
            self.sock.sendall(data)

    def until(self, step):
        while True:
            try:
                result = step()
                self.push()
                return result
            except ssl.SSLWantReadError:
                self.push()
                data = self.sock.recv(65536)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()

    def send(self, data):
        for start in range(0, len(data), 16384):
            self.tls.write(data[start:start + 16384])
            self.push()

    def receive(self, count):
        data = b""
        while len(data) < count:
            part = self.until(lambda: self.tls.read(count - len(data)))
            if not part:
                raise EOFError(f"ended after {len(data)} of {count} bytes")
            data += part
        return data

    def head(self):
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            data += self.receive(1)
        return data

    def notify(self):
        """Says close_notify, and goes on reading."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            pass
        self.push()

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.sock.close()

    def end(self):
        """How the other side ended, and what came before."""
        data = b""
        while True:
            try:
                part = self.until(lambda: self.tls.read(65536))
            except ssl.SSLZeroReturnError:
                return "in order", data
            except ssl.SSLEOFError:
                return "cut off", data
            except ConnectionResetError:
                return "reset", data
            except ssl.SSLError as error:
                return f"{error.reason}", data
            if not part:
                return "in order", data
            data += part


class World:
    def __init__(self, options):
        self.options = options
        self.server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server_context.load_cert_chain(options.cert, options.key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)
        self.port = None
        self.client_context = None

    def client(self):
        if self.client_context is None:
            self.client_context = ssl.create_default_context(cafile=self.options.trust)
        return End(socket.create_connection(("127.0.0.1", self.port)), self.client_context, False, "localhost")

    def server(self):
        return End(self.listener.accept()[0], self.server_context, True)

    def upgraded(self):
        made = {}
        accepting = threading.Thread(target=lambda: made.update(server=self.server()))
        accepting.start()
        client = self.client()
        client.send(UPGRADE)
        accepting.join(PATIENCE)
        server = made["server"]
        server.head()
        server.send(ANSWER)
        client.head()
        return client, server


def server_ends_in_order(world):
    client, server = world.upgraded()
    server.send(b"last words")
    server.notify()
    server.half_close()
    return client.end()


def client_ends_in_order(world):
    client, server = world.upgraded()
    client.send(b"last words")
    client.notify()
    return server.end()


def client_ends_in_order_and_listens(world):
    client, server = world.upgraded()
    client.send(b"last words")
    client.notify()
    how = server.end()
    server.send(b"and here is the answer")
    server.notify()
    server.half_close()
    return how, client.end()


def server_is_cut_off(world):
    client, server = world.upgraded()
    server.send(b"last words")
    server.half_close()
    return client.end()


def client_is_cut_off(world):
    client, server = world.upgraded()
    client.send(b"last words")
    client.half_close()
    return server.end()


def server_resets(world):
    client, server = world.upgraded()
    server.send(b"last words")
    client.receive(10)
    server.reset()
    return client.end()[0]


def random_bytes_pass(world):
    client, server = world.upgraded()
    saw = []
    for sender, receiver in ((client, server), (server, client)):
        data = os.urandom(3_000_000)
        sending = threading.Thread(target=sender.send, args=(data,))
        sending.start()
        saw.append(receiver.receive(len(data)) == data)
        sending.join(PATIENCE)
    return saw


def a_slow_reader_holds_back(world):
    client, server = world.upgraded()
    client.sock.settimeout(1.5)
    sent = 0
    block = os.urandom(1 << 16)
    try:
        while sent < 64 << 20:
            client.send(block)
            sent += len(block)
    except (TimeoutError, socket.timeout):
        pass
    return sent < 64 << 20


def others_are_served_beside_half_handshakes(world):
    stuck = []
    for count in range(30):
        sock = socket.create_connection(("127.0.0.1", world.port))
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00"[:count % 8])
        stuck.append(sock)
    client, server = world.upgraded()
    client.send(b"hello")
    return server.receive(5).decode()


def a_server_that_never_shakes_hands_holds_up_nobody(world):
    waiting = [world.client() for _ in range(5)]
    silent = []
    for each in waiting:
        each.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        silent.append(world.listener.accept()[0])
    client, server = world.upgraded()
    client.send(b"hello")
    return server.receive(5).decode()


def garbage_is_survived(world):
    for seed in range(20):
        sock = socket.create_connection(("127.0.0.1", world.port))
        sock.settimeout(PATIENCE)
        lead = b"\x16\x03\x01" if seed % 2 else b""
        try:
            sock.sendall(lead + os.urandom(20 + seed * 37))
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass
        except OSError:
            pass
    client, server = world.upgraded()
    client.send(b"hello")
    return server.receive(5).decode()


def plain_http_is_told(world):
    return {told_in_plain(world, method) for method in ("GET", "OPTIONS", "DELETE", "PATCH", "PROPFIND")}


def told_in_plain(world, method):
    sock = socket.create_connection(("127.0.0.1", world.port))
    sock.settimeout(PATIENCE)
    sock.sendall(method.encode() + b" / HTTP/1.1\r\nHost: a\r\n\r\n")
    data = b""
    while True:
        part = sock.recv(4096)
        if not part:
            return data.split(b"\r\n")[0].decode(), b"https://" in data
        data += part


def an_answer_without_length_is_cut_off(world):
    made = {}
    accepting = threading.Thread(target=lambda: made.update(server=world.server()))
    accepting.start()
    client = world.client()
    client.send(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
    accepting.join(PATIENCE)
    server = made["server"]
    server.head()
    server.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf of it")
    server.half_close()
    how, data = client.end()
    return how, data[-10:].decode()


def a_plain_client_is_told_by_a_reset(world):
    made = {}
    accepting = threading.Thread(target=lambda: made.update(server=world.server()))
    accepting.start()
    client = socket.create_connection(("127.0.0.1", world.port))
    client.settimeout(PATIENCE)
    client.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
    accepting.join(PATIENCE)
    server = made["server"]
    server.head()
    server.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf of it")
    data = b""
    while not data.endswith(b"half of it"):
        data += client.recv(4096)
    server.half_close()
    try:
        return client.recv(4096)
    except ConnectionResetError:
        return "reset"


def frame(payload, masked):
    if not masked:
        return bytes([0x81, len(payload)]) + payload
    key = os.urandom(4)
    return bytes([0x81, 0x80 | len(payload)]) + key + bytes(byte ^ key[at & 3] for at, byte in enumerate(payload))


def server_sends_until_the_end(world):
    return sends_until_the_end(world, False)


def client_sends_until_the_end(world):
    return sends_until_the_end(world, True)


def sends_until_the_end(world, from_client):
    """How many messages of one size reach the other end before somebody ends it all; says when it is well under way."""
    client, server = world.upgraded()
    opening = frame(b'0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":20000}', False)
    joined = frame(b'40{"sid":"def"}', False)
    server.send(opening + joined)
    client.receive(len(opening + joined))
    sender, receiver = (client, server) if from_client else (server, client)
    size = len(frame(b'42["note",1000000]', from_client))

    def send():
        try:
            for number in range(1000000, 9999999):
                sender.send(frame(b'42["note",%d]' % number, from_client))
        except Exception:
            pass

    threading.Thread(target=send, daemon=True).start()
    received = 0
    told = False
    while True:
        try:
            part = receiver.until(lambda: receiver.tls.read(65536))
        except (OSError, ssl.SSLError):
            part = b""
        if not part:
            return received // size
        received += len(part)
        if received > 2000 * size and not told:
            told = True
            say(ready=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--trust", required=True)
    parser.add_argument("cases", nargs="+")
    options = parser.parse_args()
    limit_lifetime(100)
    world = World(options)
    say(listening=world.listener.getsockname()[1])
    world.port = json.loads(sys.stdin.readline())["to"]
    for case in options.cases:
        try:
            saw = globals()[case](world)
        except Exception as problem:
            saw = f"{type(problem).__name__}: {problem}"
        say(case=case, saw=repr(saw))


if __name__ == "__main__":
    main()
