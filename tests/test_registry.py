"""Who hears what: order, scopes, routes, and how handlers come and go."""

import gc
import math
import types
import weakref
from functools import partial
from typing import Any

import attrs
import pytest

from evdispatch import (
    HANDLED,
    Click,
    Dispatcher,
    Error,
    Event,
    HandlerError,
    HandlerTypeError,
    Mouse,
    Source,
    StateError,
    Tick,
    Timer,
    on,
)
from evdispatch._events import event_classes
from evdispatch._registry import _ROUTES, Registry, Scope
from evdispatch.testing import ManualSource, VirtualClock, settle


@attrs.define(eq=False)
class Bell(Event):
    pitch: int = 0


@attrs.define(eq=False)
class Chime(Bell): ...


@attrs.define(eq=False)
class Horn(Event): ...


class Parent(ManualSource):
    has_children = True


def child_of(parent: Source) -> ManualSource:
    child = ManualSource("child")
    child.parent = parent
    return child


def ring(app: Dispatcher, *events: Event) -> None:
    for event in events or (Bell(),):
        app.post(event)
    settle(app)


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


# -- coming and going --------------------------------------------------------------------


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


# -- weak --------------------------------------------------------------------------------


class Ear:
    def __init__(self, heard: list[Any], name: str = "ear") -> None:
        self.heard = heard
        self.name = name

    def hear(self, event: Event) -> None:
        self.heard.append(self.name)

    def none(self) -> None:
        self.heard.append(self.name)

    def fail(self) -> None:
        raise LookupError(self.name)


def test_a_weak_method_is_heard_as_long_as_its_object_lives(app: Dispatcher) -> None:
    heard: list[Any] = []
    ear = Ear(heard)
    app.on(Bell, weak=True)(ear.hear)
    app.on(Bell, weak=True)(ear.none)
    ring(app)
    assert heard == ["ear", "ear"]
    dead = weakref.ref(ear)
    del ear
    assert dead() is None
    ring(app)
    assert heard == ["ear", "ear"]
    assert app.stats().handlers == 0


def test_a_strong_method_keeps_its_object_alive(app: Dispatcher) -> None:
    heard: list[Any] = []
    app.on(Bell)(Ear(heard).hear)
    gc.collect()
    ring(app)
    assert heard == ["ear"]


def test_an_object_that_dies_during_an_event_is_not_called_for_it(
    app: Dispatcher,
) -> None:
    heard: list[Any] = []
    ears = [Ear(heard)]
    app.on(Bell)(ears.clear)
    app.on(Bell, weak=True)(ears[0].hear)
    ring(app)
    assert heard == []
    assert app.stats().handlers == 1


def test_the_collector_may_run_amid_an_event(app: Dispatcher) -> None:
    """What dies in a circle dies in the collector, wherever that happens to run."""
    heard: list[Any] = []

    def in_a_circle() -> Ear:
        ear = Ear(heard)
        ear.circle = ear  # type: ignore[attr-defined]
        return ear

    for _ in range(5):
        app.on(Bell, weak=True)(in_a_circle().hear)

    @app.on(Bell, priority=1, once=True)
    def collect() -> None:
        gc.collect()

    ring(app)
    assert heard == []
    assert app.stats().handlers == 0


def test_off_removes_a_weak_method(app: Dispatcher) -> None:
    heard: list[Any] = []
    ear = Ear(heard)
    app.on(Bell, weak=True)(ear.hear)
    assert app.off(ear.hear) == 1
    ring(app)
    assert heard == []


def test_off_does_not_take_a_new_object_for_a_dead_one_in_its_place(
    app: Dispatcher,
) -> None:
    def dead() -> int:
        ear = Ear([])
        app.on(Bell, weak=True)(ear.hear)
        return id(ear)

    place = dead()
    ears = [Ear([]) for _ in range(100)]  # one of them comes to be in its place
    new = next((ear for ear in ears if id(ear) == place), ears[0])
    assert app.off(new.hear) == 0


def test_weak_and_once_go_together(app: Dispatcher) -> None:
    heard: list[Any] = []
    ear, dead = Ear(heard), Ear(heard, "dead")
    app.on(Bell, weak=True, once=True)(ear.hear)
    app.on(Bell, weak=True, once=True)(dead.hear)
    del dead
    ring(app, Bell(), Bell())
    assert heard == ["ear"]
    assert app.stats().handlers == 0


def test_a_weak_method_that_raises_is_told_as_itself(app: Dispatcher) -> None:
    ear = Ear([])
    app.on(Bell, weak=True)(ear.fail)
    app.post(Bell())
    with pytest.raises(
        HandlerError, match=r"test_registry\.Ear\.fail raised"
    ) as caught:
        app.step()
    assert caught.value.handler == ear.fail


def test_an_error_passes_no_dead_error_handler_unnoticed(app: Dispatcher) -> None:
    ear = Ear([])
    app.on(Error, weak=True)(ear.hear)
    app.on(Bell)(lambda: 1 / 0)
    del ear
    app.post(Bell())
    with pytest.raises(HandlerError):
        assert app.step() + app.step() == 2


@pytest.mark.parametrize("handler", [lambda: None, print, Ear], ids=str)
def test_only_bound_methods_can_be_weak(app: Dispatcher, handler: Any) -> None:
    with pytest.raises(HandlerTypeError, match="weak=True is for bound methods"):
        app.on(Bell, weak=True)(handler)
    assert app.stats().handlers == 0


# -- register ----------------------------------------------------------------------------


class Base:
    def __init__(self) -> None:
        self.called: list[str] = []

    @on("bell")
    def bell(self) -> None:
        self.called.append("bell")

    @on("horn")
    def horn(self) -> None:
        self.called.append("base horn")


class Derived(Base):
    @on("horn", priority=1)
    def horn(self) -> None:
        self.called.append("derived horn")

    @on("bell", priority=2, once=True)
    @on("horn")
    def both(self, event: Event) -> None:
        self.called.append(f"both {event.name}")


def test_register_adds_all_that_is_marked_inherited_ones_included(
    app: Dispatcher,
) -> None:
    derived = Derived()
    app.register(derived)
    ring(app, Bell(), Horn(), Bell())
    assert derived.called == ["both bell", "bell", "derived horn", "both horn", "bell"]


def test_two_instances_are_two_registrations(app: Dispatcher) -> None:
    one, two = Base(), Base()
    app.register(one)
    app.register(two)
    app.unregister(one)
    ring(app)
    assert (one.called, two.called) == ([], ["bell"])


def test_register_keeps_the_instance_alive(app: Dispatcher) -> None:
    base = Base()
    called = base.called
    app.register(base)
    del base
    gc.collect()
    ring(app)
    assert called == ["bell"]


def test_unregister_removes_what_register_added_and_nothing_else(
    app: Dispatcher,
) -> None:
    derived = Derived()
    app.register(derived)
    app.on(Bell)(derived.bell)
    app.unregister(derived)
    ring(app, Bell(), Horn())
    assert derived.called == ["bell"]
    assert app.stats().handlers == 1


def test_registering_twice_is_an_error_and_again_after_unregister_is_none(
    app: Dispatcher,
) -> None:
    base = Base()
    app.register(base)
    with pytest.raises(ValueError, match="registered already"):
        app.register(base)
    app.off(base.bell)
    app.unregister(base)
    with pytest.raises(ValueError, match="is not registered"):
        app.unregister(base)
    app.register(base)
    ring(app)
    assert base.called == ["bell"]


def test_register_is_all_or_nothing(app: Dispatcher) -> None:
    class Half:
        @on("bell")
        def good(self) -> None: ...

        @on("bell", no_such_field=1)
        def bad(self) -> None: ...

    half = Half()
    with pytest.raises(ValueError, match="no_such_field"):
        app.register(half)
    assert app.stats().handlers == 0
    with pytest.raises(ValueError, match="is not registered"):
        app.unregister(half)


@pytest.mark.parametrize(
    "obj", [object(), Base, 3], ids=["bare", "a class", "a number"]
)
def test_registering_what_has_no_marks_is_an_error(app: Dispatcher, obj: Any) -> None:
    with pytest.raises(HandlerTypeError, match=r"nothing in .* is marked"):
        app.register(obj)


def test_a_module_is_registered_like_an_instance(app: Dispatcher) -> None:
    called: list[str] = []
    module = types.ModuleType("plugin")

    @on("bell")
    def hear() -> None:
        called.append("module")

    hear.__module__ = "plugin"
    module.hear = hear  # type: ignore[attr-defined]
    app.register(module)
    ring(app)
    app.unregister(module)
    ring(app)
    assert called == ["module"]


# -- routes ------------------------------------------------------------------------------


def test_a_change_rebuilds_the_routes_it_concerns_and_no_others(
    app: Dispatcher,
) -> None:
    source = app.add(ManualSource())
    source.on(Bell)(lambda: None)
    app.on(Bell)(lambda: None)
    app.on(Horn)(lambda: None)
    source.emit(Bell(), Horn())
    ring(app, Bell(), Horn())
    scopes = (app._registry.scope, source._scope)
    before = [dict(scope.routes) for scope in scopes if scope]
    added = app.on(Bell)(lambda: None)
    after = [dict(scope.routes) for scope in scopes if scope]
    assert [Bell in routes for routes in before] == [True, True]
    assert [Bell in routes for routes in after] == [False, False]
    assert [routes[Horn] for routes in before] == [routes[Horn] for routes in after]
    source.emit(Bell())
    ring(app)
    assert [len(scope.routes[Bell]) for scope in scopes if scope] == [2, 3]
    app.off(added)
    source.emit(Bell())
    ring(app)
    assert [len(scope.routes[Bell]) for scope in scopes if scope] == [1, 2]


def test_a_handler_of_one_source_leaves_the_routes_of_all_alone(
    app: Dispatcher,
) -> None:
    app.on(Bell)(lambda: None)
    ring(app)
    route = app._registry.scope.routes[Bell]
    source = app.add(ManualSource())
    source.on(Bell)(lambda: None)
    assert app._registry.scope.routes[Bell] is route


class CountingScope(Scope):
    """Counts how often a route is built."""

    __slots__ = ("built",)

    def __init__(self) -> None:
        super().__init__()
        self.built = 0

    def route(self, cls: type[Event]) -> Any:
        self.built += 1
        return super().route(cls)


@pytest.mark.parametrize("others", [0, 300])
def test_the_cost_of_a_look_up_does_not_grow_with_the_other_handlers(
    app: Dispatcher, others: int
) -> None:
    scope = CountingScope()
    app._registry.scope = app._dispatch._scope = scope
    sources = [app.add(ManualSource(str(number))) for number in range(others // 10)]
    for number in range(others):
        app.on(Horn, name=str(number))(print)
    for source in sources:
        source.on(Bell)(print)
    heard: list[Event] = []
    app.on(Bell)(heard.append)
    ring(app, *(Bell() for _ in range(50)))
    assert len(heard) == 50
    assert [entry.handler for entry in scope.routes[Bell]] == [heard.append]
    built = scope.built
    ring(app, *(Bell() for _ in range(50)))
    assert scope.built == built


def test_names_that_come_and_go_leave_nothing_behind(app: Dispatcher) -> None:

    def come_and_go(name: str) -> None:
        timer = app.add(Timer(name, every=1000))
        hear = app.on(name)(lambda: None)
        app.off(hear)
        timer.close()

    for number in range(10):
        come_and_go(f"transient_{number}")
    entries = app._registry.scope.entries
    assert [selector for selector in entries if isinstance(selector, str)] == []
    gc.collect()
    assert not event_classes("transient_9")


def test_the_number_of_routes_is_bounded() -> None:
    """Each timer's name is a class of events, and programs make up names."""
    registry = Registry()
    classes = [type(f"Made{number}", (Event,), {}) for number in range(_ROUTES + 10)]
    for cls in classes:
        registry.scope.route(cls)
    assert len(registry.scope.routes) <= _ROUTES


def test_the_handlers_of_a_source_go_with_it(app: Dispatcher) -> None:
    """A server that gives each connection its handlers must not grow for ever."""
    heard: list[str] = []

    def serve() -> "weakref.ref[Source]":
        source = app.add(ManualSource())
        source.on(Bell)(lambda: heard.append(source.name))
        source.emit(Bell())
        settle(app)
        source.close()
        return weakref.ref(source)

    dead = serve()
    gc.collect()
    assert heard == ["manualsource"]
    assert dead() is None
    assert app.stats().handlers == 0


def test_a_source_in_the_middle_hears_what_is_below_it(app: Dispatcher) -> None:
    class Middle(ManualSource):
        has_children = True

    top, middle, bottom = app.add(Middle()), Middle(), ManualSource()
    middle.parent, bottom.parent = top, middle
    app.add(middle)
    app.add(bottom)
    heard: list[str] = []
    for name, source in (("top", top), ("middle", middle), ("bottom", bottom)):
        source.on(Bell)(lambda name=name: heard.append(name))
    bottom.emit(Bell())
    settle(app)
    assert heard == ["top", "middle", "bottom"]
    middle.emit(Bell())
    settle(app)
    assert heard == ["top", "middle", "bottom", "top", "middle"]
