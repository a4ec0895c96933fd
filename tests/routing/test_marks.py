"""Marking handlers, and finding what is marked."""

import functools
import types
from collections.abc import Callable
from typing import Any

import pytest
from helpers.events import Gong

from evdispatch import Dispatcher, Event, HandlerTypeError, on
from evdispatch._handlers._handler import marked
from evdispatch.testing import settle


def test_bare_on_takes_event_from_function_name(app: Dispatcher) -> None:
    seen: list[str] = []

    @app.on
    def on_gong() -> None:
        seen.append("bare")

    @app.on()
    def on_event(event: Event) -> None:
        seen.append(event.name)

    app.post(Gong())
    settle(app)
    assert seen[:2] == ["bare", "gong"]


@pytest.mark.parametrize("name", ["gong", "on_", "<lambda>"])
def test_bare_on_other_function_name_raises(app: Dispatcher, name: str) -> None:
    def handler() -> None: ...

    handler.__name__ = name
    for decorator in (app.on, app.on(), on, on()):
        with pytest.raises(HandlerTypeError, match="on_<event>"):
            decorator(handler)


def test_bare_on_unknown_event_raises_with_a_hint(app: Dispatcher) -> None:
    def on_gnog() -> None: ...

    with pytest.raises(ValueError, match="did you mean 'gong'"):
        app.on(on_gnog)


def test_mark_leaves_function_callable_and_unregistered(
    app: Dispatcher,
) -> None:
    @on("gong")
    def double(event: Gong) -> int:
        return event.loud * 2

    assert double(Gong(4)) == 8
    app.post(Gong())
    assert settle(app) == 1
    assert app.stats().handlers == 0


def test_mark_twice_yields_both() -> None:
    class Twice:
        @on("gong", loud=1)
        @on("gong", loud=2)
        def handle(self) -> None: ...

    assert [options for _, _, options in marked(Twice())] == [{"loud": 2}, {"loud": 1}]


def test_mark_by_bare_on_takes_event_from_method_name() -> None:
    class Bare:
        @on
        def on_gong(self) -> None: ...

    assert [event for _, event, _ in marked(Bare())] == ["gong"]


def names_of(obj: Any) -> list[str]:
    return [handler.__name__ for handler, _, _ in marked(obj)]


def test_marked_subclass_yields_base_class_first() -> None:
    class Base:
        @on("gong")
        def zulu(self) -> None: ...

        @on("gong")
        def alpha(self) -> None: ...

    class Derived(Base):
        @on("gong")
        def mike(self) -> None: ...

        @on("gong")
        def alpha(self) -> None: ...

    assert names_of(Derived()) == ["zulu", "alpha", "mike"]
    derived = Derived()
    assert [handler for handler, *_ in marked(derived)][1] == derived.alpha


def test_marked_unmarked_override_is_skipped() -> None:
    class Base:
        @on("gong")
        def handle(self) -> None: ...

    class Silent(Base):
        def handle(self) -> None: ...

    class Hidden(Base):
        handle = None  # type: ignore[assignment]

    assert names_of(Silent()) == []
    assert names_of(Hidden()) == []
    replaced = Base()
    replaced.handle = []  # type: ignore[method-assign, assignment]
    assert names_of(replaced) == []


def test_marked_object_with_property_does_not_run_it() -> None:
    class Lazy:
        @property
        def explode(self) -> int:
            raise AssertionError

        @on("gong")
        def handle(self) -> None: ...

    assert names_of(Lazy()) == ["handle"]


def test_marked_static_and_class_methods_are_found() -> None:
    class Kinds:
        @staticmethod
        @on("gong")
        def static(event: Event) -> None: ...

        @classmethod
        @on("gong")
        def of_class(cls, event: Event) -> None: ...

    assert names_of(Kinds()) == ["static", "of_class"]


def test_marked_function_with_two_names_is_found_once() -> None:
    class Alias:
        @on("gong")
        def handle(self) -> None: ...

        listen = handle

    module = types.ModuleType(__name__)
    module.handle = module.listen = Alias.handle  # type: ignore[attr-defined]
    assert names_of(Alias()) == ["handle"]
    assert names_of(module) == ["handle"]


def test_marked_decorated_function_is_found() -> None:
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*arguments: Any) -> Any:
            return function(*arguments)

        return wrapper

    class Decorated:
        @logged
        @on("gong")
        def handle(self) -> None: ...

    assert names_of(Decorated()) == ["handle"]


def test_marked_module_skips_imported_functions() -> None:
    @on("gong")
    def own() -> None: ...

    @on("gong")
    def imported() -> None: ...

    imported.__module__ = "elsewhere"
    module = types.ModuleType(__name__)
    module.own, module.imported = own, imported  # type: ignore[attr-defined]
    module.constant = 3  # type: ignore[attr-defined]
    assert names_of(module) == ["own"]
