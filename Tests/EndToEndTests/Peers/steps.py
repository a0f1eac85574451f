"""One script for the synchronous and the asynchronous library.

python-socketio offers each operation twice: as a method that blocks, and as a coroutine. A script written as a generator
yields what the operation returned. For the synchronous library that is the result, handed straight back; for the
asynchronous one it is an awaitable, awaited here and its result handed back. So `answer = yield client.call(...)` reads
the same in both, and a failure is raised at the `yield` in both.
"""

import inspect


def run_steps(steps):
    """Runs a script over the synchronous library; returns what the script returns."""
    try:
        value = next(steps)
        while True:
            value = steps.send(value)
    except StopIteration as stop:
        return stop.value


async def run_steps_async(steps):
    """Runs a script over the asynchronous library; returns what the script returns."""
    try:
        value = next(steps)
        while True:
            if inspect.isawaitable(value):
                try:
                    result = await value
                except BaseException as problem:
                    value = steps.throw(problem)
                    continue
                value = steps.send(result)
            else:
                value = steps.send(value)
    except StopIteration as stop:
        return stop.value
