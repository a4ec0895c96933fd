"""Handlers that come and go, and where an event's way ends."""

import gc
from typing import Any

import pytest
from helpers.events import Bell, Horn, ring

from evdispatch import HANDLED, Dispatcher, Event, HandlerError
from evdispatch.testing import ManualSource


def test_off_removes_a_handler_wherever_it_is_registered(app: Dispatcher) -> None:
    source = app.add(ManualSource())
    heard: list[Event] = []
    hear = heard.append
    app.on(Bell)(hear)
    app.on("horn")(hear)
    source.on(Bell)(hear)
    app.on(Bell, pitch=3)(hear)
    assert app.stats().handlers == 4
    assert app.off(hear) == 4
    source.emit(Bell(3))
    ring(app, Bell(3), Horn())
    assert heard == []
    assert app.off(hear) == 0
    assert app.stats().handlers == 0


def test_off_knows_a_bound_method_though_each_look_up_makes_a_new_one(
    app: Dispatcher,
) -> None:
    class Ear:
        def __init__(self) -> None:
            self.heard = 0

        def hear(self) -> None:
            self.heard += 1

        def __eq__(self, other: object) -> bool:
            return True  # all ears are equal, and yet not the same

        __hash__ = object.__hash__

    left, right = Ear(), Ear()
    app.on(Bell)(left.hear)
    app.on(Bell)(right.hear)
    assert app.off(left.hear) == 1
    ring(app)
    assert (left.heard, right.heard) == (0, 1)


def test_a_handler_registered_twice_is_called_twice(app: Dispatcher) -> None:
    heard: list[Event] = []
    hear = heard.append
    app.on(Bell)(hear)
    app.on(Bell)(hear)
    ring(app)
    assert len(heard) == 2
    assert app.off(hear) == 2


def test_once_is_called_once(app: Dispatcher) -> None:
    heard: list[Event] = []
    app.on(Bell, once=True)(heard.append)
    ring(app, Bell(1), Bell(2))
    assert [event.pitch for event in heard] == [1]  # type: ignore[attr-defined]
    assert app.stats().handlers == 0


def test_once_waits_for_an_event_that_passes_its_filter(app: Dispatcher) -> None:
    heard: list[Event] = []
    app.on(Bell, once=True, pitch=2)(heard.append)
    ring(app, Bell(1), Bell(2), Bell(2))
    assert len(heard) == 1


def test_once_is_removed_before_its_call(app: Dispatcher) -> None:
    """Else a handler that makes the same event happen again would hear it again."""
    removed: list[int] = []

    def again() -> None:
        removed.append(app.off(again))
        app.post(Bell())

    app.on(Bell, once=True)(again)
    ring(app)
    assert removed == [0]


def test_once_is_over_even_if_it_raises(app: Dispatcher) -> None:
    app.on(Bell, once=True)(lambda: 1 / 0)
    app.post(Bell())
    with pytest.raises(HandlerError):
        app.step()
    ring(app)
    assert app.stats().handlers == 0


def test_a_handler_added_during_an_event_is_not_called_for_it(app: Dispatcher) -> None:
    called: list[str] = []

    def adder() -> None:
        called.append("adder")
        app.on(Bell, priority=-1)(lambda: called.append("late"))

    app.on(Bell, once=True)(adder)
    ring(app)
    assert called == ["adder"]
    ring(app)
    assert called == ["adder", "late"]


def test_a_handler_removed_during_an_event_and_not_yet_called_is_not_called(
    app: Dispatcher,
) -> None:
    called: list[str] = []

    def victim() -> None:
        called.append("victim")

    app.on(Bell)(lambda: app.off(victim))
    app.on(Bell)(victim)
    ring(app)
    assert called == []


def test_a_handler_that_is_removed_and_added_again_waits_for_the_next_event(
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


def test_a_handler_may_remove_itself(app: Dispatcher) -> None:
    called: list[str] = []

    def suicidal() -> None:
        called.append("x")
        app.off(suicidal)

    app.on(Bell)(suicidal)
    app.on(Bell)(lambda: called.append("next"))
    ring(app, Bell(), Bell())
    assert called == ["x", "next", "next"]


def test_handled_ends_the_events_way(app: Dispatcher) -> None:
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
def test_nothing_but_handled_ends_it(app: Dispatcher, result: Any) -> None:
    called: list[str] = []
    app.on(Bell)(lambda: result)
    app.on(Bell)(lambda: called.append("second"))
    ring(app)
    assert called == ["second"]


def test_handlers_and_scopes_may_come_while_they_are_looked_at(
    timed: Dispatcher,
) -> None:
    """As when another thread asks for `Dispatcher.stats`."""

    class Parent(ManualSource):
        has_children = True

    scope = timed._registry.scope
    for _ in range(2):
        timed.add(Parent()).on(Event)(lambda: None)
    found = scope.all_entries()
    next(found)
    timed.on("tick")(lambda: None)
    timed.add(Parent()).on(Event)(lambda: None)
    assert len(list(found)) >= 2
    entered = scope.children()
    next(entered)
    timed.add(Parent())
    assert len(list(entered)) == 2


def test_counting_removes_nothing(timed: Dispatcher) -> None:
    class Listening:
        def hear(self) -> None: ...

    listening = Listening()
    timed.on("tick", weak=True)(listening.hear)
    before = timed.stats().handlers
    del listening
    gc.collect()
    assert timed.stats().handlers == before - 1
    assert "tick" in timed._registry.scope.entries
