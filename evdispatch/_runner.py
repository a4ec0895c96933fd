"""Running a dispatcher: run, step, start, stop and close. Loop 2 of 2 is `Runner._loop`.

A turn waits until there is something to do, and dispatches one pass. `run` takes turns until it
is stopped, `step` takes one turn for a program that has its own loop, and `start` runs in a
background thread. Which thread polls during a wait is decided by the driver (`_io._modes`).
"""

import contextlib
import functools
import logging
import threading
from typing import Any

from evdispatch._checks import check_timeout
from evdispatch._core._dispatch import DispatchSide
from evdispatch._core._interrupts import Interrupts
from evdispatch._core._queue import Queue
from evdispatch._core._wakeup import Wakeup
from evdispatch._errors import (
    AlreadyRunningError,
    ClosedError,
    ForkedError,
    StateError,
)
from evdispatch._events import Event, Idle, Start, Stop
from evdispatch._handlers._instruments import Instruments
from evdispatch._io._modes import IoDriver
from evdispatch._io._registrations import Registrations
from evdispatch._io._threads import Worker
from evdispatch._lifetime import track, untrack, weakly

_log = logging.getLogger("evdispatch")

_AT_EXIT = 1.0  # seconds that the interpreter's exit waits for a background handler


class Runner:
    """Runs the two sides; one thread at a time. For each method see `Dispatcher`.

    Attributes:
        gone: The exception class that later calls raise; None while it is open.
    """

    def __init__(
        self,
        *,
        driver: IoDriver,
        queue: Queue,
        registrations: Registrations,
        dispatch: DispatchSide,
        instruments: Instruments,
        wakeup: Wakeup,
    ) -> None:
        self._driver = driver
        self._queue = queue
        self._registrations = registrations
        self._dispatch = dispatch
        self._instruments = instruments
        self._wakeup = wakeup  # of the dispatch side
        # The dispatch thread, which never waits for room in the queue. Between runs it is
        # the thread that made the dispatcher, or took the last step.
        self._thread = threading.get_ident()
        self._busy = threading.Lock()  # held during a run or a step, and after close
        self._has_run = False
        self._background: Worker | None = None
        self._interrupts = Interrupts(weakly(self._on_interrupt), registrations.now)
        self.gone: type[StateError] | None = None
        track(self)

    # -- state -----------------------------------------------------------------------------

    def check_process(self) -> None:
        """Raise ForkedError in a forked child."""
        if self.gone is ForkedError:
            raise ForkedError(
                "the dispatcher belongs to the parent process: make a new one"
            )

    def check_open(self) -> None:
        """Raise ClosedError once closed, ForkedError in a forked child."""
        if self.gone is not None:
            self.check_process()
            raise ClosedError("the dispatcher is closed")

    @property
    def running(self) -> bool:
        """Whether a run or a step is under way."""
        return self.gone is None and self._busy.locked()

    @property
    def state(self) -> str:
        """``"open"``, ``"running"``, ``"stopping"`` or ``"closed"``."""
        if self.gone is not None:
            return "closed"
        if not self._busy.locked():
            return "open"
        return "stopping" if self._dispatch.stopping else "running"

    def check_thread(self) -> None:
        """Raise StateError if the dispatcher runs on another thread."""
        if self.running and self._thread != threading.get_ident():
            raise StateError(
                "handlers of a running dispatcher must be added and removed on its dispatch"
                " thread: post an event, or use after(0, ...)"
            )

    def must_not_wait(self) -> bool:
        """Whether a wait of the calling thread for room could never end."""
        here = threading.get_ident() == self._thread
        here = here or self._queue.pending.is_locked_here()
        return here or self._registrations.is_locked_here()

    # -- a run -------------------------------------------------------------------------------

    def run(self) -> None:
        """Take turns until stopped, on the calling thread."""
        with self._interrupts.held():
            self._enter()
            self._run()

    def _run(self) -> None:
        thread = self._thread
        try:
            self._thread = threading.get_ident()
            self._has_run = True
            once = self._use_up_stop()  # stopped before the first run: take one turn
            with contextlib.ExitStack() as stack:
                stack.enter_context(self._wakeup.wake_on_signals())
                stack.callback(self._instruments.end_run)
                stack.callback(self._driver.prepare_to_wait)
                stack.callback(self._driver.stop)
                stack.callback(self._registrations.stop_sources)
                self._start_io()
                self._loop(once=once)
        finally:
            self._thread = thread
            self._leave()

    def _loop(self, *, once: bool) -> None:
        """Take turns until stopped: loop 2 of 2."""
        try:
            self._emit(Start())
            while not self._dispatch.stopping:
                self._turn(0 if once else None)
                if once:
                    break
        except BaseException:
            try:
                self._emit(Stop())
            except Exception:
                _log.exception("a handler of stop failed while the loop was failing")
            raise
        self._emit(Stop())

    def _emit(self, event: Event) -> None:
        event.time = self._registrations.now()
        self._driver.begin_pass()
        try:
            self._dispatch.raise_event(event)
        finally:
            self._driver.end_pass()

    def _turn(self, timeout: float | None) -> int:
        """Wait up to ``timeout`` seconds for something to do, and dispatch one pass."""
        queue, dispatch, driver = self._queue, self._dispatch, self._driver
        busy = queue.urgent or queue.normal
        if timeout != 0 and not busy and dispatch.find_route(Idle) and self._is_idle():
            self._emit(Idle())
        if queue.check_requested:
            dispatch.run_checks()  # release blocked producers before waiting here
        queue.sleeping = True  # before checking the queue: see _queue
        if queue.urgent or queue.normal or queue.idle or queue.check_requested:
            timeout = 0
        try:
            driver.wait(timeout)
        finally:
            queue.sleeping = False
        if dispatch.stopping:
            return 0
        driver.begin_pass()
        try:
            return dispatch.dispatch()
        finally:
            driver.end_pass()

    def _is_idle(self) -> bool:
        """Whether nothing is queued, and no ready source would add an event."""
        if not len(self._queue):
            self._driver.look()
        return not len(self._queue)

    def stop(self) -> None:
        """Make the present run return, or the first one if there was none."""
        self.check_process()
        if self.gone is None and (self._busy.locked() or not self._has_run):
            self._halt()

    def _halt(self) -> None:
        self._dispatch.stopping = True
        self._queue.request_check()

    def _on_interrupt(self) -> None:
        if self._busy.locked():
            self._halt()

    def _use_up_stop(self) -> bool:
        """Clear an earlier stop, and return whether there was one."""
        stopped, self._dispatch.stopping = self._dispatch.stopping, False
        if self._interrupts.pending:  # Ctrl+C since `held` was entered
            self._halt()
        return stopped

    def _enter(self) -> None:
        self.check_open()
        if not self._busy.acquire(blocking=False):
            inside = self._thread == threading.get_ident()
            where = "from a handler" if inside else "in another thread"
            raise AlreadyRunningError(f"the dispatcher runs already, called {where}")

    def _leave(self) -> None:
        self._dispatch.stopping = False
        self._busy.release()

    def _start_io(self) -> None:
        self._registrations.start_sources()
        self._driver.start()

    # -- a step, for programs that have their own loop -----------------------------------------

    def step(self, timeout: float | None) -> int:
        """Take one turn, and return the number of events handled."""
        if timeout is not None:
            timeout = check_timeout(timeout)
        with self._interrupts.held():
            self._enter()
            return self._step(timeout)

    def _step(self, timeout: float | None) -> int:
        try:
            self._thread = threading.get_ident()
            self._use_up_stop()  # a later stop ends this step
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
        """Return a descriptor that is readable whenever ``step(0)`` has work."""
        self.check_open()
        with self._interrupts.held():
            self._start_io()
        self._stay_readable()
        return self._driver.fileno()

    def timeout(self) -> float | None:
        """Return how long a host that does not watch `fileno` may sleep, in seconds."""
        self.check_open()
        if self._has_work():
            return 0
        nearest = self._registrations.next_deadline()
        return (
            None if nearest is None else max(0.0, nearest - self._registrations.now())
        )

    def _stay_readable(self) -> None:
        """Keep `fileno` readable while a step has work."""
        self._queue.sleeping = True  # a later post writes the wakeup
        if self._has_work():
            self._wakeup.set()

    def _has_work(self) -> bool:
        """Whether a step has work besides what the poller reports."""
        if len(self._queue) or self._queue.check_requested:
            return True
        return self._driver.has_work()

    # -- in the background -----------------------------------------------------------------------

    def start(self, owner: Any) -> None:
        """Run in a background thread, which keeps ``owner`` alive."""
        with self._interrupts.held():
            self._enter()
            try:
                self.join()
                function = functools.partial(_run_for, owner, self._run)
                self._background = Worker(function, "evdispatch")
            except BaseException:  # such as RuntimeError: the thread did not start
                self._leave()
                raise

    def join(self) -> None:
        """Wait for the background thread, and raise the exception that ended it."""
        background = self._background
        if background is not None:
            background.wait()  # Ctrl+C may interrupt it: the next join waits again
            self._background = None
            if background.failure is not None:
                raise background.failure

    # -- the end -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Stop a background thread, end all sources, and release everything."""
        background = None if self.gone else self._background
        if background is None or background.is_current:
            self._close()
            return
        self.stop()
        background.wait()
        try:
            self._close()
        finally:
            self.join()

    def _close(self) -> None:
        with self._interrupts.held():
            if self.gone is None:
                if not self._busy.acquire(blocking=False):
                    raise AlreadyRunningError(
                        "the dispatcher is running: stop it first"
                    )
                self._release()

    def _release(self) -> None:
        self.gone = ClosedError
        untrack(self)
        with contextlib.ExitStack() as stack:  # last in, first out
            stack.callback(self._instruments.close)
            stack.callback(self._wakeup.close)
            stack.callback(self._registrations.wakeup.close)
            stack.callback(self._registrations.close)
            stack.callback(self._queue.close)
            stack.callback(self._registrations.stop_sources)
            self._driver.stop()

    def close_at_exit(self) -> None:
        """Stop, restore the terminal and close, at the exit; exceptions are logged."""
        background = self._background
        if background is not None and not background.is_current:
            self.stop()
            if not background.wait(_AT_EXIT):
                # A handler blocks. Restore the terminal; the daemon thread is abandoned.
                self._registrations.stop_sources()
                return
        try:
            self.close()
        except AlreadyRunningError:
            self._registrations.stop_sources()  # it runs in a daemon thread
        except Exception:
            _log.exception("the dispatcher's background run had failed")

    def abandon(self) -> None:
        """Release the descriptors in a forked child; the parent's state stays."""
        self.gone = ForkedError
        self._queue.closed = True
        self._registrations.abandon()
        self._registrations.wakeup.abandon()
        self._wakeup.abandon()
        self._instruments.abandon()


def _run_for(owner: Any, run: Any) -> None:
    """Run; the argument keeps the dispatcher alive until the run ends."""
    run()
