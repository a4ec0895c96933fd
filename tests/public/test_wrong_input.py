"""Wrong arguments raise at the call, and the message names the argument."""

import enum
import socket
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal, Protocol, TypedDict

import attrs
import pytest
from helpers.events import nothing

from evdispatch import (
    Dispatcher,
    Error,
    Event,
    Fd,
    FilterError,
    FrameError,
    HandlerTypeError,
    Length,
    Pipe,
    Source,
)
from evdispatch.testing import record, run_until, settle

pytestmark = pytest.mark.cross


async def coroutine(buffer: bytearray) -> bytes | None:
    return None


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("key", {"key": 3}),
        ("key", {"key": None}),
        ("key", {"mods": None}),
        ("key", {"text": b"q"}),
        ("key", {"action": 1}),
        ("click", {"count": "x"}),
        ("click", {"x": None}),
        ("data", {"data": "text"}),
        ("focus", {"gained": "yes"}),
    ],
)
def test_filter_value_of_another_type_raises(
    app: Dispatcher, event: str, fields: dict[str, Any]
) -> None:
    (field,) = fields
    with pytest.raises(FilterError, match=f"{field} is never"):
        app.on(event, **fields)(nothing)


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("key", {"text": None}),
        ("click", {"count": True}),
        ("click", {"x": 2.0}),
        ("data", {"data": bytearray(b"x")}),
        ("hangup", {"error": None}),
        ("error", {"source": 3}),
        ("key", {"text": str.isupper}),
    ],
)
def test_filter_value_of_the_field_type_is_accepted(
    app: Dispatcher, event: str, fields: dict[str, Any]
) -> None:
    app.on(event, **fields)(nothing)


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Sized(Protocol):
    def __len__(self) -> int: ...


class Shape(TypedDict):
    side: int


@attrs.define(eq=False)
class Base(Event):
    value: int = 0


@attrs.define(eq=False)
class Heir(Base):
    value: Any = "text"


@attrs.define(eq=False)
class Optional(Event):
    event: str = None  # type: ignore[assignment]
    handler: int = attrs.field(default=3, converter=int)


def test_filter_value_of_a_subclass_field_is_accepted(app: Dispatcher) -> None:
    seen: list[Event] = []
    app.on(Base, value="text")(seen.append)
    app.post(Heir())
    settle(app)
    assert len(seen) == 1


@pytest.mark.parametrize("fields", [{"event": None}, {"handler": 3}], ids=str)
def test_filter_value_that_is_a_default_or_converted_is_accepted(
    app: Dispatcher, fields: dict[str, Any]
) -> None:
    """Also for fields whose names are those of parameters."""
    seen: list[Event] = []
    app.on(Optional, **fields)(seen.append)
    app.on("error", **{**fields, "handler": None})(nothing)
    app.post(Optional())
    settle(app)
    assert len(seen) == 1


@attrs.define(eq=False)
class Measured(Event):
    """Has fields whose values equal plain ones, or whose types say nothing of values."""

    colour: Colour = Colour.RED
    level: Level | None = Level.HIGH
    price: Decimal = Decimal(3)
    complex_number: complex = 3 + 0j
    raw: bytearray = attrs.Factory(lambda: bytearray(b"3"))
    noted: Annotated[str, []] = "3"
    sized: Sized = "3"
    shape: Shape | int = 3
    chosen: Literal["3"] = "3"
    untyped: Any = 3
    text: str = Colour.RED


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("colour", "red"),
        ("text", "red"),
        ("level", 3),
        ("price", 3),
        ("complex_number", 3),
        ("raw", b"3"),
        ("noted", "3"),
        ("sized", "3"),
        ("shape", 3),
        ("chosen", "3"),
        ("untyped", 3),
    ],
)
def test_filter_plain_value_matches_an_equal_field(
    app: Dispatcher, field: str, value: Any
) -> None:
    seen: list[Event] = []
    app.on(Measured, **{field: value})(seen.append)
    app.post(Measured())
    settle(app)
    assert len(seen) == 1


@pytest.mark.parametrize("option", ["where", "text"])
@pytest.mark.parametrize(
    "function", [lambda: True, lambda a, b: True], ids=["none", "two"]
)
def test_filter_function_without_one_argument_raises(
    app: Dispatcher, option: str, function: Callable[..., Any]
) -> None:
    options: dict[str, Any] = {option: function}
    with pytest.raises(HandlerTypeError, match="must take one argument"):
        app.on("key", **options)(nothing)


@pytest.mark.parametrize(
    "function",
    [lambda a: 0, lambda a, b=1: 0, lambda *, a: 0, Dispatcher.stop],
    ids=["one", "one of two", "by name", "method"],
)
def test_call_of_a_function_with_required_arguments_raises(
    app: Dispatcher, function: Callable[..., Any]
) -> None:
    for call in (app.after, app.every):
        with pytest.raises(HandlerTypeError, match="must take no arguments"):
            call(1, function)


def test_call_of_a_function_with_optional_arguments_is_accepted(
    app: Dispatcher,
) -> None:
    for function in (lambda a=1: 0, lambda *a, b=2: 0, app.stop, print, [].clear):
        app.after(0, function)
    app.step(None)


def test_timeout_huge_is_accepted_and_nan_raises(app: Dispatcher) -> None:
    app.after(10**400, nothing)
    assert app.step(-(10**400)) == 0
    with pytest.raises(TypeError):
        app.step("1")  # type: ignore[arg-type]
    for _ in range(2):  # a class that was not posted before, and one that was
        with pytest.raises(ValueError, match="NaN"):
            app.post(Event(), timeout=float("nan"))
        app.post(Event())


def test_remove_of_no_source_raises_type_error(app: Dispatcher) -> None:
    with pytest.raises(TypeError, match="remove takes a Source"):
        app.remove(3)  # type: ignore[arg-type]


def test_add_source_without_base_init_raises_type_error(app: Dispatcher) -> None:
    class Forgetful(Source):
        def __init__(self) -> None:
            """Do not call the base class."""

    with pytest.raises(TypeError, match=r"Forgetful must call super\(\).__init__"):
        app.add(Forgetful())


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"high": "x"}, TypeError),
        ({"low": 1.5}, TypeError),
        ({"framing": Length}, TypeError),
        ({"framing": coroutine}, HandlerTypeError),
        ({"framing": nothing}, HandlerTypeError),
        ({"framing": "words"}, ValueError),
    ],
)
def test_pipe_wrong_options_raise(
    options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        Pipe(0, **options)


def test_length_unknown_size_raises() -> None:
    with pytest.raises(ValueError, match="the size of a length must be one of"):
        Length(3)


def test_pipe_framing_that_returns_no_bytes_closes_the_pipe(app: Dispatcher) -> None:
    left, right = socket.socketpair()
    source = app.add(Pipe(left, framing=len))  # type: ignore[arg-type]
    errors = record(app, Error)
    right.send(b"x")
    run_until(app, lambda: source.closed)
    run_until(app, lambda: errors)
    assert isinstance(errors[0].exception, FrameError)
    assert "not bytes" in str(errors[0].exception)
    right.close()


def test_pipe_of_a_datagram_socket_raises(app: Dispatcher) -> None:
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with left, right:
        with pytest.raises(ValueError, match="read its messages with an Fd"):
            app.add(Pipe(left))
        assert left.getblocking()
        app.add(Fd(left)).close()
