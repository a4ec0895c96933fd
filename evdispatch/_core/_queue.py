"""The only door between the IO side and the dispatch side.

- Three lanes: urgent, normal, idle; each is first in, first out. A source has one lane.
- Nothing here takes a lock on the way of an event: a deque's append, extend and popleft
  are atomic under the GIL. (A free-threaded build keeps that by the deque's own lock.)
- Each lane is bounded. The IO side asks for `room` and reads no more (the idle lane has
  no bound for it); a post from a thread that does not dispatch waits in `wait_for_room`.
- For events whose class has a policy, placeholders are in the lanes (`_pending`).
- No wake-up is lost, and none is sent in vain: the dispatch side sets ``sleeping`` and
  *then* looks at the lanes; whoever puts or posts appends and *then* looks at ``sleeping``. So
  one of the two sees the other. The one that finds it set unsets it *before* it writes
  the wakeup, so a later put need not write again.
- ``check_requested`` is the one flag the dispatch side looks at after each handler: somebody
  waits for the lanes to empty (`stall`), or the loop is to stop.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from evdispatch._core._pending import PendingEvents
from evdispatch._core._policies import Policies
from evdispatch._errors import ClosedError, QueueFull
from evdispatch._events import IDLE, NORMAL, URGENT, Event


class Queue:
    """The lanes, their bound, and who waits on either side."""

    __slots__ = (
        "_io_waits",
        "_room",
        "_waiters",
        "_waiting",
        "_wake_dispatch",
        "_wake_io",
        "bound",
        "check_requested",
        "closed",
        "idle",
        "lanes",
        "normal",
        "pending",
        "policies",
        "sleeping",
        "urgent",
    )

    def __init__(
        self,
        bound: int,
        wake_dispatch: Callable[[], None],
        wake_io: Callable[[], None],
    ) -> None:
        self.urgent: deque[Event] = deque()
        self.normal: deque[Event] = deque()
        self.idle: deque[Event] = deque()
        self.lanes = (self.urgent, self.normal, self.idle)
        self.bound = bound
        self.policies = Policies()
        self.pending = PendingEvents(self.policies, self.lanes)
        self.sleeping = False
        self.check_requested = False
        self.closed = False
        self._wake_dispatch = wake_dispatch
        self._wake_io = wake_io
        self._io_waits = False
        self._waiters = 0
        self._waiting: set[int] = set()  # threads that wait for room
        self._room = threading.Condition(threading.Lock())

    def __len__(self) -> int:
        return len(self.urgent) + len(self.normal) + len(self.idle)

    def by_source(self) -> "Counter[Any]":
        """Count what waits, by source; None for posts."""
        return Counter(event.source for lane in self.lanes for event in lane.copy())

    def free_space(self, lane: int) -> int:
        """Return how many events the IO side may still put into a lane.

        The idle lane always has room for it: waiting for idleness to come would end in
        waiting for ever.
        """
        return self.bound if lane == IDLE else self.bound - len(self.lanes[lane])

    def put(self, lane: int, events: list[Event]) -> None:
        """Append what a source made. IO side only, which calls `rouse` when it has put all."""
        self.lanes[lane].extend(events)

    def notify(self) -> None:
        """End the dispatch side's sleep if there is something to handle.

        Once for all that was put: a thread that wakes in the midst of it takes the
        interpreter from the one that puts, at each call to the kernel.
        """
        if self.sleeping and len(self):
            self.wake()

    def wake(self) -> None:
        """End the dispatch side's sleep. From any thread or signal handler."""
        self.sleeping = False
        self._wake_dispatch()

    def request_check(self) -> None:
        """Have the dispatch side look up, awake or asleep. From anywhere, as `wake`."""
        self.check_requested = True
        if self.sleeping:
            self.wake()

    def wait_for_low_water(self) -> bool:
        """Ask to be woken at half the bound. IO side only, before it waits.

        Returns:
            Whether there is anything to wait for. The flag goes up before the second
            look, so that lanes which emptied in between are not waited for.
        """
        self._io_waits = self.check_requested = True
        if self._above_half():
            return True
        self._io_waits = False
        return False

    def resume_producers(self) -> bool:
        """Let those go on who wait for room, once there is. Dispatch side only.

        Returns:
            Whether there was room. Who finds it taken by another calls for check_requested
            again, so the dispatch side may sleep until they come.
        """
        if self._above_half():
            return False
        if self._io_waits:
            self._io_waits = False
            self._wake_io()
        if self._waiters:
            with self._room:
                self._room.notify_all()
        return True

    @property
    def waited_for(self) -> bool:
        """Whether anyone waits for room."""
        return self._io_waits or self._waiters > 0

    def wait_for_room(self, lane: int, timeout: float | None) -> None:
        """Wait until the lane has room. Not for the dispatch thread.

        Whoever interrupts a wait, as a signal handler does, is let through: it would wait
        for itself.

        Args:
            lane: The lane.
            timeout: In seconds; None waits for ever.

        Raises:
            QueueFull: There was none within the timeout.
            ClosedError: The dispatcher was closed meanwhile.
        """
        thread = threading.get_ident()
        if thread in self._waiting:
            return
        self._waiting.add(thread)
        try:
            with self._room:
                self._waiters += 1
                try:
                    if not self._room.wait_for(lambda: self._may_put(lane), timeout):
                        raise QueueFull(f"the queue is full ({self.bound} events)")
                finally:
                    self._waiters -= 1
        finally:
            self._waiting.discard(thread)
        if self.closed:
            raise ClosedError("the dispatcher was closed while a post waited for room")

    def _may_put(self, lane: int) -> bool:
        self.check_requested = (
            True  # before the look: who makes room from now on will tell
        )
        return self.closed or len(self.lanes[lane]) < self.bound

    def close(self) -> None:
        """Send those away who wait for room."""
        with self._room:
            self.closed = True
            self._room.notify_all()

    def _above_half(self) -> bool:
        half = self.bound // 2
        return len(self.urgent) > half or len(self.normal) > half

    @property
    def full_lane(self) -> int:
        """The most urgent lane that is full; IDLE where none is."""
        if len(self.urgent) >= self.bound:
            return URGENT
        return NORMAL if len(self.normal) >= self.bound else IDLE
