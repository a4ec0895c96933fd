"""Who pumps: the three ways to run have one face, and the loop knows no other difference.

=============  ====================================================================
`Inline`       the thread that dispatches, between two passes
`Threaded`     another thread, always: see `_io_thread`
`Standby`      the thread that dispatches, and another one while a handler is slow:
               see `_standby`
=============  ====================================================================
"""

from typing import Protocol

from evdispatch._core._queue import Queue
from evdispatch._core._wakeup import Wakeup
from evdispatch._errors import InternalError
from evdispatch._io._io_loop import IoLoop

FAILED = "the IO side failed; please report it"


class IoDriver(Protocol):
    """What the thread that dispatches asks of the IO side."""

    def start(self) -> None:
        """Be ready for a run or a step."""

    def before_step(self) -> None:
        """A step begins that is no part of a run."""

    def wait(self, timeout: float | None) -> None:
        """Wait until there is something to do.

        Args:
            timeout: In seconds; None: for ever; 0: only look.

        Raises:
            InternalError: The IO side crashed.
        """

    def look(self) -> None:
        """Have what is ready put into the queue, if it would not be by itself."""

    def begin(self) -> None:
        """A pass begins: handlers will be called."""

    def finish(self) -> None:
        """The pass is over."""

    def prepare_to_wait(self) -> None:
        """Whoever waits on `fileno` is to be told of all that comes from now on."""

    def has_work(self) -> bool:
        """Whether `wait` has something to do, besides what the kernel tells."""

    def fileno(self) -> int:
        """Return a descriptor that is readable when `wait` has something to do."""

    def end(self) -> None:
        """End what `start` has begun."""


class Inline:
    """The thread that dispatches pumps between two passes."""

    def __init__(self, io: IoLoop, queue: Queue, wakeup: Wakeup) -> None:
        self._io = io
        self._queue = queue
        self._wakeup = wakeup

    def start(self) -> None:
        """Do nothing: the thread is there."""

    def before_step(self) -> None:
        """Do nothing: the pump clears the wakeup."""

    def wait(self, timeout: float | None) -> None:
        """Pump."""
        try:
            self._io.poll_once(timeout, inline=True)
        except Exception as error:
            raise InternalError(FAILED) from error

    def look(self) -> None:
        """Pump, and wait for nothing."""
        self.wait(0)

    def begin(self) -> None:
        """Do nothing: nobody looks on."""

    def finish(self) -> None:
        """Do nothing: nobody looks on."""

    def prepare_to_wait(self) -> None:
        """Set the alarm, and have what is done from now on write the wakeup."""
        self._io.prepare_to_wait()

    def has_work(self) -> bool:
        """Whether a source is to be asked, whatever the poller says."""
        return self._io.has_work()

    def fileno(self) -> int:
        """Return the poller's own descriptor."""
        return self._io.fileno()

    def end(self) -> None:
        """Do nothing: there is nothing to end."""
