"""How often the full-screen view is drawn."""

import pytest

from evdispatch import Dispatcher
from evdispatch.cli._view import Pacer
from evdispatch.testing import VirtualClock, settle

pytestmark = pytest.mark.cross


class TestPacer:
    """At most 30 frames a second, and none for nothing."""

    @pytest.fixture
    def frames(self) -> list[float]:
        return []

    @pytest.fixture
    def pacer(
        self, timed: Dispatcher, clock: VirtualClock, frames: list[float]
    ) -> Pacer:
        return Pacer(timed, lambda: frames.append(clock.now()), clock.now)

    def test_first_frame_is_drawn_at_once(
        self, pacer: Pacer, frames: list[float]
    ) -> None:
        pacer.request()
        assert frames == [1000.0]

    def test_storm_of_requests_makes_a_frame_now_and_one_later(
        self, timed: Dispatcher, clock: VirtualClock, pacer: Pacer, frames: list[float]
    ) -> None:
        for _ in range(100):
            pacer.request()
        settle(timed)
        assert len(frames) == 1
        clock.advance(0.034)
        settle(timed)
        assert len(frames) == 2
        clock.advance(1.0)
        settle(timed)
        assert len(frames) == 2
        assert timed.timeout() is None, "nothing is left to wake up for"

    def test_storm_of_requests_draws_without_the_timer(
        self, timed: Dispatcher, clock: VirtualClock, pacer: Pacer, frames: list[float]
    ) -> None:
        """Keys come before timers: while they pour in, they must draw."""
        pacer.request()
        pacer.request()
        clock.advance(0.04)
        pacer.request()
        assert len(frames) == 2
        settle(timed)
        assert len(frames) == 2

    def test_request_after_a_pause_draws_at_once(
        self, clock: VirtualClock, pacer: Pacer, frames: list[float]
    ) -> None:
        pacer.request()
        clock.advance(1.0)
        pacer.request()
        assert frames == [1000.0, 1001.0]
