"""Handlers that are held weakly."""

import gc
import weakref
from typing import Any

import pytest
from helpers.events import Bell, ring
from helpers.parameters import label

from evdispatch import Dispatcher, Error, Event, HandlerError, HandlerTypeError


class Receiver:
    def __init__(self, received: list[Any], name: str = "receiver") -> None:
        self.received = received
        self.name = name

    def handle(self, event: Event) -> None:
        self.received.append(self.name)

    def none(self) -> None:
        self.received.append(self.name)

    def fail(self) -> None:
        raise LookupError(self.name)


def test_weak_method_object_collected_is_removed(app: Dispatcher) -> None:
    received: list[Any] = []
    receiver = Receiver(received)
    app.on(Bell, weak=True)(receiver.handle)
    app.on(Bell, weak=True)(receiver.none)
    ring(app)
    assert received == ["receiver", "receiver"]
    dead = weakref.ref(receiver)
    del receiver
    assert dead() is None
    ring(app)
    assert received == ["receiver", "receiver"]
    assert app.stats().handlers == 0


def test_strong_method_keeps_its_object_alive(app: Dispatcher) -> None:
    received: list[Any] = []
    app.on(Bell)(Receiver(received).handle)
    gc.collect()
    ring(app)
    assert received == ["receiver"]


def test_weak_method_object_dies_during_event_is_not_called(
    app: Dispatcher,
) -> None:
    received: list[Any] = []
    receivers = [Receiver(received)]
    app.on(Bell)(receivers.clear)
    app.on(Bell, weak=True)(receivers[0].handle)
    ring(app)
    assert received == []
    assert app.stats().handlers == 1


def test_weak_method_object_in_cycle_collected_during_event_is_not_called(
    app: Dispatcher,
) -> None:
    """An object in a cycle dies when the collector runs, which may be at any time."""
    received: list[Any] = []

    def in_a_circle() -> Receiver:
        receiver = Receiver(received)
        receiver.circle = receiver  # type: ignore[attr-defined]
        return receiver

    for _ in range(5):
        app.on(Bell, weak=True)(in_a_circle().handle)

    @app.on(Bell, priority=1, once=True)
    def collect() -> None:
        gc.collect()

    ring(app)
    assert received == []
    assert app.stats().handlers == 0


def test_off_weak_method_removes_it(app: Dispatcher) -> None:
    received: list[Any] = []
    receiver = Receiver(received)
    app.on(Bell, weak=True)(receiver.handle)
    assert app.off(receiver.handle) == 1
    ring(app)
    assert received == []


def test_off_new_object_at_same_address_removes_nothing(
    app: Dispatcher,
) -> None:
    def dead() -> int:
        receiver = Receiver([])
        app.on(Bell, weak=True)(receiver.handle)
        return id(receiver)

    place = dead()
    receivers = [Receiver([]) for _ in range(100)]  # one of them gets the same address
    new = next(
        (receiver for receiver in receivers if id(receiver) == place), receivers[0]
    )
    assert app.off(new.handle) == 0


def test_weak_once_method_is_called_once(app: Dispatcher) -> None:
    received: list[Any] = []
    receiver, dead = Receiver(received), Receiver(received, "dead")
    app.on(Bell, weak=True, once=True)(receiver.handle)
    app.on(Bell, weak=True, once=True)(dead.handle)
    del dead
    ring(app, Bell(), Bell())
    assert received == ["receiver"]
    assert app.stats().handlers == 0


def test_weak_method_raises_error_names_the_method(app: Dispatcher) -> None:
    receiver = Receiver([])
    app.on(Bell, weak=True)(receiver.fail)
    app.post(Bell())
    with pytest.raises(
        HandlerError, match=r"test_registry_weak\.Receiver\.fail raised"
    ) as caught:
        app.step()
    assert caught.value.handler == receiver.fail


def test_error_with_dead_error_handler_is_raised(app: Dispatcher) -> None:
    receiver = Receiver([])
    app.on(Error, weak=True)(receiver.handle)
    app.on(Bell)(lambda: 1 / 0)
    del receiver
    app.post(Bell())
    with pytest.raises(HandlerError):
        assert app.step() + app.step() == 2


@pytest.mark.parametrize("handler", [lambda: None, print, Receiver], ids=label)
def test_weak_not_a_bound_method_raises_handler_type_error(
    app: Dispatcher, handler: Any
) -> None:
    with pytest.raises(HandlerTypeError, match="weak=True is for bound methods"):
        app.on(Bell, weak=True)(handler)
    assert app.stats().handlers == 0
