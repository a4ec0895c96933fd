"""Throttled and debounced handlers: sources, removal, filters, errors, wrong intervals."""

from typing import Any

import pytest
from helpers.clocks import Later
from helpers.events import Post, Work
from helpers.sources import Tap

from evdispatch import HANDLED, Dispatcher, Error, HandlerError, InternalError
from evdispatch.testing import settle

pytestmark = pytest.mark.cross


def every(kind: str, seconds: Any = 1) -> dict[str, Any]:
    return {kind: seconds}


@pytest.mark.parametrize("kind", ["throttle", "debounce"])
class TestBoth:
    def test_rate_limited_handler_two_sources_have_own_intervals(
        self, timed: Dispatcher, later: Later, kind: str
    ) -> None:
        received: list[int] = []
        timed.on(Work, **every(kind))(lambda event: received.append(event.number))
        taps = [timed.add(Tap()), timed.add(Tap())]
        for number in range(4):
            taps[number % 2].give(number)
            settle(timed)
        later(1.1)
        assert {*received} >= {2, 3}
        assert len(received) == (4 if kind == "throttle" else 2)

    def test_rate_limited_handler_source_closed_waiting_event_is_dropped(
        self, timed: Dispatcher, later: Later, kind: str
    ) -> None:
        received: list[int] = []
        timed.on(Work, **every(kind))(lambda event: received.append(event.number))
        tap = timed.add(Tap())
        for number in range(3):
            tap.give(number)
            settle(timed)
        before = [*received]
        tap.close()
        later(1.1)
        assert received == before

    def test_rate_limited_handler_removed_waiting_event_is_dropped(
        self, timed: Dispatcher, later: Later, post: Post, kind: str
    ) -> None:
        received: list[int] = []

        def handle(event: Work) -> None:
            received.append(event.number)

        timed.on(Work, **every(kind))(handle)
        post(1, 2)
        before = [*received]
        assert timed.off(handle) == 1
        later(1.1)
        assert received == before

    def test_rate_limited_handler_once_is_called_once(
        self, timed: Dispatcher, later: Later, post: Post, kind: str
    ) -> None:
        received: list[int] = []
        timed.on(Work, once=True, **every(kind))(lambda e: received.append(e.number))
        post(1, 2)
        later(1.1)
        post(3)
        later(1.1)
        assert received == ([1] if kind == "throttle" else [2])

    def test_rate_limited_handler_weak_does_not_keep_object_alive(
        self, timed: Dispatcher, later: Later, post: Post, kind: str
    ) -> None:
        received: list[int] = []

        class Receiver:
            def handle(self, event: Work) -> None:
                received.append(event.number)

        receiver = Receiver()
        timed.on(Work, weak=True, **every(kind))(receiver.handle)
        post(1, 2)
        before = [*received]
        del receiver
        later(1.1)
        assert received == before

    def test_rate_limited_handler_filters_apply_first(
        self, timed: Dispatcher, later: Later, post: Post, kind: str
    ) -> None:
        received: list[int] = []
        timed.on(Work, number={1, 3}, **every(kind))(
            lambda event: received.append(event.number)
        )
        post(1, 2, 3, 4)
        later(1.1)
        assert received[-1] == 3
        assert {2, 4}.isdisjoint(received)

    def test_rate_limited_handler_raises_error_has_handler_and_event(
        self, timed: Dispatcher, later: Later, post: Post, kind: str
    ) -> None:
        errors: list[Error] = []

        def handle(event: Work) -> None:
            if event.number:
                raise LookupError

        timed.on(Work, **every(kind))(handle)
        post(0, 1)
        with pytest.raises(HandlerError) as caught:
            later(1.1)
        assert caught.value.handler is handle
        timed.on(Error)(errors.append)
        tap = timed.add(Tap())
        for number in (0, 2):
            tap.give(number)
        settle(timed)
        later(1.1)
        (error,) = errors
        assert error.handler is handle
        assert isinstance(error.event, Work)
        assert error.event.number == 2
        assert error.source is tap
        timed.audit()

    @pytest.mark.parametrize("interval", [0, -1, float("nan"), True, "1"])
    def test_rate_limited_handler_wrong_interval_raises(
        self, timed: Dispatcher, kind: str, interval: Any
    ) -> None:
        with pytest.raises((TypeError, ValueError), match=kind):
            timed.on(Work, **every(kind, interval))(lambda: None)


def test_throttled_handler_returns_handled_ends_immediate_calls_only(
    timed: Dispatcher, later: Later, post: Post
) -> None:
    received: list[int] = []
    timed.on(Work, throttle=1, priority=1)(lambda: HANDLED)
    timed.on(Work)(lambda event: received.append(event.number))
    post(1, 2)
    assert received == [2]  # what the handler will return for it is not known yet


def test_on_throttle_and_debounce_raises_value_error(timed: Dispatcher) -> None:
    with pytest.raises(ValueError, match="cannot be combined"):
        timed.on(Work, throttle=1, debounce=1)(lambda: None)


def test_debounce_handler_of_one_source_ignores_others(
    timed: Dispatcher, later: Later
) -> None:
    received: list[int] = []
    tap, other = timed.add(Tap()), timed.add(Tap())
    tap.on(Work, debounce=1)(lambda event: received.append(event.number))
    tap.give(1)
    other.give(2)
    settle(timed)
    later(1.1)
    assert received == [1]


def test_audit_unbalanced_source_raises_internal_error(timed: Dispatcher) -> None:
    tap = timed.add(Tap())
    tap.give(1)
    settle(timed)
    timed.audit()
    tap.counts.made += 2
    with pytest.raises(InternalError, match=r"read=3, queued=3.* handled=1"):
        timed.audit()
    tap.counts.made -= 2
