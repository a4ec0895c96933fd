"""Which thread polls: the drivers of the three io modes. Loop 1 of 2 is `Threaded._run`.

`Inline` polls on the dispatch thread between two passes, `Threaded` on another thread, and
`Standby` on the dispatch thread, and on another one while a handler is slow.

The flags that two threads share are plain attributes, read and written in program order. The GIL
keeps that order; a free-threaded CPython keeps it by per-object locks and sequentially consistent
atomics.
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
"""The longest time, in seconds, that the IO thread leaves the GIL to a pass. A key press may wait
for it once, and 5 ms is not noticeable."""

LOOK = 0.005  # seconds between two checks of the standby thread
CALM = 40  # consecutive checks without a pass (200 ms), after which it sleeps


class IoDriver(Protocol):
    """The IO side as the dispatch thread sees it."""

    def start(self) -> None:
        """Start the thread of the mode, if it has one and it does not run."""

    def before_step(self) -> None:
        """Prepare for a step that is not part of a run."""

    def wait(self, timeout: float | None) -> None:
        """Wait until there may be something to dispatch.

        Args:
            timeout: In seconds; None waits for ever, 0 does not wait.

        Raises:
            InternalError: The IO side crashed.
        """

    def look(self) -> None:
        """Poll without waiting; nothing to do if an IO thread polls."""

    def begin_pass(self) -> None:
        """Note that a pass begins: handlers will be called."""

    def end_pass(self) -> None:
        """Note that the pass is over."""

    def prepare_to_wait(self) -> None:
        """Make `fileno` report all new work from now on."""

    def has_work(self) -> bool:
        """Whether `wait` has work that the poller does not report."""

    def fileno(self) -> int:
        """Return a descriptor that is readable when `wait` has work."""

    def stop(self) -> None:
        """End the thread that `start` has started."""


class Inline:
    """Polls on the dispatch thread, between two passes."""

    def __init__(self, io: IoLoop) -> None:
        self._io = io
        self.prepare_to_wait = io.prepare_to_wait
        self.has_work = io.has_work
        self.fileno = io.fileno

    def start(self) -> None:
        """Do nothing: there is no other thread."""

    def before_step(self) -> None:
        """Do nothing: `IoLoop.poll_once` clears the wakeup."""

    def wait(self, timeout: float | None) -> None:
        """Poll once."""
        try:
            self._io.poll_once(timeout, inline=True)
        except Exception as error:
            raise InternalError(FAILED) from error

    def look(self) -> None:
        self.wait(0)

    def begin_pass(self) -> None:
        """Do nothing: no other thread needs to know."""

    def end_pass(self) -> None:
        """Do nothing: no other thread needs to know."""

    def stop(self) -> None:
        """Do nothing: there is no other thread."""


class Threaded:
    """Polls on an IO thread; the dispatch thread only dispatches.

    Two busy threads take the GIL from each other at every system call, which costs as much
    as the call. So once for each pass, the IO thread waits until the pass has handled the
    events, or for `GIL_YIELD` seconds at most. That halves the time of an echo.

    Args:
        io: The IO loop.
        queue: The queue into which it puts events.
        io_wakeup: Ends the wait of the IO thread.
        wakeup: Ends the wait of the dispatch thread.
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
        self._beat = 0  # the number of passes so far
        self._passing = False  # handlers are being called
        self._left = 0  # the number of the last pass that the IO thread waited for
        self._waiting = False  # the IO thread waits for the pass to end
        # Used as an event: always held; releasing it ends the IO thread's wait for a pass.
        self._over = threading.Lock()
        self._over.acquire()
        self.fileno = wakeup.fileno
        self.before_step = wakeup.clear  # the step handles what made `fileno` readable

    def start(self) -> None:
        """Start the IO thread if it does not run."""
        if self._ending:
            self.stop()
        if self._thread is None:
            crashed = self._queue.request_check
            self._thread = Worker(self._run, "evdispatch-io", on_failure=crashed)

    def _run(self) -> None:
        """Poll until `stop` is called: loop 1 of 2."""
        while not self._ending:
            self._io.poll_once(None, inline=False)
            self._yield_to_dispatch()

    def wait(self, timeout: float | None) -> None:
        """Wait until the queue has an event or a request for a check."""
        thread = self._thread
        if thread is not None and thread.failure is not None:
            raise InternalError(FAILED) from thread.failure
        if timeout != 0:
            self._wakeup.wait(timeout)

    def look(self) -> None:
        """Do nothing: the IO thread polls."""

    def begin_pass(self) -> None:
        """Note that a pass begins."""
        self._passing = True
        self._beat += 1

    def end_pass(self) -> None:
        """Note that the pass is over, and end the IO thread's wait for it."""
        self._passing = False  # before the check: see `_yield_to_dispatch`
        if self._waiting:
            self._waiting = False
            if self._over.locked():  # no other thread releases it
                self._over.release()

    def _yield_to_dispatch(self) -> None:
        """Wait until a pass has handled the queued events, once for each pass. IO thread."""
        if not len(self._queue):
            return
        number = self._beat if self._passing else self._beat + 1
        if number != self._left:
            self._left = number
            self._waiting = True  # before the check: one of the threads sees the other
            if self._passing or self._beat < number:
                self._over.acquire(timeout=GIL_YIELD)
            self._waiting = False

    def prepare_to_wait(self) -> None:
        """Do nothing: the IO thread always waits."""

    def has_work(self) -> bool:
        """Return False: the dispatch thread never polls."""
        return False

    def stop(self) -> None:
        """End the IO thread, if there is one."""
        if self._thread is not None:
            self._ending = True
            self._io_wakeup.set()
            self._thread.wait()
            self._thread = None  # after the wait, which Ctrl+C may interrupt
            self._ending = False


class Watchdog:
    """A thread that checks every `LOOK` seconds whether a pass takes long.

    After `CALM` checks without a pass it sleeps until it is woken. It sets ``asleep`` and *then*
    reads ``passing``; a pass sets ``passing`` and *then* reads ``asleep``. So one of the two
    threads sees the other.

    Args:
        on_long_pass: Called on the thread with the number of a pass that has lasted from one
            check to the next.
        on_crash: Called on the thread after ``on_long_pass`` raised; `Standby.wait` raises the
            exception on the dispatch thread.
    """

    def __init__(
        self, on_long_pass: Callable[[int], None], on_crash: Callable[[], None]
    ) -> None:
        self._on_long_pass = on_long_pass
        self._on_crash = on_crash
        self.passing = False  # handlers are being called
        self.beat = 0  # the number of passes so far
        self._seen = 0  # the number of the pass at the last check
        self._calm = 0  # consecutive checks without a pass
        self.asleep = False
        # Used as an event: always held; releasing it wakes the thread.
        self._alarm = threading.Lock()
        self._alarm.acquire()
        self.thread: Worker | None = None
        self.ending = False

    # -- the dispatch thread -------------------------------------------------------------

    def start(self) -> None:
        """Start the thread if it does not run."""
        if self.thread is None:
            self.thread = Worker(
                self.stand_by, "evdispatch-standby", on_failure=self._on_crash
            )

    def wake(self) -> None:
        """Wake the thread."""
        self.asleep = False
        if self._alarm.locked():  # no other thread releases it
            self._alarm.release()

    # -- its own thread ------------------------------------------------------------------

    def stand_by(self) -> None:
        """Check every `LOOK` seconds until ``ending`` is set."""
        while not self.ending:
            self._alarm.acquire(timeout=LOOK)
            self.look()

    def look(self) -> None:
        """Report a pass that takes long; sleep if there was none for `CALM` checks."""
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
        if not self.passing and not self.ending:  # after setting asleep: see the class
            self._alarm.acquire()


class Standby:
    """``io="auto"``: polls on the dispatch thread, and on a standby thread if handlers are slow.

    When a pass has lasted for 5 to 10 ms (from one check of the `Watchdog` to the next), the
    standby thread polls instead. Its sources are read up to the bound of the queue. While
    handlers are quick, the poller changes no thread; an idle program makes no wake-ups.

    - The thread that holds ``_lock`` is the IO side. No handler is called with the lock held.
    - The standby thread polls until it finds after a poll that the pass is over, or that the
      dispatch thread wants the lock. So it may wait in the poll after the pass; the dispatch
      thread then ends that wait, once it has nothing to dispatch.
    - No wake-up is lost between the two. A put appends an event and *then* reads ``sleeping``.
      The dispatch thread sets ``sleeping`` and *then* checks the queue. After taking the lock
      back it does both again, because the standby thread may have cleared the wakeup.

    Attributes:
        takeovers: How often the standby thread has taken the poller over.
    """

    def __init__(self, io: IoLoop, queue: Queue, wakeup: Wakeup) -> None:
        self._io = io
        self._queue = queue
        self._wakeup = wakeup
        self._lock = threading.Lock()
        self._wanted = False  # the dispatch thread waits for the lock
        self.takeovers = 0
        self.watchdog = Watchdog(self._stand_in, queue.request_check)
        self.has_work = io.has_work
        self.fileno = io.fileno

    # -- the dispatch thread -------------------------------------------------------------

    def start(self) -> None:
        """Start the standby thread if it does not run."""
        if self.watchdog.ending:
            self.stop()
        self.watchdog.start()

    def before_step(self) -> None:
        """Do nothing: `IoLoop.poll_once` clears the wakeup."""

    def wait(self, timeout: float | None) -> None:
        """Poll, unless the standby thread polls and the queue has events."""
        thread = self.watchdog.thread
        if thread is not None and thread.failure is not None:
            raise InternalError(FAILED) from thread.failure
        queue = self._queue
        if not self._lock.acquire(blocking=False):
            if len(queue):
                return
            self._take_back()
            queue.sleeping = True  # set again before checking the queue
            if len(queue) or queue.check_requested:
                timeout = 0
        try:
            self._io.poll_once(timeout, inline=True)
        except Exception as error:
            raise InternalError(FAILED) from error
        finally:
            self._lock.release()

    def look(self) -> None:
        self.wait(0)

    def begin_pass(self) -> None:
        """Note that a pass begins: the watchdog times it from now on."""
        watchdog = self.watchdog
        watchdog.beat += 1
        watchdog.passing = True  # before the check: see `Watchdog`
        if watchdog.asleep:
            watchdog.wake()

    def end_pass(self) -> None:
        """Note that the pass is over."""
        self.watchdog.passing = False

    def _take_back(self) -> None:
        """Make the standby thread release the lock, and take it."""
        self._wanted = True
        try:
            self._wakeup.set()
            self._lock.acquire()
        finally:
            self._wanted = False

    def prepare_to_wait(self) -> None:
        """Take the lock, and arm the alarm so that `fileno` reports new work."""
        if not self._lock.acquire(blocking=False):
            self._take_back()
        try:
            self._io.prepare_to_wait()
        finally:
            self._lock.release()

    def stop(self) -> None:
        """End the standby thread."""
        watchdog = self.watchdog
        if watchdog.thread is not None:
            watchdog.ending = True
            watchdog.wake()
            self._wakeup.set()  # the thread may be polling
            watchdog.thread.wait()
            watchdog.thread = None  # after the wait, which Ctrl+C may interrupt
            watchdog.ending = watchdog.asleep = False

    # -- the standby thread --------------------------------------------------------------

    def _stand_in(self, beat: int) -> None:
        """Poll until the pass is over or the dispatch thread waits for the lock."""
        if not self._lock.acquire(blocking=False):
            return  # the pass is over, and the dispatch thread is polling
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
        queue: The queue into which it puts events.
        io_wakeup: Ends the wait of the thread that polls.
        wakeup: Ends the wait of the dispatch thread.
    """
    if mode == "auto":
        return Standby(io, queue, wakeup)
    if mode == "inline":
        return Inline(io)
    return Threaded(io, queue, io_wakeup, wakeup)
