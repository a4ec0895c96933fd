"""From a post to its handlers, against the emit of libraries that call directly.

    python -m bench.performance.dispatch NAME CASE SECONDS

measures one of them. Ours posts a batch into the queue and takes it out again; the others
call the handlers at once. All have the same events, and the handlers count. To make an
event is part of what is measured, but in the case that says so.
"""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import attrs
from bench.performance.families import Case, Family, Values
from bench.performance.processes import run

from evdispatch import Dispatcher, Event

CPU: Final = "ns of CPU per event"
BATCH: Final = 1000  # a tenth of what our queue holds
OTHERS: Final = 10_000


@attrs.define(eq=False)
class Progress(Event):
    """An event of a user's own."""

    percent: int


@attrs.frozen
class Work:
    """What is registered. With filters each handler wants one event in ten."""

    handlers: int = 1
    others: int = 0
    filters: bool = False
    made: bool = False  # the events are there before, and used again

    @property
    def calls(self) -> int:
        """How many counts there are of a batch."""
        return BATCH if self.filters else BATCH * self.handlers


CASES: Final = {
    "1 handler": Work(),
    "1 handler, events made before": Work(made=True),
    f"1 handler, {OTHERS:,} others": Work(others=OTHERS),
    "10 handlers": Work(10),
    "100 handlers": Work(100),
    "10 handlers with filters": Work(10, filters=True),
}


Emit = Callable[[list[Progress]], None]
"""Brings a batch to the handlers."""


class Counter:
    """Makes handlers, and has their count."""

    def __init__(self) -> None:
        self.count = 0
        self.keep = contextlib.ExitStack()  # what must live as long

    def plain(self) -> Callable[[Progress], None]:
        def heard(event: Progress) -> None:
            self.count += 1

        return heard

    def handlers(self, work: Work) -> list[Callable[[Progress], None]]:
        """Make handlers for a library without filters: they look for themselves."""

        def picky(wanted: int) -> Callable[[Progress], None]:
            def heard(event: Progress) -> None:
                if event.percent == wanted:
                    self.count += 1

            return heard

        numbers = range(work.handlers)
        return [picky(n) if work.filters else self.plain() for n in numbers]


def batch() -> list[Progress]:
    return [Progress(percent=number % 10) for number in range(BATCH)]


def evdispatch(work: Work, counter: Counter) -> Emit:
    app = counter.keep.enter_context(Dispatcher(io="inline"))
    for number in range(work.handlers):
        filters: dict[str, Any] = {"percent": number} if work.filters else {}
        app.on("progress", **filters)(counter.plain())
    for number in range(work.others):
        app.on("tick", count=number)(lambda: None)

    def emit(events: list[Progress]) -> None:
        post = app.post
        for event in events:
            post(event)
        left = len(events)
        while left:
            left -= app.step(0)

    return emit


def each(send: Callable[[Progress], object]) -> Emit:
    """Return what sends a batch."""

    def emit(events: list[Progress]) -> None:
        for event in events:
            send(event)

    return emit


def pyee(work: Work, counter: Counter) -> Emit:
    from pyee.base import EventEmitter

    emitter = EventEmitter()
    for handler in counter.handlers(work):
        emitter.on("progress", handler)
    for number in range(work.others):
        emitter.on(f"other {number}", lambda: None)

    def emit(events: list[Progress]) -> None:
        send = emitter.emit
        for event in events:
            send("progress", event)

    return emit


def blinker(work: Work, counter: Counter) -> Emit:
    from blinker import Namespace

    names = Namespace()
    signal = names.signal("progress")
    for handler in counter.handlers(work):
        signal.connect(handler, weak=False)
    for number in range(work.others):
        names.signal(f"other {number}").connect(lambda _: None, weak=False)
    return each(signal.send)


def psygnal(work: Work, counter: Counter) -> Emit:
    from psygnal import SignalInstance

    signals = [SignalInstance((object,)) for _ in range(1 + work.others)]
    for handler in counter.handlers(work):
        signals[0].connect(handler)
    for other in signals[1:]:
        other.connect(lambda _: None)
    counter.keep.callback(signals.clear)
    return each(signals[0].emit)


def plain(work: Work, counter: Counter) -> Emit:
    handlers = counter.handlers(work)

    def emit(events: list[Progress]) -> None:
        for event in events:
            for handler in handlers:
                handler(event)

    return emit


CONTESTANTS: Final[dict[str, Callable[[Work, Counter], Emit]]] = {
    "evdispatch": evdispatch,
    "pyee": pyee,
    "blinker": blinker,
    "psygnal": psygnal,
    "a plain loop": plain,
}


def measure(name: str, case: str, seconds: float) -> Values:
    """Measure one, in this process."""
    work, counter = CASES[case], Counter()
    emit = CONTESTANTS[name](work, counter)
    with counter.keep:
        events = batch()
        for _ in range(3):
            emit(events)
        counter.count = batches = 0
        begin = now = time.process_time()
        while now < begin + seconds:
            emit(events if work.made else batch())
            batches += 1
            now = time.process_time()
    if counter.count != batches * work.calls:
        raise RuntimeError(f"{counter.count} calls of {batches * work.calls}")
    return {CPU: (now - begin) / (batches * BATCH) * 1e9}


@contextlib.contextmanager
def prepare(quick: bool) -> Iterator[list[Case]]:
    """Return the cases, a process for each measurement."""

    def one(case: str, name: str) -> Values:
        return run("dispatch", name, case, 0.05 if quick else 0.2)

    yield [Case(case, tuple(CONTESTANTS), partial(one, case)) for case in CASES]


FAMILY: Final = Family("dispatch", "Post to handler", 5, "evdispatch", prepare)

if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
