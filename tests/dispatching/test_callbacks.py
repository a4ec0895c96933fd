"""`after` and `every`: functions called at a time."""

import math
from functools import partial
from typing import Any

import pytest
from helpers.clocks import advance

from evdispatch import Dispatcher, Event, Tick, Timer
from evdispatch.testing import VirtualClock, run_until, settle


def test_after_deadline_passed_calls_once_and_never_early(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    called: list[float] = []
    timed.after(1.5, lambda: called.append(clock.now()))
    advance(timed, clock, 1.25)
    assert called == []
    advance(timed, clock, 0.25)
    assert called == [1001.5]
    advance(timed, clock, 100.0)
    assert called == [1001.5]


def test_every_calls_repeatedly_on_a_grid(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    called: list[float] = []
    timed.every(1.0, lambda: called.append(clock.now()))
    for seconds in (0.5, 0.5, 1.25, 0.75, 1.0):
        advance(timed, clock, seconds)
    assert called == [1001.0, 1002.25, 1003.0, 1004.0]


def test_every_several_intervals_late_calls_once(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    called: list[float] = []
    timed.every(1.0, lambda: called.append(clock.now()))
    advance(timed, clock, 5.5)
    assert called == [1005.5]
    advance(timed, clock, 0.5)
    assert called == [1005.5, 1006.0]


def test_every_call_pending_in_the_queue_is_not_queued_again(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    called: list[float] = []
    timed.every(1.0, lambda: called.append(clock.now()))

    @timed.on("other_of_callbacks")
    def busy() -> None:
        for _ in range(5):
            clock.advance(1.0)
            while timed._io_mode == "thread" and is_due():
                pass  # until the IO thread has seen it

    def is_due() -> bool:
        registrations = timed._registrations
        with registrations.lock:
            nearest = registrations.timers.next()
        return nearest is None or nearest <= clock.now()

    timed.post(OtherOfCallbacks())
    settle(timed)
    assert called == [1005.0]
    advance(timed, clock, 1.0)
    assert called == [1005.0, 1006.0]


@pytest.mark.parametrize("seconds", [0, -1, -math.inf, 0.0])
def test_after_zero_or_less_calls_in_the_next_turn(
    timed: Dispatcher, seconds: float
) -> None:
    called: list[str] = []
    timed.after(seconds, lambda: called.append("now"))
    assert called == []
    settle(timed)
    assert called == ["now"]


def test_after_zero_set_by_its_own_call_calls_a_turn_later(timed: Dispatcher) -> None:
    """A call that sets itself again must not starve other events."""
    order: list[str] = []

    @timed.on("other_of_callbacks")
    def other() -> None:
        order.append("other")

    def again() -> None:
        order.append("again")
        if len(order) < 10:
            timed.after(0, again)
            timed.post(OtherOfCallbacks())

    timed.after(0, again)
    settle(timed)
    assert order == ["again", "other"] * 5 + ["again"]


class OtherOfCallbacks(Event): ...


def test_call_after_infinity_is_never_made(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    handles = [timed.after(math.inf, print), timed.every(math.inf, print)]
    advance(timed, clock, 1e9)
    assert [handle.cancelled for handle in handles] == [False, False]
    assert timed.timeout() is None
    for handle in handles:
        handle.cancel()
        assert handle.cancelled


def test_after_same_instant_keeps_the_order_of_registration(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    called: list[int] = []
    for number in range(20):
        timed.after(1.0, partial(called.append, number))
    advance(timed, clock, 1.0)
    assert called == list(range(20))


def test_after_earlier_deadline_calls_first(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    called: list[float] = []
    for delay in (3.0, 1.0, 2.0):
        timed.after(delay, partial(called.append, delay))
    advance(timed, clock, 5.0)
    assert called == [1.0, 2.0, 3.0]


def test_calls_and_timers_due_together_are_dispatched_in_order(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    order: list[str] = []
    timed.after(1.0, lambda: order.append("first"))
    timed.add(Timer(after=1.0))
    timed.on(Tick)(lambda: order.append("tick"))
    timed.after(1.0, lambda: order.append("last"))
    advance(timed, clock, 1.0)
    assert order == ["first", "tick", "last"]


@pytest.mark.parametrize("verb", ["after", "every"])
@pytest.mark.parametrize(
    ("seconds", "error"),
    [(math.nan, ValueError), ("1", TypeError), (None, TypeError), (True, TypeError)],
    ids=str,
)
def test_call_seconds_not_a_number_raises(
    app: Dispatcher, verb: str, seconds: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=verb):
        getattr(app, verb)(seconds, int)
    assert app.timeout() is None


@pytest.mark.parametrize("seconds", [0, -1.0, -math.inf])
def test_every_interval_of_zero_or_less_raises(app: Dispatcher, seconds: float) -> None:
    with pytest.raises(ValueError, match="every must be above 0 seconds"):
        app.every(seconds, int)


@pytest.mark.parametrize("seconds", [2.0**40, 1e300, 1e18])
def test_call_huge_delay_is_accepted(app: Dispatcher, seconds: float) -> None:
    handles = [app.after(seconds, int), app.every(seconds, int)]
    app.step(0)
    assert [handle.cancelled for handle in handles] == [False, False]
    for handle in handles:
        handle.cancel()


@pytest.mark.parametrize("verb", ["after", "every"])
@pytest.mark.parametrize("function", [None, 3, "f"], ids=repr)
def test_call_of_no_function_raises_type_error(
    app: Dispatcher, verb: str, function: Any
) -> None:
    with pytest.raises(TypeError, match="the function must be callable"):
        getattr(app, verb)(1.0, function)


def test_after_on_the_real_clock_is_not_early(app: Dispatcher) -> None:
    now = app._now
    called: list[float] = []
    due = now() + 0.01
    app.after(0.01, lambda: called.append(now()))
    run_until(app, lambda: called)
    assert called[0] >= due
