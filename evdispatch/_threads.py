"""The threads of our own: the IO side's, and the one of a dispatcher in the background."""

import signal
import threading
from collections.abc import Callable

# What a thread does to itself: blocked, they would kill without a word of faulthandler's.
_FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT}


class Worker:
    """Calls a function on a thread of its own, to which no signal is delivered.

    Python runs signal handlers on the main thread, and a signal that another one takes
    does not end the main thread's wait.

    Args:
        function: What to call. What it raises is kept, as ``failure``.
        name: The thread's name.
    """

    def __init__(self, function: Callable[[], None], name: str) -> None:
        self.failure: BaseException | None = None
        self._function = function
        # A Thread.join that ctrl+c has ended takes the thread for ended, before 3.13.
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        # The mask is inherited, so it is set before the start.
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
            self.on_failure()
        finally:
            self._ended.set()

    def on_failure(self) -> None:
        """Tell of the failure; on the thread itself."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the thread, up to ``timeout`` seconds, and return whether it ended."""
        ended = self._ended.wait(timeout)
        if ended:
            self._thread.join()
        return ended

    @property
    def is_current(self) -> bool:
        """Whether this is the thread."""
        return threading.current_thread() is self._thread
