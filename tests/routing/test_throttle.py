"""Throttle and debounce: handlers that are called less often than events come."""

import itertools

from helpers.clocks import Later
from helpers.events import Post, Work
from hypothesis import given, settings
from hypothesis import strategies as st

from evdispatch import (
    Dispatcher,
)
from evdispatch.testing import VirtualClock, settle


class TestThrottle:
    def test_throttle_calls_first_at_once_and_last_after_interval(
        self, timed: Dispatcher, later: Later, post: Post
    ) -> None:
        received: list[int] = []
        timed.on(Work, throttle=1)(lambda event: received.append(event.number))
        post(1, 2, 3)
        assert received == [1]
        later(0.9)
        post(4)
        assert received == [1]
        later(0.2)
        assert received == [1, 4]
        later(0.5)  # the call at the end began an interval of its own
        post(5)
        assert received == [1, 4]
        later(0.6)
        assert received == [1, 4, 5]
        later(2)
        post(6)
        assert received == [1, 4, 5, 6]

    def test_throttle_without_events_has_no_deadline(
        self, timed: Dispatcher, later: Later, post: Post
    ) -> None:
        timed.on(Work, throttle=1)(lambda: None)
        post(1)
        later(1.1)
        assert timed.timeout() is None

    @settings(deadline=None, max_examples=40)  # of some hundred steps each
    @given(gaps=st.lists(st.integers(0, 8), max_size=12), interval=st.integers(1, 5))
    def test_throttle_any_gaps_keep_interval_and_last_event(
        self, gaps: list[int], interval: int
    ) -> None:
        clock = VirtualClock()
        received: list[tuple[float, int]] = []
        with Dispatcher(io="inline", clock=clock) as app:
            app.on(Work, throttle=interval / 10)(
                lambda event: received.append((clock.now(), event.number))
            )
            for number, gap in enumerate(gaps):
                app.post(Work(number))
                settle(app)
                for _ in range(gap):
                    clock.advance(0.1)
                    settle(app)
            for _ in range(interval + 1):
                clock.advance(0.1)
                settle(app)
        numbers = [number for _, number in received]
        times = [when for when, _ in received]
        assert numbers == sorted({*numbers})
        assert numbers[-1:] == ([len(gaps) - 1] if gaps else [])
        assert all(
            after - before > interval / 10 - 1e-6
            for before, after in itertools.pairwise(times)
        )


class TestDebounce:
    def test_debounce_calls_last_after_a_quiet_interval(
        self, timed: Dispatcher, later: Later, post: Post
    ) -> None:
        received: list[int] = []
        timed.on("work", debounce=1)(lambda event: received.append(event.number))
        post(1, 2)
        later(0.9)
        post(3)
        later(0.9)
        assert received == []
        later(0.2)
        assert received == [3]
        later(5)
        assert received == [3]
        assert timed.timeout() is None
        post(4)
        later(1.1)
        assert received == [3, 4]

    def test_debounce_handler_without_argument_is_called(
        self, timed: Dispatcher, later: Later, post: Post
    ) -> None:
        received: list[str] = []
        timed.on(Work, debounce=1)(lambda: received.append("paced"))
        post(1, 2)
        later(1.1)
        assert received == ["paced"]
