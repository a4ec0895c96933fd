"""Which thread runs the IO loop: the three ways to run have one interface, `IoDriver`.

=============  ====================================================================
`Inline`       the thread that dispatches, between two passes
`Threaded`     another thread, always
`Standby`      the thread that dispatches, and another one while a handler is slow
=============  ====================================================================

Loop 1 of 2 is here: `Threaded` runs it. The flags that two threads share are plain
reads and writes in the order of the program, which the GIL keeps. A free-threaded CPython keeps it
for attributes as well: they are read and written under per-object locks, or with sequentially
consistent atomics.
"""

import threading
from collections.abc import Callable
from typing import Literal, Protocol

from evdispatch._core._queue import Queue
from evdispatch._core._wakeup import Wakeup
from evdispatch._errors import InternalError
from evdispatch._io._io_loop import IoLoop
from evdispatch._io._threads import Worker

IoMode = Literal["thread", "inline", "auto"]

FAILED = "the IO side failed; please report it"

GIL_YIELD = 0.005
"""Seconds that the IO thread leaves to a pass: a key pressed meanwhile has ten of them."""

LOOK = 0.005  # seconds between two looks of the standby thread; a longer pass is slow
CALM = 40  # looks in turn without a pass, 200 ms, after which it sleeps


class IoDriver(Protocol):
    """What the thread that dispatches asks of the IO side."""

    def start(self) -> None:
        """Be ready for a run or a step."""

    def before_step(self) -> None:
        """A step begins that is not part of a run."""

    def wait(self, timeout: float | None) -> None:
        """Wait until there is something to do.

        Args:
            timeout: In seconds; None: for ever; 0: only look.

        Raises:
            InternalError: The IO side crashed.
        """

    def look(self) -> None:
        """Put what is ready into the queue, if it would not come by itself."""

    def begin_pass(self) -> None:
        """A pass begins: handlers will be called."""

    def end_pass(self) -> None:
        """The pass is over."""

    def prepare_to_wait(self) -> None:
        """From now on `fileno` must become readable for all new work."""

    def has_work(self) -> bool:
        """Whether `wait` has something to do besides what the kernel reports."""

    def fileno(self) -> int:
        """Return a descriptor that is readable when `wait` has something to do."""

    def stop(self) -> None:
        """End what `start` has begun."""


class Inline:
    """The thread that dispatches polls between two passes."""

    def __init__(self, io: IoLoop) -> None:
        self._io = io
        self.prepare_to_wait = io.prepare_to_wait
        self.has_work = io.has_work
        self.fileno = io.fileno

    def start(self) -> None:
        """Do nothing: the thread is there."""

    def before_step(self) -> None:
        """Do nothing: `IoLoop.poll_once` clears the wakeup."""

    def wait(self, timeout: float | None) -> None:
        """Poll once."""
        try:
            self._io.poll_once(timeout, inline=True)
        except Exception as error:
            raise InternalError(FAILED) from error

    def look(self) -> None:
        """Poll, and wait for nothing."""
        self.wait(0)

    def begin_pass(self) -> None:
        """Do nothing: no thread stands by."""

    def end_pass(self) -> None:
        """Do nothing: no thread stands by."""

    def stop(self) -> None:
        """Do nothing: there is nothing to end."""


class Threaded:
    """The thread that dispatches waits for what another one reads.

    Two threads that both have something to do take the GIL from each other at every system
    call, which costs as much as the call. So the IO thread leaves it to the pass that handles
    what it has read: until the pass is over, or `GIL_YIELD` seconds at most, once for each
    pass. An echo takes half the time that way.

    Args:
        io: The IO loop.
        queue: Where it puts what it reads.
        io_wakeup: Ends the IO thread's wait.
        wakeup: Ends that of the dispatch side.
    """

    def __init__(
        self, io: IoLoop, queue: Queue, io_wakeup: Wakeup, wakeup: Wakeup
    ) -> None:
        self._io = io
        self._queue = queue
        self._io_wakeup = io_wakeup
        self._wakeup = wakeup
        self._thread: Worker | None = None
        self._ending = False
        self._beat = 0  # counts the passes
        self._passing = False  # handlers are being called
        self._left = 0  # the last pass that the GIL was left to
        self._waiting = False  # the IO thread waits for the pass to end
        self._over = threading.Lock()  # held, except for the moment of its end
        self._over.acquire()
        self.fileno = wakeup.fileno
        self.before_step = wakeup.clear  # what made `fileno` readable is noticed

    def start(self) -> None:
        """Start the thread if it does not run."""
        if self._ending:
            self.stop()
        if self._thread is None:
            crashed = self._queue.request_check
            self._thread = Worker(self._run, "evdispatch-io", on_failure=crashed)

    def _run(self) -> None:
        """Loop 1 of 2: poll until told to end."""
        while not self._ending:
            self._io.poll_once(None, inline=False)
            self._yield_to_dispatch()

    def wait(self, timeout: float | None) -> None:
        """Wait until something was put into the queue."""
        thread = self._thread
        if thread is not None and thread.failure is not None:
            raise InternalError(FAILED) from thread.failure
        if timeout != 0:
            self._wakeup.wait(timeout)

    def look(self) -> None:
        """Do nothing: the IO thread reads what is ready."""

    def begin_pass(self) -> None:
        """A pass begins."""
        self._passing = True
        self._beat += 1

    def end_pass(self) -> None:
        """The pass is over: let the IO thread go on."""
        self._passing = False  # before the look: see `_yield_to_dispatch`
        if self._waiting:
            self._waiting = False
            if self._over.locked():  # no other thread releases it
                self._over.release()

    def _yield_to_dispatch(self) -> None:
        """Wait while what was read is handled, once for each pass; IO thread."""
        if not len(self._queue):
            return
        number = self._beat if self._passing else self._beat + 1
        if number != self._left:
            self._left = number
            self._waiting = True  # before the look: one of the two sees the other
            if self._passing or self._beat < number:
                self._over.acquire(timeout=GIL_YIELD)
            self._waiting = False

    def prepare_to_wait(self) -> None:
        """Do nothing: the IO thread always waits."""

    def has_work(self) -> bool:
        """Whether the dispatch side's thread has something to read: never."""
        return False

    def stop(self) -> None:
        """End the thread, if there is one."""
        if self._thread is not None:
            self._ending = True
            self._io_wakeup.set()
            self._thread.wait()
            self._thread = None  # not before: an impatient ctrl+c may end the wait
            self._ending = False


class Watchdog:
    """A thread that looks every `LOOK` seconds whether a pass of handlers takes long.

    It sleeps for good after `CALM` looks without a pass. It sets ``asleep`` and *then* looks for a
    pass; a pass sets ``passing`` and *then* looks at ``asleep``: so one of the two sees the other.

    Args:
        on_long_pass: Called on the thread with the number of a pass that has lasted from one
            look to the next.
        on_crash: Called on the thread when that raised; `check` raises it on the other one.
    """

    def __init__(
        self, on_long_pass: Callable[[int], None], on_crash: Callable[[], None]
    ) -> None:
        self._on_long_pass = on_long_pass
        self._on_crash = on_crash
        self.passing = False  # handlers are being called
        self.beat = 0  # counts the passes
        self._seen = 0  # the pass at the last look
        self._calm = 0  # looks in turn without one
        self.asleep = False
        self._alarm = threading.Lock()  # held, except for the moment of a wake-up
        self._alarm.acquire()
        self.thread: Worker | None = None
        self.ending = False

    # -- the thread that dispatches ------------------------------------------------------

    def start(self) -> None:
        """Start the thread if it does not run."""
        if self.thread is None:
            self.thread = Worker(
                self.stand_by, "evdispatch-standby", on_failure=self._on_crash
            )

    def wake(self) -> None:
        """End the thread's sleep."""
        self.asleep = False
        if self._alarm.locked():  # no other thread releases it
            self._alarm.release()

    # -- its own thread ------------------------------------------------------------------

    def stand_by(self) -> None:
        """Look every now and then, until told to end."""
        while not self.ending:
            self._alarm.acquire(timeout=LOOK)
            self.look()

    def look(self) -> None:
        """Act if a handler holds the dispatch thread; sleep if none was called for long."""
        if self.passing:
            self._calm = 0
            seen, self._seen = self._seen, self.beat
            if seen == self._seen:
                self._on_long_pass(seen)
        elif self._calm < CALM:
            self._calm += 1
        else:
            self._calm = 0
            self.asleep = True
            self._sleep()
            self.asleep = False

    def _sleep(self) -> None:
        if not self.passing and not self.ending:  # after setting asleep: see above
            self._alarm.acquire()


class Standby:
    """``io="auto"``: polls on the dispatch thread, with another thread that stands by.

    While a handler holds the dispatch thread for longer than `LOOK`, the standby thread polls
    in its place: what comes is read, in order, up to the queue's bound. Nothing is handed
    over while all is quick, so that costs nothing; and an idle program makes no wake-ups.

    - The thread that holds the lock is the IO side. No handler is called with it held, and
      the standby thread calls none.
    - The standby thread keeps the lock until the pass is over or the dispatch thread wants it.
    - No wake-up is lost between the two. A put appends an event and *then* looks at
      ``sleeping``. The dispatch thread sets ``sleeping`` and *then* looks at the queue; with
      the lock just taken back it does both again, for the standby thread may have cleared
      the wakeup.

    Attributes:
        takeovers: How often the standby thread has polled in the other's place.
    """

    def __init__(self, io: IoLoop, queue: Queue, wakeup: Wakeup) -> None:
        self._io = io
        self._queue = queue
        self._wakeup = wakeup
        self._lock = threading.Lock()
        self._wanted = False  # the dispatch thread wants the lock
        self.takeovers = 0
        self.watchdog = Watchdog(self._stand_in, queue.request_check)
        self.has_work = io.has_work
        self.fileno = io.fileno

    # -- the thread that dispatches ------------------------------------------------------

    def start(self) -> None:
        """Start the standby thread if it does not run."""
        if self.watchdog.ending:
            self.stop()
        self.watchdog.start()

    def before_step(self) -> None:
        """Do nothing: `IoLoop.poll_once` clears the wakeup."""

    def wait(self, timeout: float | None) -> None:
        """Poll, unless the other thread does and there is something to dispatch."""
        thread = self.watchdog.thread
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
            self._io.poll_once(timeout, inline=True)
        except Exception as error:
            raise InternalError(FAILED) from error
        finally:
            self._lock.release()

    def look(self) -> None:
        """Poll, and wait for nothing."""
        self.wait(0)

    def begin_pass(self) -> None:
        """A pass begins: let the other thread look on."""
        watchdog = self.watchdog
        watchdog.beat += 1
        watchdog.passing = True  # before the look: see `Watchdog`
        if watchdog.asleep:
            watchdog.wake()

    def end_pass(self) -> None:
        """The pass is over."""
        self.watchdog.passing = False

    def _take_back(self) -> None:
        """Make the other thread release the lock, and take it."""
        self._wanted = True
        try:
            self._wakeup.set()
            self._lock.acquire()
        finally:
            self._wanted = False

    def prepare_to_wait(self) -> None:
        """Be the one IO side, and let what comes from now on make `fileno` readable."""
        if not self._lock.acquire(blocking=False):
            self._take_back()
        try:
            self._io.prepare_to_wait()
        finally:
            self._lock.release()

    def stop(self) -> None:
        """End the other thread."""
        watchdog = self.watchdog
        if watchdog.thread is not None:
            watchdog.ending = True
            watchdog.wake()
            self._wakeup.set()  # it may be polling
            watchdog.thread.wait()
            watchdog.thread = None  # not before: an impatient ctrl+c may end the wait
            watchdog.ending = watchdog.asleep = False

    # -- the other thread ----------------------------------------------------------------

    def _stand_in(self, beat: int) -> None:
        """Poll until the pass is over."""
        if not self._lock.acquire(blocking=False):
            return  # it is just over
        watchdog = self.watchdog
        try:
            self.takeovers += 1
            while (
                watchdog.passing
                and watchdog.beat == beat
                and not (watchdog.ending or self._wanted)
            ):
                self._io.poll_once(None, inline=False)
        finally:
            self._lock.release()


def make_driver(
    mode: IoMode, io: IoLoop, queue: Queue, io_wakeup: Wakeup, wakeup: Wakeup
) -> IoDriver:
    """Return the driver of a mode.

    Args:
        mode: Which thread polls.
        io: The IO loop.
        queue: Where it puts what it reads.
        io_wakeup: Ends the wait of the thread that polls.
        wakeup: Ends the wait of the thread that dispatches.
    """
    if mode == "auto":
        return Standby(io, queue, wakeup)
    if mode == "inline":
        return Inline(io)
    return Threaded(io, queue, io_wakeup, wakeup)
