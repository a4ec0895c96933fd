"""``Dispatcher(slow=)``: which handlers are slow, and how that is reported."""

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


def test_slow_handler_is_reported_with_the_line_that_blocked(
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
    (report,) = slow
    assert report.handler is work
    assert report.event is event
    assert report.duration == 2.0
    assert report.time == clock.now()
    assert report.source is None
    lines = report.stack.splitlines()
    assert "test_slow_handlers.py" in lines[0]
    assert lines[0].endswith("in work")
    assert lines[1] == "    be_sampled(app)  # here it is slow"
    assert lines[2].endswith("in be_sampled")
    assert "evdispatch/_" not in report.stack
    assert "stack" not in repr(report)
    assert app.stats().balanced


def test_slow_handler_below_the_limit_is_not_reported(
    app: Dispatcher, clock: VirtualClock
) -> None:
    slow = record(app, Slow)
    app.on(Work)(functools.partial(clock.advance, 0.25))
    app.on(Work)(
        functools.partial(clock.advance, 0.5)
    )  # a call of exactly the limit is slow
    app.post(Work())
    settle(app)
    assert [each.duration for each in slow] == [0.5]


def test_slow_event_without_handlers_is_logged(
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


def test_slow_event_handler_that_is_slow_is_only_logged(
    app: Dispatcher, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    names = []

    @app.on(Event)
    def handle_all(event: Event) -> None:
        names.append(event.name)
        if isinstance(event, (Slow, Work)):
            clock.advance(1.0)

    app.post(Work())
    settle(app)
    assert [name for name in names if not name.startswith("__")].count("slow") == 1
    (logged,) = caplog.records
    assert "handle_all took 1.000 s on 'slow'" in logged.getMessage()


def test_slow_stop_handler_is_logged(
    app: Dispatcher, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    slow = record(app, Slow)
    app.on("start")(app.stop)
    app.on(Stop)(functools.partial(clock.advance, 1.0))
    app.run()
    assert not slow
    assert "on 'stop'" in caplog.text


def test_slow_handler_that_stops_the_run_is_logged(
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


def test_slow_handler_that_raises_is_reported_as_slow_and_as_error(
    app: Dispatcher, clock: VirtualClock
) -> None:
    reports = record(app, Slow), record(app, Error)

    @app.on(Work)
    def work() -> None:
        clock.advance(1.0)
        raise LookupError

    app.post(Work())
    settle(app)
    assert [len(each) for each in reports] == [1, 1]
    assert reports[0][0].handler is reports[1][0].handler is work
    assert (timing(app, work).calls, timing(app, work).failed) == (1, 1)


def test_slow_handler_that_raises_out_of_run_is_reported_in_the_next_run(
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


def test_measured_handler_returning_handled_stops_the_event(app: Dispatcher) -> None:
    called = []

    @app.on(Work)
    def first(event: Event) -> Any:
        called.append("first")
        return HANDLED

    app.on(Work)(lambda: called.append("second"))
    app.post(Work())
    settle(app)
    assert called == ["first"]


def test_slow_handler_once_or_weak_is_reported_and_then_forgotten(
    app: Dispatcher, clock: VirtualClock
) -> None:
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
def test_slow_rate_limited_handler_is_timed_at_each_call(
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


def test_ctrl_c_in_a_measured_handler_interrupts_at_once(app: Dispatcher) -> None:
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


def test_slow_handler_that_ran_another_dispatcher_is_reported(
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
