"""``io="thread"``: a thread of its own pumps. Loop 1 of 2 is here."""

from collections.abc import Callable

from evdispatch._errors import InternalError
from evdispatch._io import IoSide
from evdispatch._pumping import FAILED
from evdispatch._queue import Queue
from evdispatch._threads import Worker
from evdispatch._wakeup import Wakeup


class IoThread(Worker):
    """Pumps for ever, on a thread of its own."""

    def __init__(
        self, io: IoSide, wakeup: Wakeup, on_crash: Callable[[], None]
    ) -> None:
        self._io = io
        self._wakeup = wakeup
        self._on_crash = on_crash
        self.ending = False
        super().__init__(self.run, "evdispatch-io")

    def run(self) -> None:
        """Loop 1 of 2: pump until told to end."""
        while not self.ending:
            self._io.pump(None, inline=False)

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
        self, io: IoSide, queue: Queue, io_wakeup: Wakeup, wakeup: Wakeup
    ) -> None:
        self._io = io
        self._queue = queue
        self._io_wakeup = io_wakeup
        self._wakeup = wakeup
        self._thread: IoThread | None = None

    def start(self) -> None:
        """Have the thread."""
        if self._thread is not None and self._thread.ending:
            self.end()
        if self._thread is None:
            self._thread = IoThread(self._io, self._io_wakeup, self._queue.alert)

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
        """Do nothing: the other thread reads anyhow."""

    def finish(self) -> None:
        """Do nothing: the other thread reads anyhow."""

    def rest(self) -> None:
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
