"""``io="thread"``: a thread of its own pumps. Loop 1 of 2 is here.

Two threads that both have something to do take the interpreter from each other at every
call to the kernel, which costs as much as that call. So the IO thread leaves it to the pass
that handles what it has read: until the pass is over, or `GIL_YIELD` seconds at most, once for
each pass. (An echo takes half the time so.)
"""

import threading
from collections.abc import Callable

from evdispatch._core._queue import Queue
from evdispatch._core._wakeup import Wakeup
from evdispatch._errors import InternalError
from evdispatch._io._driver import FAILED
from evdispatch._io._io_loop import IoLoop
from evdispatch._io._threads import Worker

GIL_YIELD = 0.005
"""Seconds that a pass has for itself: a key that is pressed meanwhile has ten of them."""


class IoThread(Worker):
    """Pumps for ever, on a thread of its own."""

    def __init__(
        self,
        io: IoLoop,
        yield_to_dispatch: Callable[[], None],
        wakeup: Wakeup,
        on_crash: Callable[[], None],
    ) -> None:
        self._io = io
        self._yield_to_dispatch = yield_to_dispatch
        self._wakeup = wakeup
        self._on_crash = on_crash
        self.ending = False
        super().__init__(self.run, "evdispatch-io")

    def run(self) -> None:
        """Loop 1 of 2: pump until told to end."""
        while not self.ending:
            self._io.poll_once(None, inline=False)
            self._yield_to_dispatch()

    def on_failure(self) -> None:
        """Wake the dispatch side, which raises it."""
        self._on_crash()

    def end(self) -> None:
        """End the thread and wait for it."""
        self.ending = True
        self._wakeup.set()
        self.wait()


class Threaded:
    """The thread that dispatches waits for what another one reads.

    Args:
        io: What to pump.
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
        self._thread: IoThread | None = None
        self._beat = 0  # counts the passes
        self._passing = False  # handlers are being called
        self._left = 0  # the last pass that had the interpreter for itself
        self._waiting = False  # the IO thread waits for the pass to end
        self._over = threading.Lock()  # held, but for the moment of its end
        self._over.acquire()

    def start(self) -> None:
        """Have the thread."""
        if self._thread is not None and self._thread.ending:
            self.end()
        if self._thread is None:
            request_check = self._queue.request_check
            self._thread = IoThread(
                self._io, self._yield_to_dispatch, self._io_wakeup, request_check
            )

    def wait(self, timeout: float | None) -> None:
        """Wait until something was put into the queue."""
        thread = self._thread
        if thread is not None and thread.failure is not None:
            raise InternalError(FAILED) from thread.failure
        if timeout != 0:
            self._wakeup.wait(timeout)

    def look(self) -> None:
        """Do nothing: what is ready is being read."""

    def begin(self) -> None:
        """A pass begins."""
        self._passing = True
        self._beat += 1

    def finish(self) -> None:
        """The pass is over: have the other thread read on."""
        self._passing = False  # before the look: see `_yield_to_dispatch`
        if self._waiting:
            self._waiting = False
            if self._over.locked():  # nobody else releases it
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
        """Do nothing: the other thread never rests."""

    def before_step(self) -> None:
        """Take what made `fileno` readable for seen."""
        self._wakeup.clear()

    def has_work(self) -> bool:
        """Whether the dispatch side's thread has something to read: never."""
        return False

    def fileno(self) -> int:
        """Return the descriptor that is readable when something was put."""
        return self._wakeup.fileno()

    def end(self) -> None:
        """End the thread, if there is one."""
        if self._thread is not None:
            self._thread.end()
            self._thread = None  # not before: an impatient ctrl+c may end the wait
