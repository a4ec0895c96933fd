"""What may be a handler, and how it is marked."""

import functools
import time
import types
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import attrs
import pytest

from evdispatch import HANDLED, Dispatcher, Event, HandlerTypeError, on
from evdispatch._handlers import describe, marked, takes_event
from evdispatch.testing import settle


@attrs.define(eq=False)
class Gong(Event):
    loud: int = 0


def takes_one(event: Event) -> None: ...
def takes_none() -> None: ...
def takes_optional(event: Event | None = None) -> None: ...
def takes_any(*events: Event) -> None: ...
def takes_keyword(event: Event, *, loud: bool = False) -> None: ...


class Callable1:
    def __call__(self, event: Event) -> None: ...


class Callable0:
    def __call__(self) -> None: ...


class Methods:
    def one(self, event: Event) -> None: ...
    def none(self) -> None: ...
    @staticmethod
    def static(event: Event) -> None: ...
    @classmethod
    def of_class(cls) -> None: ...


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (takes_one, True),
        (takes_none, False),
        (takes_optional, True),
        (takes_any, True),
        (takes_keyword, True),
        (Callable1(), True),
        (Callable0(), False),
        (Methods().one, True),
        (Methods().none, False),
        (Methods.static, True),
        (Methods.of_class, False),
        (functools.partial(takes_one), True),
        (functools.partial(takes_one, Event()), False),
        (functools.partial(takes_keyword, loud=True), True),
        ([].append, True),
        ([].clear, False),
        ({}.update, True),
        (print, True),
        (time.sleep, True),
        (dict, True),
    ],
    ids=lambda value: describe(value) if callable(value) else str(value),
)
def test_a_handler_takes_the_event_or_nothing(handler: Any, expected: bool) -> None:
    assert takes_event(handler) is expected


@pytest.mark.parametrize(
    "handler",
    [
        lambda a, b: None,
        lambda *, needed: None,
        Methods.one,
        divmod,
    ],
    ids=["two", "keyword", "unbound method", "builtin"],
)
def test_a_wrong_signature_is_an_error_at_registration(
    app: Dispatcher, handler: Any
) -> None:
    with pytest.raises(
        HandlerTypeError, match=r"takes the event or nothing, but .* is"
    ):
        app.on(Gong)(handler)
    assert app.stats().handlers == 0


async def coroutine(event: Event) -> None: ...
def generator(event: Event) -> Iterator[int]:
    yield 1


async def async_generator(event: Event) -> AsyncIterator[int]:
    yield 1


class AsyncCallable:
    async def __call__(self, event: Event) -> None: ...


class GeneratorCallable:
    def __call__(self, event: Event) -> Iterator[int]:
        yield 1


class AsyncMethod:
    async def method(self, event: Event) -> None: ...


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        (coroutine, "async"),
        (async_generator, "async"),
        (generator, "generator"),
        (AsyncCallable(), "async"),
        (GeneratorCallable(), "generator"),
        (AsyncMethod().method, "async"),
        (functools.partial(coroutine), "async"),
        (functools.partial(functools.partial(generator)), "generator"),
        (functools.partial(AsyncCallable()), "async"),
    ],
    ids=str,
)
def test_what_a_call_would_not_run_is_refused(
    app: Dispatcher, handler: Any, why: str
) -> None:
    with pytest.raises(HandlerTypeError, match=why):
        app.on(Gong)(handler)
    for schedule in (app.after, app.every):
        with pytest.raises(HandlerTypeError, match=why):
            schedule(1.0, handler)


@pytest.mark.parametrize("handler", [None, 3, "name", [print]], ids=repr)
def test_a_handler_must_be_callable(app: Dispatcher, handler: Any) -> None:
    with pytest.raises(TypeError, match="a handler is callable"):
        app.on(Gong)(handler)


def test_the_handler_is_returned_as_it_is(app: Dispatcher) -> None:
    assert app.on(Gong)(takes_one) is takes_one
    assert app.on("gong", loud=1)(takes_none) is takes_none
    assert on("gong")(takes_any) is takes_any


def test_builtins_partials_and_callables_are_called_as_they_can_be(
    app: Dispatcher,
) -> None:
    seen: list[Any] = []
    cleared = [1, 2]
    app.on(Gong)(seen.append)
    app.on(Gong)(cleared.clear)
    app.on(Gong)(functools.partial(seen.append, "partial"))
    app.on(Gong)(lambda: seen.append("lambda"))
    gong = Gong()
    app.post(gong)
    settle(app)
    assert seen == [gong, "partial", "lambda"]
    assert cleared == []


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (takes_one, f"{__name__}.takes_one"),
        (Methods().one, f"{__name__}.Methods.one"),
        ([].append, "list.append"),
        (print, "builtins.print"),
    ],
    ids=["function", "method", "builtin method", "builtin"],
)
def test_a_message_names_the_handler(handler: Any, expected: str) -> None:
    assert describe(handler) == expected


def test_a_handler_without_a_name_is_shown_as_it_is() -> None:
    for handler in (Callable1(), functools.partial(takes_one)):
        assert describe(handler) == repr(handler)


def test_handled_shows_its_name() -> None:
    assert repr(HANDLED) == "HANDLED"


# -- the free decorator ------------------------------------------------------------------


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


@pytest.mark.parametrize(
    "value",
    [
        staticmethod(takes_one),
        classmethod(lambda cls: None),
        functools.partial(takes_one),
        Callable1(),
        Methods().one,
        print,
        Methods,
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_functions_can_be_marked(value: Any) -> None:
    """A mark on anything else would be lost without a word."""
    with pytest.raises(HandlerTypeError, match="can't be marked"):
        on("gong")(value)


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


class TestOptionalParameters:
    """What a function can do without is its own, unless it is called event."""

    def test_a_closure_in_a_loop_keeps_its_default(self) -> None:
        assert not takes_event(lambda i=3: i)

    def test_a_method_with_an_option_is_called_without(self) -> None:
        with Dispatcher() as app:
            assert not takes_event(app.step)

    def test_an_optional_event_is_the_event(self) -> None:
        def handler(event: object = None) -> None: ...

        assert takes_event(handler)

    def test_any_number_of_arguments_is_the_event(self) -> None:
        assert takes_event(lambda *arguments: arguments)

    def test_keywords_are_not_the_event(self) -> None:
        def handler(*, event: object = None) -> None: ...

        assert not takes_event(handler)
