"""The loop: who pumps, who dispatches, and when it begins and ends. Loop 2 of 2 is here.

With ``io="thread"`` an `IoThread` pumps while this thread dispatches; with
``io="inline"`` this thread does both in turn. Either way a turn is: wait until there is
something to do, then dispatch one pass.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Literal

from evdispatch._checks import check_seconds
from evdispatch._dispatch import DispatchSide
from evdispatch._errors import AlreadyRunningError, InternalError
from evdispatch._events import Idle, Start, Stop
from evdispatch._io import IoSide, IoThread, start_without_signals
from evdispatch._lifetime import Closable
from evdispatch._poller import Wakeup
from evdispatch._queue import Queue
from evdispatch._roster import Roster

IoMode = Literal["thread", "inline"]

_DAY = 86_400.0  # the longest wait: a poller overflows on much longer ones

_log = logging.getLogger("evdispatch")


class Loop(Closable):
    """The part of a `Dispatcher` that runs it; one thread at a time."""

    def __init__(
        self,
        io_mode: IoMode,
        queue: Queue,
        roster: Roster,
        dispatch: DispatchSide,
        wakeup: Wakeup,
    ) -> None:
        self._io = IoSide(queue, roster, dispatch.posts)
        self._io_mode = io_mode
        self._queue = queue
        self._roster = roster
        self._dispatch = dispatch
        self._wakeup = wakeup  # of the dispatch side; the IO side's own when inline
        self._io_thread: IoThread | None = None
        self._background: Background | None = None
        # Who dispatches, and so never waits for room in the queue. Until somebody runs
        # it, that is taken to be the thread that made it.
        self._thread = threading.get_ident()
        self._busy = False  # in a run, or in a step
        self._has_run = False

    # -- a run -----------------------------------------------------------------------

    def run(self) -> None:
        """Dispatch until `stop`. May be called again afterwards.

        Raises:
            HandlerError: A handler raised, and nobody handles `error`.
            SourceError: A source failed, and nobody handles `error`.
            AlreadyRunningError: It runs already.
            ClosedError: The dispatcher is closed.
            InternalError: The IO side crashed.
        """
        self._check_open()
        self._enter()
        self._run()

    def _run(self) -> None:
        self._thread = threading.get_ident()
        self._has_run = True
        # Asked to stop before the first run: one turn, and the stop is used up.
        once = self._dispatch.stopping
        self._dispatch.stopping = False
        try:
            with contextlib.ExitStack() as stack:
                stack.callback(self._end_io)
                stack.callback(self._roster.finish)
                self._start_io()
                self._loop(once=once)
        finally:
            self._dispatch.stopping = False
            self._busy = False

    def _loop(self, *, once: bool) -> None:
        """Loop 2 of 2: turn until stopped."""
        try:
            self._dispatch.raise_event(Start())
            while not self._dispatch.stopping:
                self._turn(0 if once else None)
                if once:
                    break
        except BaseException:
            try:
                self._dispatch.raise_event(Stop())
            except Exception:
                _log.exception("a handler of stop failed while the loop was failing")
            raise
        self._dispatch.raise_event(Stop())

    def _turn(self, timeout: float | None) -> int:
        """Wait for something to do, up to ``timeout`` seconds, and dispatch one pass."""
        queue, dispatch = self._queue, self._dispatch
        if not len(queue) and timeout != 0 and dispatch.hears(Idle):
            dispatch.raise_event(Idle())
        dispatch.relax()
        queue.sleeping = True  # before the look at the queue: see _queue
        if len(queue) or queue.attention:
            timeout = 0
        try:
            self._wait(timeout)
        finally:
            queue.sleeping = False
        return dispatch.dispatch()

    def _wait(self, timeout: float | None) -> None:
        thread = self._io_thread
        if thread is None:
            try:
                self._io.pump(timeout)
            except Exception as error:
                raise InternalError("the IO side failed; please report it") from error
        elif thread.crash is not None:
            raise InternalError(
                "the IO side failed; please report it"
            ) from thread.crash
        elif timeout != 0:
            self._wakeup.wait(timeout)

    def stop(self) -> None:
        """Have `run` return after the present handler. From anywhere, any number of times.

        Before the first run it makes that run return after one turn; between two runs it
        does nothing. What is queued stays queued.
        """
        if self._busy or not self._has_run:
            self._dispatch.stopping = True
            self._wake()

    def _wake(self) -> None:
        self._queue.attention = True
        if self._queue.sleeping:
            self._queue.wake()

    def _enter(self) -> None:
        if self._busy:
            inside = self._thread == threading.get_ident()
            where = "from a handler" if inside else "in another thread"
            raise AlreadyRunningError(f"the dispatcher runs already, called {where}")
        self._busy = True

    def _start_io(self) -> None:
        self._roster.start()
        if self._io_mode == "thread" and self._io_thread is None:
            self._io_thread = IoThread(self._io, self._roster.wakeup, self._wake)

    def _end_io(self) -> None:
        """End the IO thread, if there is one."""
        thread, self._io_thread = self._io_thread, None
        if thread is not None:
            thread.end()

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
        self._check_open()
        if timeout is not None:
            timeout = min(max(0.0, check_seconds("timeout", timeout)), _DAY)
        self._enter()
        self._thread = threading.get_ident()
        try:
            self._start_io()
            if self._io_mode == "thread":
                self._wakeup.clear()
            return self._turn(timeout)
        finally:
            self._busy = False
            self._stay_readable()

    def fileno(self) -> int:
        """Return a descriptor that is readable whenever ``step(0)`` has work.

        Queued events and timers that are due included.
        """
        self._check_open()
        self._start_io()
        self._stay_readable()
        return (
            self._wakeup.fileno()
            if self._io_mode == "thread"
            else self._roster.fileno()
        )

    def timeout(self) -> float | None:
        """Return how long the host may sleep if it does not watch `fileno`, in seconds.

        0 when there is work, None when no timer is set.
        """
        self._check_open()
        if self._has_work():
            return 0
        nearest = self._roster.next_deadline()
        return None if nearest is None else max(0.0, nearest - self._roster.now())

    def _stay_readable(self) -> None:
        """Keep `fileno` readable while a step would have something to do."""
        self._queue.sleeping = True  # a post from now on writes the wakeup
        if self._has_work():
            self._wakeup.set()

    def _has_work(self) -> bool:
        """Whether a step would have something to do without waiting."""
        if len(self._queue) or self._queue.attention:
            return True
        return self._io_mode == "inline" and self._io.has_work()

    # -- in the background -----------------------------------------------------------------

    def start(self) -> None:
        """Run in a background thread. What ends it is raised by `close`.

        Raises:
            AlreadyRunningError: It runs already.
            ClosedError: The dispatcher is closed.
        """
        self._check_open()
        self._enter()
        try:
            self._background = Background(self._run)
        except BaseException:  # no thread could be started
            self._busy = False
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

    def _check_idle(self) -> None:
        """Check that nothing but a background thread runs.

        Raises:
            AlreadyRunningError: A `run` or step goes on, which `end` can't wait for.
        """
        here = threading.get_ident()
        if self._busy and (self._background is None or self._thread == here):
            raise AlreadyRunningError("the dispatcher is running: stop it first")

    def _end_run(self) -> None:
        """Stop the background thread and the IO thread, and raise what ended them."""
        self.stop()
        try:
            self._join()
        finally:
            self._end_io()
            self._roster.finish()

    def _join(self) -> None:
        background, self._background = self._background, None
        if background is not None:
            background.join()


class Background:
    """A thread, and what it raised."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function
        self._failure: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, name="evdispatch", daemon=True
        )
        start_without_signals(self._thread)

    def _run(self) -> None:
        try:
            self._function()
        except BaseException as error:
            self._failure = error

    def join(self) -> None:
        """Wait for the thread to end, and raise what it raised."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure
