"""What is accepted as a handler, and what can be marked as one."""

import functools
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from helpers.events import Gong
from helpers.parameters import label

from evdispatch import HANDLED, Dispatcher, Event, HandlerTypeError, on
from evdispatch._handlers._handler import describe, takes_event
from evdispatch.testing import settle


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
    ids=label,
)
def test_takes_event_each_kind_of_callable_is_recognized(
    handler: Any, expected: bool
) -> None:
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
def test_on_wrong_signature_raises_handler_type_error(
    app: Dispatcher, handler: Any
) -> None:
    with pytest.raises(
        HandlerTypeError, match=r"must take the event or nothing, but .* is"
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
    ids=label,
)
def test_on_async_or_generator_function_raises(
    app: Dispatcher, handler: Any, why: str
) -> None:
    with pytest.raises(HandlerTypeError, match=why):
        app.on(Gong)(handler)
    for schedule in (app.after, app.every):
        with pytest.raises(HandlerTypeError, match=why):
            schedule(1.0, handler)


@pytest.mark.parametrize("handler", [None, 3, "name", [print]], ids=label)
def test_on_not_callable_raises_type_error(app: Dispatcher, handler: Any) -> None:
    with pytest.raises(TypeError, match="a handler must be callable"):
        app.on(Gong)(handler)


def test_on_handler_is_returned_unchanged(app: Dispatcher) -> None:
    assert app.on(Gong)(takes_one) is takes_one
    assert app.on("gong", loud=1)(takes_none) is takes_none
    assert on("gong")(takes_any) is takes_any


def test_handler_builtins_and_partials_are_called(
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
def test_describe_named_handler_returns_its_name(handler: Any, expected: str) -> None:
    assert describe(handler) == expected


def test_describe_handler_without_name_returns_its_repr() -> None:
    for handler in (Callable1(), functools.partial(takes_one)):
        assert describe(handler) == repr(handler)


def test_handled_repr_is_its_name() -> None:
    assert repr(HANDLED) == "HANDLED"


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
def test_mark_not_a_function_raises_handler_type_error(value: Any) -> None:
    """A mark on anything else would silently be lost."""
    with pytest.raises(HandlerTypeError, match="can't be marked"):
        on("gong")(value)


class TestOptionalParameters:
    """A handler keeps the defaults of its parameters, but for one called event."""

    def test_takes_event_optional_parameter_keeps_its_default(self) -> None:
        assert not takes_event(lambda i=3: i)

    def test_takes_event_method_with_option_is_called_without(self) -> None:
        with Dispatcher() as app:
            assert not takes_event(app.step)

    def test_takes_event_optional_event_gets_the_event(self) -> None:
        def handler(event: object = None) -> None: ...

        assert takes_event(handler)

    def test_takes_event_var_positional_gets_the_event(self) -> None:
        assert takes_event(lambda *arguments: arguments)

    def test_takes_event_keyword_only_event_gets_nothing(self) -> None:
        def handler(*, event: object = None) -> None: ...

        assert not takes_event(handler)
