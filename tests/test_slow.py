"""``Dispatcher(slow=)``: who is slow, where, and how long handlers take."""

import functools
import gc
import logging
import os
import signal
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evdispatch import (
    HANDLED,
    Dispatcher,
    Error,
    Event,
    HandlerError,
    HandlerStats,
    Slow,
    Stop,
)
from evdispatch._interrupts import CALL_SITES
from evdispatch._lookout import CALM, Lookout, Watched
from evdispatch._meter import Measured
from evdispatch._sampler import Sampler
from evdispatch._standby import Standby
from evdispatch._stats import BOUNDS
from evdispatch.testing import ManualSource, VirtualClock, record, settle


@attrs.define(eq=False)
class Work(Event):
    """What the handlers of these tests hear."""


@pytest.fixture
def app(io: Any, polling: Any, clock: VirtualClock) -> Iterator[Dispatcher]:
    """A dispatcher on the virtual clock, for which half a second is slow."""
    with Dispatcher(io=io, clock=clock, slow=0.5, **polling) as dispatcher:
        yield dispatcher
        dispatcher.audit()


def sampler_of(app: Dispatcher) -> Sampler:
    assert app._meter is not None
    return app._meter.sampler


def be_sampled(app: Dispatcher) -> None:
    """Wait, in a handler, until its stack was taken."""
    sampler = sampler_of(app)
    deadline = time.monotonic() + 10
    while sampler._sampled[0] is not sampler.call:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def timing(app: Dispatcher, handler: object) -> HandlerStats:
    (found,) = [each for each in app.stats().timings if each.handler is handler]
    return found


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


def test_one_that_ends_before_the_look_has_no_stack(
    app: Dispatcher, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sampler, "look", lambda self: 0.001)
    slow = record(app, Slow)
    app.on(Work)(functools.partial(clock.advance, 1.0))
    app.post(Work())
    settle(app)
    assert slow[0].stack == ""


def test_one_without_python_code_has_no_stack(io: Any, pipe: list[int]) -> None:
    with Dispatcher(io=io, slow=0.01) as app:
        slow = record(app, Slow)
        sampler = sampler_of(app)
        take = sampler._stack

        def take_and_tell(call: Any) -> str:
            try:
                return take(call)
            finally:
                os.write(pipe[1], b"x")

        sampler._stack = take_and_tell  # type: ignore[method-assign]
        app.on(Work)(functools.partial(os.read, pipe[0], 1))
        app.post(Work())
        settle(app)
        del sampler._stack
    assert [each.stack for each in slow] == [""]
    assert slow[0].duration < 10


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
    assert not any("Late" in each.name for each in app.stats().timings)


def test_what_after_and_every_call(app: Dispatcher, clock: VirtualClock) -> None:
    slow = record(app, Slow)

    def later() -> None:
        clock.advance(1.0)

    class Poller:
        def poll(self) -> None:
            clock.advance(2.0)

        def __call__(self) -> None:
            clock.advance(3.0)

    poller = Poller()
    app.after(0, later)
    app.after(0, functools.partial(poller.poll))
    app.after(0, poller)
    app.after(0, lambda: None).cancel()
    handle = app.every(100.0, later)
    settle(app)
    clock.advance(100.0)
    settle(app)
    handle.cancel()
    assert [each.duration for each in slow] == [1.0, 2.0, 3.0, 1.0]
    assert slow[0].handler is later
    told = {each.name.rpartition(".")[2]: each for each in app.stats().timings}
    assert (told["later"].calls, told["later"].total) == (2, 2.0)
    assert told["later"].handler is None
    assert told["poll"].total == 2.0
    assert told["Poller"].total == 3.0


def test_what_after_has_called_is_held_no_more(app: Dispatcher) -> None:
    class Job:
        def __call__(self) -> None: ...

    job = Job()
    gone = weakref.ref(job)
    app.after(0, job)
    del job
    settle(app)
    gc.collect()
    assert gone() is None


def test_the_handlers_of_a_source_go_with_it(app: Dispatcher) -> None:
    source = app.add(ManualSource())
    source.on(Work)(lambda: None)
    gone = weakref.ref(source)
    source.emit(Work())
    settle(app)
    assert source in app.stats().sources
    before = len(app.stats().timings)
    source.close()
    del source
    settle(app)
    gc.collect()
    assert gone() is None
    assert len(app.stats().timings) == before - 1


def test_a_handler_that_is_registered_twice_is_one(app: Dispatcher) -> None:
    def work() -> None: ...

    app.on(Work)(work)
    app.on(Work)(work)
    app.post(Work())
    settle(app)
    assert timing(app, work).calls == 2
    assert str(timing(app, work)).startswith(f"{__name__}.test_a_handler_that")
    assert "2 calls, 0.000000 s in all" in str(timing(app, work))


@settings(deadline=None, max_examples=30)
@given(
    took=st.lists(st.one_of(st.floats(0, 1e4), st.sampled_from(BOUNDS)), max_size=20)
)
def test_the_histogram_has_each_call(took: list[float]) -> None:
    clock = VirtualClock(0.0)
    left = list(took)
    with Dispatcher(io="inline", clock=clock, slow=1e9) as app:

        @app.on(Work)
        def work() -> None:
            clock.advance(left.pop())

        for _ in took:
            app.post(Work())
        app.step()
        app.step()
        found = timing(app, work)
    assert sum(count for _, count in found.histogram) == found.calls == len(took)
    assert found.total == pytest.approx(sum(took))
    assert [bound for bound, _ in found.histogram] == sorted(
        {bound for bound, _ in found.histogram}
    )
    assert {bound for bound, _ in found.histogram} <= {*BOUNDS, float("inf")}


@pytest.mark.parametrize("seconds", [0.0, 1e-6, 1.1e-6, 0.02, 499.0, 1e4])
def test_a_call_is_counted_below_the_first_bound_that_it_does_not_pass(
    seconds: float,
) -> None:
    clock = VirtualClock(0.0)  # so that the sums are exact
    with Dispatcher(io="inline", clock=clock, slow=1e9) as app:

        @app.on(Work)
        def work() -> None:
            clock.advance(seconds)

        app.post(Work())
        app.step()
        ((bound, count),) = timing(app, work).histogram
    assert count == 1
    assert bound == min(
        (each for each in BOUNDS if seconds <= each), default=float("inf")
    )


def test_the_time_that_takes_most_comes_first(
    app: Dispatcher, clock: VirtualClock
) -> None:
    app.on(Work)(functools.partial(clock.advance, 0.1))
    app.on(Work)(functools.partial(clock.advance, 0.3))
    app.post(Work())
    settle(app)
    totals = [each.total for each in app.stats().timings]
    assert totals == sorted(totals, reverse=True)
    assert totals[0] == pytest.approx(0.3)


def test_without_it_nothing_is_measured(timed: Dispatcher) -> None:
    def work() -> None: ...

    timed.on(Work)(work)
    timed.post(Work())
    settle(timed)
    assert timed.stats().timings == ()
    (entry,) = timed._registry.scope.entries[Work]
    assert entry.call is work


@pytest.mark.parametrize(
    ("wrong", "error"), [(0, ValueError), (-1, ValueError), ("1", TypeError)]
)
def test_a_wrong_value_is_told(wrong: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="slow"):
        Dispatcher(slow=wrong)


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
    assert Measured.run.__code__ in CALL_SITES


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


class TestLooks:
    """The thread that looks on."""

    def lookout(self, app: Dispatcher) -> Lookout:
        pumping = app._pumping
        if isinstance(pumping, Watched):
            return pumping._lookout
        assert isinstance(pumping, Standby)
        return pumping

    def test_a_call_that_follows_a_slow_one_is_looked_at_in_time(
        self, app: Dispatcher, clock: VirtualClock
    ) -> None:
        slow = record(app, Slow)
        for _ in range(3):

            @app.on(Work)
            def work() -> None:
                clock.advance(1.0)
                be_sampled(app)

        app.post(Work())
        settle(app)
        assert ["be_sampled" in each.stack for each in slow] == [True] * 3

    def test_one_that_idles_wakes_nobody_up(self, app: Dispatcher) -> None:
        settle(app)
        lookout = self.lookout(app)
        deadline = time.monotonic() + 10
        while not lookout.asleep:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        looks: list[int] = []
        lookout.look_on = lambda: looks.append(1)  # type: ignore[method-assign]
        time.sleep(0.05)  # nothing happens for so long
        assert not looks
        del lookout.look_on

    def test_it_is_roused_from_its_sleep(
        self, app: Dispatcher, clock: VirtualClock
    ) -> None:
        settle(app)
        lookout = self.lookout(app)
        while not lookout.asleep:
            time.sleep(0.01)
        self.test_a_call_that_follows_a_slow_one_is_looked_at_in_time(app, clock)

    def test_what_it_fails_with_is_raised(self, app: Dispatcher) -> None:
        def fail() -> None:
            raise MemoryError("crash")

        sampler_of(app).look = fail  # type: ignore[method-assign]
        deadline = time.monotonic() + 10

        @app.on(Work)
        def work() -> None:
            thread = self.lookout(app)._thread
            assert thread is not None
            while thread.failure is None and time.monotonic() < deadline:
                time.sleep(0.001)

        app.post(Work())
        with pytest.raises(Exception, match="please report it"):
            app.run()

    def test_how_long_it_may_wait(self, clock: VirtualClock) -> None:
        nudged: list[int] = []
        sampler = Sampler(0.5, clock.now, Measured.run.__code__)
        sampler.nudge = lambda: nudged.append(1)
        assert sampler.look() == 0.5
        sampler.call = first = (clock.now(), 0)
        clock.advance(0.25)
        assert sampler.look() == 0.25
        clock.advance(0.25)
        assert sampler.look() is None
        assert sampler.look() is None
        sampler.call = None
        assert sampler.look() == 0.5
        assert sampler.stack_of((0.0, 0)) == ""
        assert not nudged
        assert sampler.stack_of(first) == ""
        assert nudged

    def test_one_that_ends_while_it_is_sampled_is_noticed(
        self, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sampler = Sampler(0.5, clock.now, Measured.run.__code__)

        def end(call: object) -> str:
            sampler.call = None
            return ""

        monkeypatch.setattr(sampler, "_stack", end)
        sampler.call = (clock.now() - 1, 0)
        assert sampler.look() == 0

    def test_waits_are_not_longer_than_a_lock_can(self, clock: VirtualClock) -> None:
        sampler = Sampler(float("inf"), clock.now, Measured.run.__code__)
        assert sampler.look() == 3600
        sampler.call = (clock.now(), 0)
        assert sampler.look() == 3600

    def test_a_handler_that_is_quick_is_not_stayed_for(
        self, app: Dispatcher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lookout = self.lookout(app)
        stayed: list[int] = []
        monkeypatch.setattr(lookout, "_stay_for", stayed.append)
        for _ in range(CALM):
            lookout.begin()
            lookout.look_on()
            lookout.finish()
        assert not stayed


def test_on_the_real_clock(io: Any) -> None:
    with Dispatcher(io=io, slow=0.02) as app:
        slow = record(app, Slow)
        go_on = threading.Event()

        @app.on(Work)
        def work() -> None:
            be_sampled(app)
            go_on.wait(0.001)

        app.post(Work())
        settle(app)
        assert len(slow) == 1
        assert 0.02 <= slow[0].duration < 10
        assert "be_sampled(app)" in slow[0].stack


def test_in_the_background(io: Any, clock: VirtualClock) -> None:
    done = threading.Event()
    with Dispatcher(io=io, clock=clock, slow=0.5) as app:
        slow = record(app, Slow)
        app.on(Slow)(done.set)

        @app.on(Work)
        def work() -> None:
            clock.advance(1.0)
            be_sampled(app)

        with app.running():
            app.post(Work())
            assert done.wait(10)
    assert "in work" in slow[0].stack
