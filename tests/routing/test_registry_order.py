"""Who hears what, and in what order."""

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


def test_higher_priority_is_called_first_then_order_of_registration(
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


def test_names_and_classes_are_ordered_together(app: Dispatcher) -> None:
    called: list[int] = []
    events: list[Any] = ["bell", Chime, Event, "chime", Bell, "event"]
    for number, event in enumerate(events):
        app.on(event, where=lambda event: type(event) is Chime)(
            partial(called.append, number)
        )
    ring(app, Chime())
    assert called == [0, 1, 2, 3, 4, 5]


def test_handlers_of_a_source_and_of_all_are_ordered_together(app: Dispatcher) -> None:
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
def test_a_priority_is_a_number(app: Dispatcher, priority: Any) -> None:
    with pytest.raises(TypeError, match="priority is a number"):
        app.on(Bell, priority=priority)(print)


def test_nan_is_no_priority(app: Dispatcher) -> None:
    """It compares with nothing: the order of all the others would be undefined."""
    with pytest.raises(ValueError, match="NaN"):
        app.on(Bell, priority=math.nan)(print)
    assert app.stats().handlers == 0


# -- who hears ---------------------------------------------------------------------------


def test_a_base_class_hears_its_subclasses_and_so_does_its_name(
    app: Dispatcher,
) -> None:
    heard: dict[Any, list[str]] = {}
    events: list[Any] = [Bell, "bell", Chime, "chime", Event, "event", Mouse, "mouse"]
    for event in events:
        names = heard.setdefault(event, [])
        app.on(event)(lambda told, names=names: names.append(told.name))
    ring(app, Bell(), Chime(), Click(1, 1, "left"))
    assert heard[Bell] == heard["bell"] == ["bell", "chime"]
    assert heard[Chime] == heard["chime"] == ["chime"]
    assert heard[Mouse] == heard["mouse"] == ["click"]
    assert heard[Event] == heard["event"]
    assert [name for name in heard[Event] if name in ("bell", "chime", "click")] == [
        "bell",
        "chime",
        "click",
    ]


def test_two_timers_are_told_apart_by_their_names(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    heard: list[tuple[str, str]] = []
    timed.add(Timer("left_timer", every=1.0))
    timed.add(Timer("right_timer", every=1.0))
    timed.add(Timer(every=1.0))
    for event in ("left_timer", "right_timer", "tick", Tick):
        timed.on(event)(lambda told, event=event: heard.append((event, told.name)))
    clock.advance(1.0)
    settle(timed)
    assert heard == [
        ("left_timer", "left_timer"),
        (Tick, "left_timer"),
        ("right_timer", "right_timer"),
        (Tick, "right_timer"),
        ("tick", "tick"),
        (Tick, "tick"),
    ]


def test_handlers_of_a_source_hear_that_source_alone(app: Dispatcher) -> None:
    one, two = app.add(ManualSource("one")), app.add(ManualSource("two"))
    heard: list[Event] = []
    one.on(Bell)(heard.append)
    first, second = Bell(1), Bell(2)
    one.emit(first)
    two.emit(second)
    app.post(Bell())
    settle(app)
    assert heard == [first]


def test_a_parent_hears_its_children_and_they_not_each_other(app: Dispatcher) -> None:
    parent = app.add(Parent("parent"))
    one, two = app.add(child_of(parent)), app.add(child_of(parent))
    stranger = app.add(ManualSource("stranger"))
    heard: list[tuple[str, int]] = []
    for label, source in [("parent", parent), ("one", one), ("two", two)]:
        source.on(Bell)(lambda event, label=label: heard.append((label, event.pitch)))
    for pitch, source in enumerate([parent, one, two, stranger]):
        source.emit(Bell(pitch))
        settle(app)
    assert heard == [
        ("parent", 0),
        ("parent", 1),
        ("one", 1),
        ("parent", 2),
        ("two", 2),
    ]


def test_a_child_without_handlers_of_its_own_shares_its_parents_routes(
    app: Dispatcher,
) -> None:
    """So that a listener with 10,000 connections does not build 10,000 routes."""
    parent = app.add(Parent("parent"))
    children = [app.add(child_of(parent)) for _ in range(3)]
    heard: list[Event] = []
    parent.on(Bell)(heard.append)
    for child in children:
        child.emit(Bell())
    settle(app)
    assert len(heard) == 3
    assert {child._scope for child in children} == {parent._scope}


def test_a_source_hears_nothing_before_it_is_added(app: Dispatcher) -> None:
    with pytest.raises(StateError, match="add it to a dispatcher first"):
        ManualSource().on(Bell)


def test_an_add_that_fails_leaves_the_source_as_it_was(app: Dispatcher) -> None:
    """The source goes on with the dispatcher that has it."""
    with Dispatcher() as other:
        source = app.add(ManualSource())
        heard: list[Event] = []
        source.on(Bell)(heard.append)
        with pytest.raises(StateError, match="added before"):
            other.add(source)
        source.on(Horn)(heard.append)
        source.emit(Bell(), Horn())
        settle(app)
        assert [event.name for event in heard] == ["bell", "horn"]
        assert other.stats().handlers == 0


def test_a_source_that_could_not_be_added_may_be_added_elsewhere(
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
    heard: list[str] = []
    app.add(source)
    source.on(Bell)(lambda: heard.append("source"))
    app.on(Bell)(lambda: heard.append("app"))
    source.emit(Bell())
    settle(app)
    assert heard == ["source", "app"]
