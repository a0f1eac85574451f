#!/usr/bin/env python3
"""What the live view costs, and whether it stays quick, under as much load as this machine makes.

    Tests/Benchmarks/view.py [--rounds 7] [--seconds 3] [--binary .build/release/ackscope] [--connections 50] [--window 8]

Needs Python, tmux and a built ackscope. The same load (emits and their acks, as many as the machine takes) goes through a
proxy with `--view none` and through one with `--view live` in tmux, in turn and in rounds, which swap their order. Prints
medians: processor time of the proxy for each emit with its ack, round trips a second, and what the view costs in percent;
then frames a second, how long a key takes until the screen shows what it does, how long emits that nobody answers take until
they stand on the board with their arguments, resident memory, and whether the counts on the screen are those of the capture.
Ends with 1 where a bound is broken: 10 frames a second, 100 ms a key (median), 5 %, counts, a lost emit that is not found.
"""

import argparse
import json
import os
import re
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time


def fail(words):
    sys.exit(f"view.py: {words}")


class Pane:
    """A program in tmux, watched through tmux's control mode: every piece of output with the moment at which it came."""

    def __init__(self, folder, command, columns=120, rows=40):
        self.socket = os.path.join(folder, "tmux")
        self.output = []
        self.client = subprocess.Popen(
            ["tmux", "-S", self.socket, "-f", "/dev/null", "-u", "-C", "new-session", "-x", str(columns), "-y", str(rows),
             command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ, LC_ALL="C.UTF-8", TMUX=""))
        self.command(f"refresh-client -C {columns}x{rows}")
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.client.stdout:
            if line.startswith(b"%output "):
                self.output.append((time.monotonic(), line))

    def command(self, words):
        self.client.stdin.write(words.encode() + b"\n")
        self.client.stdin.flush()

    def rows(self):
        return subprocess.run(["tmux", "-S", self.socket, "capture-pane", "-p"], capture_output=True, text=True).stdout.split("\n")

    def wait(self, pattern, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for row in self.rows():
                if found := re.search(pattern, row):
                    return found
            time.sleep(0.02)
        fail(f"the screen never showed {pattern}; it shows:\n" + "\n".join(self.rows()))

    def frames(self, since, until):
        """Paints between two moments: pieces of output less than 15 ms apart are one."""
        count, last = 0, 0.0
        for moment, _ in list(self.output):
            if since <= moment <= until:
                count += moment - last > 0.015
                last = moment
        return count

    def key(self, key, shows):
        """Presses a key; milliseconds until output has the words, or None after two seconds."""
        place = len(self.output)
        pressed = time.monotonic()
        self.command(f"send-keys {key}")
        while time.monotonic() < pressed + 2:
            for moment, line in self.output[place:]:
                if shows in line:
                    return (moment - pressed) * 1000
            time.sleep(0.001)
        return None

    def end(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True)
        self.client.stdin.close()
        self.client.wait()


class Load:
    """The load client of `ackscope bench`, for one run."""

    def __init__(self, options, port, pid):
        self.child = subprocess.Popen(
            [options.binary, "_bench-client", f"port={port}", "measure=closed", f"connections={options.connections}",
             f"window={options.window}", f"payload={options.payload}", f"milliseconds={int(options.seconds * 1000)}",
             f"watched={pid}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def result(self):
        line = self.child.stdout.readline()
        self.child.stdin.close()
        self.child.wait()
        if not line:
            fail("the load client stopped")
        return json.loads(line)


class Loser:
    """A client whose emits nobody answers: the server acknowledges `echo` alone."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.sendall(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        self.read(b'"sid"')
        self.send("40")
        self.read(b"40{")
        self.count = 0

    def read(self, wanted):
        seen = b""
        while wanted not in seen:
            piece = self.socket.recv(4096)
            if not piece:
                fail("the server hung up on the client whose emits get lost")
            seen += piece

    def send(self, text):
        # A mask of zeros masks nothing.
        self.socket.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text.encode())

    def lose(self):
        """Emits; returns what stands in the arguments."""
        self.count += 1
        self.send(f'42{self.count}["planted",{{"find":{self.count}}}]')
        return f'"find":{self.count}}}'


def status(pid, name):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(rf"^{name}:\s+(\d+)", file.read(), re.M).group(1))


def port_of(log):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if os.path.exists(log) and (found := re.search(r"listening on http://127.0.0.1:(\d+)", open(log).read())):
            return int(found.group(1))
        time.sleep(0.02)
    fail("the proxy did not start")


def counted(path):
    """Packets of a capture: emits and acks; and how many of its emits nobody acknowledged, or too late for anybody to hear."""
    emits = acks = unheard = 0
    with open(path, "rb") as file:
        for line in file:
            if line.startswith(b'{"type":"packet"'):
                emits += b'"socket":"event"' in line
                acks += b'"socket":"ack"' in line
            elif line.startswith(b'{"type":"verdict"'):
                # The load ends with emits on their way: their acks come after their client has left.
                unheard += b'"final":true' in line and b'"after_peer_left"' in line
    return emits, acks, emits - acks + unheard


def on_screen(pane):
    """The header's emits and acks, once they stand still."""
    before = None
    while True:
        found = pane.wait(r"([\d,]+) emits?  ([\d,]+) acks?", 60).groups()
        if found == before:
            return tuple(int(number.replace(",", "")) for number in found)
        before = found
        time.sleep(0.5)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--window", type=int, default=8)
    parser.add_argument("--payload", type=int, default=100)
    parser.add_argument("--binary", default=".build/release/ackscope")
    options = parser.parse_args()
    options.binary = os.path.abspath(options.binary)
    if not shutil.which("tmux"):
        fail("tmux is needed: sudo apt-get install -y tmux")
    if not os.access(options.binary, os.X_OK):
        fail(f"{options.binary} is not built: swift build -c release --product ackscope")
    folder = tempfile.mkdtemp(prefix="ackscope-view-")
    children, pane = [], None
    try:
        server = subprocess.Popen(
            [options.binary, "_bench-server", "0", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        children.append(server)
        upstream = f"http://127.0.0.1:{int(server.stdout.readline())}"
        common = f"{upstream} --listen 127.0.0.1:0 --capture"
        log = os.path.join(folder, "none.log")
        quiet = subprocess.Popen(
            [options.binary, "proxy", *common.split(), os.path.join(folder, "none.jsonl"), "--view", "none"],
            stdin=subprocess.DEVNULL, stderr=open(log, "w"))
        children.append(quiet)
        capture = os.path.join(folder, "live.jsonl")
        pane = Pane(folder, f"exec {options.binary} proxy {common} {capture} --view live")
        shown_port = int(pane.wait(r"http://127\.0\.0\.1:(\d+) →").group(1))
        shown_pid = int(subprocess.run(["tmux", "-S", pane.socket, "display-message", "-p", "#{pane_pid}"],
                                       capture_output=True, text=True).stdout)
        paths = [("none", port_of(log), quiet.pid), ("live", shown_port, shown_pid)]
        found = {name: {"cpu": [], "rate": []} for name, _, _ in paths}
        frames, keys, silent = [], [], 0
        loser, rows = None, []
        for number in range(options.rounds + 1):
            for name, port, pid in paths if number % 2 else reversed(paths):
                result = Load(options, port, pid).result()
                # The first round warms up.
                if number:
                    found[name]["cpu"].append(result["cpu_us"] / result["completed"])
                    found[name]["rate"].append(result["completed"] * 1e9 / result["ns"])
        # Keys are work of their own: pressed under the same load, and not while its cost is measured.
        for _ in range(options.rounds):
            load = Load(options, shown_port, shown_pid)
            began = time.monotonic()
            time.sleep(options.seconds * 0.3)
            loser = loser or Loser(shown_port)
            lost = loser.lose()
            planted = time.monotonic()
            first = time.monotonic()
            # On the board: rows of the stream begin with the time of day.
            seen = False
            while time.monotonic() < first + options.seconds * 0.3:
                if not seen and any(row[:1] in "·!✗" and "planted" in row and lost in row for row in pane.rows() if row):
                    seen = True
                    rows.append((time.monotonic() - planted) * 1000)
                time.sleep(0.03)
            frames.append(pane.frames(first, time.monotonic()) / (time.monotonic() - first))
            while time.monotonic() < began + options.seconds * 0.9:
                for key, shows in (("?", b"Help"), ("q", b"Unack")):
                    latency = pane.key(key, shows)
                    silent += latency is None
                    keys.append(latency if latency is not None else 2000)
                    time.sleep(0.05)
            load.result()
        screen, (*file, unheard) = on_screen(pane), counted(capture)
        file = tuple(file)
        kept = int(pane.wait(r"1 Unacknowledged ([\d,]+)").group(1).replace(",", ""))
        middle = {name: {what: statistics.median(values) for what, values in of.items()} for name, of in found.items()}
        cost = statistics.median(live / none - 1 for live, none in zip(found["live"]["cpu"], found["none"]["cpu"])) * 100
        fall = statistics.median(1 - live / none for live, none in zip(found["live"]["rate"], found["none"]["rate"])) * 100
        for name in middle:
            print(f"--view {name}   {middle[name]['cpu']:6.2f} µs of processor for an emit and its ack, "
                  f"{middle[name]['rate']:8,.0f} of them a second ({2 * middle[name]['rate']:,.0f} messages)")
        print(f"the view costs {cost:+.1f} % processor time, {fall:+.1f} % throughput (medians of {options.rounds} pairs)")
        keys.sort()
        print(f"frames a second: median {statistics.median(frames):.1f}, least {min(frames):.1f}")
        print(f"a key until its screen: p50 {statistics.median(keys):.0f} ms, p95 {keys[int(len(keys) * 0.95)]:.0f} ms, "
              f"most {keys[-1]:.0f} ms, {len(keys)} keys")
        print(f"{options.rounds} emits lost under load: {len(rows)} seen, after {statistics.median(rows or [0]):.0f} ms, "
              f"most {max(rows or [0]):.0f} ms; {kept:,} of {unheard:,} without ack on the board")
        print(f"resident: none {status(quiet.pid, 'VmHWM') / 1024:.0f} MiB, live {status(shown_pid, 'VmHWM') / 1024:.0f} MiB at most")
        print(f"emits and acks: {screen[0]:,} {screen[1]:,} on the screen, {file[0]:,} {file[1]:,} in the capture")
        broken = [words for words, isBroken in (
            ("frames", statistics.median(frames) < 10), ("keys", statistics.median(keys) > 100 or silent), ("cost", fall > 5),
            ("counts", screen != file), ("lost emits", len(rows) < options.rounds or kept != unheard)) if isBroken]
        if broken:
            print("BROKEN: " + ", ".join(broken))
        return 1 if broken else 0
    finally:
        if pane:
            pane.end()
        for child in children:
            child.terminate()
        for child in children:
            child.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
