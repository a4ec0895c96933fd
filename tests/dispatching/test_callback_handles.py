"""`after` and `every`: cancelled, over, failed and counted."""

import gc
import math
import weakref
from typing import Any

import pytest
from helpers.clocks import advance

from evdispatch import HANDLED, Dispatcher, Error, Event, Handle, HandlerError, Timer
from evdispatch.testing import VirtualClock, record, settle


def test_cancelled_is_not_called(timed: Dispatcher, clock: VirtualClock) -> None:
    called: list[str] = []
    once = timed.after(1.0, lambda: called.append("once"))
    often = timed.every(1.0, lambda: called.append("often"))
    once.cancel()
    once.cancel()
    advance(timed, clock, 1.0)
    often.cancel()
    advance(timed, clock, 5.0)
    assert called == ["often"]
    assert timed.timeout() is None  # nothing goes on ticking


def test_what_is_due_and_queued_can_still_be_cancelled(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    called: list[str] = []
    handles: list[Handle] = []

    @timed.on("tick")
    def cancel() -> None:
        handles[0].cancel()

    timed.add(Timer(after=1.0))
    handles.append(timed.after(1.0, lambda: called.append("victim")))
    advance(timed, clock, 1.0)
    assert called == []


def test_every_may_cancel_itself(timed: Dispatcher, clock: VirtualClock) -> None:
    called: list[str] = []

    def call() -> None:
        called.append("x")
        handle.cancel()

    handle = timed.every(1.0, call)
    advance(timed, clock, 1.0)
    advance(timed, clock, 5.0)
    assert called == ["x"]
    assert handle.cancelled


def test_a_handle_tells_whether_it_is_over(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    once, often = timed.after(1.0, int), timed.every(1.0, int)
    assert (once.cancelled, often.cancelled) == (False, False)
    advance(timed, clock, 1.0)
    assert (once.cancelled, often.cancelled) == (True, False)
    once.cancel()


def test_a_handle_that_has_fired_holds_nothing(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    class Closure:
        def __call__(self) -> None: ...

    closure = Closure()
    handle = timed.after(1.0, closure)
    cancelled = timed.every(1.0, closure)
    cancelled.cancel()
    dead = weakref.ref(closure)
    del closure
    advance(timed, clock, 1.0)
    gc.collect()
    assert handle.cancelled
    assert dead() is None


def test_nobody_else_hears_the_calls(timed: Dispatcher) -> None:
    """They are no events of the user's: not even a handler of all events sees them."""
    seen: list[str] = []
    timed.on(Event, priority=math.inf)(lambda event: seen.append(event.name))
    timed.on("event")(lambda event: seen.append(event.name))
    timed.after(0, lambda: None)
    settle(timed)
    assert "due" not in seen


def test_what_the_function_returns_does_not_matter(timed: Dispatcher) -> None:
    called: list[str] = []

    def both() -> Any:
        called.append("x")
        return HANDLED

    timed.after(0, both)
    timed.after(0, both)
    settle(timed)
    assert called == ["x", "x"]


def test_a_failure_is_told_with_the_function(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    def fail() -> None:
        raise LookupError

    timed.after(1.0, fail)
    with pytest.raises(HandlerError) as caught:
        advance(timed, clock, 1.0)
    assert caught.value.handler is fail
    assert caught.value.event.time == 1001.0
    assert timed.stats().balanced
    errors = record(timed, Error)
    often = timed.every(1.0, fail)
    advance(timed, clock, 1.0)
    advance(timed, clock, 1.0)
    assert [error.handler for error in errors] == [fail, fail]
    often.cancel()
    assert timed.stats().balanced


def test_calls_are_counted_with_the_posts(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    timed.after(1.0, int)
    timed.every(1.0, int)
    advance(timed, clock, 1.0)
    stats = timed.stats()
    assert (stats.posts.read, stats.posts.handled) == (2, 2)
    assert stats.balanced


def test_a_handle_may_be_cancelled_after_the_end(io: Any) -> None:
    app = Dispatcher(io=io)
    handle = app.after(60, lambda: None)
    app.close()
    handle.cancel()
    assert handle.cancelled
