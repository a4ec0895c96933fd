"""The loop: who pumps, who dispatches, and when it begins and ends. Loop 2 of 2 is here.

Who pumps is `_driver`'s to know. A turn is: wait until there is something to do, then
dispatch one pass.
"""

import contextlib
import logging
import threading
from typing import Literal

from evdispatch._core._dispatch import DispatchSide
from evdispatch._core._interrupts import Interrupts
from evdispatch._core._queue import Queue
from evdispatch._core._wakeup import Wakeup
from evdispatch._errors import AlreadyRunningError
from evdispatch._events import Event, Idle, Start, Stop
from evdispatch._io._driver import Inline, IoDriver
from evdispatch._io._io_loop import IoLoop
from evdispatch._io._io_thread import Threaded
from evdispatch._io._registrations import Registrations
from evdispatch._io._sampler import Sampler
from evdispatch._io._standby import Standby
from evdispatch._io._watchdog import Watchdog, Watched
from evdispatch._parts._lifetime import Closable, weakly

IoMode = Literal["thread", "inline", "auto"]

_log = logging.getLogger("evdispatch")


class Loop(Closable):
    """The part of a `Dispatcher` that runs it; one thread at a time."""

    def __init__(
        self,
        io_mode: IoMode,
        queue: Queue,
        registrations: Registrations,
        dispatch: DispatchSide,
        wakeup: Wakeup,
        *,
        sampler: Sampler | None,
    ) -> None:
        self._io = IoLoop(queue, registrations, dispatch.posts)
        self._io_mode = io_mode
        self._queue = queue
        self._registrations = registrations
        self._dispatch = dispatch
        self._wakeup = wakeup  # of the dispatch side
        self._driver: IoDriver  # with one thread that waits one wakeup is enough
        if io_mode == "auto":
            self._driver = Standby(self._io, queue, wakeup, sampler)
        elif io_mode == "inline":
            self._driver = Inline(self._io, queue, wakeup)
        else:
            self._driver = Threaded(self._io, queue, registrations.wakeup, wakeup)
        if sampler is not None and io_mode != "auto":
            watchdog = Watchdog("evdispatch-watchdog", queue.request_check, sampler)
            self._driver = Watched(self._driver, watchdog)
        # Who dispatches, and so never waits for room in the queue. While nobody runs it,
        # that is taken to be the thread that made it, or took the last step.
        self._thread = threading.get_ident()
        self._busy = threading.Lock()  # held in a run and in a step, and once closed
        self._has_run = False
        self._interrupts = Interrupts(weakly(self._on_interrupt), registrations.now)

    # -- a run -----------------------------------------------------------------------

    def run(self) -> None:
        """Dispatch until `stop`. May be called again afterwards.

        Raises:
            HandlerError: A handler raised, and nobody handles `error`.
            SourceError: A source failed, and nobody handles `error`.
            AlreadyRunningError: It runs already.
            ClosedError: The dispatcher is closed.
            InternalError: The IO side crashed.
            KeyboardInterrupt: Ctrl+c. The handler at hand is interrupted; what it had not
                been told of is still queued.
        """
        with self._interrupts.held():
            self._enter()
            self._run()

    def _run(self) -> None:
        thread = self._thread
        try:
            self._thread = threading.get_ident()
            self._has_run = True
            once = self._use_up_stop()  # asked to stop before the first run: one turn
            with contextlib.ExitStack() as stack:
                stack.enter_context(self._wakeup.wake_on_signals())
                stack.callback(self._driver.prepare_to_wait)
                stack.callback(self._driver.end)
                stack.callback(self._registrations.finish)
                self._start_io()
                self._loop(once=once)
        finally:
            self._thread = thread
            self._leave()

    def _loop(self, *, once: bool) -> None:
        """Loop 2 of 2: turn until stopped."""
        try:
            self._tell(Start())
            while not self._dispatch.stopping:
                self._turn(0 if once else None)
                if once:
                    break
        except BaseException:
            try:
                self._tell(Stop())
            except Exception:
                _log.exception("a handler of stop failed while the loop was failing")
            raise
        self._tell(Stop())

    def _tell(self, event: Event) -> None:
        event.time = self._registrations.now()
        self._driver.begin()
        try:
            self._dispatch.raise_event(event)
        finally:
            self._driver.finish()

    def _turn(self, timeout: float | None) -> int:
        """Wait for something to do, up to ``timeout`` seconds, and dispatch one pass."""
        queue, dispatch, driver = self._queue, self._dispatch, self._driver
        if timeout != 0 and dispatch.has_handlers(Idle) and self._is_idle():
            self._tell(Idle())
        if queue.check_requested:
            dispatch.run_checks()  # to who waits, before this side sleeps itself
        queue.sleeping = True  # before the look at the queue: see _queue
        if queue.urgent or queue.normal or queue.idle or queue.check_requested:
            timeout = 0
        try:
            driver.wait(timeout)
        finally:
            queue.sleeping = False
        if dispatch.stopping:
            return 0
        driver.begin()
        try:
            return dispatch.dispatch()
        finally:
            driver.finish()

    def _is_idle(self) -> bool:
        """Whether nothing is queued, and nothing ready that would be."""
        if not len(self._queue):
            self._driver.look()
        return not len(self._queue)

    def stop(self) -> None:
        """Have `run` return after the present handler. From anywhere, any number of times.

        Before the first run it makes that run return after one turn; between two runs it
        does nothing. What is queued stays queued.
        """
        self._check_process()
        if self._gone is None and (self._busy.locked() or not self._has_run):
            self._halt()

    def _halt(self) -> None:
        self._dispatch.stopping = True
        self._queue.request_check()

    def _on_interrupt(self) -> None:
        if self._busy.locked():
            self._halt()

    def _use_up_stop(self) -> bool:
        """Forget a stop from before, and return whether there was one."""
        stopped, self._dispatch.stopping = self._dispatch.stopping, False
        if self._interrupts.pending:  # came just now
            self._halt()
        return stopped

    def _enter(self) -> None:
        self._check_open()
        if not self._busy.acquire(blocking=False):
            inside = self._thread == threading.get_ident()
            where = "from a handler" if inside else "in another thread"
            raise AlreadyRunningError(f"the dispatcher runs already, called {where}")

    def _leave(self) -> None:
        self._dispatch.stopping = False
        self._busy.release()

    def _must_not_wait(self) -> bool:
        # Whoever holds the lock keeps the dispatch side from making room.
        here = threading.get_ident()
        here = here == self._thread or self._queue.pending.is_locked_here()
        return here or self._registrations.is_locked_here()

    def _start_io(self) -> None:
        self._registrations.start()
        self._driver.start()

    # -- the end -----------------------------------------------------------------------

    def close(self) -> None:
        """End all sources, and release every descriptor and thread."""
        with self._interrupts.held():
            if self._gone is None:
                if not self._busy.acquire(blocking=False):
                    raise AlreadyRunningError(
                        "the dispatcher is running: stop it first"
                    )
                self._release()

    def _release(self) -> None:
        self._end()
        with contextlib.ExitStack() as stack:  # last in, first out
            stack.callback(self._wakeup.close)
            stack.callback(self._registrations.wakeup.close)
            stack.callback(self._registrations.close)
            stack.callback(self._queue.close)
            stack.callback(self._registrations.finish)
            self._driver.end()

    def _close_at_exit(self) -> None:
        try:
            self.close()
        except AlreadyRunningError:
            self._registrations.finish()  # it runs in a daemon thread: give the terminal back

    def _abandon(self) -> None:
        self._registrations.abandon()
        self._registrations.wakeup.abandon()
        self._wakeup.abandon()
