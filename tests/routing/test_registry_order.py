"""Routes: which handlers an event reaches, and in what order."""

import math
from functools import partial
from typing import Any

import attrs
import pytest
from helpers.events import Bell, Horn, ring

from evdispatch import Click, Dispatcher, Event, Mouse, Source, StateError, Tick, Timer
from evdispatch.testing import ManualSource, VirtualClock, settle

pytestmark = pytest.mark.cross


@attrs.define(eq=False)
class Chime(Bell): ...


class Parent(ManualSource):
    has_children = True


def child_of(parent: Source) -> ManualSource:
    child = ManualSource("child")
    child.parent = parent
    return child


# -- order -------------------------------------------------------------------------------


def test_order_by_priority_then_registration(
    app: Dispatcher,
) -> None:
    called: list[str] = []
    for label, priority in [
        ("a", 0),
        ("b", 5),
        ("c", -1),
        ("d", 5),
        ("e", 0),
        ("f", 0.5),
        ("g", math.inf),
        ("h", -math.inf),
    ]:
        app.on(Bell, priority=priority)(partial(called.append, label))
    ring(app)
    assert "".join(called) == "gbdfaech"


def test_order_of_names_and_classes_is_common(app: Dispatcher) -> None:
    called: list[int] = []
    events: list[Any] = ["bell", Chime, Event, "chime", Bell, "event"]
    for number, event in enumerate(events):
        app.on(event, where=lambda event: type(event) is Chime)(
            partial(called.append, number)
        )
    ring(app, Chime())
    assert called == [0, 1, 2, 3, 4, 5]


def test_order_of_source_and_app_handlers_is_common(app: Dispatcher) -> None:
    parent = app.add(Parent("parent"))
    child = app.add(child_of(parent))
    called: list[str] = []
    child.on(Bell)(lambda: called.append("child"))
    app.on(Bell)(lambda: called.append("app"))
    parent.on(Bell)(lambda: called.append("parent"))
    child.on(Bell, priority=1)(lambda: called.append("first"))
    app.on(Bell, priority=-1)(lambda: called.append("last"))
    child.emit(Bell())
    settle(app)
    assert called == ["first", "child", "app", "parent", "last"]


@pytest.mark.parametrize("priority", ["1", None, True, 1j, [1]], ids=repr)
def test_priority_not_a_number_raises_type_error(
    app: Dispatcher, priority: Any
) -> None:
    with pytest.raises(TypeError, match="priority must be a number"):
        app.on(Bell, priority=priority)(print)


def test_priority_nan_raises_value_error(app: Dispatcher) -> None:
    """NaN compares with nothing, so the order of the other handlers would be undefined."""
    with pytest.raises(ValueError, match="NaN"):
        app.on(Bell, priority=math.nan)(print)
    assert app.stats().handlers == 0


# -- which handlers an event reaches -------------------------------------------------------


def test_route_base_class_or_its_name_gets_subclass_events(
    app: Dispatcher,
) -> None:
    received: dict[Any, list[str]] = {}
    events: list[Any] = [Bell, "bell", Chime, "chime", Event, "event", Mouse, "mouse"]
    for event in events:
        names = received.setdefault(event, [])
        app.on(event)(lambda each, names=names: names.append(each.name))
    ring(app, Bell(), Chime(), Click(1, 1, "left"))
    assert received[Bell] == received["bell"] == ["bell", "chime"]
    assert received[Chime] == received["chime"] == ["chime"]
    assert received[Mouse] == received["mouse"] == ["click"]
    assert received[Event] == received["event"]
    assert [name for name in received[Event] if name in ("bell", "chime", "click")] == [
        "bell",
        "chime",
        "click",
    ]


def test_route_timer_name_gets_only_its_ticks(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    received: list[tuple[str, str]] = []
    timed.add(Timer("left_timer", every=1.0))
    timed.add(Timer("right_timer", every=1.0))
    timed.add(Timer(every=1.0))
    for event in ("left_timer", "right_timer", "tick", Tick):
        timed.on(event)(lambda each, event=event: received.append((event, each.name)))
    clock.advance(1.0)
    settle(timed)
    assert received == [
        ("left_timer", "left_timer"),
        (Tick, "left_timer"),
        ("right_timer", "right_timer"),
        (Tick, "right_timer"),
        ("tick", "tick"),
        (Tick, "tick"),
    ]


def test_route_source_handler_gets_only_its_events(app: Dispatcher) -> None:
    one, two = app.add(ManualSource("one")), app.add(ManualSource("two"))
    received: list[Event] = []
    one.on(Bell)(received.append)
    first, second = Bell(1), Bell(2)
    one.emit(first)
    two.emit(second)
    app.post(Bell())
    settle(app)
    assert received == [first]


def test_route_parent_handler_gets_events_of_children(app: Dispatcher) -> None:
    parent = app.add(Parent("parent"))
    one, two = app.add(child_of(parent)), app.add(child_of(parent))
    stranger = app.add(ManualSource("stranger"))
    received: list[tuple[str, int]] = []
    for label, source in [("parent", parent), ("one", one), ("two", two)]:
        source.on(Bell)(
            lambda event, label=label: received.append((label, event.pitch))
        )
    for pitch, source in enumerate([parent, one, two, stranger]):
        source.emit(Bell(pitch))
        settle(app)
    assert received == [
        ("parent", 0),
        ("parent", 1),
        ("one", 1),
        ("parent", 2),
        ("two", 2),
    ]


def test_route_child_without_handlers_shares_that_of_parent(
    app: Dispatcher,
) -> None:
    """A listener with 10,000 connections must not build 10,000 routes."""
    parent = app.add(Parent("parent"))
    children = [app.add(child_of(parent)) for _ in range(3)]
    received: list[Event] = []
    parent.on(Bell)(received.append)
    for child in children:
        child.emit(Bell())
    settle(app)
    assert len(received) == 3
    assert {child.registration.scope for child in children} == {
        parent.registration.scope
    }


def test_source_on_before_add_raises_state_error(app: Dispatcher) -> None:
    with pytest.raises(StateError, match="add it to a dispatcher first"):
        ManualSource().on(Bell)


def test_source_second_add_fails_keeps_its_handlers(app: Dispatcher) -> None:
    """The source still works with the dispatcher that it was added to."""
    with Dispatcher() as other:
        source = app.add(ManualSource())
        received: list[Event] = []
        source.on(Bell)(received.append)
        with pytest.raises(StateError, match="added before"):
            other.add(source)
        source.on(Horn)(received.append)
        source.emit(Bell(), Horn())
        settle(app)
        assert [event.name for event in received] == ["bell", "horn"]
        assert other.stats().handlers == 0


def test_source_after_failed_add_can_be_added_elsewhere(
    app: Dispatcher,
) -> None:
    class Shy(ManualSource):
        ready = False

        def on_add(self) -> None:
            if not self.ready:
                raise OSError("not yet")

    source = Shy()
    with Dispatcher() as other, pytest.raises(OSError, match="not yet"):
        other.add(source)
    with pytest.raises(StateError):
        source.on(Bell)
    source.ready = True
    received: list[str] = []
    app.add(source)
    source.on(Bell)(lambda: received.append("source"))
    app.on(Bell)(lambda: received.append("app"))
    source.emit(Bell())
    settle(app)
    assert received == ["source", "app"]


def test_route_source_in_the_middle_gets_events_from_below(app: Dispatcher) -> None:
    top, middle, bottom = app.add(Parent()), Parent(), ManualSource()
    middle.parent, bottom.parent = top, middle
    app.add(middle)
    app.add(bottom)
    received: list[str] = []
    for name, source in (("top", top), ("middle", middle), ("bottom", bottom)):
        source.on(Bell)(lambda name=name: received.append(name))
    bottom.emit(Bell())
    settle(app)
    assert received == ["top", "middle", "bottom"]
    middle.emit(Bell())
    settle(app)
    assert received == ["top", "middle", "bottom", "top", "middle"]


def test_scope_changed_while_iterated_yields_the_rest(
    timed: Dispatcher,
) -> None:
    """As when another thread calls `Dispatcher.stats`."""
    scope = timed._registry.scope
    for _ in range(2):
        timed.add(Parent()).on(Event)(lambda: None)
    found = scope.all_subscriptions()
    next(found)
    timed.on("tick")(lambda: None)
    timed.add(Parent()).on(Event)(lambda: None)
    assert len(list(found)) >= 2
    entered = scope.children()
    next(entered)
    timed.add(Parent())
    assert len(list(entered)) == 2
