"""The queue: the only way of events from the IO side to the dispatch side.

- Three lanes, each first in, first out. A source uses one lane, so its events keep their order.
- The path of an event takes no lock: append, extend and popleft of a deque are atomic under
  the GIL, and by the deque's own lock in a free-threaded build.
- No wake-up is lost or sent in vain. The dispatch side sets ``sleeping`` and *then* checks the
  lanes; a put or a post appends and *then* reads ``sleeping``. So one of the two sees the other.
  The thread that finds ``sleeping`` set clears it *before* it writes the wakeup.
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
    """The lanes, their bound, and the threads that wait on either side.

    Attributes:
        bound: The maximum number of events in a lane; see `free_space` and `wait_for_room`.
        sleeping: The dispatch side waits, or is about to: see above.
        check_requested: The flag that dispatch reads after each event: a producer waits for
            room, or the loop should stop.
    """

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
        """Return the number of waiting events of each source; None stands for posts."""
        return Counter(event.source for lane in self.lanes for event in lane.copy())

    def free_space(self, lane: int) -> int:
        """Return how many more events the IO side may put into a lane.

        The idle lane is unbounded, else the IO side could wait for a lane that is emptied only
        when idle.
        """
        return self.bound if lane == IDLE else self.bound - len(self.lanes[lane])

    def notify(self) -> None:
        """Wake the dispatch side if the queue has events.

        Called once for all events of a poll: a thread that wakes earlier takes the GIL from
        the IO thread at each system call.
        """
        if self.sleeping and len(self):
            self.wake()

    def wake(self) -> None:
        """Wake the dispatch side. From any thread or signal handler."""
        self.sleeping = False
        self._wake_dispatch()

    def request_check(self) -> None:
        """Make the dispatch side run its checks. From any thread or signal handler."""
        self.check_requested = True
        if self.sleeping:
            self.wake()

    def wait_for_low_water(self) -> bool:
        """Request a wake-up at half the bound. IO side only, before it waits.

        Returns:
            Whether a lane is above half the bound; if not, no wake-up comes.
        """
        self._io_waits = self.check_requested = True  # before checking the lanes
        if self._above_half():
            return True
        self._io_waits = False
        return False

    def resume_producers(self) -> bool:
        """Wake the producers that wait for room, if there is room. Dispatch side only.

        Returns:
            Whether there was room. A producer that again finds no room requests another
            check, so the dispatch side may sleep until then.
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
        """Whether a producer waits for room."""
        return self._io_waits or self._waiters > 0

    def wait_for_room(self, lane: int, timeout: float | None) -> None:
        """Wait until the lane has room. Not for the dispatch thread.

        In a signal handler that interrupts such a wait, a post does not wait: it would wait
        for the thread that it interrupts.

        Args:
            lane: The lane.
            timeout: In seconds; None waits for ever.

        Raises:
            QueueFull: There was no room within the timeout.
            ClosedError: The dispatcher was closed during the wait.
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
        # Before the check: from now on the thread that makes room wakes this one.
        self.check_requested = True
        return self.closed or len(self.lanes[lane]) < self.bound

    def close(self) -> None:
        """Wake blocked producers with ClosedError."""
        with self._room:
            self.closed = True
            self._room.notify_all()

    def _above_half(self) -> bool:
        half = self.bound // 2
        return len(self.urgent) > half or len(self.normal) > half

    @property
    def full_lane(self) -> int:
        """The most urgent lane that is full, or IDLE if none is."""
        if len(self.urgent) >= self.bound:
            return URGENT
        return NORMAL if len(self.normal) >= self.bound else IDLE
