"""Handlers that are held weakly."""

import gc
import weakref
from typing import Any

import pytest
from helpers.events import Bell, ring
from helpers.parameters import label

from evdispatch import Dispatcher, Error, Event, HandlerError, HandlerTypeError


class Ear:
    def __init__(self, heard: list[Any], name: str = "ear") -> None:
        self.heard = heard
        self.name = name

    def hear(self, event: Event) -> None:
        self.heard.append(self.name)

    def none(self) -> None:
        self.heard.append(self.name)

    def fail(self) -> None:
        raise LookupError(self.name)


def test_a_weak_method_is_heard_as_long_as_its_object_lives(app: Dispatcher) -> None:
    heard: list[Any] = []
    ear = Ear(heard)
    app.on(Bell, weak=True)(ear.hear)
    app.on(Bell, weak=True)(ear.none)
    ring(app)
    assert heard == ["ear", "ear"]
    dead = weakref.ref(ear)
    del ear
    assert dead() is None
    ring(app)
    assert heard == ["ear", "ear"]
    assert app.stats().handlers == 0


def test_a_strong_method_keeps_its_object_alive(app: Dispatcher) -> None:
    heard: list[Any] = []
    app.on(Bell)(Ear(heard).hear)
    gc.collect()
    ring(app)
    assert heard == ["ear"]


def test_an_object_that_dies_during_an_event_is_not_called_for_it(
    app: Dispatcher,
) -> None:
    heard: list[Any] = []
    ears = [Ear(heard)]
    app.on(Bell)(ears.clear)
    app.on(Bell, weak=True)(ears[0].hear)
    ring(app)
    assert heard == []
    assert app.stats().handlers == 1


def test_the_collector_may_run_amid_an_event(app: Dispatcher) -> None:
    """What dies in a circle dies in the collector, wherever that happens to run."""
    heard: list[Any] = []

    def in_a_circle() -> Ear:
        ear = Ear(heard)
        ear.circle = ear  # type: ignore[attr-defined]
        return ear

    for _ in range(5):
        app.on(Bell, weak=True)(in_a_circle().hear)

    @app.on(Bell, priority=1, once=True)
    def collect() -> None:
        gc.collect()

    ring(app)
    assert heard == []
    assert app.stats().handlers == 0


def test_off_removes_a_weak_method(app: Dispatcher) -> None:
    heard: list[Any] = []
    ear = Ear(heard)
    app.on(Bell, weak=True)(ear.hear)
    assert app.off(ear.hear) == 1
    ring(app)
    assert heard == []


def test_off_does_not_take_a_new_object_for_a_dead_one_in_its_place(
    app: Dispatcher,
) -> None:
    def dead() -> int:
        ear = Ear([])
        app.on(Bell, weak=True)(ear.hear)
        return id(ear)

    place = dead()
    ears = [Ear([]) for _ in range(100)]  # one of them comes to be in its place
    new = next((ear for ear in ears if id(ear) == place), ears[0])
    assert app.off(new.hear) == 0


def test_weak_and_once_go_together(app: Dispatcher) -> None:
    heard: list[Any] = []
    ear, dead = Ear(heard), Ear(heard, "dead")
    app.on(Bell, weak=True, once=True)(ear.hear)
    app.on(Bell, weak=True, once=True)(dead.hear)
    del dead
    ring(app, Bell(), Bell())
    assert heard == ["ear"]
    assert app.stats().handlers == 0


def test_a_weak_method_that_raises_is_told_as_itself(app: Dispatcher) -> None:
    ear = Ear([])
    app.on(Bell, weak=True)(ear.fail)
    app.post(Bell())
    with pytest.raises(
        HandlerError, match=r"test_registry_weak\.Ear\.fail raised"
    ) as caught:
        app.step()
    assert caught.value.handler == ear.fail


def test_an_error_passes_no_dead_error_handler_unnoticed(app: Dispatcher) -> None:
    ear = Ear([])
    app.on(Error, weak=True)(ear.hear)
    app.on(Bell)(lambda: 1 / 0)
    del ear
    app.post(Bell())
    with pytest.raises(HandlerError):
        assert app.step() + app.step() == 2


@pytest.mark.parametrize("handler", [lambda: None, print, Ear], ids=label)
def test_only_bound_methods_can_be_weak(app: Dispatcher, handler: Any) -> None:
    with pytest.raises(HandlerTypeError, match="weak=True is for bound methods"):
        app.on(Bell, weak=True)(handler)
    assert app.stats().handlers == 0
