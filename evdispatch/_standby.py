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
- It sleeps for good once there was no pass at `CALM` looks. It says so, and *then* looks for a
  pass; a pass says that it begins, and *then* looks whether to rouse it.

These pairs are plain reads and writes in the order of the program, which the GIL keeps. A
free-threaded CPython keeps it for objects' attributes as well: they are read and written
under per-object locks, or with sequentially consistent atomics.
"""

import threading

from evdispatch._errors import InternalError
from evdispatch._io import IoSide
from evdispatch._pumping import FAILED, Inline
from evdispatch._queue import Queue
from evdispatch._threads import Worker
from evdispatch._wakeup import Wakeup

LOOK = 0.005  # seconds between two looks; what takes longer is slow
CALM = 40  # looks in turn without a pass: 200 ms


class Standby(Inline):
    """Pumps on the dispatch thread, with another one that stands by.

    Attributes:
        takeovers: How often the standby thread has pumped in the other's place.
        asleep: Whether it sleeps for good, until it is roused.
    """

    def __init__(self, io: IoSide, queue: Queue, wakeup: Wakeup) -> None:
        super().__init__(io, queue, wakeup)
        self._lock = threading.Lock()
        self._wanted = False  # the dispatch thread wants the lock
        self._passing = False  # handlers are being called
        self._beat = 0  # counts the passes
        self._seen = 0  # the pass at the last look
        self._calm = 0  # looks in turn without one
        self.asleep = False
        self._alarm = threading.Lock()  # held, but for the moment of a rouse
        self._alarm.acquire()
        self._thread: Worker | None = None
        self._ending = False
        self.takeovers = 0

    # -- the thread that dispatches ------------------------------------------------------

    def start(self) -> None:
        """Have the other thread."""
        if self._ending:
            self.end()
        if self._thread is None:
            self._thread = _Watcher(self)

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
            if len(queue) or queue.attention:
                timeout = 0
        try:
            super().wait(timeout)
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

    def begin(self) -> None:
        """A pass begins: have the other thread look on."""
        self._beat += 1
        self._passing = True  # before the look: see above
        if self.asleep:
            self._rouse()

    def finish(self) -> None:
        """The pass is over."""
        self._passing = False

    def rest(self) -> None:
        """Be the one IO side, and have what comes from now on make `fileno` readable."""
        if not self._lock.acquire(blocking=False):
            self._take_back()
        try:
            super().rest()
        finally:
            self._lock.release()

    def end(self) -> None:
        """End the other thread."""
        thread = self._thread
        if thread is not None:
            self._ending = True
            self._rouse()
            self._wakeup.set()
            thread.wait()
            self._thread = None  # not before: an impatient ctrl+c may end the wait
            self._ending = self.asleep = False

    def _rouse(self) -> None:
        self.asleep = False
        if self._alarm.locked():  # nobody else releases it
            self._alarm.release()

    def alert(self) -> None:
        """Tell the dispatch side that the other thread has failed."""
        self._queue.alert()

    # -- the other thread ----------------------------------------------------------------

    def stand_by(self) -> None:
        """Look every now and then, until told to end."""
        while not self._ending:
            self._alarm.acquire(timeout=LOOK)
            self.look_on()

    def look_on(self) -> None:
        """Pump if a handler holds the dispatch thread; sleep if none was called for long."""
        if self._passing:
            self._calm = 0
            seen, self._seen = self._seen, self._beat
            if seen == self._seen:
                self._pump_on(seen)
        elif self._calm < CALM:
            self._calm += 1
        else:
            self._calm = 0
            self._sleep()

    def _pump_on(self, beat: int) -> None:
        """Pump until the pass is over."""
        if not self._lock.acquire(blocking=False):
            return  # it is just over
        try:
            self.takeovers += 1
            while self._is_needed(beat):
                self._io.pump(None, inline=False)
        finally:
            self._lock.release()

    def _is_needed(self, beat: int) -> bool:
        same = self._passing and self._beat == beat
        return same and not self._wanted and not self._ending

    def _sleep(self) -> None:
        self.asleep = True
        if not self._passing and not self._ending:  # after saying so: see above
            self._alarm.acquire()
        self.asleep = False


class _Watcher(Worker):
    """The other thread."""

    def __init__(self, standby: Standby) -> None:
        self._standby = standby
        super().__init__(standby.stand_by, "evdispatch-standby")

    def on_failure(self) -> None:
        """Wake the dispatch side, which raises it."""
        self._standby.alert()
