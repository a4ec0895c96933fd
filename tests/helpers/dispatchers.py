"""What can be asked of a dispatcher, also of a closed one; and threads beside it."""

import os
import threading
from collections.abc import Callable

from helpers.events import Work, nothing

from evdispatch import Dispatcher
from evdispatch.testing import ManualSource

CALLS: dict[str, Callable[[Dispatcher], object]] = {
    "add": lambda app: app.add(ManualSource()),
    "on": lambda app: app.on(Work),
    "bare on": lambda app: app.on(nothing),
    "register": lambda app: app.register(object()),
    "post": lambda app: app.post(Work()),
    "set_policy": lambda app: app.set_policy("line", "latest"),
    "after": lambda app: app.after(1.0, nothing),
    "every": lambda app: app.every(1.0, nothing),
    "run": lambda app: app.run(),
    "step": lambda app: app.step(),
    "fileno": lambda app: app.fileno(),
    "timeout": lambda app: app.timeout(),
    "start": lambda app: app.start(),
    "trace": lambda app: app.trace("/dev/null"),
    "running": lambda app: app.running().__enter__(),
    "enter": lambda app: app.__enter__(),
}


QUIET: dict[str, Callable[[Dispatcher], object]] = {
    "audit": lambda app: app.audit(),
    "explain": lambda app: app.explain(Work()),
    "off": lambda app: app.off(nothing),
    "sources": lambda app: app.sources,
    "stats": lambda app: app.stats(),
    "stop": lambda app: app.stop(),
    "why_alive": lambda app: app.why_alive(),
}


def in_threads(count: int, function: Callable[[int], None]) -> list[threading.Thread]:
    """Start so many threads that call a function with their number."""
    threads = [threading.Thread(target=function, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    return threads


def wait_until_asleep(app: Dispatcher) -> None:
    """Wait until the dispatch side sleeps: it says so before it does."""
    while not app._queue.sleeping:
        os.sched_yield()
