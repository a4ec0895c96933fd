"""`Dispatcher.trace`: the turns of sources."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.events import Work
from helpers.traces import check, load, of
from helpers.waiting import wait_until

from evdispatch import Dispatcher, Event, Fd, Source
from evdispatch.testing import ManualSource, settle

pytestmark = pytest.mark.cross


def test_trace_turn_of_a_failing_source_counts_the_error(
    app: Dispatcher, path: Path
) -> None:
    class Failing(Source):
        def on_wake(self) -> Iterator[Event]:
            yield Work()
            raise LookupError

    app.on("error")(lambda: None)
    source = app.add(Failing("failing"))
    with app.trace(path):
        source.wake()
        settle(app)
    (turn,) = [each for each in of(load(path), "source") if each["name"] == "failing"]
    assert turn["args"]["events"] == 2  # with the error


def test_trace_source_with_many_events_has_several_turns(
    app: Dispatcher, path: Path
) -> None:
    source = app.add(ManualSource("many"))
    with app.trace(path):
        source.emit(*(Work() for _ in range(150)))
        settle(app)
    turns = [each for each in of(load(path), "source") if each["name"] == "many"]
    assert [each["args"]["events"] for each in turns] == [64, 64, 22]


def test_trace_deadline_while_events_are_left_over_is_recorded(
    app: Dispatcher, path: Path
) -> None:
    class Both(Source):
        def on_wake(self) -> Iterator[Event]:
            self.set_deadline(0)
            return (Work() for _ in range(100))

        def on_deadline(self, now: float) -> Iterator[Event]:
            return (Work() for _ in range(10))

    source = app.add(Both("both"))
    with app.trace(path):
        source.wake()
        settle(app)
    turns = [each for each in of(load(path), "source") if each["name"] == "both"]
    assert sum(each["args"]["events"] for each in turns) == 110


def test_trace_turn_of_the_standby_thread_has_its_name(path: Path) -> None:
    with Dispatcher(io="auto") as app:
        source = app.add(ManualSource("made"))
        source.on(Event)(lambda: None)

        @app.on(Work)
        def work() -> None:
            source.emit(Event())
            wait_until(lambda: source.counts.made)

        with app.trace(path):
            app.post(Work())
            settle(app)
    records = load(path)
    check(records)
    (turn,) = [each for each in of(records, "source") if each["name"] == "made"]
    (thread,) = [
        each["args"]["name"]
        for each in records
        if each["name"] == "thread_name" and each["tid"] == turn["tid"]
    ]
    assert thread == "evdispatch-standby"


def test_trace_oneshot_fd_has_one_turn(
    app: Dispatcher, path: Path, pipe: list[int]
) -> None:
    fd = app.add(Fd(pipe[0], oneshot=True))
    fd.on("readable")(lambda: os.read(pipe[0], 1))
    with app.trace(path):
        os.write(pipe[1], b"x")
        settle(app)
    turns = [each for each in of(load(path), "source") if each["name"] == "fd"]
    assert [each["args"]["events"] for each in turns] == [1]


def test_trace_turn_under_way_at_the_close_is_not_recorded(
    app: Dispatcher, path: Path
) -> None:
    trace = app.trace(path)
    ask = app._io._turn
    trace.close()
    source = app.add(ManualSource("late"))
    source.emit(Work())
    ask(source.registration, source.on_wake)
    settle(app)
    assert source.counts.handled == 1
    assert not of(load(path), "source")
