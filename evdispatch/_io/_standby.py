"""``io="auto"``: the thread that dispatches pumps, and another one stands by.

While a handler holds the dispatch thread for longer than `LOOK`, the standby thread pumps
in its place: what comes is read, in order, up to the queue's bound. Nothing is handed over
while all is quick, so that costs nothing; and a program that idles wakes nobody up.

- Whoever holds the pump's lock is the IO side. No handler is called with it held, and the
  standby thread calls none.
- It takes the lock when one pass has lasted from one look to the next, and keeps it until
  the pass is over or the dispatch thread wants it back.
- No wake-up is lost between the two. A put appends an event and *then* looks at
  ``sleeping``. Who waits sets ``sleeping`` and *then* looks at the queue; with the lock just
  taken back it does both again, for the standby thread may have cleared the wakeup.
- The looks themselves, and when it sleeps for good, are `_lookout`'s.
"""

import threading

from evdispatch._core._queue import Queue
from evdispatch._core._wakeup import Wakeup
from evdispatch._errors import InternalError
from evdispatch._io._driver import FAILED, Inline
from evdispatch._io._io_loop import IoLoop
from evdispatch._io._sampler import Sampler
from evdispatch._io._watchdog import Watchdog


class Standby(Watchdog, Inline):
    """Pumps on the dispatch thread, with another one that stands by.

    Attributes:
        takeovers: How often the standby thread has pumped in the other's place.
    """

    def __init__(
        self,
        io: IoLoop,
        queue: Queue,
        wakeup: Wakeup,
        sampler: Sampler | None = None,
    ) -> None:
        Inline.__init__(self, io, queue, wakeup)
        Watchdog.__init__(self, "evdispatch-standby", queue.request_check, sampler)
        if sampler is not None:
            sampler.nudge = wakeup.set  # it is the pump that waits
        self._lock = threading.Lock()
        self._wanted = False  # the dispatch thread wants the lock
        self.takeovers = 0

    # -- the thread that dispatches ------------------------------------------------------

    def wait(self, timeout: float | None) -> None:
        """Pump, unless the other thread does and there is something to dispatch."""
        thread = self._thread
        if thread is not None and thread.failure is not None:
            raise InternalError(FAILED) from thread.failure
        queue = self._queue
        if not self._lock.acquire(blocking=False):
            if len(queue):
                return
            self._take_back()
            queue.sleeping = True  # once more, and then the look
            if len(queue) or queue.check_requested:
                timeout = 0
        try:
            Inline.wait(self, timeout)
        finally:
            self._lock.release()

    def _take_back(self) -> None:
        """Have the other thread let go of the lock, and take it."""
        self._wanted = True
        try:
            self._wakeup.set()
            self._lock.acquire()
        finally:
            self._wanted = False

    def prepare_to_wait(self) -> None:
        """Be the one IO side, and have what comes from now on make `fileno` readable."""
        if not self._lock.acquire(blocking=False):
            self._take_back()
        try:
            Inline.prepare_to_wait(self)
        finally:
            self._lock.release()

    def _interrupt(self) -> None:
        self._wakeup.set()

    # -- the other thread ----------------------------------------------------------------

    def _stay_for(self, beat: int) -> None:
        """Pump until the pass is over."""
        if not self._lock.acquire(blocking=False):
            return  # it is just over
        try:
            self.takeovers += 1
            while self._is_on(beat):
                timeout = None if self._sampler is None else self._sampler.look()
                self._io.poll_once(timeout, inline=False)
        finally:
            self._lock.release()

    def _is_on(self, beat: int) -> bool:
        return super()._is_on(beat) and not self._wanted
