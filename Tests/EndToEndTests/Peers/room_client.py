"""Two people in a room of room_server.py: what they do is recorded, and replayed.

Prints {"report": {"errors": [...]}} and exits with status 0, or 1 where something went wrong.
"""

import argparse
import asyncio
import logging
import sys

import socketio
from chat_server import MODERN
from peer_lines import follow_stdin, leave, limit_lifetime, say

PATIENCE = 10


class Person:
    def __init__(self, name, options):
        self.name, self.options = name, options
        settings = {} if options.serializer == "default" else {"serializer": options.serializer}
        if options.deflate:
            settings["websocket_extra_options"] = {"compress": 15}
        self.io = socketio.AsyncClient(reconnection=False, **settings, **({"handle_sigint": False} if MODERN else {}))
        self.got, self.changed, self.joined = [], asyncio.Condition(), set()
        for namespace in options.namespaces.split(","):
            for event in ("room_created", "joined", "message", "edited", "file"):
                self.io.on(event, self.collect(namespace, event), namespace=namespace)
            self.io.on("question", self.answer, namespace=namespace)
            self.io.on("connect", self.join(namespace), namespace=namespace)

    def collect(self, namespace, event):
        async def handler(*args):
            async with self.changed:
                self.got.append((namespace, event, args))
                self.changed.notify_all()

        return handler

    def join(self, namespace):
        async def handler():
            self.joined.add(namespace)

        return handler

    async def answer(self, data):
        return f"{self.name} knows of {data['about']}"

    async def connect(self):
        transports = ["polling", "websocket"] if self.options.transports == "both" else [self.options.transports]
        auth = {"auth": {"token": self.options.token, "name": self.name}} if MODERN else {}
        waiting = {"wait_timeout": PATIENCE} if MODERN else {}
        await self.io.connect(self.options.url, namespaces=self.options.namespaces.split(","), transports=transports,
                              **auth, **waiting)
        for _ in range(500):
            if self.joined.issuperset(self.options.namespaces.split(",")):
                return
            await asyncio.sleep(0.01)
        raise RuntimeError("the namespaces were not joined")

    async def call(self, event, data, namespace):
        return await self.io.call(event, data, namespace=namespace, timeout=PATIENCE)

    async def wait_for(self, namespace, event, count=1):
        def have():
            return sum(1 for n, e, _ in self.got if n == namespace and e == event)

        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(lambda: have() >= count), PATIENCE)
        return [args for n, e, args in self.got if n == namespace and e == event][count - 1]

    async def leave(self):
        if self.io.transport() == "websocket" if callable(self.io.transport) else self.io.transport == "websocket":
            await self.io.disconnect()
        else:
            # The library would wait for its pending GET, which the server leaves unanswered after a close.
            writing = self.io.eio.write_loop_task
            self.leaving = asyncio.create_task(self.io.disconnect())
            if writing is not None:
                await asyncio.wait({writing}, timeout=PATIENCE)


def check(condition, text):
    if not condition:
        raise RuntimeError(text)


async def chat(anna, ben, namespace, options):
    room = await anna.call("create_room", {"name": "tea"}, namespace)
    check(room["ok"], f"create_room: {room}")
    seen, = await ben.wait_for(namespace, "room_created")
    check(seen["id"] == room["id"], "another room")
    for person in (anna, ben):
        joined = await person.call("join", {"room": seen["id"], "name": person.name}, namespace)
        check(joined["ok"], f"join: {joined}")
    count = 0
    for text in ["first", "second", "third"] + [f"message {n}" for n in range(options.messages)]:
        for person in (anna, ben):
            sent = await person.call("send_message", {"room": seen["id"], "text": text}, namespace)
            check(sent["ok"], f"send_message: {sent}")
        count += 2
        for person in (anna, ben):
            last, = await person.wait_for(namespace, "message", count)
    edited = await anna.call("edit_message", {"id": last["id"], "text": "better"}, namespace)
    check(edited["ok"], f"edit_message: {edited}")
    if not options.short_ids:
        link = await ben.call("link", f"room:{seen['id']}", namespace)
        check(link.startswith("https"), f"link: {link}")
    body = bytes(range(256)) * 4
    loaded = await ben.call("upload", ("notes.bin", body), namespace)
    check(loaded["size"] == len(body), f"upload: {loaded}")
    sent, = await ben.wait_for(namespace, "file")
    check(sent["body"] == body[::-1], "the file came back otherwise")
    answer = await anna.call("ask_me", "tea", namespace)
    check(answer == {"you said": "anna knows of tea"}, f"ask_me: {answer}")
    await ben.io.emit("note", {"nobody": "acknowledges this"}, namespace=namespace)
    await ben.wait_for(namespace, "edited")
    return seen["id"]


async def play(options):
    anna, ben = Person("anna", options), Person("ben", options)
    await anna.connect()
    await ben.connect()
    for namespace in options.namespaces.split(","):
        room = await chat(anna, ben, namespace, options)
    await ben.leave()
    await asyncio.sleep(0.05)
    # Ben comes back, to the room that he was in.
    again = Person("ben", options)
    await again.connect()
    joined = await again.call("join", {"room": room, "name": "ben again"}, namespace)
    check(joined["ok"], f"join again: {joined}")
    sent = await anna.call("send_message", {"room": room, "text": "welcome back"}, namespace)
    check(sent["ok"], f"send_message: {sent}")
    await again.wait_for(namespace, "message")
    if options.burst:
        asked = [again.call("send_message", {"room": room, "text": f"burst {n}"}, namespace)
                 for n in range(options.burst)]
        await asyncio.gather(*asked)
        await again.wait_for(namespace, "message", 1 + options.burst)
        await anna.wait_for(namespace, "message", options.burst)
    if options.crash:
        say(waiting=True)
        await asyncio.sleep(60)
    await again.leave()
    await anna.leave()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--transports", choices=["polling", "websocket", "both"], default="both")
    parser.add_argument("--serializer", choices=["default", "msgpack"], default="default")
    parser.add_argument("--short-ids", action="store_true", help="leave out what needs rooms with long ids")
    parser.add_argument("--namespaces", default="/,/chat")
    parser.add_argument("--messages", type=int, default=0, help="further messages of each person")
    parser.add_argument("--burst", type=int, default=0, help="messages at once, at the end")
    parser.add_argument("--token", default="tea-time-7")
    parser.add_argument("--deflate", action="store_true", help="offer permessage-deflate")
    parser.add_argument("--crash", action="store_true", help="say {\"waiting\": true} instead of leaving")
    parser.add_argument("--max-seconds", type=float, default=120)
    options = parser.parse_args()
    limit_lifetime(options.max_seconds)
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR)
    follow_stdin(lambda command: leave(0))
    errors = []
    try:
        asyncio.run(play(options))
    except Exception as problem:
        errors.append(f"{type(problem).__name__}: {problem}")
        import traceback
        traceback.print_exc()
    say(report={"errors": errors})
    leave(1 if errors else 0)


if __name__ == "__main__":
    main()
