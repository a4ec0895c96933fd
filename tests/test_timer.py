"""Timers: never early, no drift, one late tick instead of many."""

import gc
import math
import os
import random
import threading
import time
import weakref
from typing import Any

import pytest

from evdispatch import (
    Dispatcher,
    Error,
    Event,
    Pipe,
    Tick,
    Timer,
    UnknownEventError,
)
from evdispatch.sources._timer import tick_class
from evdispatch.testing import VirtualClock, record, run_until, settle


def shown(ticks: list[Tick]) -> list[tuple[int, int, float]]:
    return [(tick.count, tick.missed, tick.due) for tick in ticks]


class TestEvery:
    def test_it_ticks_on_the_grid_and_never_early(
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
        assert shown(seen) == [(1, 0, 1000.5), (2, 0, 1001.0)]
        assert seen[0].source is source
        assert seen[0].time == 1000.5
        assert timed.stats().balanced

    def test_a_late_one_ticks_once_and_says_what_it_missed(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        seen = record(timed, Tick)
        timed.add(Timer(every=1.0))
        settle(timed)
        clock.advance(3600.25)  # a suspend, a debugger
        settle(timed)
        clock.advance(0.75)
        settle(timed)
        assert shown(seen) == [(3600, 3599, 4600.0), (3601, 0, 4601.0)]

    def test_it_does_not_drift(self, timed: Dispatcher, clock: VirtualClock) -> None:
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

    def test_a_waiting_tick_takes_in_the_next_ones(
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
                        app._io.pump(0)
                    else:
                        wait_until(lambda: timer._schedule.next > clock.now())  # type: ignore[union-attr]

            settle(app)
            clock.advance(1.0)
            settle(app)
            assert shown(seen) == [(1, 0, 1001.0), (6, 4, 1006.0)]
            assert [tick.time for tick in seen] == [1001.0, 1006.0]
            stats = app.stats().sources[timer]
            assert (stats.read, stats.coalesced, stats.handled) == (6, 4, 2)
            assert stats.balanced

    def test_a_tick_that_is_being_handled_takes_in_no_more(
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

    def test_closing_it_in_its_own_handler_ends_it(
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

    def test_an_infinite_interval_never_ticks(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        timed.add(Timer(every=math.inf))
        clock.advance(1e9)
        assert settle(timed) == 0
        assert timed.timeout() is None

    @pytest.mark.parametrize("every", [5e-324, 1e-12])
    def test_a_tiny_interval_leaves_others_their_turn(
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
    def test_it_ticks_once_and_has_ended(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        seen = record(timed, Tick)
        timer = timed.add(Timer(after=2.0))
        clock.advance(1.999)
        settle(timed)
        assert seen == []
        clock.advance(1.0)
        settle(timed)
        assert shown(seen) == [(1, 0, 1002.0)], "due is when it was due, not told"
        assert timer.closed
        assert timed.sources == ()

    @pytest.mark.parametrize("delay", [0, -1, -1e300, -math.inf])
    def test_zero_or_less_is_the_next_turn(
        self, timed: Dispatcher, delay: float
    ) -> None:
        seen = record(timed, Tick)
        timed.add(Timer(after=delay))
        settle(timed)
        assert shown(seen) == [(1, 0, 1000.0)]

    def test_one_from_the_handler_of_another_is_not_recursive(
        self, app: Dispatcher
    ) -> None:
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

    def test_others_are_served_between(self, app: Dispatcher) -> None:
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
    def test_the_far_future_is_never(self, app: Dispatcher, delay: float) -> None:
        seen = record(app, Tick)
        app.add(Timer(after=delay))
        settle(app)
        app.step(0.005)
        assert seen == []

    def test_closed_before_it_is_due_it_does_not_tick(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        seen = record(timed, Tick)
        timed.add(Timer(after=1.0)).close()
        clock.advance(2.0)
        settle(timed)
        assert seen == []
        assert timed.timeout() is None


class TestOrder:
    def test_equal_deadlines_come_in_the_order_of_adding(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        timers = [timed.add(Timer(after=1.0)) for _ in range(50)]
        heard: list[Any] = []
        timed.on("tick")(lambda tick: heard.append(tick.source))
        clock.advance(1.0)
        settle(timed)
        assert heard == timers

    def test_earlier_ones_come_first_however_late_it_is(
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

    def test_one_that_is_closed_by_an_earlier_one_does_not_come(
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

    def test_the_wall_clock_does_not_matter(
        self, app: Dispatcher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(time, "time", lambda: 0.0)
        seen = record(app, Tick)
        app.add(Timer(after=0.001))
        run_until(app, lambda: seen)


class TestPause:
    def test_the_ticks_of_a_pause_are_left_out(
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
        assert shown(seen) == [(4, 0, 1004.0)]

    def test_a_single_tick_is_held_and_told_at_the_resume(
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
        assert shown(seen) == [(1, 0, 1001.0)]
        assert timed.sources == ()

    def test_a_held_tick_of_a_closed_timer_is_gone(
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

    def test_resumed_before_it_is_due_it_comes_in_time(
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
        assert shown(seen) == [(1, 0, 1001.0)]

    def test_paused_before_it_is_added_it_holds_its_tick(
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


class TestNames:
    def test_its_ticks_bear_its_name(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        blink, poll = timed.add(Timer("blink", every=1.0)), Timer("poll_it", after=1.0)
        timed.add(poll)
        heard: list[tuple[str, Any]] = []
        timed.on("blink")(lambda event: heard.append(("blink", event.source)))
        timed.on("poll_it")(lambda event: heard.append(("poll_it", event.source)))
        timed.on(Tick)(lambda event: heard.append(("class", event.source)))
        timed.on("tick")(lambda event: heard.append(("tick", event.source)))
        clock.advance(1.0)
        settle(timed)
        assert heard == [
            ("blink", blink),
            ("class", blink),
            ("poll_it", poll),
            ("class", poll),
        ]
        assert blink.name == "blink"

    def test_timers_of_one_name_share_a_class(self) -> None:
        assert tick_class("blink_once") is tick_class("blink_once")
        assert tick_class("tick") is Tick
        assert tick_class("blink_once").__name__ == "BlinkOnce"

    def test_a_class_that_no_timer_needs_is_gone(self, app: Dispatcher) -> None:
        kept = weakref.ref(tick_class("passing_by"))
        gc.collect()
        assert kept() is None
        with pytest.raises(UnknownEventError):
            app.on("passing_by")

    @pytest.mark.parametrize("name", ["data", "line", "key", "stop", "error", "event"])
    def test_the_name_of_another_event_is_refused(self, name: str) -> None:
        with pytest.raises(ValueError, match="can't be called"):
            Timer(name, every=1.0)

    @pytest.mark.parametrize("name", ["", "Blink", "a-b", "1st", "a b", "tick!"])
    def test_what_is_no_name_is_refused(self, name: str) -> None:
        with pytest.raises(ValueError, match="lower_case"):
            Timer(name, every=1.0)

    @pytest.mark.parametrize("name", [1, None, b"tick", 1.5])
    def test_a_name_is_text(self, name: Any) -> None:
        with pytest.raises(TypeError, match="is that of its events"):
            Timer(name, every=1.0)


class TestBadInput:
    def test_exactly_one_of_every_and_after_is_taken(self) -> None:
        cases: list[dict[str, Any]] = [{}, {"every": 1, "after": 1}, {"every": None}]
        for options in cases:
            with pytest.raises(TypeError, match="one of every= and after="):
                Timer(**options)

    @pytest.mark.parametrize("what", ["every", "after"])
    def test_nan_is_refused_before_it_spoils_the_heap(self, what: str) -> None:
        with pytest.raises(ValueError, match="NaN"):
            Timer(**{what: math.nan})  # type: ignore[arg-type]

    @pytest.mark.parametrize("what", ["every", "after"])
    @pytest.mark.parametrize("bad", ["1", True, b"x", [1.0], 1j])
    def test_what_is_no_number_is_refused(self, what: str, bad: Any) -> None:
        with pytest.raises(TypeError, match="number of seconds"):
            Timer(**{what: bad})

    @pytest.mark.parametrize("every", [0, -1.0, -math.inf])
    def test_an_interval_is_above_zero(self, every: float) -> None:
        with pytest.raises(ValueError, match="above 0"):
            Timer(every=every)


class TestOnTheRealClock:
    def test_never_early(self, app: Dispatcher) -> None:
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

    def test_a_nearer_one_that_another_thread_adds_comes_in_time(
        self, app: Dispatcher
    ) -> None:
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
        assert 0.002 <= seen[0] - added[0] < 5

    def test_one_that_is_closed_wakes_nobody(self, app: Dispatcher) -> None:
        timer = app.add(Timer(every=0.003))
        settle(app)
        timer.close()
        settle(app)
        before = app.stats().polls
        app.step(0.03)
        assert app.stats().polls - before <= 2


def test_a_tick_alone_can_be_claimed() -> None:
    Tick(1, 0, 0.0).claim()


def test_many_timers_set_and_closed_leave_nothing(timed: Dispatcher) -> None:
    for _ in range(2000):
        timed.add(Timer(after=3600)).close()
    assert timed.timeout() is None
    assert len(timed._roster.deadlines._heap) <= 65
    assert timed.sources == ()


def wait_until(condition: Any, timeout: float = 10.0) -> None:
    """Wait for the IO thread, which is the subject here."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "the IO thread did not get there"


def test_names_that_make_one_title_are_told_apart(app: Dispatcher) -> None:
    timers = [app.add(Timer(name, every=9)) for name in ("a1b", "a1_b", "a1__b")]
    for timer in timers:
        app.on(timer.name)(lambda: None)
