"""Chat clients on python-socketio that play a script and report what they themselves counted and measured.

    chat_client.py http://127.0.0.1:PORT --mode async --transports both --clients 8 --emits 5

All clients connect (at most --connecting at a time), enter their rooms (--room-size clients each), and wait until
all are there; then each plays the script, waits for every chat message that its room owes it, and disconnects.
Prints {"phase": "joined"} when all are open, {"phase": "played"} when all have played, and {"report": {...}} at the end.
With --hold each phase waits for a line {"go": true} on standard input, so that a test can act in between.

Exit status: 0 all as expected; 1 something was not (the report's `errors` says what); 2 usage; 3 took too long.

Runs with python-socketio 5 (Engine.IO 4) and 4.6.1 (Engine.IO 3).
"""

import argparse
import asyncio
import collections
import hashlib
import logging
import sys
import threading
import time
import traceback

import socketio

from peer_lines import follow_stdin, leave, limit_lifetime, say
from steps import run_steps, run_steps_async

MODERN = hasattr(socketio, "SimpleClient")
PATIENCE = 30  # seconds that one wait may take before it counts as an error


class Report:
    """Counts of all clients; counters are keyed "namespace event"."""

    def __init__(self):
        self.lock = threading.Lock()
        self.connected = 0
        self.emitted = collections.Counter()
        self.acks_asked = collections.Counter()
        self.acks_received = collections.Counter()
        self.received = collections.Counter()
        self.answered = collections.Counter()
        self.latencies_us = collections.defaultdict(list)
        self.transports = collections.Counter()
        self.errors = []

    def count(self, counter, namespace, event, by=1):
        with self.lock:
            counter[f"{namespace} {event}"] += by

    def fail(self, text):
        with self.lock:
            self.errors.append(text)

    def as_json(self):
        return {
            "clients": self.connected,
            "emitted": dict(self.emitted),
            "acks_asked": dict(self.acks_asked),
            "acks_received": dict(self.acks_received),
            "received": dict(self.received),
            "answered": dict(self.answered),
            "latencies_us": {key: values for key, values in self.latencies_us.items()},
            "transports": dict(self.transports),
            "errors": self.errors,
        }


class Waiting:
    """Waits for a condition on counts, in threads or in one event loop."""

    def __init__(self, is_async):
        self.is_async = is_async
        self.condition = asyncio.Condition() if is_async else threading.Condition()

    def changed(self):
        if self.is_async:
            return self._changed()
        with self.condition:
            self.condition.notify_all()

    async def _changed(self):
        async with self.condition:
            self.condition.notify_all()

    def until(self, holds, what):
        if self.is_async:
            return self._until(holds, what)
        with self.condition:
            if not self.condition.wait_for(holds, PATIENCE):
                raise TimeoutError(f"still waiting for {what} after {PATIENCE} s")

    async def _until(self, holds, what):
        try:
            async with self.condition:
                await asyncio.wait_for(self.condition.wait_for(holds), PATIENCE)
        except asyncio.TimeoutError:
            raise TimeoutError(f"still waiting for {what} after {PATIENCE} s") from None


class Client:
    """One client: its handlers and its script, as steps (see steps.py)."""

    def __init__(self, index, options, report, is_async):
        self.index, self.options, self.report, self.is_async = index, options, report, is_async
        self.waiting = Waiting(is_async)
        self.namespaces = options.namespaces.split(",")
        self.joined = set()
        self.got = collections.Counter()
        self.room = index // options.room_size
        last = min(options.clients, (self.room + 1) * options.room_size)
        self.neighbours = last - self.room * options.room_size - 1
        settings = {}
        if options.serializer != "default":
            settings["serializer"] = options.serializer
        if MODERN:
            settings["handle_sigint"] = False
            settings["request_timeout"] = PATIENCE
            if options.deflate:
                settings["websocket_extra_options"] = {"compress": 15}
        self.io = (socketio.AsyncClient if is_async else socketio.Client)(reconnection=False, **settings)
        for namespace in self.namespaces:
            self._listen(namespace, "connect", self._on_connect)
            self._listen(namespace, "disconnect", self._on_disconnect)
            self._listen(namespace, "question", self._on_question)
            for event in ("receive_message", "answered", "file", "tick", "announcement", "exception"):
                self._listen(namespace, event, self._on_event)

    # MARK: handlers

    def _listen(self, namespace, event, steps):
        if self.is_async:

            async def handler(*args):
                return await run_steps_async(steps(namespace, event, *args))
        else:

            def handler(*args):
                return run_steps(steps(namespace, event, *args))

        self.io.on(event, handler, namespace=namespace)

    def _on_connect(self, namespace, event):
        self.joined.add(namespace)
        yield self.waiting.changed()

    def _on_disconnect(self, namespace, event, *reason):
        self.joined.discard(namespace)
        yield self.waiting.changed()

    def _on_event(self, namespace, event, *args):
        self.report.count(self.report.received, namespace, event)
        with self.report.lock:
            self.got[(namespace, event)] += 1
        yield self.waiting.changed()

    def _on_question(self, namespace, event, question):
        self.report.count(self.report.received, namespace, event)
        self.report.count(self.report.answered, namespace, event)
        if isinstance(question, bytes):
            return question[::-1]
        return "answer to", question
        yield

    # MARK: emits

    def _call(self, event, *args, namespace):
        """Emits with an ack and waits for it."""
        self.report.count(self.report.emitted, namespace, event)
        self.report.count(self.report.acks_asked, namespace, event)
        start = time.perf_counter_ns()
        answer = yield self.io.call(event, self._data(args), namespace=namespace, timeout=PATIENCE)
        self._acked(namespace, event, start)
        return answer

    def _acked(self, namespace, event, start):
        elapsed = (time.perf_counter_ns() - start) // 1000
        with self.report.lock:
            self.report.acks_received[f"{namespace} {event}"] += 1
            self.report.latencies_us[f"{namespace} {event}"].append(elapsed)

    def _emit(self, event, *args, namespace):
        """Emits without an ack."""
        self.report.count(self.report.emitted, namespace, event)
        yield self.io.emit(event, self._data(args), namespace=namespace)

    def _emit_with_callback(self, event, *args, namespace, then=None):
        """Emits with an ack and goes on; `got[(namespace, "ack " + event)]` counts the acks."""
        self.report.count(self.report.emitted, namespace, event)
        self.report.count(self.report.acks_asked, namespace, event)
        start = time.perf_counter_ns()

        def steps(answer):
            self._acked(namespace, event, start)
            with self.report.lock:
                self.got[(namespace, "ack " + event)] += 1
            if then is not None:
                then(*answer)
            yield self.waiting.changed()

        if self.is_async:

            async def on_ack(*answer):
                await run_steps_async(steps(answer))
        else:

            def on_ack(*answer):
                run_steps(steps(answer))

        yield self.io.emit(event, self._data(args), namespace=namespace, callback=on_ack)

    @staticmethod
    def _data(args):
        return None if not args else args if len(args) > 1 else args[0]

    def _expect(self, condition, what):
        if not condition:
            self.report.fail(f"client {self.index}: {what}")

    # MARK: the script

    def connect(self):
        options = self.options
        transports = ["polling", "websocket"] if options.transports == "both" else [options.transports]
        named = dict(namespaces=self.namespaces, transports=transports, socketio_path=options.path)
        url = options.url
        if MODERN:
            named.update(wait_timeout=PATIENCE, auth={"token": options.token} if options.token else None)
        elif options.token:
            url += ("&" if "?" in url else "?") + "token=" + options.token
        yield self.io.connect(url, **named)
        yield self.waiting.until(lambda: len(self.joined) == len(self.namespaces), "the namespaces")
        with self.report.lock:
            self.report.connected += 1
            self.report.transports[self._transport()] += 1
        for namespace in self.namespaces:
            answer = yield from self._call("enter_chat_room", {"roomId": self.room}, namespace=namespace)
            self._expect(answer == {"ok": True, "roomId": self.room}, f"enter_chat_room answered {answer!r}")

    def play(self):
        for namespace in self.namespaces:
            yield from self._play(namespace)

    def _play(self, namespace):
        options = self.options
        for n in range(options.emits):
            message = {"roomId": self.room, "message": f"message {n} of client {self.index} ✓", "n": n,
                       "filler": "x" * options.payload_bytes}
            if n % 2 == 0:
                answer = yield from self._call("send_message", message, namespace=namespace)
                self._expect(answer == {"ok": True}, f"send_message answered {answer!r}")
            else:
                yield from self._emit_with_callback(
                    "send_message", message, namespace=namespace,
                    then=lambda answer: self._expect(answer == {"ok": True}, f"send_message called back {answer!r}"))
        for n in range(options.notes):
            yield from self._emit("note", "nobody acknowledges this", n, namespace=namespace)
        if not options.only_messages:
            yield from self._play_shapes(namespace)
        if options.failures:
            yield from self._play_failures(namespace)
        acks = options.emits // 2
        yield self.waiting.until(lambda: self.got[(namespace, "ack send_message")] >= acks, "acks of send_message")
        owed = self.neighbours * options.emits
        yield self.waiting.until(lambda: self.got[(namespace, "receive_message")] >= owed, f"{owed} chat messages")

    def _play_shapes(self, namespace):
        """Every shape of argument and answer: none, several, binary both ways, and the server asking."""
        answer = yield from self._call("several", namespace=namespace)
        self._expect(list(answer) == ["one", 2, {"three": [3]}], f"several answered {answer!r}")
        answer = yield from self._call("nothing", namespace=namespace)
        self._expect(answer in (None, (), []), f"nothing answered {answer!r}")
        answer = yield from self._call("echo", "a", 2.5, None, {"b": [True]}, namespace=namespace)
        self._expect(list(answer) == ["a", 2.5, None, {"b": [True]}], f"echo answered {answer!r}")
        body = bytes(range(256)) * 8
        answer = yield from self._call("upload", body, namespace=namespace)
        self._expect(answer == {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()},
                     f"upload answered {answer!r}")
        nested = b"" if MODERN else b"\x80"  # python-socketio 4 loses an empty attachment
        parts = {"parts": [b"one", b"\x00\xff", {"in": nested}]}
        answer = yield from self._call("echo", parts, namespace=namespace)
        self._expect(answer == parts, f"binary echo answered {answer!r}")
        answer = yield from self._call("download", {"size": 3000}, namespace=namespace)
        self._expect(answer == bytes(i & 255 for i in range(3000)), "download answered other bytes")
        yield self.waiting.until(lambda: self.got[(namespace, "file")] >= 1, "the file")
        yield from self._call("ask_me", "why?", namespace=namespace)
        yield from self._call("ask_me", b"yhw", namespace=namespace)
        yield self.waiting.until(lambda: self.got[(namespace, "answered")] >= 2, "the answers")
        answer = yield from self._call("burst", {"count": 5}, namespace=namespace)
        yield self.waiting.until(lambda: self.got[(namespace, "tick")] >= 5, "five ticks")

    def _play_failures(self, namespace):
        """Emits that get no ack, by each cause the server can produce, and one that gets it late."""
        yield from self._emit_with_callback("forgets", {"n": self.index}, namespace=namespace)
        yield from self._emit_with_callback("raises", {"n": self.index}, namespace=namespace)
        yield from self._emit_with_callback("no_such_event", {"n": self.index}, namespace=namespace)
        yield from self._emit_with_callback("slow", {"delay": self.options.slow}, namespace=namespace)
        yield self.waiting.until(lambda: self.got[(namespace, "ack slow")] >= 1, "the late ack")

    def be_kicked(self):
        """The last emit of a client with --kicked: the server leaves the namespace instead of an answer."""
        yield from self._emit_with_callback("kick", namespace=self.namespaces[0])
        yield self.waiting.until(lambda: self.namespaces[0] not in self.joined, "the server's disconnect")

    def leave(self):
        if self.options.kicked:
            yield from self.be_kicked()
        if self._transport() == "websocket":
            yield self.io.disconnect()
        else:
            yield self._leave_polling()

    def _transport(self):
        transport = self.io.transport
        return transport() if callable(transport) else transport

    def _leave_polling(self):
        """Disconnects, and goes on when the last POST has been answered.

        The library would wait for its pending GET as well, which python-engineio's server leaves unanswered after a
        close until the heartbeat has run out. That GET ends with the process, as it ends with the page in a browser.
        """
        if self.is_async:
            return self._leave_polling_async()
        end_sync(self.io)

    async def _leave_polling_async(self):
        writing = self.io.eio.write_loop_task
        self.leaving = asyncio.create_task(self.io.disconnect())
        if writing is not None:  # None where the library has ended by itself
            await asyncio.wait({writing}, timeout=PATIENCE)


def end_sync(client):
    """Disconnects a synchronous client and goes on when all was written (see _leave_polling)."""
    writing = client.eio.write_loop_task
    threading.Thread(target=client.disconnect, daemon=True).start()
    if writing is not None:  # None where the library has ended by itself
        writing.join(PATIENCE)


class Gate:
    """Lets the phases of a held run through, one line of standard input each."""

    def __init__(self):
        self.opened = threading.Semaphore(0)

    def open(self, command):
        self.opened.release()

    def pass_through(self):
        self.opened.acquire()


def refused_steps(options, report):
    """Connects to a namespace that refuses; anything but a refusal is an error."""
    client = socketio.Client(reconnection=False, **({"handle_sigint": False} if MODERN else {}))
    transports = ["polling", "websocket"] if options.transports == "both" else [options.transports]
    refused = threading.Event()
    client.on("connect_error", lambda *args: refused.set(), namespace="/admin")
    # Not waiting, because the library's own end of a refused connect waits for its pending GET (see _leave_polling).
    unwaiting = {"wait": False} if MODERN else {}
    client.connect(options.url, namespaces=["/admin"], transports=transports, socketio_path=options.path, **unwaiting)
    if not refused.wait(PATIENCE):
        report.fail("/admin accepted a client without a token")
    end_sync(client)


def run_sync(options, report, gate):
    clients = [Client(i, options, report, is_async=False) for i in range(options.clients)]
    turn = threading.Semaphore(options.connecting)

    def phase(name, limited=False):
        def one(client):
            try:
                if limited:
                    with turn:
                        run_steps(getattr(client, name)())
                else:
                    run_steps(getattr(client, name)())
            except Exception as problem:
                report.fail(f"client {client.index}, {name}: {type(problem).__name__}: {problem}")
                traceback.print_exc()

        threads = [threading.Thread(target=one, args=(c,), daemon=True) for c in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    for name, said in (("connect", "joined"), ("play", "played"), ("leave", None)):
        phase(name, limited=name == "connect")
        if said and not report.errors:
            say(phase=said)
            if options.hold:
                gate.pass_through()


async def run_async(options, report, gate):
    clients = [Client(i, options, report, is_async=True) for i in range(options.clients)]
    turn = asyncio.Semaphore(options.connecting)

    async def one(client, name):
        try:
            if name == "connect":
                async with turn:
                    await run_steps_async(client.connect())
            else:
                await run_steps_async(getattr(client, name)())
        except Exception as problem:
            report.fail(f"client {client.index}, {name}: {type(problem).__name__}: {problem}")
            traceback.print_exc()

    for name, said in (("connect", "joined"), ("play", "played"), ("leave", None)):
        await asyncio.gather(*(one(client, name) for client in clients))
        if said and not report.errors:
            say(phase=said)
            if options.hold:
                await asyncio.get_running_loop().run_in_executor(None, gate.pass_through)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--mode", choices=["sync", "async"], default="async")
    parser.add_argument("--transports", choices=["polling", "websocket", "both"], default="both")
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--connecting", type=int, default=20, help="clients that may be connecting at one time")
    parser.add_argument("--room-size", type=int, default=4)
    parser.add_argument("--namespaces", default="/", help="with commas between, such as /,/chat")
    parser.add_argument("--emits", type=int, default=4, help="chat messages with an ack, for each client and namespace")
    parser.add_argument("--notes", type=int, default=2, help="emits without an ack, for each client and namespace")
    parser.add_argument("--only-messages", action="store_true", help="leave out binary, several arguments and questions")
    parser.add_argument("--failures", action="store_true", help="add emits that nobody acknowledges, and a late ack")
    parser.add_argument("--slow", type=float, default=0.3, help="seconds that the late ack of --failures takes")
    parser.add_argument("--kicked", action="store_true", help="end by the server's disconnect of the first namespace")
    parser.add_argument("--refused", action="store_true", help="first be refused by /admin")
    parser.add_argument("--payload-bytes", type=int, default=20)
    parser.add_argument("--deflate", action="store_true", help="offer permessage-deflate (asynchronous, Engine.IO 4)")
    parser.add_argument("--serializer", choices=["default", "msgpack"], default="default")
    parser.add_argument("--token", default="")
    parser.add_argument("--path", default="socket.io")
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("--max-seconds", type=float, default=120)
    options = parser.parse_args()
    if options.deflate and (options.mode == "sync" or not MODERN):
        parser.error("only the asynchronous client of python-socketio 5 offers permessage-deflate")

    limit_lifetime(options.max_seconds)
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR)
    gate, report = Gate(), Report()
    follow_stdin(gate.open)
    if options.refused:
        refused_steps(options, report)
    if options.mode == "sync":
        run_sync(options, report, gate)
    else:
        asyncio.run(run_async(options, report, gate))
    say(report=report.as_json())
    leave(1 if report.errors else 0)


if __name__ == "__main__":
    main()
