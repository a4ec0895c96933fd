"""How a handler is marked, and how what is marked is found."""

import functools
import types
from collections.abc import Callable
from typing import Any

import pytest
from helpers.events import Gong

from evdispatch import Dispatcher, Event, HandlerTypeError, on
from evdispatch._routing._handlers import marked
from evdispatch.testing import settle


def test_bare_on_takes_the_event_from_the_name(app: Dispatcher) -> None:
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
def test_bare_on_needs_a_function_called_on_something(
    app: Dispatcher, name: str
) -> None:
    def handler() -> None: ...

    handler.__name__ = name
    for decorator in (app.on, app.on(), on, on()):
        with pytest.raises(HandlerTypeError, match="on_<event>"):
            decorator(handler)


def test_bare_on_of_an_unknown_event_is_an_error(app: Dispatcher) -> None:
    def on_gnog() -> None: ...

    with pytest.raises(ValueError, match="did you mean 'gong'"):
        app.on(on_gnog)


def test_marking_leaves_the_function_callable_and_registers_nothing(
    app: Dispatcher,
) -> None:
    @on("gong")
    def double(event: Gong) -> int:
        return event.loud * 2

    assert double(Gong(4)) == 8
    app.post(Gong())
    assert settle(app) == 1
    assert app.stats().handlers == 0


def test_a_function_may_be_marked_more_than_once() -> None:
    class Twice:
        @on("gong", loud=1)
        @on("gong", loud=2)
        def hear(self) -> None: ...

    assert [options for _, _, options in marked(Twice())] == [{"loud": 2}, {"loud": 1}]


def test_bare_on_marks_too() -> None:
    class Bare:
        @on
        def on_gong(self) -> None: ...

    assert [event for _, event, _ in marked(Bare())] == ["gong"]


def names_of(obj: Any) -> list[str]:
    return [handler.__name__ for handler, _, _ in marked(obj)]


def test_what_is_marked_is_found_in_order_of_definition_base_class_first() -> None:
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


def test_an_override_that_is_not_marked_is_no_handler() -> None:
    class Base:
        @on("gong")
        def hear(self) -> None: ...

    class Silent(Base):
        def hear(self) -> None: ...

    class Hidden(Base):
        hear = None  # type: ignore[assignment]

    assert names_of(Silent()) == []
    assert names_of(Hidden()) == []
    replaced = Base()
    replaced.hear = []  # type: ignore[method-assign, assignment]
    assert names_of(replaced) == []


def test_looking_for_marks_runs_no_property() -> None:
    class Lazy:
        @property
        def explode(self) -> int:
            raise AssertionError

        @on("gong")
        def hear(self) -> None: ...

    assert names_of(Lazy()) == ["hear"]


def test_static_and_class_methods_may_be_marked() -> None:
    class Kinds:
        @staticmethod
        @on("gong")
        def static(event: Event) -> None: ...

        @classmethod
        @on("gong")
        def of_class(cls, event: Event) -> None: ...

    assert names_of(Kinds()) == ["static", "of_class"]


def test_a_function_with_two_names_is_one_handler() -> None:
    class Alias:
        @on("gong")
        def hear(self) -> None: ...

        listen = hear

    module = types.ModuleType(__name__)
    module.hear = module.listen = Alias.hear  # type: ignore[attr-defined]
    assert names_of(Alias()) == ["hear"]
    assert names_of(module) == ["hear"]


def test_a_decorated_function_keeps_its_mark() -> None:
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*arguments: Any) -> Any:
            return function(*arguments)

        return wrapper

    class Decorated:
        @logged
        @on("gong")
        def hear(self) -> None: ...

    assert names_of(Decorated()) == ["hear"]


def test_of_a_module_only_what_is_defined_there_counts() -> None:
    @on("gong")
    def own() -> None: ...

    @on("gong")
    def imported() -> None: ...

    imported.__module__ = "elsewhere"
    module = types.ModuleType(__name__)
    module.own, module.imported = own, imported  # type: ignore[attr-defined]
    module.constant = 3  # type: ignore[attr-defined]
    assert names_of(module) == ["own"]
