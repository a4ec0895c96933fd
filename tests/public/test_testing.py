"""`evdispatch.testing`: a virtual clock, a manual source, and functions that run events."""

import threading
from typing import Any

import attrs
import pytest
from helpers.dispatchers import in_threads
from helpers.events import Work

from evdispatch import (
    Dispatcher,
    Event,
    HandlerError,
    Idle,
    Line,
    Readable,
    Suspend,
    Tick,
    Timer,
    Writable,
    testing,
)
from evdispatch._core._poller import readable_now
from evdispatch.testing import ManualSource, VirtualClock, record, run_until, settle

pytestmark = pytest.mark.cross


@attrs.define(eq=False)
class LoudWork(Work): ...


def test_testing_has_exactly_its_public_names() -> None:
    assert testing.__all__ == [
        "ManualSource",
        "VirtualClock",
        "record",
        "run_until",
        "settle",
    ]
    for name in testing.__all__:
        assert getattr(testing, name).__doc__


def test_virtual_clock_changes_only_by_advance() -> None:
    clock = VirtualClock(5.0)
    assert clock.now() == clock.now() == 5.0
    clock.advance(1.5)
    assert clock.now() == 6.5
    clock.advance(0)
    assert clock.now() == 6.5


@pytest.mark.parametrize("seconds", [-1e-9, -1.0, float("nan")])
def test_virtual_clock_advance_by_a_negative_time_raises(seconds: float) -> None:
    clock = VirtualClock()
    with pytest.raises(ValueError, match="seconds must be 0 or more"):
        clock.advance(seconds)
    assert clock.now() == 1000.0


def test_virtual_clock_alarm_due_is_readable() -> None:
    clock = VirtualClock(0.0)
    alarm, other = clock.alarm(), clock.alarm()
    try:
        for one in (alarm, other):
            assert not readable_now(one.fileno())
        alarm.set(1.0)
        clock.advance(0.5)
        assert not readable_now(alarm.fileno())
        clock.advance(0.5)
        assert readable_now(alarm.fileno())
        assert not readable_now(other.fileno())
        alarm.set(2.0)
        assert not readable_now(alarm.fileno())
        alarm.set(0.5)
        assert readable_now(alarm.fileno()), "a time in the past is due at once"
        alarm.set(None)
        assert not readable_now(alarm.fileno())
    finally:
        alarm.close()
        other.close()


def test_virtual_clock_alarm_closed_has_no_descriptor() -> None:
    clock = VirtualClock()
    alarm = clock.alarm()
    alarm.set(1001.0)
    alarm.close()
    alarm.close()
    clock.advance(5)
    assert alarm.fileno() == -1


def test_virtual_clock_advanced_by_another_thread_fires_timers(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    seen = record(timed, Tick)
    timed.add(Timer(after=60.0))
    thread = threading.Thread(target=clock.advance, args=(60.0,))
    thread.start()
    run_until(timed, lambda: seen)
    thread.join()


def test_virtual_clock_shared_by_two_dispatchers_fires_both_timers(
    io: Any, clock: VirtualClock
) -> None:
    with Dispatcher(io=io, clock=clock) as one, Dispatcher(clock=clock) as two:
        both = [record(one, Tick), record(two, Tick)]
        one.add(Timer(after=1.0))
        two.add(Timer(after=2.0))
        clock.advance(2.0)
        settle(one)
        settle(two)
        assert [len(seen) for seen in both] == [1, 1]


def test_manual_source_events_are_dispatched_in_order(app: Dispatcher) -> None:
    source = app.add(ManualSource("hand"))
    seen = record(app, Work)
    source.emit(Work(1), Work(2))
    source.emit()
    source.emit(Work(3))
    settle(app)
    assert [event.number for event in seen] == [1, 2, 3]
    assert {event.source for event in seen} == {source}
    assert source.name == "hand"
    assert app.stats().balanced


def test_manual_source_events_emitted_before_add_are_dispatched(
    app: Dispatcher,
) -> None:
    source = ManualSource()
    source.emit(Work(1), Work(2))
    app.add(source)
    seen = record(app, Work)
    settle(app)
    assert [event.number for event in seen] == [1, 2]


def test_manual_source_events_of_threads_keep_the_order_of_each(
    app: Dispatcher,
) -> None:
    source = app.add(ManualSource())
    seen = record(app, Work)

    def emit(thread: int) -> None:
        for number in range(thread * 1000, thread * 1000 + 500):
            source.emit(Work(number))

    threads = in_threads(3, emit)
    run_until(app, lambda: len(seen) == 1500)
    for thread in threads:
        thread.join()
    for start in (0, 1000, 2000):
        mine = [e.number for e in seen if start <= e.number < start + 1000]
        assert mine == list(range(start, start + 500)), "in order for each thread"


def test_manual_source_closed_emits_nothing(app: Dispatcher) -> None:
    source = app.add(ManualSource())
    seen = record(app, Work)
    source.close()
    source.emit(Work())
    settle(app)
    assert seen == []


def test_record_of_a_class_includes_its_subclasses(app: Dispatcher) -> None:
    pings, loud = record(app, Work), record(app, LoudWork)
    for event in (Work(1), LoudWork(2), Line(b"x")):
        app.post(event)
    settle(app)
    assert [event.number for event in pings] == [1, 2]
    assert [event.number for event in loud] == [2]


def test_record_of_a_source_ignores_other_sources(app: Dispatcher) -> None:
    one, other = app.add(ManualSource()), app.add(ManualSource())
    seen = record(one, Work)
    one.emit(Work(1))
    other.emit(Work(2))
    settle(app)
    assert [event.number for event in seen] == [1]


def test_run_until_condition_true_returns_at_once(app: Dispatcher) -> None:
    run_until(app, lambda: True)
    seen = record(app, Work)
    app.post(Work(1))
    run_until(app, lambda: seen)
    assert len(seen) == 1


def test_run_until_timed_out_raises_with_the_stats(app: Dispatcher) -> None:
    with pytest.raises(TimeoutError, match=r"did not hold within 0\.01 s; Stats"):
        run_until(app, lambda: False, timeout=0.01)


def test_run_until_handler_failure_is_raised(app: Dispatcher) -> None:
    @app.on("work")
    def broken() -> None:
        raise LookupError

    app.post(Work())
    with pytest.raises(HandlerError):
        run_until(app, lambda: False)


def test_settle_returns_the_number_of_events(app: Dispatcher) -> None:
    assert settle(app) == 0
    app.post(Work())
    app.post(Work())
    assert settle(app) == 2
    assert settle(app) == 0


def test_settle_waits_for_events_caused_by_handlers(app: Dispatcher) -> None:
    source = app.add(ManualSource())
    seen = record(app, Work)

    @app.on("work")
    def again(event: Work) -> None:
        if event.number < 50:
            source.emit(Work(event.number + 1))
        elif event.number < 100:
            app.post(Work(event.number + 1))
        elif event.number < 120:
            app.add(Timer(after=0))

    @app.on("tick")
    def once_more() -> None:
        app.post(Work(1000))

    app.post(Work(1))
    assert settle(app) == 102
    assert [event.number for event in seen] == [*range(1, 101), 1000]


def test_settle_does_not_wait_for_a_timer_not_due(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    seen = record(timed, Tick)
    timed.add(Timer(every=1.0))
    clock.advance(0.999)
    assert settle(timed) == 0
    clock.advance(0.001)
    assert settle(timed) == 1
    assert len(seen) == 1


def test_settle_leaves_no_source_and_no_handler(app: Dispatcher) -> None:
    settle(app)
    before = app.stats().handlers
    for _ in range(5):
        settle(app)
    assert app.stats().handlers == before
    assert app.sources == ()


def test_settle_of_a_program_that_never_idles_raises_timeout_error(
    app: Dispatcher,
) -> None:
    app.on("work")(lambda: app.post(Work()))
    app.post(Work())
    with pytest.raises(TimeoutError, match=r"not settled within 0\.05 s"):
        settle(app, timeout=0.05)
    assert app.sources == ()


def test_settle_handler_failure_is_raised_and_leaves_no_source(app: Dispatcher) -> None:
    @app.on("work")
    def broken() -> None:
        raise LookupError

    app.post(Work())
    with pytest.raises(HandlerError):
        settle(app)
    assert app.sources == ()


def test_settle_with_a_queue_of_one_dispatches_all(io: Any) -> None:
    with Dispatcher(io=io, queue_size=1) as app:
        source = app.add(ManualSource())
        seen = record(app, Work)
        source.emit(*(Work(n) for n in range(50)))
        assert settle(app) == 50
        assert len(seen) == 50


def test_settle_does_not_count_idle(app: Dispatcher) -> None:
    idle = record(app, Idle)
    assert settle(app) == 0
    run_until(app, lambda: idle)


def test_manual_source_can_emit_events_of_other_sources(app: Dispatcher) -> None:
    """Tests can fake ticks, readiness and suspensions."""
    seen = record(app, Event)
    source = app.add(ManualSource())
    source.emit(Tick(count=1, missed=0, due=0.0), Readable(1), Writable(4), Suspend())
    settle(app)
    made = [event.name for event in seen if event.source is source]
    assert made == ["tick", "readable", "writable", "suspend"]
