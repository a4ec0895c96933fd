"""The IO loop: how often it polls, and when deadlines are due."""

import os
import time
from collections.abc import Iterable
from typing import ClassVar

import pytest
from helpers.events import Work
from helpers.sources import Maker, works
from helpers.waiting import PATIENCE

from evdispatch import Data, Dispatcher, Event, Pipe, Source, Timer
from evdispatch._core._poller import readable_now
from evdispatch._events import URGENT
from evdispatch.testing import ManualSource, VirtualClock, record, run_until, settle

pytestmark = pytest.mark.pollers


def test_io_loop_idle_does_not_poll(app: Dispatcher) -> None:
    reader, writer = os.pipe()
    app.add(Pipe(reader))
    app.add(Timer(every=3600))
    settle(app)
    before = app.stats().polls
    app.step(0.05)
    assert app.stats().polls - before <= 1
    os.close(writer)


def test_io_loop_with_a_full_queue_has_no_work() -> None:
    """In the inline mode the queue stays full between two polls."""
    with Dispatcher(io="inline", queue_size=10) as app:
        source = app.add(Maker(lambda: works(1000)))
        source.wake()
        for _ in range(5):
            app._io.poll_once(0, inline=True)
        assert app.stats().waiting == 10
        assert not app._io.has_work()


def test_io_loop_deadline_set_between_steps_makes_the_descriptor_readable(
    app: Dispatcher,
) -> None:
    fd = app.fileno()
    settle(app)
    called: list[int] = []
    app.after(0.001, lambda: called.append(1))
    deadline = time.monotonic() + PATIENCE
    while not called and time.monotonic() < deadline:
        if readable_now(fd):
            app.step(0)
    assert called


def test_io_loop_source_always_due_leaves_turns_to_others(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    class Hasty(Source):
        def on_add(self) -> None:
            self.set_deadline(0.0)

        def on_deadline(self, now: float) -> list[Event]:
            self.set_deadline(float("-inf"))
            return [Work(1)]

    timed.add(Timer("blink", after=1.0))
    clock.advance(1.0)
    hasty = timed.add(Hasty())
    seen: list[Event] = []
    timed.on("blink")(seen.append)
    run_until(timed, lambda: seen)
    hasty.close()


def test_io_loop_deadline_set_by_on_deadline_waits_for_the_next_turn() -> None:
    clock = VirtualClock()

    class Again(Source):
        def on_add(self) -> None:
            self.set_deadline(self.host.now())

        def on_deadline(self, now: float) -> list[Event]:
            self.set_deadline(now)
            return [Work()]

    with Dispatcher(io="inline", clock=clock) as app:
        app.add(Timer(every=50))
        app.add(Timer(every=60))
        app.add(Again())
        app._io.poll_once(0, inline=True)
        app._io.poll_once(0, inline=True)
        assert app.stats().waiting == 2


@pytest.mark.parametrize("when", [1e300, 2.0**40, float("inf"), None])
def test_io_loop_deadline_infinite_or_huge_is_never_due(
    app: Dispatcher, when: float | None
) -> None:
    class Patient(Source):
        def on_add(self) -> None:
            self.set_deadline(when)

        def on_deadline(self, now: float) -> list[Event]:
            return [Work()]

    app.add(Patient())
    seen = record(app, Work)
    settle(app)
    app.step(0.01)
    assert seen == []


def test_set_deadline_nan_raises(app: Dispatcher) -> None:
    source = app.add(ManualSource())
    with pytest.raises(ValueError, match="NaN"):
        source.set_deadline(float("nan"))
    settle(app)


def test_io_loop_urgent_source_is_asked_before_many_others(app: Dispatcher) -> None:
    """A key does not wait for the reads of a hundred sockets."""
    order: list[str] = []

    class Asked(Pipe):
        def on_ready(self, ready: int) -> Iterable[Event]:
            order.append(self.name)
            return super().on_ready(ready)

    class Urgent(Asked):
        lane: ClassVar[int] = URGENT

    pipes = [os.pipe() for _ in range(40)]
    for number, (reader, _) in enumerate(pipes):
        app.add((Urgent if number == 30 else Asked)(reader, name=str(number)))
    data = record(app, Data)
    order.clear()
    for _, writer in pipes:
        os.write(writer, b"x")
    run_until(app, lambda: len(data) == len(pipes))
    assert {each.source.name for each in data} == {str(n) for n in range(40)}
    if app._io_mode != "thread":  # the IO thread reads amid the writes, too
        assert order[0] == data[0].source.name == "30"
    for _, writer in pipes:
        os.close(writer)
