"""Throttled and debounced handlers: sources, removal, filters, errors, wrong intervals."""

from typing import Any

import pytest
from helpers.clocks import Later
from helpers.events import Post, Work
from helpers.sources import Tap

from evdispatch import HANDLED, Dispatcher, Error, HandlerError, InternalError
from evdispatch.testing import settle

pytestmark = pytest.mark.cross


def every(pace: str, seconds: Any = 1) -> dict[str, Any]:
    return {pace: seconds}


@pytest.mark.parametrize("pace", ["throttle", "debounce"])
class TestBoth:
    def test_each_source_has_its_own(
        self, timed: Dispatcher, later: Later, pace: str
    ) -> None:
        heard: list[int] = []
        timed.on(Work, **every(pace))(lambda event: heard.append(event.number))
        taps = [timed.add(Tap()), timed.add(Tap())]
        for number in range(4):
            taps[number % 2].give(number)
            settle(timed)
        later(1.1)
        assert {*heard} >= {2, 3}
        assert len(heard) == (4 if pace == "throttle" else 2)

    def test_what_waits_of_a_source_that_was_closed_is_dropped(
        self, timed: Dispatcher, later: Later, pace: str
    ) -> None:
        heard: list[int] = []
        timed.on(Work, **every(pace))(lambda event: heard.append(event.number))
        tap = timed.add(Tap())
        for number in range(3):
            tap.give(number)
            settle(timed)
        before = [*heard]
        tap.close()
        later(1.1)
        assert heard == before

    def test_what_waits_for_a_handler_that_was_removed_is_dropped(
        self, timed: Dispatcher, later: Later, post: Post, pace: str
    ) -> None:
        heard: list[int] = []

        def hear(event: Work) -> None:
            heard.append(event.number)

        timed.on(Work, **every(pace))(hear)
        post(1, 2)
        before = [*heard]
        assert timed.off(hear) == 1
        later(1.1)
        assert heard == before

    def test_once_is_one_call(
        self, timed: Dispatcher, later: Later, post: Post, pace: str
    ) -> None:
        heard: list[int] = []
        timed.on(Work, once=True, **every(pace))(lambda e: heard.append(e.number))
        post(1, 2)
        later(1.1)
        post(3)
        later(1.1)
        assert heard == ([1] if pace == "throttle" else [2])

    def test_weak_keeps_nothing_alive(
        self, timed: Dispatcher, later: Later, post: Post, pace: str
    ) -> None:
        heard: list[int] = []

        class Hearer:
            def hear(self, event: Work) -> None:
                heard.append(event.number)

        hearer = Hearer()
        timed.on(Work, weak=True, **every(pace))(hearer.hear)
        post(1, 2)
        before = [*heard]
        del hearer
        later(1.1)
        assert heard == before

    def test_filters_come_first(
        self, timed: Dispatcher, later: Later, post: Post, pace: str
    ) -> None:
        heard: list[int] = []
        timed.on(Work, number={1, 3}, **every(pace))(
            lambda event: heard.append(event.number)
        )
        post(1, 2, 3, 4)
        later(1.1)
        assert heard[-1] == 3
        assert {2, 4}.isdisjoint(heard)

    def test_an_exception_is_told_with_handler_and_event(
        self, timed: Dispatcher, later: Later, post: Post, pace: str
    ) -> None:
        told: list[Error] = []

        def hear(event: Work) -> None:
            if event.number:
                raise LookupError

        timed.on(Work, **every(pace))(hear)
        post(0, 1)
        with pytest.raises(HandlerError) as caught:
            later(1.1)
        assert caught.value.handler is hear
        timed.on(Error)(told.append)
        tap = timed.add(Tap())
        for number in (0, 2):
            tap.give(number)
        settle(timed)
        later(1.1)
        (error,) = told
        assert error.handler is hear
        assert isinstance(error.event, Work)
        assert error.event.number == 2
        assert error.source is tap
        timed.audit()

    @pytest.mark.parametrize("interval", [0, -1, float("nan"), True, "1"])
    def test_wrong_intervals(self, timed: Dispatcher, pace: str, interval: Any) -> None:
        with pytest.raises((TypeError, ValueError), match=pace):
            timed.on(Work, **every(pace, interval))(lambda: None)


def test_handled_ends_the_way_of_what_is_told_at_once(
    timed: Dispatcher, later: Later, post: Post
) -> None:
    heard: list[int] = []
    timed.on(Work, throttle=1, priority=1)(lambda: HANDLED)
    timed.on(Work)(lambda event: heard.append(event.number))
    post(1, 2)
    assert heard == [2]  # nobody knows yet what the handler will say to it


def test_not_both_at_once(timed: Dispatcher) -> None:
    with pytest.raises(ValueError, match="not both"):
        timed.on(Work, throttle=1, debounce=1)(lambda: None)


def test_of_one_source(timed: Dispatcher, later: Later) -> None:
    heard: list[int] = []
    tap, other = timed.add(Tap()), timed.add(Tap())
    tap.on(Work, debounce=1)(lambda event: heard.append(event.number))
    tap.give(1)
    other.give(2)
    settle(timed)
    later(1.1)
    assert heard == [1]


def test_an_unbalanced_source_is_told(timed: Dispatcher) -> None:
    tap = timed.add(Tap())
    tap.give(1)
    settle(timed)
    timed.audit()
    tap.counts.made += 2
    with pytest.raises(InternalError, match=r"read=3, queued=3.* handled=1"):
        timed.audit()
    tap.counts.made -= 2
