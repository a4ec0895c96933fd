"""The alarm: set for the nearest deadline, and once in vain for one that was cancelled."""

from collections.abc import Iterator

import pytest

from evdispatch import Dispatcher, Event
from evdispatch._kernel._poller import readable_now
from evdispatch._time._agenda import Agenda
from evdispatch.testing import VirtualClock, settle

pytestmark = pytest.mark.cross


class Someone:
    """Whose deadline it is."""

    def on_deadline(self, now: float) -> list[Event]:
        return []


@pytest.fixture
def agenda(clock: VirtualClock) -> Iterator[Agenda]:
    agenda = Agenda(clock)
    yield agenda
    agenda.alarm.close()


def is_ringing(agenda: Agenda) -> bool:
    return readable_now(agenda.alarm.fileno())


def test_it_is_set_for_the_nearest(agenda: Agenda, clock: VirtualClock) -> None:
    for seconds in (3, 1, 2):
        agenda.add(clock.now() + seconds, Someone())
    clock.advance(0.9)
    assert not is_ringing(agenda)
    clock.advance(0.1)
    assert is_ringing(agenda)


def test_one_that_is_past_is_due_now(agenda: Agenda, clock: VirtualClock) -> None:
    agenda.add(clock.now() - 5, Someone())
    assert is_ringing(agenda)
    assert agenda.next() == clock.now()


def test_at_work_nobody_is_woken(agenda: Agenda, clock: VirtualClock) -> None:
    agenda.at_work = True
    agenda.add(clock.now(), Someone())
    assert not is_ringing(agenda)
    agenda.rest()
    assert is_ringing(agenda)


def test_of_a_cancelled_one_it_tells_once(agenda: Agenda, clock: VirtualClock) -> None:
    later = Someone()
    first = agenda.add(clock.now() + 1, Someone())
    agenda.add(clock.now() + 5, later)
    agenda.cancel(first)
    clock.advance(1)
    assert is_ringing(agenda)
    assert agenda.pop(clock.now(), agenda.count) is None
    agenda.rest()
    clock.advance(3.9)
    assert not is_ringing(agenda)
    clock.advance(0.1)
    assert is_ringing(agenda)
    assert agenda.pop(clock.now(), agenda.count) is later


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
