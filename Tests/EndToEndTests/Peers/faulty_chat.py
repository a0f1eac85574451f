"""A chat of many sessions with faults of every kind mixed in: the server, its clients, and what became of every emit.

    faulty_chat.py --sessions 200 --seed 7 --eio3-port PORT

Prints {"listening": PORT}; {"proxy": "http://127.0.0.1:PORT"} on standard input starts the chat through that proxy. When
every conversation has come to where only time can go on, {"overdue": [KEY, ...]} names the emits that are still open: a
line {"go": true}, given once the proxy has called all of them overdue, releases the late acks. At the end {"report":
{"emits", "unsure", "untagged", "findings", "errors"}}; then one last emit is left open until the proxy or this peer ends.

`emits` holds, for each key, [verdict, cause, ...] of each emit with that key in the order they were sent. The key is who
emits ("client" or "server") and the number in the member `tag` of the first argument. The causes are those that would be
true; none where there is nothing to say. `unsure` holds the verdict that would be true as well for a key whose emit the
machine was too slow for. `untagged` counts the other emits by name, none of which asks for an ack.

One port serves: python-socketio at /socket.io, NestJS gateways of two versions at /nest11 and /nest10 (nest_server.py), raw
servers at /puppet (puppets.py), and, in another process, an Engine.IO 3 server at /eio3. What goes wrong with whom is
drawn from the seed; each puppet plays at least once.
"""

import argparse
import asyncio
import collections
import json
import logging
import random
import sys
import time
import traceback
from urllib.parse import parse_qs, urlsplit

import socketio
import uvicorn

import nest_server
from chat_server import listening_socket
from peer_lines import follow_stdin, leave, limit_lifetime, say
from puppets import PUPPETS
from wire_ends import PATIENCE, End, accept, answer, client_end, event, open_packet, request

NODE_PING_INTERVAL = 90  # seconds, by which the gateways' handshakes are known
PING_INTERVAL = 80  # seconds: raw clients answer no pings
REPLY_WINDOW = 0.25  # seconds after an emit in which an event may look like its answer
ROOM_SIZE = 5
AT_ONCE = 10  # conversations that play at one time, so that no ack is late because the machine is busy


class Stage:
    """What all conversations share: the proxy's address, the truth, and the gate that time opens."""

    def __init__(self, port):
        self.port = port
        self.proxy = None
        self.emits = collections.defaultdict(list)
        self.unsure = {}
        self.untagged = collections.Counter()
        self.findings = collections.Counter()
        self.errors = []
        self.tags = 0
        self.open = []
        self.overdue = asyncio.Event()
        self.is_final = asyncio.Event()
        self.busy = 0
        self.turn = asyncio.Semaphore(AT_ONCE)
        self.callers = {}
        self.accepted = {}
        self.connections = {}

    # MARK: the truth

    def tag(self, verdict, *causes, overdue=False, by="client"):
        """The tag of a new emit, with what it must get and what may truthfully be called its cause."""
        self.tags += 1
        key = f"{by} {self.tags}"
        self.emits[key].append([verdict, *causes])
        if overdue:
            self.open.append(key)
        return self.tags

    def again(self, tag, verdict, *causes):
        """The same emit is sent again."""
        self.emits[f"client {tag}"].append([verdict, *causes])

    def silent(self, *causes, overdue=True):
        """An emit that nobody acknowledges, on a connection that lives on."""
        return self.tag("unanswered", *(causes or ("no_handler_or_no_return", "conditional_path")), overdue=overdue)

    def late(self, by="client"):
        return self.tag("late", "after_ack_timeout", overdue=True, by=by)

    def finding(self, name):
        self.findings[name] += 1

    # MARK: turns

    async def all_overdue(self):
        """Waits until every open emit is overdue; whoever waits lets others play."""
        self.leave_stage()
        await self.overdue.wait()

    def leave_stage(self):
        self.busy -= 1
        self.turn.release()
        if self.busy == 0:
            self.is_final.set()

    async def play(self, name, conversation):
        waits = self.overdue
        await self.turn.acquire()
        try:
            await conversation
        except Exception as problem:
            self.errors.append(f"{name}: {type(problem).__name__}: {problem}")
            traceback.print_exc()
        if not waits.is_set():
            self.leave_stage()

    # MARK: ends

    async def connect(self):
        return await client_end(self.proxy.hostname, self.proxy.port)

    async def call(self, target):
        """Both ends of a connection through the proxy, before anything was answered."""
        caller = len(self.callers)
        self.callers[caller] = asyncio.get_running_loop().create_future()
        return await self.connect(), f"/puppet/?EIO=4&caller={caller}&{target}", f"puppet-{caller}", self.callers[caller]

    async def websocket(self, **told):
        client, target, sid, server = await self.call("transport=websocket")
        opening = asyncio.ensure_future(request(client, "GET", target, upgrade=True))
        server = await asyncio.wait_for(server, PATIENCE)
        await accept(server)
        await opening
        await server.text(open_packet(sid, **told))
        await client.expect("0{")
        await client.text("40")
        await server.expect("40")
        await server.text('40{"sid":"s-' + sid + '"}')
        await client.expect("40{")
        return client, server

    async def polling(self):
        client, target, sid, server = await self.call("transport=polling")
        opening = asyncio.ensure_future(request(client, "GET", target))
        server = await asyncio.wait_for(server, PATIENCE)
        await answer(server, 200, open_packet(sid).encode())
        await opening
        client, server = PollingClient(client, f"{target}&sid={sid}"), PollingServer(server)
        joining = asyncio.ensure_future(client.post("40"))
        await server.take()
        await answer(server, 200)
        await joining
        asking = asyncio.ensure_future(client.get())
        await server.take()
        await answer(server, 200, b'40{"sid":"s-' + sid.encode() + b'"}')
        await asking
        return client, server

    async def join_real_server(self):
        client = await self.connect()
        await request(client, "GET", "/socket.io/?EIO=4&transport=websocket", upgrade=True)
        await client.expect("0{")
        await client.text("40")
        await client.expect("40{")
        return client

    async def poll_real_server(self):
        end = await self.connect()
        target = "/socket.io/?EIO=4&transport=polling"
        _, body = await request(end, "GET", target)
        sid = json.loads(body[1:])["sid"]
        client = PollingClient(end, f"{target}&sid={sid}")
        await client.post("40")
        await client.get()
        return client, sid


class PollingClient:
    """A client's end of a session that polls on one connection."""

    def __init__(self, end, target):
        self.end_of_connection, self.target = end, target

    async def post(self, text):
        return await request(self.end_of_connection, "POST", self.target, text.encode())

    async def get(self):
        return await request(self.end_of_connection, "GET", self.target)

    def end(self):
        self.end_of_connection.end()


class PollingServer(End):
    """The server's end of it."""

    def __init__(self, end):
        super().__init__(end.reader, end.writer, is_client=False)

    async def take(self):
        """Reads one request whole."""
        _, fields = await self.head()
        return await self.body(fields)


class FrontDoor:
    """Accepts all connections of the port, and brings each to its server."""

    def __init__(self, stage, eio3_port):
        self.stage, self.eio3_port = stage, eio3_port
        self.inner_port = None

    async def receive(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            target = urlsplit(head.split(b" ", 2)[1].decode())
            query = parse_qs(target.query)
            if target.path.startswith("/puppet/"):
                return self.stage.callers[int(query["caller"][0])].set_result(End(reader, writer, is_client=False))
            port = self.eio3_port if target.path.startswith("/eio3/") else self.inner_port
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            for who in query.get("who", []):
                self.stage.connections[who] = (writer, inner_writer)
            inner_writer.write(head)
            await asyncio.gather(self.pass_on(reader, inner_writer), self.pass_on(inner_reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except Exception as problem:
            self.stage.errors.append(f"the front door: {type(problem).__name__}: {problem}")

    @staticmethod
    async def pass_on(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()


class RealServer:
    """The chat on python-socketio."""

    def __init__(self, stage):
        self.stage = stage
        self.io = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*", ping_interval=PING_INTERVAL)
        self.arrived = collections.defaultdict(asyncio.Event)
        self.patient = collections.defaultdict(asyncio.Event)
        self.tried = set()
        handle = self.io._handle_event

        def on_event(eio_sid, namespace, id, data):
            # These lose their id: a handler of this library acknowledges even when it returns nothing.
            if data[0] == "mutes" or data[0] == "flaky" and data[1]["tag"] not in self.tried:
                self.tried.add(data[1]["tag"])
                id = None
            return handle(eio_sid, namespace, id, data)

        self.io._handle_event = on_event
        for namespace in ("/", "/lobby"):
            self.io.on("connect", lambda *args: None, namespace=namespace)
            for name in ("enter", "say", "note", "mutes", "flaky", "raises", "looks_up", "waits", "hangs", "kick",
                         "asks_back", "takes_its_time", "file"):
                self.io.on(name, self.handler(getattr(self, name), namespace), namespace=namespace)
        self.io.on("connect", self.refuse, namespace="/staff")

    @staticmethod
    def handler(method, namespace):
        async def handle(sid, data):
            return await method(namespace, sid, data)

        return handle

    async def refuse(self, sid, environ, auth=None):
        raise socketio.exceptions.ConnectionRefusedError("staff only")

    async def enter(self, namespace, sid, data):
        await self.io.enter_room(sid, data["room"], namespace=namespace)
        return {"ok": True}

    async def say(self, namespace, sid, data):
        if "room" in data:
            await self.io.emit("said", {"text": data["text"]}, room=data["room"], skip_sid=sid, namespace=namespace)
        return {"ok": True}

    async def note(self, namespace, sid, data):
        pass

    async def mutes(self, namespace, sid, data):
        pass

    async def flaky(self, namespace, sid, data):
        self.arrived[data["tag"]].set()
        return {"ok": True}

    async def raises(self, namespace, sid, data):
        raise ValueError("raised on purpose")

    async def looks_up(self, namespace, sid, data):
        if data["room"] not in self.io.rooms(sid, namespace=namespace):
            raise KeyError(data["room"])
        return {"room": data["room"]}

    async def waits(self, namespace, sid, data):
        await self.stage.overdue.wait()
        return {"waited": True}

    async def takes_its_time(self, namespace, sid, data):
        """Acknowledges after its caller has given up, which the wire does not show."""
        await self.patient[data["tag"]].wait()
        return {"ok": True}

    async def hangs(self, namespace, sid, data):
        self.arrived[data["tag"]].set()
        await asyncio.Event().wait()

    async def kick(self, namespace, sid, data):
        await self.io.disconnect(sid, namespace=namespace)

    async def asks_back(self, namespace, sid, data):
        await self.io.emit(data["question"], {"tag": data["asked"]}, to=sid, namespace=namespace,
                           callback=lambda *args: None)
        return {"asked": True}

    async def file(self, namespace, sid, data):
        return {"size": len(data["body"])}


class Person:
    """A client of python-socketio with a script of its own."""

    def __init__(self, index, stage, server, random, path="socket.io"):
        self.index, self.stage, self.server, self.random, self.path = index, stage, server, random, path
        self.transports = random.choice([["websocket"], ["polling"], ["polling", "websocket"]])
        self.namespaces = ["/", "/lobby"] if path == "socket.io" and random.random() < 0.3 else ["/"]
        self.room = None
        self.heard = 0
        self.late_ones = 0
        self.changed = asyncio.Condition()
        self.io = socketio.AsyncClient(reconnection=False, handle_sigint=False, request_timeout=PATIENCE)
        self.gone = asyncio.Event()
        for namespace in self.namespaces:
            self.io.on("said", self.on_said, namespace=namespace)
            self.io.on("question", self.on_question, namespace=namespace)
            self.io.on("disconnect", self.on_disconnect, namespace=namespace)
            self.io.on("exception", self.on_exception, namespace=namespace)
        self.exceptions = 0

    async def tell(self):
        async with self.changed:
            self.changed.notify_all()

    async def until(self, holds):
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(holds), PATIENCE)

    async def on_said(self, data):
        self.heard += 1
        await self.tell()

    async def on_question(self, data):
        return "an answer"

    async def on_exception(self, *data):
        self.exceptions += 1
        await self.tell()

    async def on_disconnect(self, *reason):
        self.gone.set()

    # MARK: steps

    async def connect(self):
        await self.io.connect(f"{self.stage.proxy.geturl()}?who={self.index}", transports=self.transports,
                              socketio_path=self.path, namespaces=self.namespaces, wait_timeout=PATIENCE)
        if len(self.transports) == 2:
            self.stage.finding("upgrade_completed")

    async def call(self, name, tag, namespace="/", **data):
        return await self.io.call(name, {"tag": tag, **data}, namespace=namespace, timeout=PATIENCE)

    async def open(self, name, tag, namespace="/", **data):
        """Emits with an ack and waits for nothing."""
        await self.io.emit(name, {"tag": tag, **data}, namespace=namespace, callback=lambda *answer: None)

    async def open_till_late(self, name, namespace):
        """Emits what is acknowledged once it is overdue."""
        self.late_ones += 1

        async def on_ack(*answer):
            self.late_ones -= 1
            await self.tell()

        await self.io.emit(name, {"tag": self.stage.late()}, namespace=namespace, callback=on_ack)

    async def leave(self):
        if self.io.transport() == "websocket":
            await self.io.disconnect()
            return
        # The library would wait for its pending GET, which the server leaves unanswered until the heartbeat has run out.
        writing = self.io.eio.write_loop_task
        self.leaving = asyncio.create_task(self.io.disconnect())
        await asyncio.wait({writing}, timeout=PATIENCE)


class Member(Person):
    """Someone of a room: everything may go wrong, but the connection lasts."""

    async def join(self, room, members):
        self.room, self.members = room, members
        await self.connect()
        await self.call("enter", self.stage.tag("acknowledged"), room=room)

    async def converse(self):
        for step in self.random.choices(
                ["say", "note", "silent", "unknown", "raises", "late", "conditional", "asked", "asked_unheard",
                 "gives_up", "again", "file"], weights=[6, 3, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1], k=7):
            await getattr(self, step)(self.random.choice(self.namespaces))
        await self.stage.all_overdue()
        # Only the late ones are still to come; the others wait in vain.
        await self.until(lambda: self.late_ones == 0 and self.heard == self.owed_to_me())
        await self.leave()

    def owed_to_me(self):
        return sum(count for member, count in self.members.items() if member != self.index)

    async def say(self, namespace):
        self.members[self.index] += 1
        self.stage.untagged["said"] += len(self.members) - 1
        await self.call("say", self.stage.tag("acknowledged"), room=self.room, text="hello")

    async def note(self, namespace):
        await self.io.emit("note", {"tag": self.stage.tag("unconfirmed", "no_ack_requested")}, namespace=namespace)

    async def silent(self, namespace):
        await self.open("mutes", self.stage.silent(), namespace)

    async def unknown(self, namespace):
        await self.open("no_such_event", self.stage.silent("no_handler_or_no_return"), namespace)

    async def raises(self, namespace):
        await self.open("raises", self.stage.silent("no_handler_or_no_return"), namespace)

    async def conditional(self, namespace):
        await self.call("looks_up", self.stage.tag("acknowledged"), room=self.room)
        await self.open("looks_up", self.stage.silent("conditional_path"), room="never entered")

    async def late(self, namespace):
        await self.open_till_late("waits", namespace)

    async def asked(self, namespace):
        asked = self.stage.tag("acknowledged", by="server")
        await self.call("asks_back", self.stage.tag("acknowledged"), namespace, question="question", asked=asked)

    async def asked_unheard(self, namespace):
        """This library acknowledges events that it has no handler for."""
        asked = self.stage.tag("acknowledged", by="server")
        await self.call("asks_back", self.stage.tag("acknowledged"), namespace, question="psst", asked=asked)

    async def gives_up(self, namespace):
        """The caller's own timeout is nothing that the wire shows."""
        tag = self.stage.tag("acknowledged")
        acked = asyncio.Event()

        async def on_ack(*answer):
            acked.set()

        await self.io.emit("takes_its_time", {"tag": tag}, namespace=namespace, callback=on_ack)
        self.server.patient[tag].set()
        await asyncio.wait_for(acked.wait(), PATIENCE)

    async def again(self, namespace):
        """Nobody answers, and the caller sends it again."""
        tag = self.stage.tag("superseded", "retried")
        await self.open("flaky", tag, namespace)
        await asyncio.wait_for(self.server.arrived[tag].wait(), PATIENCE)
        await asyncio.sleep(0.03)  # what this caller waits for an ack
        self.stage.again(tag, "acknowledged")
        await self.call("flaky", tag, namespace)

    async def file(self, namespace):
        await self.call("file", self.stage.tag("acknowledged"), namespace, body=bytes(range(200)))


class Unlucky(Person):
    """Someone whose connection does not last."""

    async def converse(self):
        await self.connect()
        for _ in range(self.random.randrange(3)):
            await self.call("say", self.stage.tag("acknowledged"))
        ends = ["quits", "is_kicked"] + (["dies"] if self.transports == ["websocket"] else [])
        await getattr(self, self.random.choice(ends))()

    async def hang(self, *causes):
        tag = self.stage.tag("unanswered", *causes)
        await self.open("hangs", tag)
        await asyncio.wait_for(self.server.arrived[tag].wait(), PATIENCE)

    async def dies(self):
        await self.hang("disconnected_before_ack")
        for writer in self.stage.connections[str(self.index)]:
            writer.transport.abort()
        await asyncio.wait_for(self.gone.wait(), PATIENCE)

    async def quits(self):
        await self.hang("disconnected_before_ack", "overtaken_by_disconnect")
        # With a POST under way the library would leave without a word.
        await asyncio.wait_for(self.io.eio.queue.join(), PATIENCE)
        await self.leave()

    async def is_kicked(self):
        # The server of this library acknowledges all the same, behind its DISCONNECT.
        await self.open("kick", self.stage.tag("late", "after_peer_left"))
        await asyncio.wait_for(self.gone.wait(), PATIENCE)


class Guest(Person):
    """A client of a NestJS gateway."""

    async def converse(self):
        await self.connect()
        version = int(self.path.removeprefix("nest"))
        for step in self.random.choices(["answered", "rejected", "silent", "event", "late"], k=5):
            await getattr(self, step)(version)
        await self.stage.all_overdue()
        await self.until(lambda: self.late_ones == 0)
        await self.leave()

    async def answered(self, version):
        await self.call("hello", self.stage.tag("acknowledged"))

    async def rejected(self, version):
        seen = self.exceptions
        self.stage.untagged["exception"] += 1
        # Without its cause an exception says too little to end the waiting.
        tag = self.stage.tag("rejected", "exception_event", overdue=version < 11)
        await self.open(self.random.choice(["throws_text", "throws_error", "guarded", "validated"]), tag)
        await self.until(lambda: self.exceptions > seen)

    async def silent(self, version):
        await self.open(self.random.choice(["fire", "void", "no_such_event"]), self.stage.silent())

    async def event(self, version):
        """Each under a name of its own: one name for all at the same time would look like a broadcast."""
        tag = self.stage.tag("answered_by_event", "returned_event_object", overdue=True)
        name, came = f"reply {tag}", asyncio.Event()
        self.stage.untagged[name] += 1
        self.io.on(name, lambda *args: came.set())
        sent = time.monotonic()
        await self.open("replies", tag, reply=name)
        await asyncio.wait_for(came.wait(), PATIENCE)
        if time.monotonic() - sent > REPLY_WINDOW:
            self.stage.unsure[f"client {tag}"] = "unanswered"

    async def late(self, version):
        await self.open_till_late("at_last", "/")


async def answer_at_last(stage):
    await stage.overdue.wait()
    return "at last"


def applications(stage, server):
    nest_server.look_like_node(NODE_PING_INTERVAL * 1000)
    nest_server.HANDLERS["replies"] = lambda body: {"event": body["reply"], "data": 1}
    nest_server.HANDLERS["at_last"] = lambda body: answer_at_last(stage)
    application = socketio.ASGIApp(server.io)
    for version in (10, 11):
        gateway = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*", ping_interval=NODE_PING_INTERVAL)
        gateway.on("connect", lambda *args: None)
        nest_server.install_gateway(gateway, with_cause=version >= 11)
        application = socketio.ASGIApp(gateway, other_asgi_app=application, socketio_path=f"nest{version}")
    return application


async def chat(stage, server, options):
    chance = random.Random(options.seed)
    puppets = list(PUPPETS) + chance.choices(PUPPETS, k=max(0, options.sessions // 4 - len(PUPPETS)))
    sessions = options.sessions - len(puppets) - 1
    kinds = chance.choices([Member, Unlucky, Guest], weights=[6, 2, 2], k=sessions)
    people = [
        kind(i, stage, server, random.Random(chance.random()),
             *([f"nest{chance.choice([10, 11])}"] if kind is Guest else []))
        for i, kind in enumerate(kinds)]
    members = [person for person in people if isinstance(person, Member)]
    rooms = [members[i:i + ROOM_SIZE] for i in range(0, len(members), ROOM_SIZE)]

    async def join(room, everyone):
        counts = {member.index: 0 for member in everyone}
        for member in everyone:
            await member.join(f"room {room}", counts)

    joining = asyncio.Semaphore(AT_ONCE)

    async def join_in_turn(room, everyone):
        async with joining:
            await join(room, everyone)

    await asyncio.gather(*(join_in_turn(i, room) for i, room in enumerate(rooms)))
    plays = [(f"{type(p).__name__} {p.index} ({p.path})", p.converse()) for p in people]
    plays += [(puppet.__name__, puppet(stage)) for puppet in puppets]
    chance.shuffle(plays)
    stage.busy = len(plays)
    playing = [asyncio.ensure_future(stage.play(*play)) for play in plays]
    await stage.is_final.wait()
    say(overdue=stage.open, errors=stage.errors)
    await stage.overdue.wait()
    await asyncio.gather(*playing)
    last = await stage.join_real_server()
    await last.text(event(1, "mutes", {"tag": stage.tag(
        "unanswered", "capture_ended", "disconnected_before_ack", "no_handler_or_no_return", "conditional_path")}))
    await last.text(event(2, "say", {"tag": stage.tag("acknowledged")}))
    await last.expect("432")
    say(report={"emits": stage.emits, "unsure": stage.unsure, "untagged": stage.untagged, "findings": stage.findings,
                "errors": stage.errors})
    return last


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--eio3-port", type=int, default=0)
    parser.add_argument("--max-seconds", type=float, default=90)
    options = parser.parse_args()
    limit_lifetime(options.max_seconds)
    logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL)

    loop = asyncio.get_running_loop()
    outer, inner = listening_socket(0), listening_socket(0)
    stage = Stage(outer.getsockname()[1])
    server = RealServer(stage)
    door = FrontDoor(stage, options.eio3_port)
    door.inner_port = inner.getsockname()[1]
    web = uvicorn.Server(uvicorn.Config(
        applications(stage, server), log_level="critical", lifespan="off", ws_per_message_deflate=False,
        ws_ping_interval=None, timeout_graceful_shutdown=1))
    web.install_signal_handlers = lambda: None
    serving = asyncio.ensure_future(web.serve(sockets=[inner]))
    front = await asyncio.start_server(door.receive, sock=outer)
    told = asyncio.Event()

    def on_command(command):
        if "proxy" in command:
            stage.proxy = urlsplit(command["proxy"])
            loop.call_soon_threadsafe(told.set)
        elif "go" in command:
            loop.call_soon_threadsafe(stage.overdue.set)
        else:
            raise ValueError("unknown command")

    follow_stdin(on_command)
    say(listening=stage.port)
    await told.wait()
    try:
        last = await chat(stage, server, options)
        await serving
    except Exception as problem:
        traceback.print_exc()
        say(error=f"{type(problem).__name__}: {problem}")
        leave(1)


if __name__ == "__main__":
    asyncio.run(main())
