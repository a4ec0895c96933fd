"""Handles of `after` and `every`: cancelled, fired, failed and counted."""

import gc
import math
import weakref
from typing import Any

import pytest
from helpers.clocks import advance

from evdispatch import HANDLED, Dispatcher, Error, Event, Handle, HandlerError, Timer
from evdispatch.testing import VirtualClock, record, settle


def test_call_cancelled_is_not_made(timed: Dispatcher, clock: VirtualClock) -> None:
    called: list[str] = []
    once = timed.after(1.0, lambda: called.append("once"))
    often = timed.every(1.0, lambda: called.append("often"))
    once.cancel()
    once.cancel()
    advance(timed, clock, 1.0)
    often.cancel()
    advance(timed, clock, 5.0)
    assert called == ["often"]
    assert timed.timeout() is None  # no deadline is left


def test_call_cancelled_while_queued_is_not_made(
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


def test_every_cancelled_by_its_own_call_ends(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    called: list[str] = []

    def call() -> None:
        called.append("x")
        handle.cancel()

    handle = timed.every(1.0, call)
    advance(timed, clock, 1.0)
    advance(timed, clock, 5.0)
    assert called == ["x"]
    assert handle.cancelled


def test_handle_after_a_call_is_cancelled_unless_repeating(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    once, often = timed.after(1.0, int), timed.every(1.0, int)
    assert (once.cancelled, often.cancelled) == (False, False)
    advance(timed, clock, 1.0)
    assert (once.cancelled, often.cancelled) == (True, False)
    once.cancel()


def test_handle_fired_or_cancelled_releases_the_function(
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


def test_call_is_not_dispatched_to_event_handlers(timed: Dispatcher) -> None:
    """Calls are internal events, which a handler of all events does not see."""
    seen: list[str] = []
    timed.on(Event, priority=math.inf)(lambda event: seen.append(event.name))
    timed.on("event")(lambda event: seen.append(event.name))
    timed.after(0, lambda: None)
    settle(timed)
    assert "due" not in seen


def test_call_returning_handled_stops_no_other_call(timed: Dispatcher) -> None:
    called: list[str] = []

    def both() -> Any:
        called.append("x")
        return HANDLED

    timed.after(0, both)
    timed.after(0, both)
    settle(timed)
    assert called == ["x", "x"]


def test_call_that_raises_is_reported_with_its_function(
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


def test_calls_made_are_counted_with_the_posts(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    timed.after(1.0, int)
    timed.every(1.0, int)
    advance(timed, clock, 1.0)
    stats = timed.stats()
    assert (stats.posts.read, stats.posts.handled) == (2, 2)
    assert stats.balanced


def test_handle_of_a_closed_dispatcher_can_be_cancelled(io: Any) -> None:
    app = Dispatcher(io=io)
    handle = app.after(60, lambda: None)
    app.close()
    handle.cancel()
    assert handle.cancelled
