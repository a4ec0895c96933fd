"""The alarm: set for the nearest deadline, and once in vain for one that was cancelled."""

from collections.abc import Iterator

import pytest

from evdispatch import Dispatcher, Event
from evdispatch._core._agenda import TimerQueue
from evdispatch._core._poller import readable_now
from evdispatch.testing import VirtualClock, settle


class Someone:
    """Whose deadline it is."""

    def on_deadline(self, now: float) -> list[Event]:
        return []


@pytest.fixture
def timers(clock: VirtualClock) -> Iterator[TimerQueue]:
    timers = TimerQueue(clock)
    yield timers
    timers.alarm.close()


def is_ringing(timers: TimerQueue) -> bool:
    return readable_now(timers.alarm.fileno())


def test_it_is_set_for_the_nearest(timers: TimerQueue, clock: VirtualClock) -> None:
    for seconds in (3, 1, 2):
        timers.add(clock.now() + seconds, Someone())
    clock.advance(0.9)
    assert not is_ringing(timers)
    clock.advance(0.1)
    assert is_ringing(timers)


def test_one_that_is_past_is_due_now(timers: TimerQueue, clock: VirtualClock) -> None:
    timers.add(clock.now() - 5, Someone())
    assert is_ringing(timers)
    assert timers.next() == clock.now()


def test_at_work_nobody_is_woken(timers: TimerQueue, clock: VirtualClock) -> None:
    timers.at_work = True
    timers.add(clock.now(), Someone())
    assert not is_ringing(timers)
    timers.prepare_to_wait()
    assert is_ringing(timers)


def test_of_a_cancelled_one_it_tells_once(
    timers: TimerQueue, clock: VirtualClock
) -> None:
    later = Someone()
    first = timers.add(clock.now() + 1, Someone())
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


def test_a_dispatcher_goes_on_to_the_next(
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
