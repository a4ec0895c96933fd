"""Event classes and their names, and the classes of errors."""

import gc
from typing import ClassVar

import attrs
import pytest

import evdispatch
from evdispatch import Dispatcher, Error, EvdispatchError, Event, Idle, Mouse, Start
from evdispatch._events import (
    IDLE,
    NORMAL,
    URGENT,
    event_classes,
)
from evdispatch._exports import snake_case


@attrs.define(eq=False)
class RootNearlyGone(Event):
    percent: int = 0


@attrs.define(eq=False)
class Sunk(RootNearlyGone):
    depth: int = 0


@attrs.define(eq=False)
class Renamed(Event):
    name: ClassVar[str] = "called_otherwise"


class Plain(Event):
    """Without attrs: its instances take any attribute."""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Key", "key"),
        ("RootGone", "root_gone"),
        ("HTTPReply", "http_reply"),
        ("Udp4Datagram", "udp4_datagram"),
        ("already_snake", "already_snake"),
    ],
)
def test_event_name_of_class_is_snake_case(name: str, expected: str) -> None:
    assert snake_case(name) == expected


def test_event_instance_has_the_name_of_its_class() -> None:
    assert RootNearlyGone.name == "root_nearly_gone"
    assert RootNearlyGone(percent=3).name == "root_nearly_gone"


def test_event_names_include_those_of_base_classes() -> None:
    assert Sunk.names == {"event", "root_nearly_gone", "sunk"}
    assert "mouse" in evdispatch.Click.names
    assert Mouse.names == {"event", "mouse"}


def test_event_class_with_own_name_is_found_by_it() -> None:
    assert Renamed.name == "called_otherwise"
    assert event_classes("called_otherwise") == [Renamed]
    assert event_classes("renamed") == []


def test_event_source_and_time_are_keyword_only() -> None:
    event = RootNearlyGone(3, source="me", time=2.0)
    assert (event.percent, event.source, event.time) == (3, "me", 2.0)
    with pytest.raises(TypeError):
        Sunk(1, 2, "me")  # type: ignore[call-arg]


def test_event_equal_fields_are_not_equal() -> None:
    assert RootNearlyGone(1) != RootNearlyGone(1)
    assert len({RootNearlyGone(1), RootNearlyGone(1)}) == 2


def test_event_repr_shows_own_fields_only() -> None:
    assert repr(Sunk(1, 2, source="me", time=3.0)) == "Sunk(percent=1, depth=2)"


def test_event_class_defined_again_replaces_the_first() -> None:
    def define() -> type[Event]:
        @attrs.define(eq=False)
        class Anew(Event): ...

        return Anew

    first, second = define(), define()
    assert first is not second
    assert event_classes("anew") == [second]


def test_event_class_collected_frees_its_name(app: Dispatcher) -> None:
    type("ShortLived", (Event,), {})
    gc.collect()
    assert event_classes("short_lived") == []
    with pytest.raises(evdispatch.UnknownEventError):
        app.on("short_lived")


@pytest.mark.parametrize("field", ["name", "names", "lane", "has_hooks"])
def test_event_field_with_reserved_name_raises_type_error(
    field: str,
) -> None:
    """``name: str`` in an event is a natural mistake; no handler would get the event."""
    with pytest.raises(TypeError, match=f"an event must have no field '{field}'"):
        attrs.make_class("Hiding", {field: attrs.field()}, bases=(Event,), slots=True)


def test_event_class_without_attrs_is_an_event() -> None:
    event = Plain()
    event.anything = 1  # type: ignore[attr-defined]
    assert event.name == "plain"
    assert (event.source, event.time) == (None, 0.0)


def test_event_lane_is_that_of_its_class() -> None:
    assert (Event.lane, Idle.lane) == (NORMAL, IDLE)
    assert {Start.lane, evdispatch.Stop.lane, Error.lane} == {URGENT}


def test_event_default_hooks_do_nothing() -> None:
    event = RootNearlyGone()
    event.on_dequeue()
    event.on_handled()
    assert event.has_hooks is False


ERRORS = {
    "AlreadyRunningError": RuntimeError,
    "ClosedError": RuntimeError,
    "FilterError": ValueError,
    "ForkedError": RuntimeError,
    "FrameError": ValueError,
    "HandlerError": RuntimeError,
    "HandlerTypeError": TypeError,
    "InternalError": RuntimeError,
    "QueueFull": TimeoutError,
    "SourceError": RuntimeError,
    "StateError": RuntimeError,
    "UnknownEventError": ValueError,
}


@pytest.mark.parametrize(("name", "builtin"), ERRORS.items())
def test_error_class_is_also_a_builtin_error(
    name: str, builtin: type[Exception]
) -> None:
    error = getattr(evdispatch, name)
    assert issubclass(error, EvdispatchError)
    assert issubclass(error, builtin)
    assert str(error("what happened")) == "what happened"


def test_error_classes_are_all_listed_here() -> None:
    errors = {
        name
        for name in evdispatch.__all__
        if isinstance(getattr(evdispatch, name), type)
        and issubclass(getattr(evdispatch, name), EvdispatchError)
    }
    assert errors == {"EvdispatchError", *ERRORS}


def test_error_about_state_is_a_state_error() -> None:
    for name in ("AlreadyRunningError", "ClosedError", "ForkedError"):
        assert issubclass(getattr(evdispatch, name), evdispatch.StateError)
