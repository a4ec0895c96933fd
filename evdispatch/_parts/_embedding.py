"""For programs that have a loop of their own: one descriptor to watch, one step to call.

Or the other way round: everything in a background thread.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator

from evdispatch._checks import check_timeout
from evdispatch._io._threads import Worker
from evdispatch._parts._loop import Loop

_log = logging.getLogger("evdispatch")

_AT_EXIT = 1.0  # seconds for a background handler to return, at the interpreter's end


class Embedding(Loop):
    """The part of a `Dispatcher` that a host program drives."""

    _background: Worker | None = None

    # -- a step, for programs that have a loop of their own --------------------------------

    def step(self, timeout: float | None = 0) -> int:
        """Pump, and dispatch one pass: for a program that has a loop already.

        Args:
            timeout: How long to wait for something to do, in seconds; None: for ever.

        Returns:
            The number of events handled.

        Raises:
            AlreadyRunningError: It is running, or this is a handler.
            ClosedError: The dispatcher is closed.
            HandlerError, SourceError, InternalError: As `run`.
        """
        if timeout is not None:
            timeout = check_timeout(timeout)
        with self._interrupts.held():
            self._enter()
            return self._step(timeout)

    def _step(self, timeout: float | None) -> int:
        try:
            self._thread = threading.get_ident()
            self._use_up_stop()  # a step is a turn: one from now on ends it
            self._start_io()
            self._driver.before_step()
            if timeout == 0:
                return self._turn(0)
            with self._wakeup.wake_on_signals():
                return self._turn(timeout)
        finally:
            self._driver.prepare_to_wait()
            self._leave()
            self._stay_readable()

    def fileno(self) -> int:
        """Return a descriptor that is readable whenever ``step(0)`` has work.

        Queued events and timers that are due included.
        """
        self._check_open()
        with self._interrupts.held():
            self._start_io()
        self._stay_readable()
        return self._driver.fileno()

    def timeout(self) -> float | None:
        """Return how long the host may sleep if it does not watch `fileno`, in seconds.

        0 when there is work, None when no timer is set.
        """
        self._check_open()
        if self._has_work():
            return 0
        nearest = self._registrations.next_deadline()
        return (
            None if nearest is None else max(0.0, nearest - self._registrations.now())
        )

    def _stay_readable(self) -> None:
        """Keep `fileno` readable while a step would have something to do."""
        self._queue.sleeping = True  # a post from now on writes the wakeup
        if self._has_work():
            self._wakeup.set()

    def _has_work(self) -> bool:
        """Whether a step would have something to do without waiting."""
        if len(self._queue) or self._queue.check_requested:
            return True
        return self._driver.has_work()

    # -- in the background -----------------------------------------------------------------

    def start(self) -> None:
        """Run in a background thread. What ends it is raised by `close`.

        Or by the next `start`: an exception that ended the run before is raised here.

        Raises:
            AlreadyRunningError: It runs already.
            ClosedError: The dispatcher is closed.
        """
        with self._interrupts.held():
            self._enter()
            self._start_background()

    def _start_background(self) -> None:
        try:
            self._join()
            self._background = Worker(self._run, "evdispatch")
        except BaseException:  # no thread could be started
            self._leave()
            raise

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run in a background thread for the length of a ``with`` block.

        Leaving the block stops it, waits for it, and raises what ended it.
        """
        self.start()
        try:
            yield
        finally:
            self.stop()
            self._join()

    def _join(self) -> None:
        background = self._background
        if background is not None:
            background.wait()  # ctrl+c may end this, and nothing is forgotten
            self._background = None
            if background.failure is not None:
                raise background.failure

    def close(self) -> None:
        """End all sources, and release every descriptor and thread. Twice does nothing.

        A background thread (`start`) is stopped, and what ended it is raised here.

        Raises:
            AlreadyRunningError: It is running: `stop` it first.
        """
        background = None if self._gone else self._background
        if background is None or background.is_current:
            super().close()
            return
        self.stop()
        background.wait()
        try:
            super().close()
        finally:
            self._join()

    def _close_at_exit(self) -> None:
        background = self._background
        if background is not None and not background.is_current:
            self.stop()
            if not background.wait(_AT_EXIT):
                self._registrations.finish()  # a handler blocks: the thread ends as daemons do
                return
        try:
            super()._close_at_exit()
        except Exception:
            _log.exception("the dispatcher's background run had failed")
