"""Many threads at once, and a loop that sleeps."""

import os
import threading
from collections.abc import Callable

import attrs

from evdispatch import Dispatcher, Event


@attrs.define(eq=False)
class Numbered(Event):
    thread: int
    number: int


@attrs.define(eq=False)
class Nudge(Event): ...


def in_threads(count: int, function: Callable[[int], None]) -> list[threading.Thread]:
    threads = [threading.Thread(target=function, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    return threads


def wait_until_asleep(app: Dispatcher) -> None:
    """Wait until the dispatch side sleeps: it says so before it does."""
    while not app._queue.sleeping:
        os.sched_yield()
