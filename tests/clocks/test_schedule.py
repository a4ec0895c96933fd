"""The schedule of a repeating timer: never early, no drift, every skip counted."""

import math
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evdispatch._core._schedule import Schedule

STARTS = st.floats(0, 1e7)
INTERVALS = st.floats(1e-6, 1e5)
LATENESS = st.one_of(
    st.floats(0, 1e-3), st.floats(0, 10), st.integers(0, 20), st.just(0.0)
)


def test_schedule_instants_are_start_plus_intervals() -> None:
    schedule = Schedule(100.0, 0.5)
    assert (schedule.count, schedule.next) == (0, 100.5)
    assert schedule.take(100.5) == 0
    assert (schedule.count, schedule.due, schedule.next) == (1, 100.5, 101.0)


def test_schedule_taken_late_returns_skipped_count() -> None:
    schedule = Schedule(0.0, 1.0)
    assert schedule.take(4.75) == 3
    assert (schedule.count, schedule.due, schedule.next) == (4, 4.0, 5.0)


def test_schedule_instant_now_is_taken_despite_rounding() -> None:
    # (1000.3 - 1000) / 0.1 is a little less than 3.
    schedule = Schedule(1000.0, 0.1)
    assert schedule.take(1000.3) == 2
    assert schedule.count == 3
    assert schedule.next > 1000.3


def test_schedule_instant_just_ahead_is_not_taken() -> None:
    # (1985.8999999999999 - 532.7) / 0.3 is 4844, and 532.7 + 4844 * 0.3 is 1985.9.
    schedule = Schedule(532.7, 0.3)
    schedule.take(1985.8999999999999)
    assert schedule.count == 4843
    assert schedule.next == 1985.9


@given(STARTS, INTERVALS, st.lists(LATENESS, min_size=1, max_size=30))
@example(1000.0, 0.1, [0.2, 0.3])
@example(0.0, 0.1, [0.0, 0.2])
def test_schedule_any_lateness_never_early_and_without_drift(
    start: float, every: float, lateness: list[float]
) -> None:
    schedule = Schedule(start, every)
    taken = skipped = 0
    for late in lateness:
        now = schedule.next + late * every
        before = schedule.count
        missed = schedule.take(now)
        taken += 1
        skipped += missed
        assert missed >= 0
        assert schedule.due <= now < schedule.next, "the latest one that is not after"
        assert schedule.count == before + 1 + missed
        exact = Fraction(start) + schedule.count * Fraction(every)
        assert abs(Fraction(schedule.due) - exact) <= Fraction(math.ulp(schedule.next))
    assert schedule.count == taken + skipped


def test_schedule_after_a_year_does_not_drift() -> None:
    schedule = Schedule(12345.678, 0.1)
    schedule.take(12345.678 + 365 * 86400)
    assert schedule.due == 12345.678 + schedule.count * 0.1
    assert schedule.next - schedule.due == pytest.approx(0.1, abs=1e-7)


def test_schedule_infinite_interval_is_never_due() -> None:
    assert Schedule(5.0, math.inf).next == math.inf


@pytest.mark.parametrize("every", [5e-324, 1e-300, 1e-17, 1e-9])
def test_schedule_tiny_interval_still_advances(every: float) -> None:
    schedule = Schedule(1e6, every)
    now = 1e6
    for _ in range(100):
        now += 0.5
        assert schedule.take(now) >= 0
        assert schedule.due == pytest.approx(now, abs=1e-8)
