"""Routes: rebuilt as little as can be, bounded, and gone with their sources."""

import gc
import time
import weakref
from typing import Any

import pytest
from helpers.events import Bell, Horn, ring

from evdispatch import Dispatcher, Event, Source, Timer
from evdispatch._events import event_classes
from evdispatch._routing._registry import Registry
from evdispatch._routing._routes import _ROUTES, Scope
from evdispatch.testing import ManualSource, settle


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
    registry = Registry(time.monotonic, lambda seconds, function: None)
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
