"""The names of timers, and what no timer can be made of."""

import gc
import math
import weakref
from typing import Any

import pytest

from evdispatch import Dispatcher, Tick, Timer, UnknownEventError
from evdispatch.sources._timer import tick_class
from evdispatch.testing import VirtualClock, settle


class TestNames:
    def test_timer_ticks_have_its_name(
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

    def test_timer_class_without_timers_is_freed(self, app: Dispatcher) -> None:
        kept = weakref.ref(tick_class("passing_by"))
        gc.collect()
        assert kept() is None
        with pytest.raises(UnknownEventError):
            app.on("passing_by")

    @pytest.mark.parametrize("name", ["data", "line", "key", "stop", "error", "event"])
    def test_timer_with_the_name_of_another_event_raises(self, name: str) -> None:
        with pytest.raises(ValueError, match="can't be called"):
            Timer(name, every=1.0)

    @pytest.mark.parametrize("name", ["", "Blink", "a-b", "1st", "a b", "tick!"])
    def test_timer_with_a_malformed_name_raises(self, name: str) -> None:
        with pytest.raises(ValueError, match="lower_case"):
            Timer(name, every=1.0)

    @pytest.mark.parametrize("name", [1, None, b"tick", 1.5])
    def test_timer_with_a_name_of_another_type_raises(self, name: Any) -> None:
        with pytest.raises(TypeError, match="must be a str"):
            Timer(name, every=1.0)


class TestBadInput:
    def test_timer_without_exactly_one_of_every_and_after_raises(self) -> None:
        cases: list[dict[str, Any]] = [{}, {"every": 1, "after": 1}, {"every": None}]
        for options in cases:
            with pytest.raises(TypeError, match="one of every= and after="):
                Timer(**options)

    @pytest.mark.parametrize("what", ["every", "after"])
    def test_timer_with_nan_raises(self, what: str) -> None:
        with pytest.raises(ValueError, match="NaN"):
            Timer(**{what: math.nan})  # type: ignore[arg-type]

    @pytest.mark.parametrize("what", ["every", "after"])
    @pytest.mark.parametrize("bad", ["1", True, b"x", [1.0], 1j])
    def test_timer_with_no_number_raises(self, what: str, bad: Any) -> None:
        with pytest.raises(TypeError, match="number of seconds"):
            Timer(**{what: bad})

    @pytest.mark.parametrize("every", [0, -1.0, -math.inf])
    def test_timer_with_an_interval_not_above_0_raises(self, every: float) -> None:
        with pytest.raises(ValueError, match="above 0"):
            Timer(every=every)


def test_timers_whose_names_make_one_title_are_distinct(app: Dispatcher) -> None:
    timers = [app.add(Timer(name, every=9)) for name in ("a1b", "a1_b", "a1__b")]
    for timer in timers:
        app.on(timer.name)(lambda: None)
