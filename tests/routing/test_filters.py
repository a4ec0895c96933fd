"""The filters of ``on(event, field=value, where=...)``."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import attrs
import pytest

from evdispatch import (
    Dispatcher,
    Event,
    FilterError,
    HandlerError,
    HandlerTypeError,
    Key,
    Mouse,
    Press,
    Scroll,
    Timer,
    UnknownEventError,
)
from evdispatch._handlers._filters import check_selector, compile_filters, join, suggest
from evdispatch.testing import VirtualClock, settle


@attrs.define(eq=False)
class Shipment(Event):
    weight: int = 0
    label: str | None = None

    @property
    def heavy(self) -> bool:
        return self.weight > 100


@attrs.define(eq=False)
class Express(Shipment):
    hours: int = 1


class Loose(Event):
    """Its instances may have undeclared attributes."""


@attrs.define(eq=False)
class Coded(Event):
    code: int = 0

    @classmethod
    def compile_filter(
        cls, field: str, value: Any, fields: Any
    ) -> Callable[[Any], bool] | None:
        if field != "code" or not isinstance(value, str):
            return None
        if not value.isdigit():
            raise FilterError(f"no code: {value!r}")
        return lambda event: bool(event.code == int(value))


def passing(app: Dispatcher, event: Any, *posts: Event, **filters: Any) -> list[Event]:
    seen: list[Event] = []
    app.on(event, **filters)(seen.append)
    for post in posts:
        app.post(post)
    settle(app)
    return seen


def test_filter_plain_value_compares(app: Dispatcher) -> None:
    two = Shipment(2)
    assert passing(app, "shipment", Shipment(1), two, weight=2) == [two]


def test_filter_set_tests_membership(app: Dispatcher) -> None:
    first, second = Shipment(1), Shipment(2)
    posts = (first, Shipment(3), second)
    assert passing(app, Shipment, *posts, weight={1, 2}) == [first, second]
    assert passing(app, Shipment, Shipment(4), weight=frozenset({1})) == []


def test_filter_callable_is_called_with_the_field(app: Dispatcher) -> None:
    three = Shipment(3)
    assert passing(app, Shipment, Shipment(1), three, weight=lambda w: w > 2) == [three]


def test_filter_pattern_searches(app: Dispatcher) -> None:
    found = Shipment(label="to Oslo")
    pattern = re.compile("Os")
    assert passing(app, Shipment, Shipment(label="x"), found, label=pattern) == [found]


def test_filter_pattern_field_is_none_does_not_match(app: Dispatcher) -> None:
    """A key without a text, for instance, is not an error."""
    assert passing(app, Shipment, Shipment(), label=re.compile("")) == []
    assert passing(app, Key, Key("up"), text=re.compile("[a-z]")) == []


def test_filters_several_must_all_pass(app: Dispatcher) -> None:
    good = Shipment(2, "b")
    posts = (Shipment(2, "a"), Shipment(1, "b"), good)
    seen = passing(app, Shipment, *posts, weight=2, label="b", where=lambda e: True)
    assert seen == [good]
    assert passing(app, Shipment, Shipment(2, "b"), weight=2, where=lambda e: 0) == []


def test_filter_where_is_called_with_the_event(app: Dispatcher) -> None:
    good = Shipment(1, "aa")
    posts = (Shipment(3, "aa"), good)
    where = lambda e: len(e.label) > e.weight  # noqa: E731
    assert passing(app, Shipment, *posts, where=where) == [good]


def test_filter_by_property_compares(app: Dispatcher) -> None:
    heavy = Shipment(101)
    assert passing(app, Shipment, Shipment(1), heavy, heavy=True) == [heavy]


def test_filter_by_source_time_and_name_compares(app: Dispatcher) -> None:
    event = Express(time=5.0)
    assert passing(app, Shipment, Shipment(), event, time=5.0, source=None) == [event]
    assert passing(app, Shipment, Express(), Shipment(), name="express")[0].name == (
        "express"
    )


def test_filter_none_compares(app: Dispatcher) -> None:
    bare = Shipment()
    assert passing(app, Shipment, Shipment(label=""), bare, label=None) == [bare]


def test_filter_of_base_class_applies_to_subclasses(
    app: Dispatcher,
) -> None:
    press = Press(1, 1, "left")
    posts = (press, Scroll(1, 2, "up"))
    assert passing(app, Mouse, *posts, button="left") == [press]


def test_filter_own_notation_is_compiled_by_the_class(app: Dispatcher) -> None:
    seven = Coded(7)
    assert passing(app, "coded", Coded(1), seven, code="7") == [seven]
    assert passing(app, Coded, Coded(1), seven, code=7) == [seven]
    with pytest.raises(FilterError, match="no code: 'x'"):
        app.on("coded", code="x")(print)


def test_filter_class_without_attrs_may_use_any_field(app: Dispatcher) -> None:
    having, lacking = Loose(), Loose()
    having.colour = "red"  # type: ignore[attr-defined]
    assert passing(app, Loose, lacking, having, colour="red") == [having]
    for value in ({"red"}, re.compile("red"), lambda colour: True):
        assert passing(app, Loose, lacking, colour=value) == []


def test_filter_two_classes_of_one_name_needs_the_field(
    app: Dispatcher,
) -> None:
    """Two modules may each have a class of a name; neither breaks the other's filter."""
    one = attrs.make_class("Twin", {"left": attrs.field()}, bases=(Event,), eq=False)
    one.__qualname__ = "Other.Twin"
    event = one(1)
    other = attrs.make_class("Twin", {"right": attrs.field()}, bases=(Event,), eq=False)
    assert passing(app, one, event, left=1) == [event]
    assert passing(app, "twin", other(right=1), event, right=1, where=bool)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("shipmnt", "; did you mean 'shipment'\\?"),
        ("Shipment", "did you mean 'shipment'"),
        ("zzzzzz", "called 'zzzzzz' \\(a timer's name is known as soon as"),
        ("", "no event is called ''"),
    ],
)
def test_on_unknown_event_raises_with_a_hint(
    app: Dispatcher, name: str, hint: str
) -> None:
    with pytest.raises(UnknownEventError, match=hint):
        app.on(name)
    with pytest.raises(ValueError, match="no event is called"):
        app.on(name)


@pytest.mark.parametrize("event", [3, int, object(), b"key", ["key"]])
def test_on_neither_name_nor_class_raises_type_error(
    app: Dispatcher, event: Any
) -> None:
    with pytest.raises(TypeError, match="must be a name or a class of events"):
        app.on(event)


@pytest.mark.parametrize("event", ["shipment", Shipment])
def test_filter_unknown_field_raises_with_known_ones(
    app: Dispatcher, event: Any
) -> None:
    with pytest.raises(FilterError) as caught:
        app.on(event, wieght=3)(print)
    assert str(caught.value) == (
        "Shipment events have no field 'wieght'; did you mean 'weight'?"
        " (fields: heavy, label, name, source, time, weight)"
    )
    assert app.stats().handlers == 0


def test_filter_of_base_class_by_subclass_field_raises(app: Dispatcher) -> None:
    with pytest.raises(FilterError, match="'hours'"):
        app.on(Shipment, hours=1)(print)


def test_filter_unknown_key_raises(app: Dispatcher) -> None:
    with pytest.raises(FilterError):
        app.on("key", key="ctrl+nosuch")(print)


async def _async_test(event: Event) -> bool:
    return True


def _generator_test(event: Event) -> Iterator[bool]:
    yield True


async def _async_generator_test(event: Event) -> AsyncIterator[bool]:
    yield True


@pytest.mark.parametrize("where", [_async_test, _generator_test, _async_generator_test])
def test_filter_async_or_generator_function_raises(app: Dispatcher, where: Any) -> None:
    """Its result would be an object, and so always true."""
    with pytest.raises(HandlerTypeError):
        app.on(Shipment, where=where)(print)
    with pytest.raises(HandlerTypeError):
        app.on(Shipment, weight=where)(print)


def test_filter_where_not_callable_raises_type_error(app: Dispatcher) -> None:
    with pytest.raises(TypeError, match="where must be a function"):
        app.on(Shipment, where="weight > 3")(print)  # type: ignore[call-overload]


def test_filter_that_raises_is_an_error_of_its_handler(app: Dispatcher) -> None:
    def handler() -> None: ...

    app.on(Shipment, where=lambda e: 1 / 0)(handler)
    app.post(Shipment())
    with pytest.raises(HandlerError) as caught:
        app.step()
    assert caught.value.handler is handler
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert app.stats().posts.failed == 1
    assert app.stats().balanced


def test_join_without_filters_returns_none() -> None:
    assert join(compile_filters("shipment", None, {})) is None
    assert join(compile_filters("shipment", bool, {})) is bool


def test_check_selector_name_or_class_returns_it() -> None:
    assert check_selector("shipment") == "shipment"
    assert check_selector(Shipment) is Shipment


def test_suggest_no_similar_word_returns_nothing() -> None:
    assert suggest("qqq", ["key", "press"]) == ""


def test_on_name_of_a_timer_is_known_once_it_is_made(
    timed: Dispatcher, clock: VirtualClock, request: pytest.FixtureRequest
) -> None:
    name = re.sub(r"\W", "_", request.node.name)  # one that no other test has used
    with pytest.raises(UnknownEventError):
        timed.on(name)
    timed.add(Timer(name, every=1.0))
    seen: list[Any] = []
    timed.on(name, missed=0)(seen.append)
    clock.advance(1.0)
    settle(timed)
    clock.advance(3.0)
    settle(timed)
    assert [tick.count for tick in seen] == [1]
