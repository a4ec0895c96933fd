"""The timer queue: the order of deadlines, what cancelling costs, and the alarm."""

import contextlib
import math
import random
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evdispatch import Dispatcher
from evdispatch._core._poller import readable_now
from evdispatch._core._timers import TimerId, TimerQueue
from evdispatch.testing import VirtualClock, settle

pytestmark = pytest.mark.cross


@attrs.define(eq=False)
class Owner:
    name: str = ""

    def on_deadline(self, now: float) -> Iterable[Any]:
        return ()


@pytest.fixture
def timers(clock: VirtualClock) -> Iterator[TimerQueue]:
    timers = TimerQueue(clock)
    with contextlib.closing(timers.alarm):
        yield timers


def drain(timers: TimerQueue) -> list[Any]:
    found = []
    while (owner := timers.pop(math.inf, timers.count)) is not None:
        found.append(owner)
    return found


def test_timer_queue_empty_has_no_next_deadline(timers: TimerQueue) -> None:
    assert timers.next() is None
    assert timers.pop(math.inf, 0) is None
    assert len(timers) == 0


def test_timer_queue_equal_deadlines_come_in_order_of_adding(
    timers: TimerQueue,
) -> None:
    owners = [Owner(str(n)) for n in range(50)]
    for owner in owners:
        timers.add_later(7.0, owner)
    assert drain(timers) == owners


def test_timer_queue_pop_at_the_very_deadline_returns_the_owner(
    timers: TimerQueue,
) -> None:
    owner = Owner()
    timers.add_later(2.0, owner)
    assert timers.pop(math.nextafter(2.0, 0), 1) is None
    assert timers.pop(2.0, 1) is owner


def test_timer_queue_pop_before_an_id_leaves_later_ones(timers: TimerQueue) -> None:
    first, second = Owner(), Owner()
    timers.add_later(1.0, first)
    before = timers.count
    timers.add_later(1.0, second)
    assert timers.pop(5.0, before) is first
    assert timers.pop(5.0, before) is None
    assert timers.pop(5.0, timers.count) is second


def test_timer_queue_cancelled_deadline_does_not_come(timers: TimerQueue) -> None:
    first, second = Owner(), Owner()
    cancelled = timers.add_later(1.0, first)
    timers.add_later(2.0, second)
    timers.cancel(cancelled)
    assert (len(timers), timers.next()) == (1, 2.0)
    assert drain(timers) == [second]


def test_timer_queue_cancel_twice_or_late_is_ignored(timers: TimerQueue) -> None:
    over = timers.add_later(1.0, Owner())
    cancelled = timers.add_later(2.0, Owner())
    timers.add_later(3.0, Owner())
    timers.pop(1.5, 3)
    for timer_id in (over, cancelled, cancelled):
        timers.cancel(timer_id)
    assert len(timers) == 1


def test_timer_queue_deadline_that_is_over_releases_its_owner(
    timers: TimerQueue,
) -> None:
    owners = [Owner(), Owner()]
    gone = [weakref.ref(owner) for owner in owners]
    _, cancelled = (timers.add_later(1.0, owner) for owner in owners)
    timers.cancel(cancelled)
    drain(timers)
    del owners[:]
    assert [reference() for reference in gone] == [None, None]


def test_timer_queue_hundred_thousand_cancels_leave_a_small_heap(
    timers: TimerQueue,
) -> None:
    kept = [timers.add_later(1e6 + n, Owner()) for n in range(10)]
    for number in range(100_000):
        timers.cancel(timers.add_later(float(number), Owner()))
        assert len(timers._heap) <= 2 * len(kept) + 64 + 1
    assert len(timers) == len(kept)
    assert len(drain(timers)) == len(kept)


def test_timer_queue_all_of_many_cancelled_empties_the_heap(
    timers: TimerQueue,
) -> None:
    timer_ids = [timers.add_later(float(n % 977), Owner()) for n in range(100_000)]
    random.Random(5).shuffle(timer_ids)
    for timer_id in timer_ids:
        timers.cancel(timer_id)
    assert len(timers) == 0
    assert not timers._heap  # also if nothing is added or asked for
    assert timers.next() is None


def test_timer_queue_add_or_next_shrinks_a_heap_of_cancelled_ones(
    timers: TimerQueue,
) -> None:
    def add_and_cancel() -> None:
        for timer_id in [timers.add_later(float(n), Owner()) for n in range(10_000)]:
            timers.cancel(timer_id)

    for _ in range(3):
        add_and_cancel()
        timers.add_later(1e6, Owner())
        assert len(timers._heap) <= 2 * len(timers) + 64
    add_and_cancel()
    assert timers.next() == 1e6
    assert len(timers._heap) <= 2 * len(timers) + 64


@given(
    st.lists(
        st.one_of(
            st.floats(0, 100).map(lambda when: ("add", when)),
            st.integers(0, 200).map(lambda index: ("cancel", index)),
            st.floats(0, 100).map(lambda now: ("pop", now)),
        ),
        max_size=300,
    )
)
def test_timer_queue_any_steps_match_a_sorted_list(
    steps: list[tuple[str, Any]],
) -> None:
    timers = TimerQueue(VirtualClock())
    added: list[tuple[TimerId, Owner]] = []
    model: list[tuple[float, int, Owner]] = []
    with contextlib.closing(timers.alarm):
        for what, value in steps:
            if what == "add":
                owner = Owner()
                model.append((value, len(added), owner))
                added.append((timers.add_later(value, owner), owner))
            elif what == "cancel" and value < len(added):
                timer_id, owner = added[value]
                timers.cancel(timer_id)
                model = [entry for entry in model if entry[2] is not owner]
            elif what == "pop":
                due = [entry for entry in model if entry[0] <= value]
                expected = min(due, key=lambda entry: entry[:2]) if due else None
                found = timers.pop(value, timers.count)
                assert found is (expected and expected[2])
                if expected is not None:
                    model.remove(expected)
            assert len(timers) == len(model)
            assert timers.next() == min((when for when, _, _ in model), default=None)


# -- the alarm -----------------------------------------------------------------------------


def is_ringing(timers: TimerQueue) -> bool:
    return readable_now(timers.alarm.fileno())


def test_alarm_rings_at_the_nearest_deadline(
    timers: TimerQueue, clock: VirtualClock
) -> None:
    for seconds in (3, 1, 2):
        timers.add(clock.now() + seconds, Owner())
    clock.advance(0.9)
    assert not is_ringing(timers)
    clock.advance(0.1)
    assert is_ringing(timers)


def test_alarm_rings_at_once_for_a_deadline_in_the_past(
    timers: TimerQueue, clock: VirtualClock
) -> None:
    timers.add(clock.now() - 5, Owner())
    assert is_ringing(timers)
    assert timers.next() == clock.now()


def test_alarm_is_silent_while_the_queue_is_at_work(
    timers: TimerQueue, clock: VirtualClock
) -> None:
    timers.at_work = True
    timers.add(clock.now(), Owner())
    assert not is_ringing(timers)
    timers.prepare_to_wait()
    assert is_ringing(timers)


def test_alarm_of_a_cancelled_deadline_rings_once_in_vain(
    timers: TimerQueue, clock: VirtualClock
) -> None:
    later = Owner()
    first = timers.add(clock.now() + 1, Owner())
    timers.add(clock.now() + 5, later)
    timers.cancel(first)
    clock.advance(1)
    assert is_ringing(timers)
    assert timers.pop(clock.now(), timers.count) is None
    timers.prepare_to_wait()
    clock.advance(3.9)
    assert not is_ringing(timers)
    clock.advance(0.1)
    assert is_ringing(timers)
    assert timers.pop(clock.now(), timers.count) is later


def test_dispatcher_after_a_cancelled_deadline_waits_for_the_next(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    called: list[float] = []
    settle(timed)
    first = timed.after(1, lambda: called.append(clock.now()))
    timed.after(5, lambda: called.append(clock.now()))
    due = clock.now() + 5
    first.cancel()
    clock.advance(1)
    settle(timed)
    assert not readable_now(timed.fileno())
    assert called == []
    clock.advance(4)
    settle(timed)
    assert called == [due]
