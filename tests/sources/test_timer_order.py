"""Timers among others: their order, pauses, and the real clock."""

import threading
import time
from typing import Any

import pytest
from helpers.clocks import shown_ticks
from helpers.waiting import PATIENCE

from evdispatch import Dispatcher, Tick, Timer
from evdispatch.testing import VirtualClock, record, run_until, settle


class TestOrder:
    def test_timers_with_equal_deadlines_tick_in_the_order_added(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        timers = [timed.add(Timer(after=1.0)) for _ in range(50)]
        heard: list[Any] = []
        timed.on("tick")(lambda tick: heard.append(tick.source))
        clock.advance(1.0)
        settle(timed)
        assert heard == timers

    def test_timers_that_are_late_tick_in_the_order_due(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        delays = [0.5, 0.1, 0.9, 0.3, 0.7]
        timers = {delay: timed.add(Timer(after=delay)) for delay in delays}
        heard: list[Any] = []
        timed.on("tick")(lambda tick: heard.append(tick.source))
        settle(timed)
        clock.advance(10.0)
        settle(timed)
        assert heard == [timers[delay] for delay in sorted(delays)]

    def test_timer_closed_by_an_earlier_handler_does_not_tick(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        """Both are due, and both are queued already."""
        first, second = (timed.add(Timer(after=1.0)) for _ in range(2))
        heard: list[Any] = []

        @timed.on("tick")
        def close_the_other(tick: Tick) -> None:
            heard.append(tick.source)
            second.close()

        clock.advance(1.0)
        settle(timed)
        assert heard == [first]

    def test_timer_does_not_read_the_wall_clock(
        self, app: Dispatcher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(time, "time", lambda: 0.0)
        seen = record(app, Tick)
        app.add(Timer(after=0.001))
        run_until(app, lambda: seen)


class TestPause:
    def test_timer_paused_skips_its_ticks(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        seen = record(timed, Tick)
        timer = timed.add(Timer(every=1.0))
        timer.pause()
        for _ in range(3):
            clock.advance(1.0)
            settle(timed)
        assert seen == []
        timer.resume()
        settle(timed)
        assert seen == [], "it goes on at the next instant of the grid"
        clock.advance(1.0)
        settle(timed)
        assert shown_ticks(seen) == [(4, 0, 1004.0)]

    def test_timer_paused_holds_its_single_tick_until_resumed(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        seen = record(timed, Tick)
        timer = timed.add(Timer(after=1.0))
        timer.pause()
        clock.advance(3.0)
        settle(timed)
        assert seen == []
        assert not timer.closed
        for _ in range(3):
            timer.resume()
            settle(timed)
        assert shown_ticks(seen) == [(1, 0, 1001.0)]
        assert timed.sources == ()

    def test_timer_paused_and_closed_drops_its_held_tick(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        seen = record(timed, Tick)
        timer = timed.add(Timer(after=1.0))
        timer.pause()
        clock.advance(3.0)
        settle(timed)
        timer.close()
        timer.resume()
        settle(timed)
        assert seen == []

    def test_timer_resumed_before_it_is_due_ticks_in_time(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        seen = record(timed, Tick)
        timer = timed.add(Timer(after=1.0))
        timer.pause()
        settle(timed)
        timer.resume()
        settle(timed)
        assert seen == []
        clock.advance(1.0)
        settle(timed)
        assert shown_ticks(seen) == [(1, 0, 1001.0)]

    def test_timer_paused_before_it_is_added_holds_its_tick(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        seen = record(timed, Tick)
        timer = Timer(after=1.0)
        timer.pause()
        timed.add(timer)
        clock.advance(1.0)
        settle(timed)
        assert seen == []
        timer.resume()
        settle(timed)
        assert len(seen) == 1


class TestOnTheRealClock:
    def test_timer_on_the_real_clock_is_never_early(self, app: Dispatcher) -> None:
        early: list[float] = []
        late: list[float] = []

        @app.on("tick")
        def handle(tick: Tick) -> None:
            lateness = time.monotonic() - tick.due
            (early if lateness < 0 else late).append(lateness)
            if tick.time < tick.due:
                early.append(tick.time - tick.due)

        app.add(Timer(every=0.0007))
        for number in range(20):
            app.add(Timer(after=0.0013 * number))
        run_until(app, lambda: len(late) >= 60)
        assert early == []
        assert sorted(late)[30] < 0.005

    def test_timer_added_by_another_thread_ticks_in_time(self, app: Dispatcher) -> None:
        app.add(Timer("far", after=3600))
        seen: list[float] = []

        @app.on("tick")
        def ticked() -> None:
            seen.append(time.monotonic())
            app.stop()

        added: list[float] = []

        def add() -> None:
            added.append(time.monotonic())
            app.add(Timer(after=0.002))

        thread = threading.Thread(target=add)
        app.on("start")(thread.start)
        app.run()
        thread.join()
        assert 0.002 <= seen[0] - added[0] < PATIENCE

    def test_timer_closed_causes_no_wake_up(self, app: Dispatcher) -> None:
        timer = app.add(Timer(every=0.003))
        settle(app)
        timer.close()
        settle(app)
        before = app.stats().polls
        app.step(0.03)
        assert app.stats().polls - before <= 2


def test_timers_added_and_closed_leave_nothing(timed: Dispatcher) -> None:
    for _ in range(2000):
        timed.add(Timer(after=3600)).close()
    assert timed.timeout() is None
    assert len(timed._registrations.timers._heap) <= 65
    assert timed.sources == ()
