"""The deadlines of a dispatcher: one heap, and one alarm that is set for the nearest one.

The heap holds pairs of a time and a timer id, and a table maps the id to the owner. The garbage
collector skips tuples of numbers; with an object per deadline, setting a million timers took a
third longer. Cancelling only removes the id from the table, so the heap may hold cancelled
entries; see `TimerQueue.cancel` and `TimerQueue.next`.

All methods are called under the lock of the registrations.
"""

import heapq
from collections.abc import Iterable
from typing import Any, Protocol

from evdispatch._core._clock import Clock

_FEW = 64  # cancelled entries: rebuilding the heap would cost more than they do

TimerId = int


class Owner(Protocol):
    """What has a deadline: a registration, a rate limiter, or the handle of a callback."""

    def on_deadline(self, now: float) -> Iterable[Any]:
        """Return the events that are due."""


class TimerQueue:
    """Deadlines in order of time; equal ones in the order they were added.

    Attributes:
        alarm: Readable from the nearest deadline on.
        at_work: True while the thread that polls is awake. That thread calls
            `prepare_to_wait` and checks for all work before it waits, so until then the
            alarm is not set and no wake-up is sent.
        count: The number of deadlines added so far, which is the next id.
    """

    __slots__ = ("_heap", "alarm", "armed", "at_work", "count", "now", "owners")

    def __init__(self, clock: Clock) -> None:
        self.now = clock.now
        self.at_work = False
        self.count = 0
        self._heap: list[tuple[float, TimerId]] = []
        self.owners: dict[TimerId, Owner] = {}
        self.armed: float | None = None
        self.alarm = clock.alarm()

    def __len__(self) -> int:
        return len(self.owners)

    def add(self, when: float, owner: Owner) -> TimerId:
        """Add a deadline; ``owner.on_deadline`` is called at that time."""
        # A deadline in the past counts as now, so it does not overtake earlier ones.
        return self.add_later(max(when, self.now()), owner)

    def add_later(self, when: float, owner: Owner) -> TimerId:
        """Add a deadline that is not in the past."""
        if len(self._heap) > 2 * len(self.owners) + _FEW:
            self._rebuild()
        timer_id = self.count
        self.count = timer_id + 1
        self.owners[timer_id] = owner
        heapq.heappush(self._heap, (when, timer_id))
        if not self.at_work and (self.armed is None or when < self.armed):
            self.arm()
        return timer_id

    def cancel(self, timer_id: TimerId) -> None:
        """Cancel a deadline; one that is over or cancelled is ignored."""
        # The alarm is not changed, and may expire once in vain: finding the nearest
        # deadline at each cancel makes a million timers a quarter slower. Checking here
        # whether most of the heap is cancelled took a sixth of a timer's whole time.
        self.owners.pop(timer_id, None)
        if not self.owners:
            self._heap.clear()

    def next(self) -> float | None:
        """Return the nearest deadline, or None."""
        owners = self.owners
        if len(self._heap) > 2 * len(owners) + _FEW:
            self._rebuild()
        heap = self._heap
        while heap and heap[0][1] not in owners:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def pending(self) -> list[tuple[float, Owner]]:
        """Return all deadlines and their owners, the nearest first."""
        owners = self.owners
        return [(when, owners[n]) for when, n in sorted(self._heap) if n in owners]

    def pop(self, now: float, before: TimerId) -> Owner | None:
        """Remove the nearest deadline that is due and return its owner, or None.

        Args:
            now: Deadlines up to this time are due.
            before: An earlier value of `count`: ids from this one on were added later and
                are skipped.
        """
        when = self.next()
        if when is None or when > now or self._heap[0][1] >= before:
            return None
        return self.owners.pop(heapq.heappop(self._heap)[1])

    def prepare_to_wait(self) -> None:
        """Set the alarm now, and at each change, because a thread is about to wait."""
        self.at_work = False
        self.arm()

    def arm(self) -> None:
        """Set the alarm for the nearest deadline."""
        nearest = self.next()
        if nearest != self.armed and self.alarm.fileno() >= 0:  # else closed
            self.alarm.set(nearest)
            self.armed = nearest

    def _rebuild(self) -> None:
        self._heap = [entry for entry in self._heap if entry[1] in self.owners]
        heapq.heapify(self._heap)
