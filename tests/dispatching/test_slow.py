"""``Dispatcher(slow=)``: who is slow, and who is told."""

import functools
import gc
import logging
import signal
from typing import Any

import pytest
from helpers.events import Work
from helpers.slow import be_sampled, measuring, timing

from evdispatch import (
    HANDLED,
    Dispatcher,
    Error,
    Event,
    HandlerError,
    Slow,
    Stop,
)
from evdispatch._handlers._handler import CALLERS
from evdispatch.debug._slow import TimedCall
from evdispatch.testing import VirtualClock, record, settle

app = measuring


def test_it_is_told_with_the_line_at_which_it_was_slow(
    app: Dispatcher, clock: VirtualClock
) -> None:
    slow = record(app, Slow)

    @app.on(Work)
    def work() -> None:
        clock.advance(2.0)
        be_sampled(app)  # here it is slow

    event = Work()
    app.post(event)
    settle(app)
    (told,) = slow
    assert told.handler is work
    assert told.event is event
    assert told.duration == 2.0
    assert told.time == clock.now()
    assert told.source is None
    lines = told.stack.splitlines()
    assert "test_slow.py" in lines[0]
    assert lines[0].endswith("in work")
    assert lines[1] == "    be_sampled(app)  # here it is slow"
    assert lines[2].endswith("in be_sampled")
    assert "evdispatch/_" not in told.stack
    assert "stack" not in repr(told)
    assert app.stats().balanced


def test_what_is_as_quick_as_it_should_be_is_not_told(
    app: Dispatcher, clock: VirtualClock
) -> None:
    slow = record(app, Slow)
    app.on(Work)(functools.partial(clock.advance, 0.25))
    app.on(Work)(functools.partial(clock.advance, 0.5))  # just as long is slow
    app.post(Work())
    settle(app)
    assert [each.duration for each in slow] == [0.5]


def test_nobody_hears_it_so_it_is_logged(
    app: Dispatcher, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    @app.on(Work)
    def work() -> None:
        clock.advance(2.0)
        be_sampled(app)

    app.post(Work())
    settle(app)
    (logged,) = caplog.records
    assert (logged.name, logged.levelno) == ("evdispatch", logging.WARNING)
    text = logged.getMessage()
    assert "work took 2.000 s on 'work'" in text
    assert "be_sampled(app)" in text


def test_who_hears_it_and_is_slow_is_not_told_of_itself(
    app: Dispatcher, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    told = []

    @app.on(Event)
    def hear_all(event: Event) -> None:
        told.append(event.name)
        if isinstance(event, (Slow, Work)):
            clock.advance(1.0)

    app.post(Work())
    settle(app)
    assert [name for name in told if not name.startswith("__")].count("slow") == 1
    (logged,) = caplog.records
    assert "hear_all took 1.000 s on 'slow'" in logged.getMessage()


def test_a_slow_end_is_logged_since_nothing_follows(
    app: Dispatcher, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    slow = record(app, Slow)
    app.on("start")(app.stop)
    app.on(Stop)(functools.partial(clock.advance, 1.0))
    app.run()
    assert not slow
    assert "on 'stop'" in caplog.text


def test_so_is_one_that_stops_the_loop(
    app: Dispatcher, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    slow = record(app, Slow)

    @app.on("start")
    def end() -> None:
        app.stop()
        clock.advance(1.0)

    app.run()
    assert not slow
    assert "end took 1.000 s on 'start'" in caplog.text


def test_one_that_raises_is_told_as_both(app: Dispatcher, clock: VirtualClock) -> None:
    told = record(app, Slow), record(app, Error)

    @app.on(Work)
    def work() -> None:
        clock.advance(1.0)
        raise LookupError

    app.post(Work())
    settle(app)
    assert [len(each) for each in told] == [1, 1]
    assert told[0][0].handler is told[1][0].handler is work
    assert (timing(app, work).calls, timing(app, work).failed) == (1, 1)


def test_one_that_raises_and_ends_the_run_is_told_in_the_next(
    app: Dispatcher, clock: VirtualClock
) -> None:
    slow = record(app, Slow)

    @app.on("start", once=True)
    def work() -> None:
        clock.advance(1.0)
        raise LookupError

    with pytest.raises(HandlerError):
        app.run()
    app.on("slow")(app.stop)
    app.run()
    assert [each.handler for each in slow] == [work]


def test_the_handlers_answer_is_passed_on(app: Dispatcher) -> None:
    called = []

    @app.on(Work)
    def first(event: Event) -> Any:
        called.append("first")
        return HANDLED

    app.on(Work)(lambda: called.append("second"))
    app.post(Work())
    settle(app)
    assert called == ["first"]


def test_once_and_weak(app: Dispatcher, clock: VirtualClock) -> None:
    class Worker:
        def work(self) -> None:
            clock.advance(1.0)

    worker = Worker()
    slow = record(app, Slow)
    app.on(Work, once=True)(once := functools.partial(clock.advance, 1.0))
    app.on(Work, weak=True)(worker.work)
    app.post(Work())
    settle(app)
    assert [each.handler for each in slow] == [once, worker.work]
    assert [each.calls for each in app.stats().timings if "work" in each.name] == [1]
    slow.clear()
    del worker
    gc.collect()
    app.post(Work())
    settle(app)
    assert not slow
    assert "Worker" not in str([each.name for each in app.stats().timings])


@pytest.mark.parametrize("pace", ["throttle", "debounce"])
def test_a_paced_handler_is_timed_when_it_is_called(
    app: Dispatcher, clock: VirtualClock, pace: str
) -> None:
    slow = record(app, Slow)
    options: dict[str, Any] = {pace: 5.0}

    @app.on(Work, **options)
    def work(event: Event) -> None:
        clock.advance(1.0)

    events = [Work(), Work()]
    for event in events:
        app.post(event)
    settle(app)
    clock.advance(5.0)
    settle(app)
    expected = events if pace == "throttle" else events[1:]
    assert [each.event for each in slow] == expected
    assert {each.handler for each in slow} == {work}
    assert timing(app, work).calls == len(expected)
    assert timing(app, work).total == len(expected)
    assert not any("DelayedCall" in each.name for each in app.stats().timings)


def test_ctrl_c_interrupts_a_measured_handler_at_once(app: Dispatcher) -> None:
    reached = []

    @app.on("start")
    def work() -> None:
        signal.raise_signal(signal.SIGINT)
        reached.append("the end")

    with pytest.raises(KeyboardInterrupt):
        app.run()
    assert not reached
    assert timing(app, work).failed == 1
    assert TimedCall.run.__code__ in CALLERS


def test_it_is_told_though_another_dispatcher_ran_in_the_handler(
    app: Dispatcher, clock: VirtualClock
) -> None:
    slow = record(app, Slow)
    with Dispatcher(io="inline", clock=clock, slow=100) as inner:

        @inner.on(Work)
        def work_within() -> None:
            clock.advance(1.0)
            be_sampled(app)

        @app.on(Work)
        def work() -> None:
            inner.post(Work())
            inner.step()

        app.post(Work())
        settle(app)
    assert [each.handler for each in slow] == [work]
    lines = slow[0].stack.splitlines()
    assert lines[0].endswith("in work")
    assert "in work_within" in slow[0].stack
