"""Objects whose marked methods are registered, all of them or none."""

import gc
import types
from typing import Any

import pytest
from helpers.events import Bell, Horn, ring

from evdispatch import Dispatcher, Event, HandlerTypeError, on


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
