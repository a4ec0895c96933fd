"""Events are named by their classes, and errors by their meaning."""

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
    """Without attrs: its instances hold what they are given."""


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
def test_a_class_name_becomes_an_event_name(name: str, expected: str) -> None:
    assert snake_case(name) == expected


def test_an_event_bears_the_name_of_its_class() -> None:
    assert RootNearlyGone.name == "root_nearly_gone"
    assert RootNearlyGone(percent=3).name == "root_nearly_gone"


def test_an_event_is_heard_by_the_names_of_its_base_classes() -> None:
    assert Sunk.names == {"event", "root_nearly_gone", "sunk"}
    assert "mouse" in evdispatch.Click.names
    assert Mouse.names == {"event", "mouse"}


def test_a_class_may_choose_another_name() -> None:
    assert Renamed.name == "called_otherwise"
    assert event_classes("called_otherwise") == [Renamed]
    assert event_classes("renamed") == []


def test_every_event_has_a_source_and_a_time_by_keyword_only() -> None:
    event = RootNearlyGone(3, source="me", time=2.0)
    assert (event.percent, event.source, event.time) == (3, "me", 2.0)
    with pytest.raises(TypeError):
        Sunk(1, 2, "me")  # type: ignore[call-arg]


def test_events_have_identity_not_value() -> None:
    assert RootNearlyGone(1) != RootNearlyGone(1)
    assert len({RootNearlyGone(1), RootNearlyGone(1)}) == 2


def test_an_event_shows_its_own_fields_only() -> None:
    assert repr(Sunk(1, 2, source="me", time=3.0)) == "Sunk(percent=1, depth=2)"


def test_a_class_that_is_defined_anew_replaces_its_forerunner() -> None:
    def define() -> type[Event]:
        @attrs.define(eq=False)
        class Anew(Event): ...

        return Anew

    first, second = define(), define()
    assert first is not second
    assert event_classes("anew") == [second]


def test_a_class_that_is_gone_leaves_no_name_behind(app: Dispatcher) -> None:
    type("ShortLived", (Event,), {})
    gc.collect()
    assert event_classes("short_lived") == []
    with pytest.raises(evdispatch.UnknownEventError):
        app.on("short_lived")


@pytest.mark.parametrize("field", ["name", "names", "lane", "has_hooks"])
def test_a_field_that_would_hide_what_an_event_is_known_by_is_refused(
    field: str,
) -> None:
    """``name: str`` on an event is a natural slip; the event would be unheard."""
    with pytest.raises(TypeError, match=f"an event has no field '{field}'"):
        attrs.make_class("Hiding", {field: attrs.field()}, bases=(Event,), slots=True)


def test_an_undecorated_class_is_an_event_too() -> None:
    event = Plain()
    event.anything = 1  # type: ignore[attr-defined]
    assert event.name == "plain"
    assert (event.source, event.time) == (None, 0.0)


def test_lanes_are_told_by_the_class() -> None:
    assert (Event.lane, Idle.lane) == (NORMAL, IDLE)
    assert {Start.lane, evdispatch.Stop.lane, Error.lane} == {URGENT}


def test_claim_and_release_are_there_to_be_called() -> None:
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
def test_an_error_is_also_the_builtin_whose_meaning_it_has(
    name: str, builtin: type[Exception]
) -> None:
    error = getattr(evdispatch, name)
    assert issubclass(error, EvdispatchError)
    assert issubclass(error, builtin)
    assert str(error("what happened")) == "what happened"


def test_no_error_is_left_out_above() -> None:
    errors = {
        name
        for name in evdispatch.__all__
        if isinstance(getattr(evdispatch, name), type)
        and issubclass(getattr(evdispatch, name), EvdispatchError)
    }
    assert errors == {"EvdispatchError", *ERRORS}


def test_what_does_not_fit_the_state_is_a_state_error() -> None:
    for name in ("AlreadyRunningError", "ClosedError", "ForkedError"):
        assert issubclass(getattr(evdispatch, name), evdispatch.StateError)
