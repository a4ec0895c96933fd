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


def test_register_subclass_adds_inherited_handlers(
    app: Dispatcher,
) -> None:
    derived = Derived()
    app.register(derived)
    ring(app, Bell(), Horn(), Bell())
    assert derived.called == ["both bell", "bell", "derived horn", "both horn", "bell"]


def test_register_two_instances_are_independent(app: Dispatcher) -> None:
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


def test_unregister_keeps_handlers_added_by_on(
    app: Dispatcher,
) -> None:
    derived = Derived()
    app.register(derived)
    app.on(Bell)(derived.bell)
    app.unregister(derived)
    ring(app, Bell(), Horn())
    assert derived.called == ["bell"]
    assert app.stats().handlers == 1


def test_register_twice_raises_unless_unregistered(
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


def test_register_one_wrong_handler_adds_none(app: Dispatcher) -> None:
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
def test_register_without_marks_raises_handler_type_error(
    app: Dispatcher, obj: Any
) -> None:
    with pytest.raises(HandlerTypeError, match=r"nothing in .* is marked"):
        app.register(obj)


def test_register_module_adds_its_handlers(app: Dispatcher) -> None:
    called: list[str] = []
    module = types.ModuleType("plugin")

    @on("bell")
    def handle() -> None:
        called.append("module")

    handle.__module__ = "plugin"
    module.handle = handle  # type: ignore[attr-defined]
    app.register(module)
    ring(app)
    app.unregister(module)
    ring(app)
    assert called == ["module"]
