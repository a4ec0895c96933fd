"""Threads of the package: `Worker` runs one function, `Pool` functions that may block.

Workers are the IO thread, the standby thread, the sampler of slow handlers, the thread of
`Dispatcher.start`, and the threads of the pool. design.md lists them.
"""

import logging
import signal
import threading
from collections import deque
from collections.abc import Callable

from evdispatch._core._clock import MonotonicClock

_log = logging.getLogger("evdispatch")

# Signals that a thread raises itself. Not blocked: faulthandler must report them.
_FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT}


class Worker:
    """Calls a function on a daemon thread to which no signal is delivered.

    Python runs signal handlers on the main thread, and a signal that is delivered to another
    thread does not end the main thread's wait.

    Args:
        function: The function. An exception that it raises is kept as ``failure``.
        name: The thread's name.
        on_failure: Called on the thread after the function raised.
    """

    def __init__(
        self,
        function: Callable[[], None],
        name: str,
        *,
        on_failure: Callable[[], None] | None = None,
    ) -> None:
        self._on_failure = on_failure
        self.failure: BaseException | None = None
        self._function = function
        # Before Python 3.13, an interrupted Thread.join marks the thread as ended.
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        # The new thread inherits the signal mask, so it is set before the start.
        mask = signal.pthread_sigmask(
            signal.SIG_BLOCK, signal.valid_signals() - _FAULTS
        )
        try:
            self._thread.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _run(self) -> None:
        try:
            self._function()
        except BaseException as error:
            self.failure = error
            if self._on_failure is not None:
                self._on_failure()
        finally:
            self._ended.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the thread, up to ``timeout`` seconds, and return whether it ended."""
        if self.is_current:  # the collector closes a dispatcher there: it can't wait
            return False
        ended = self._ended.wait(timeout)
        if ended:
            self._thread.join()
        return ended

    @property
    def is_current(self) -> bool:
        """Whether the calling thread is this one."""
        return threading.current_thread() is self._thread


class Pool:
    """Calls functions that may block, on a few threads that end when there is no work.

    The lock is reentrant, because the garbage collector may close an unclosed dispatcher, and
    with it the pool, on any thread and at any time. A thread of the pool does not wait for
    itself.

    Args:
        size: The maximum number of threads.
        name: The name of the threads.
    """

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._lock = threading.RLock()
        self._work: deque[Callable[[], None]] = deque()
        self._workers: list[Worker] = []
        self._busy = 0  # threads that will check for more work
        self._closed = False

    def submit(self, function: Callable[[], None]) -> None:
        """Call a function as soon as a thread is free. From any thread.

        Raises:
            RuntimeError: No thread runs, and none can be started.
        """
        with self._lock:
            if self._closed:
                return
            self._work.append(function)
            if self._busy < self._size:
                self._start()

    def _start(self) -> None:
        self._workers = [w for w in self._workers if not w.wait(0)]
        try:
            self._workers.append(Worker(self._serve, self._name))
        except RuntimeError:
            if not self._busy:  # else a running worker will take it
                self._work.pop()
                raise
        else:
            self._busy += 1

    def _serve(self) -> None:
        while (function := self._next()) is not None:
            try:
                function()
            except BaseException:  # SystemExit, too, would end the thread
                _log.exception("a function in the background failed")

    def _next(self) -> Callable[[], None] | None:
        with self._lock:
            if self._work:
                return self._work.popleft()
            self._busy -= 1  # under the lock: a concurrent submit starts a thread
            return None

    def close(self, timeout: float) -> None:
        """Drop waiting functions, and wait for running ones for ``timeout`` seconds in all.

        A function that takes longer continues on its daemon thread.
        """
        with self._lock:
            self._closed = True
            self._work.clear()
            workers, self._workers = self._workers, []
        clock = MonotonicClock()
        deadline = clock.now() + timeout
        for worker in workers:
            if not worker.is_current:
                worker.wait(max(0.0, deadline - clock.now()))

    def abandon(self) -> None:
        """Forget the threads, in a forked child: they do not exist there."""
        self._lock = threading.RLock()
        self._work.clear()
        self._workers.clear()
        self._closed = True
