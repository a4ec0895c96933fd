"""Deadlines in order: one heap, no clock and no thread.

Equal deadlines come out in the order they were added. Each has a number, its *timer_id*, and
the table of tickets says whose it is; so what is in the heap is two numbers, which the
garbage collector has no look at. (With an object for each, a million timers took a third
longer to set.) Cancelling takes the timer_id out of the table, and no more. When all
of the heap is nobody's it is cleared, and when more than half of it is, it is rebuilt as soon as
a deadline is added, or the nearest one asked for: so a million timers that are set and
cancelled take no lasting memory. (To look at each cancel whether seven of eight are nobody's
took a sixth of a timer's whole time.)
"""

import heapq
from collections.abc import Iterable
from typing import Any, Protocol

_FEW = 64  # entries that are nobody's: rebuilding would cost more than they do

TimerId = int


class Owner(Protocol):
    """What has a deadline: a source, or the handle of a callback."""

    def on_deadline(self, now: float) -> Iterable[Any]:
        """Return the events that are due."""


class Deadlines:
    """A heap of deadlines. Not safe for threads: the IO side's lock guards it.

    Attributes:
        count: How many were added so far; the next timer_id.
    """

    __slots__ = ("_heap", "count", "owners")

    def __init__(self) -> None:
        self._heap: list[tuple[float, TimerId]] = []
        self.owners: dict[TimerId, Owner] = {}
        self.count = 0

    def __len__(self) -> int:
        return len(self.owners)

    def add(self, when: float, owner: Owner) -> TimerId:
        """Add a deadline; ``owner.on_deadline`` will be asked at that time."""
        if len(self._heap) > 2 * len(self.owners) + _FEW:
            self._rebuild()
        timer_id = self.count
        self.count = timer_id + 1
        self.owners[timer_id] = owner
        heapq.heappush(self._heap, (when, timer_id))
        return timer_id

    def cancel(self, timer_id: TimerId) -> None:
        """Forget a deadline; one that is over or cancelled already is left as it is."""
        self.owners.pop(timer_id, None)
        if not self.owners:
            self._heap.clear()

    def _rebuild(self) -> None:
        self._heap = [entry for entry in self._heap if entry[1] in self.owners]
        heapq.heapify(self._heap)

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
        """Return all of them and whose they are, the nearest first."""
        owners = self.owners
        return [(when, owners[n]) for when, n in sorted(self._heap) if n in owners]

    def pop(self, now: float, before: TimerId) -> Owner | None:
        """Take out the nearest deadline that is due and return its owner, or None.

        Args:
            now: Until when it is due.
            before: None but the first so many that were added; see `count`.
        """
        when = self.next()
        if when is None or when > now or self._heap[0][1] >= before:
            return None
        return self.owners.pop(heapq.heappop(self._heap)[1])
