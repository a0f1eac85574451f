"""Records one small capture for each verdict and cause: a conversation through the proxy that comes to it.

    faults.py ACKSCOPE FOLDER [NAME...]

Each conversation has a proxy and a capture of its own, named for the verdict and the cause. The server is the one of the
end-to-end tests' faulty chat: python-socketio, a NestJS gateway, or one that plays its part by hand where no library
commits the fault (Tests/EndToEndTests/Peers).
"""

import asyncio
import os
import pathlib
import random
import signal
import sys
from urllib.parse import urlsplit

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "EndToEndTests" / "Peers"))

import uvicorn  # noqa: E402

import puppets  # noqa: E402
from chat_server import listening_socket  # noqa: E402
from faulty_chat import FrontDoor, Guest, Member, RealServer, Stage, Unlucky, applications  # noqa: E402
from wire_ends import event  # noqa: E402

ACK_TIMEOUT = 0.5  # seconds


async def with_person(stage, kind, *steps, path="socket.io"):
    """A client of the library that takes these steps, and leaves once what is open is overdue."""
    person = kind(0, stage, stage.server, random.Random(4), path)
    person.transports, person.namespaces = ["websocket"], ["/"]
    if kind is Member:
        await person.join("kitchen", {0: 0})
    else:
        await person.connect()
    for step in steps:
        await step(person)
    await stage.all_overdue()
    await person.until(lambda: person.late_ones == 0)
    await person.leave()


def steps(kind, *names, path="socket.io"):
    argument = [11] if kind is Guest else ["/"]
    return lambda stage: with_person(
        stage, kind, *(lambda person, name=name: getattr(person, name)(*argument) for name in names), path=path)


async def disconnected(stage):
    person = Unlucky(0, stage, stage.server, random.Random(4))
    person.transports, person.namespaces = ["websocket"], ["/"]
    await person.connect()
    await person.dies()


async def server_is_down(stage):
    """The session lives, but its next POST comes on a new connection, and nobody listens to the proxy any more."""
    client, server = await stage.polling()
    stage.front.close()
    client.end_of_connection.end()
    client.end_of_connection = await stage.connect()
    await client.post(event(1, "order", {"tag": stage.tag("unanswered", "not_delivered")}))
    client.end()
    server.end()
    stage.front = await asyncio.start_server(stage.door.receive, sock=listening_socket(stage.port))


async def left_open(stage):
    """The capture ends while an emit is open: the recorder kills the proxy, or stops it, behind this."""
    client, server = await stage.websocket()
    await puppets.ask(client, server, stage.silent(), 1, name="order")
    return client, server


async def stopped_while_open(stage):
    """A session that polls, between two requests, when the proxy is stopped: nobody ended it."""
    client, sid = await stage.poll_real_server()
    await client.post(event(1, "mutes", {"tag": stage.silent()}))


SAMPLES = {
    "acknowledged": steps(Member, "say", "file"),
    "unconfirmed-no-ack-requested": steps(Member, "note", "note"),
    "pending": left_open,
    "overdue": left_open,
    "late-after-ack-timeout": steps(Member, "late"),
    "late-after-peer-left": puppets.answered_after_the_client_left,
    "rejected-exception-event": steps(Guest, "answered", "rejected", path="nest11"),
    "answered-by-event-returned-event-object": steps(Guest, "answered", "event", path="nest11"),
    "superseded-retried": steps(Member, "again"),
    "unanswered-no-handler-or-no-return": steps(Member, "unknown", "say"),
    "unanswered-conditional-path": steps(Member, "conditional"),
    "unanswered-handler-registered-late": puppets.listens_late,
    "unanswered-disconnected-before-ack": disconnected,
    "unanswered-overtaken-by-disconnect": puppets.client_leaves_in_the_same_burst,
    "unanswered-ping-timeout": puppets.heartbeat_stops,
    "unanswered-payload-too-large": puppets.longer_than_the_server_takes,
    "unanswered-namespace-not-connected": puppets.never_joined,
    "unanswered-invalid-packet": puppets.reserved_name,
    "unanswered-poll-batch-too-large": puppets.posts_too_many_at_once,
    "unanswered-session-unknown": puppets.session_forgotten,
    "unanswered-not-delivered": server_is_down,
    "unanswered-decoding-stopped": puppets.undecodable_answers,
    "unanswered-capture-ended": stopped_while_open,
}


async def record(name, conversation, ackscope, folder, stage):
    capture = folder / f"{name}.jsonl"
    capture.unlink(missing_ok=True)
    proxy = await asyncio.create_subprocess_exec(
        ackscope, "proxy", f"http://127.0.0.1:{stage.port}", "--listen", "127.0.0.1:0", "--capture", str(capture),
        "--view", "none", "--ack-timeout", f"{int(ACK_TIMEOUT * 1000)}ms", stderr=asyncio.subprocess.PIPE)
    while "listening on " not in (line := (await proxy.stderr.readline()).decode()):
        if not line:
            raise RuntimeError(f"{name}: the proxy does not listen")
    stage.proxy = urlsplit(line.split("listening on ")[1].split()[0])
    stage.overdue.clear()
    stage.is_final.clear()
    stage.busy = 1
    playing = asyncio.ensure_future(conversation(stage))
    waiting = asyncio.ensure_future(stage.is_final.wait())
    await asyncio.wait({playing, waiting}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    if name not in ("pending", "unanswered-capture-ended"):
        await asyncio.sleep(ACK_TIMEOUT * 3)  # what is open now is called overdue by then
    stage.overdue.set()
    await asyncio.wait_for(playing, 10)
    proxy.send_signal(signal.SIGKILL if name in ("pending", "overdue") else signal.SIGINT)
    await proxy.wait()
    capture.chmod(0o644)
    print(os.path.relpath(capture, folder.parent))


async def main():
    ackscope, folder, names = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:] or list(SAMPLES)
    outer, inner = listening_socket(0), listening_socket(0)
    stage = Stage(outer.getsockname()[1])
    stage.server = RealServer(stage)
    stage.door = FrontDoor(stage, 0)
    stage.door.inner_port = inner.getsockname()[1]
    web = uvicorn.Server(uvicorn.Config(
        applications(stage, stage.server), log_level="critical", lifespan="off", ws_per_message_deflate=False,
        ws_ping_interval=None, timeout_graceful_shutdown=1))
    serving = asyncio.ensure_future(web.serve(sockets=[inner]))
    stage.front = await asyncio.start_server(stage.door.receive, sock=outer)
    for name in names:
        await record(name, SAMPLES[name], ackscope, folder, stage)
    if stage.errors:
        print(*stage.errors, sep="\n", file=sys.stderr)
    os._exit(1 if stage.errors else 0)


if __name__ == "__main__":
    asyncio.run(main())
