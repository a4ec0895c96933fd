"""Deadlines in order: one heap, no clock and no thread.

Equal deadlines come out in the order they were added. Cancelling marks an entry and
leaves it in the heap; when more than half of the heap is marked, the heap is rebuilt, so
that a million timers that are set and cancelled take no lasting memory.
"""

import heapq
from collections.abc import Iterable
from typing import Any, Protocol

_COMPACT_ABOVE = 64  # below this, rebuilding costs more than the dead entries do


class Owner(Protocol):
    """What has a deadline: a source, or the handle of a callback."""

    def on_deadline(self, now: float) -> Iterable[Any]:
        """Return the events that are due."""


class Deadline:
    """An entry of the heap: when, and whose. ``owner`` is None once it is over."""

    __slots__ = ("owner", "when")

    def __init__(self, when: float, owner: Owner) -> None:
        self.when = when
        self.owner: Owner | None = owner


class Deadlines:
    """A heap of deadlines. Not safe for threads: the IO side's lock guards it."""

    __slots__ = ("_dead", "_heap", "count")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Deadline]] = []
        self._dead = 0
        self.count = 0  # how many were added so far

    def __len__(self) -> int:
        return len(self._heap) - self._dead

    def add(self, when: float, owner: Owner) -> Deadline:
        """Add a deadline; ``owner.on_deadline`` will be asked at that time."""
        deadline = Deadline(when, owner)
        heapq.heappush(self._heap, (when, self.count, deadline))
        self.count += 1
        return deadline

    def cancel(self, deadline: Deadline) -> None:
        """Forget a deadline; one that is over or cancelled already is left as it is."""
        if deadline.owner is None:
            return
        deadline.owner = None
        self._dead += 1
        if self._dead * 2 > len(self._heap) > _COMPACT_ABOVE:
            self._heap = [entry for entry in self._heap if entry[2].owner is not None]
            heapq.heapify(self._heap)
            self._dead = 0

    def next(self) -> float | None:
        """Return the nearest deadline, or None."""
        heap = self._heap
        while heap and heap[0][2].owner is None:
            heapq.heappop(heap)
            self._dead -= 1
        return heap[0][0] if heap else None

    def pending(self) -> list[Deadline]:
        """Return all of them, the nearest first."""
        return [entry[2] for entry in sorted(self._heap) if entry[2].owner is not None]

    def pop(self, now: float, before: int) -> Owner | None:
        """Take out the nearest deadline that is due and return its owner, or None.

        Args:
            now: Until when it is due.
            before: None but the first so many that were added; see `count`.
        """
        when = self.next()
        if when is None or when > now or self._heap[0][1] >= before:
            return None
        deadline = heapq.heappop(self._heap)[2]
        owner, deadline.owner = deadline.owner, None
        return owner
