"""Timers: never early, no drift, one late tick instead of many."""

import math
import os
import random
from typing import Any

import pytest
from helpers.clocks import shown_ticks
from helpers.waiting import wait_until

from evdispatch import Dispatcher, Error, Event, Pipe, Tick, Timer
from evdispatch.testing import VirtualClock, record, run_until, settle

pytestmark = pytest.mark.cross


class TestEvery:
    def test_timer_every_ticks_on_the_grid(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        seen = record(timed, Tick)
        source = timed.add(Timer(every=0.5))
        settle(timed)
        clock.advance(0.499)
        settle(timed)
        assert seen == []
        clock.advance(0.001)
        settle(timed)
        clock.advance(0.5)
        settle(timed)
        assert shown_ticks(seen) == [(1, 0, 1000.5), (2, 0, 1001.0)]
        assert seen[0].source is source
        assert seen[0].time == 1000.5
        assert timed.stats().balanced

    def test_timer_every_late_ticks_once_and_counts_missed(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        seen = record(timed, Tick)
        timed.add(Timer(every=1.0))
        settle(timed)
        clock.advance(3600.25)  # a suspend, a debugger
        settle(timed)
        clock.advance(0.75)
        settle(timed)
        assert shown_ticks(seen) == [(3600, 3599, 4600.0), (3601, 0, 4601.0)]

    def test_timer_every_does_not_drift(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        seen = record(timed, Tick)
        timed.add(Timer(every=0.1))
        randomness = random.Random(7)
        for _ in range(100):
            clock.advance(0.1 + randomness.random() * 0.02)
            settle(timed)
        for tick in seen:
            assert tick.due == 1000 + tick.count * 0.1
            assert tick.time >= tick.due
        assert seen[-1].count == len(seen) + sum(tick.missed for tick in seen)

    def test_timer_every_waiting_tick_merges_later_ones(
        self, io: Any, clock: VirtualClock
    ) -> None:
        """A slow handler: time goes on while it is busy, and the pump runs."""
        with Dispatcher(io=io, clock=clock) as app:
            timer = app.add(Timer(every=1.0))
            seen: list[Tick] = []

            @app.on("tick")
            def slow(tick: Tick) -> None:
                seen.append(tick)
                if len(seen) > 1:
                    return
                for _ in range(5):
                    clock.advance(1.0)
                    if io == "inline":
                        app._io.poll_once(0, inline=True)
                    else:
                        wait_until(lambda: timer._schedule.next > clock.now())  # type: ignore[union-attr]

            settle(app)
            clock.advance(1.0)
            settle(app)
            assert shown_ticks(seen) == [(1, 0, 1001.0), (6, 4, 1006.0)]
            assert [tick.time for tick in seen] == [1001.0, 1006.0]
            stats = app.stats().sources[timer]
            assert (stats.read, stats.coalesced, stats.handled) == (6, 4, 2)
            assert stats.balanced

    def test_timer_every_handled_tick_is_not_merged(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        counts: list[tuple[int, int]] = []

        @timed.on("tick")
        def handle(tick: Tick) -> None:
            before = tick.count
            clock.advance(1.0)
            counts.append((before, tick.count))
            if len(counts) == 3:
                tick.source.close()

        timed.add(Timer(every=1.0))
        clock.advance(1.0)
        run_until(timed, lambda: len(counts) == 3)
        assert all(before == after for before, after in counts)

    def test_timer_every_closed_in_its_handler_ends(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        seen = record(timed, Tick)
        timer = timed.add(Timer(every=1.0))
        timed.on("tick")(timer.close)
        clock.advance(1.0)
        settle(timed)
        clock.advance(5.0)
        settle(timed)
        assert len(seen) == 1
        assert timed.timeout() is None

    def test_timer_every_infinite_never_ticks(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        timed.add(Timer(every=math.inf))
        clock.advance(1e9)
        assert settle(timed) == 0
        assert timed.timeout() is None

    @pytest.mark.parametrize("every", [5e-324, 1e-12])
    def test_timer_every_tiny_does_not_starve_others(
        self, app: Dispatcher, every: float
    ) -> None:
        hasty = app.add(Timer("hasty", every=every))
        errors = record(app, Error)
        seen: list[int] = []
        app.after(0.001, lambda: seen.append(1))
        run_until(app, lambda: seen)
        assert errors == []
        hasty.close()


class TestAfter:
    def test_timer_after_ticks_once_and_ends(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        seen = record(timed, Tick)
        timer = timed.add(Timer(after=2.0))
        clock.advance(1.999)
        settle(timed)
        assert seen == []
        clock.advance(1.0)
        settle(timed)
        assert shown_ticks(seen) == [(1, 0, 1002.0)], (
            "due is the deadline, not the time of the tick"
        )
        assert timer.closed
        assert timed.sources == ()

    @pytest.mark.parametrize("delay", [0, -1, -1e300, -math.inf])
    def test_timer_after_0_or_less_ticks_in_the_next_turn(
        self, timed: Dispatcher, delay: float
    ) -> None:
        seen = record(timed, Tick)
        timed.add(Timer(after=delay))
        settle(timed)
        assert shown_ticks(seen) == [(1, 0, 1000.0)]

    def test_timer_after_0_in_a_handler_is_not_recursive(self, app: Dispatcher) -> None:
        depth = deepest = count = 0

        @app.on("tick")
        def again() -> None:
            nonlocal depth, deepest, count
            depth += 1
            count += 1
            deepest = max(deepest, depth)
            if count < 100:
                app.add(Timer(after=0))
            depth -= 1

        app.add(Timer(after=0))
        settle(app)
        assert (count, deepest) == (100, 1)

    def test_timer_after_0_in_a_chain_does_not_starve_others(
        self, app: Dispatcher
    ) -> None:
        """An endless chain of due timers starves no descriptor."""
        reader, writer = os.pipe()
        app.add(Pipe(reader))
        app.on("tick")(lambda: app.add(Timer(after=0)))
        app.add(Timer(after=0))
        seen: list[Event] = []
        app.on("data")(seen.append)
        os.write(writer, b"x")
        run_until(app, lambda: seen)
        os.close(writer)

    @pytest.mark.parametrize("delay", [math.inf, 1e300, 2.0**40, 10**18])
    def test_timer_after_a_far_time_does_not_tick(
        self, app: Dispatcher, delay: float
    ) -> None:
        seen = record(app, Tick)
        app.add(Timer(after=delay))
        settle(app)
        app.step(0.005)
        assert seen == []

    def test_timer_after_closed_before_it_is_due_does_not_tick(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        seen = record(timed, Tick)
        timed.add(Timer(after=1.0)).close()
        clock.advance(2.0)
        settle(timed)
        assert seen == []
        assert timed.timeout() is None


def test_tick_without_a_source_can_be_dequeued() -> None:
    Tick(1, 0, 0.0).on_dequeue()
