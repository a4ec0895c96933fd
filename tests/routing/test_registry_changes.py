"""Handlers that are added and removed, and where the dispatch of an event ends."""

import gc
from typing import Any

import pytest
from helpers.events import Bell, Horn, ring

from evdispatch import HANDLED, Dispatcher, Event, HandlerError
from evdispatch.testing import ManualSource


def test_off_handler_registered_in_several_places_removes_all(app: Dispatcher) -> None:
    source = app.add(ManualSource())
    received: list[Event] = []
    handle = received.append
    app.on(Bell)(handle)
    app.on("horn")(handle)
    source.on(Bell)(handle)
    app.on(Bell, pitch=3)(handle)
    assert app.stats().handlers == 4
    assert app.off(handle) == 4
    source.emit(Bell(3))
    ring(app, Bell(3), Horn())
    assert received == []
    assert app.off(handle) == 0
    assert app.stats().handlers == 0


def test_off_bound_method_is_compared_by_its_object(
    app: Dispatcher,
) -> None:
    class Receiver:
        def __init__(self) -> None:
            self.received = 0

        def handle(self) -> None:
            self.received += 1

        def __eq__(self, other: object) -> bool:
            return True  # all are equal, but not identical

        __hash__ = object.__hash__

    left, right = Receiver(), Receiver()
    app.on(Bell)(left.handle)
    app.on(Bell)(right.handle)
    assert app.off(left.handle) == 1
    ring(app)
    assert (left.received, right.received) == (0, 1)


def test_on_handler_registered_twice_is_called_twice(app: Dispatcher) -> None:
    received: list[Event] = []
    handle = received.append
    app.on(Bell)(handle)
    app.on(Bell)(handle)
    ring(app)
    assert len(received) == 2
    assert app.off(handle) == 2


def test_once_two_events_is_called_once(app: Dispatcher) -> None:
    received: list[Event] = []
    app.on(Bell, once=True)(received.append)
    ring(app, Bell(1), Bell(2))
    assert [event.pitch for event in received] == [1]  # type: ignore[attr-defined]
    assert app.stats().handlers == 0


def test_once_with_filter_waits_for_a_match(app: Dispatcher) -> None:
    received: list[Event] = []
    app.on(Bell, once=True, pitch=2)(received.append)
    ring(app, Bell(1), Bell(2), Bell(2))
    assert len(received) == 1


def test_once_is_removed_before_its_call(app: Dispatcher) -> None:
    """Else a handler that causes the same event again would be called again."""
    removed: list[int] = []

    def again() -> None:
        removed.append(app.off(again))
        app.post(Bell())

    app.on(Bell, once=True)(again)
    ring(app)
    assert removed == [0]


def test_once_that_raises_is_removed(app: Dispatcher) -> None:
    app.on(Bell, once=True)(lambda: 1 / 0)
    app.post(Bell())
    with pytest.raises(HandlerError):
        app.step()
    ring(app)
    assert app.stats().handlers == 0


def test_dispatch_handler_added_meanwhile_is_not_called(app: Dispatcher) -> None:
    called: list[str] = []

    def adder() -> None:
        called.append("adder")
        app.on(Bell, priority=-1)(lambda: called.append("late"))

    app.on(Bell, once=True)(adder)
    ring(app)
    assert called == ["adder"]
    ring(app)
    assert called == ["adder", "late"]


def test_dispatch_handler_removed_meanwhile_is_not_called(
    app: Dispatcher,
) -> None:
    called: list[str] = []

    def victim() -> None:
        called.append("victim")

    app.on(Bell)(lambda: app.off(victim))
    app.on(Bell)(victim)
    ring(app)
    assert called == []


def test_dispatch_handler_moved_meanwhile_waits_for_next_event(
    app: Dispatcher,
) -> None:
    called: list[str] = []

    def moved() -> None:
        called.append("moved")

    def move() -> None:
        app.off(moved)
        app.on(Bell)(moved)

    app.on(Bell, once=True)(move)
    app.on(Bell)(moved)
    ring(app)
    assert called == []
    ring(app)
    assert called == ["moved"]


def test_dispatch_handler_removing_itself_is_called_once(app: Dispatcher) -> None:
    called: list[str] = []

    def suicidal() -> None:
        called.append("x")
        app.off(suicidal)

    app.on(Bell)(suicidal)
    app.on(Bell)(lambda: called.append("next"))
    ring(app, Bell(), Bell())
    assert called == ["x", "next", "next"]


def test_dispatch_handled_returned_calls_no_later_handler(app: Dispatcher) -> None:
    called: list[str] = []

    def second() -> Any:
        called.append("second")
        return HANDLED

    app.on(Bell)(lambda: called.append("first"))
    app.on(Bell)(second)
    app.on(Bell)(lambda: called.append("third"))
    ring(app)
    assert called == ["first", "second"]


@pytest.mark.parametrize("result", [True, "HANDLED", 1, type(HANDLED)()], ids=repr)
def test_dispatch_other_results_call_later_handlers(
    app: Dispatcher, result: Any
) -> None:
    called: list[str] = []
    app.on(Bell)(lambda: result)
    app.on(Bell)(lambda: called.append("second"))
    ring(app)
    assert called == ["second"]


def test_stats_dead_weak_handler_is_not_removed_by_counting(timed: Dispatcher) -> None:
    class Listening:
        def handle(self) -> None: ...

    listening = Listening()
    timed.on("tick", weak=True)(listening.handle)
    before = timed.stats().handlers
    del listening
    gc.collect()
    assert timed.stats().handlers == before - 1
    assert "tick" in timed._registry.scope.subscriptions
