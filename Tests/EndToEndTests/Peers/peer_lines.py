"""What every peer shares: one JSON object a line on standard output, commands the same way on standard input,
and an end that comes by itself.

A peer exits when its standard input closes (the test that started it has ended or died) and, whatever happens, after
its longest lifetime, so that no peer outlives a test run.
"""

import json
import os
import sys
import threading
import traceback

_output = threading.Lock()


def say(**members):
    """Writes one JSON line and flushes it: the test may be waiting for it."""
    line = json.dumps(members, ensure_ascii=False)
    with _output:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def leave(status):
    """Ends the process at once, from any thread, without waiting for servers or clients to wind down."""
    with _output:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def limit_lifetime(seconds):
    """Ends the process with status 3 when it is still there after so many seconds."""

    def expire():
        say(error=f"the peer was still running after its {seconds} s and stopped itself")
        leave(3)

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()


def follow_stdin(on_command=None):
    """Reads commands on a thread of its own and hands each, parsed, to `on_command`; ends the process with status 0
    when standard input closes."""

    def read():
        for line in sys.stdin:
            if not line.strip():
                continue
            try:
                command = json.loads(line)
                if on_command is None:
                    raise ValueError("this peer takes no commands")
                on_command(command)
            except Exception as problem:
                say(error=f"command {line.strip()!r}: {problem}", trace=traceback.format_exc())
        leave(0)

    threading.Thread(target=read, daemon=True, name="stdin").start()
