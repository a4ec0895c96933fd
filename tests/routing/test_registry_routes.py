"""Routes: rebuilt only where needed, bounded, and freed with their sources."""

import gc
import time
import weakref
from collections import Counter
from typing import Any

import pytest
from helpers.events import Bell, Horn, ring

from evdispatch import Dispatcher, Event, Source, Timer
from evdispatch._events import event_classes
from evdispatch._handlers._registry import Registry
from evdispatch._handlers._routes import _KEPT, Scope
from evdispatch.testing import ManualSource, settle


def test_route_handler_added_rebuilds_only_affected_ones(
    app: Dispatcher,
) -> None:
    source = app.add(ManualSource())
    source.on(Bell)(lambda: None)
    app.on(Bell)(lambda: None)
    app.on(Horn)(lambda: None)
    source.emit(Bell(), Horn())
    ring(app, Bell(), Horn())
    scopes = (app._registry.scope, source.registration.scope)
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


def test_route_handler_of_source_added_keeps_common_routes(
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
        self.built: Counter[type[Event]] = Counter()

    def build_route(self, cls: type[Event]) -> Any:
        self.built[cls] += 1
        return super().build_route(cls)


@pytest.mark.parametrize("others", [0, 300])
def test_route_many_other_handlers_is_built_once(app: Dispatcher, others: int) -> None:
    scope = CountingScope()
    app._registry.scope = app._runner._dispatch._scope = scope
    sources = [app.add(ManualSource(str(number))) for number in range(others // 10)]
    for number in range(others):
        app.on(Horn, name=str(number))(print)
    for source in sources:
        source.on(Bell)(print)
    received: list[Event] = []
    app.on(Bell)(received.append)
    ring(app, *(Bell() for _ in range(50)))
    assert len(received) == 50
    assert [subscription.handler for subscription in scope.routes[Bell]] == [
        received.append
    ]
    ring(app, *(Bell() for _ in range(50)))
    assert scope.built[Bell] == 1


def test_registry_names_removed_leaves_no_entries(app: Dispatcher) -> None:

    def come_and_go(name: str) -> None:
        timer = app.add(Timer(name, every=1000))
        handle = app.on(name)(lambda: None)
        app.off(handle)
        timer.close()

    for number in range(10):
        come_and_go(f"transient_{number}")
    subscriptions = app._registry.scope.subscriptions
    assert [selector for selector in subscriptions if isinstance(selector, str)] == []
    gc.collect()
    assert not event_classes("transient_9")


def test_route_cache_many_classes_stays_bounded() -> None:
    """Each name of a timer is a class of events, and programs make up names."""
    registry = Registry(time.monotonic, lambda seconds, function: None)
    classes = [type(f"Made{number}", (Event,), {}) for number in range(_KEPT + 10)]
    for cls in classes:
        registry.scope.build_route(cls)
    assert len(registry.scope.routes) <= _KEPT


def test_source_collected_frees_its_handlers(app: Dispatcher) -> None:
    """A server that adds handlers to each connection must not leak them."""
    received: list[str] = []

    def serve() -> "weakref.ref[Source]":
        source = app.add(ManualSource())
        source.on(Bell)(lambda: received.append(source.name))
        source.emit(Bell())
        settle(app)
        source.close()
        return weakref.ref(source)

    dead = serve()
    gc.collect()
    assert received == ["manualsource"]
    assert dead() is None
    assert app.stats().handlers == 0
