#!/usr/bin/env python3
"""Who is the limit of a replay at full speed: Ackscope, or the server that it plays against.

    Tests/Benchmarks/replay.py [--emits 10000] [--clients 1,10] [--rounds 5] [--binary .build/release/ackscope]
                               [--python .build/peers/engineIO4/bin/python3]

Needs a built ackscope and a Python with python-socketio and aiohttp, which the end-to-end tests set up. For each number of
clients it records that many emits (send_message, each with an ack) through the proxy, as a chat: each ack holds an id that the server made up,
and each message is broadcast to the sender's room of up to five. Then it plays the recording at `--pace max`
against a fresh server, several times, and reads the processor time that both processes took from /proc. Prints for each
run the emits in a second, both times, and for how much of the replay the server had work (ran or waited for a processor), and ends with 1 where in the median Ackscope took more than the server did, or
where a replay was not the same as recorded.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")


def fail(words):
    sys.exit(f"replay.py: {words}")


def serve():
    """The server of a run: python-socketio on aiohttp."""
    import socketio
    import uuid
    from aiohttp import web

    server = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins="*")
    app = web.Application()
    server.attach(app)

    @server.event
    async def join(sid, data):
        await server.enter_room(sid, data["room"])
        return {"ok": True}

    @server.event
    async def send_message(sid, data):
        message = str(uuid.uuid4())
        if data["broadcast"]:
            await server.emit("message", {"id": message, "text": data["text"]}, room=data["room"])
        return {"ok": True, "id": message}

    async def main():
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        print(json.dumps({"listening": site._server.sockets[0].getsockname()[1]}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

    asyncio.run(main())


def chat(url, clients, emits):
    """The clients that are recorded: as many emits under way at once as a busy client has."""
    import socketio

    async def one(number):
        client = socketio.AsyncClient(reconnection=False)
        await client.connect(url, transports=["websocket"])
        room = f"room {number // 5}"
        await client.call("join", {"room": room})
        left = iter(range(emits // clients))

        async def worker():
            for count in left:
                await client.call(
                    "send_message", {"room": room, "text": f"message {count} of client {number}", "broadcast": clients > 1},
                    timeout=120)

        await asyncio.gather(*(worker() for _ in range(16)))
        return client

    async def main():
        everybody = await asyncio.gather(*(one(number) for number in range(clients)))
        await asyncio.sleep(0.5)
        for client in everybody:
            await client.disconnect()

    asyncio.run(main())


class Server:
    def __init__(self, python):
        self.process = subprocess.Popen([python, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = json.loads(self.process.stdout.readline())["listening"]

    def seconds(self):
        """Processor time until now."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def wanted(self):
        """Seconds in which it ran, or would have on a machine with nothing else to do."""
        with open(f"/proc/{self.process.pid}/schedstat") as file:
            ran, waited = file.read().split()[:2]
        return (int(ran) + int(waited)) / 1e9

    def stop(self):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()


def record(options, folder, clients):
    capture = os.path.join(folder, f"{clients}.jsonl")
    server = Server(options.python)
    proxy = subprocess.Popen(
        [options.binary, "proxy", f"http://127.0.0.1:{server.port}", "--listen", "127.0.0.1:0", "--capture", capture,
         "--view", "none"], stderr=subprocess.PIPE, text=True)
    for line in proxy.stderr:
        if "listening on " in line:
            break
    address = line.split("listening on ")[1].split()[0]
    subprocess.run([options.python, __file__, "--chat", address, "--clients", str(clients), "--emits", str(options.emits)],
                   check=True)
    proxy.terminate()
    proxy.wait()
    server.stop()
    return capture


def play(options, capture):
    server = Server(options.python)
    before, wanted = server.seconds(), server.wanted()
    began = time.monotonic()
    replay = subprocess.Popen(
        [options.binary, "replay", capture, "--to", f"http://127.0.0.1:{server.port}", "--pace", "max", "--format", "json"],
        stdout=subprocess.PIPE, text=True)
    output = replay.stdout.read()
    _, status, usage = os.wait4(replay.pid, 0)
    elapsed = time.monotonic() - began
    served, busy = server.seconds() - before, server.wanted() - wanted
    server.stop()
    if os.waitstatus_to_exitcode(status) != 0:
        fail(f"the replay ended with {os.waitstatus_to_exitcode(status)}: {output[:2000]}")
    report = json.loads(output)
    return report["emits"], elapsed, usage.ru_utime + usage.ru_stime, served, busy * 1e6 / report["duration_us"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--emits", type=int, default=10_000)
    parser.add_argument("--clients", default="1,10")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--binary", default=".build/release/ackscope")
    parser.add_argument("--python", default=".build/peers/engineIO4/bin/python3")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--chat", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve()
    if options.chat:
        return chat(options.chat, int(options.clients), options.emits)
    for needed in (options.binary, options.python):
        if not os.access(needed, os.X_OK):
            fail(f"'{needed}' is not there; build it, or run the end-to-end tests once")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for clients in (int(part) for part in options.clients.split(",")):
            capture = record(options, folder, clients)
            print(f"{clients} clients, {os.path.getsize(capture) / 1e6:.1f} MB of capture")
            shares = []
            for number in range(options.rounds):
                emits, elapsed, own, served, busy = play(options, capture)
                shares.append(own / served)
                print(f"  run {number + 1}: {emits} emits in {elapsed:.2f} s, {emits / elapsed:,.0f}/s; processor time: "
                      f"ackscope {own:.2f} s, server {served:.2f} s: {own / served:.2f}; server busy {min(busy, 1):.0%}", flush=True)
            share = statistics.median(shares)
            print(f"  median: ackscope takes {share:.2f} of the server's processor time")
            failed = failed or share >= 1
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
