"""A pipe to itself, which ends the wait of a poller."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

from evdispatch._core._poller import READ, ready_now

_DRAIN = 4096  # bytes of a wakeup that are read at once


class Wakeup:
    """A pipe to itself: lets any thread, or a signal, end a wait.

    Not an eventfd, since that takes eight bytes at a time, and ``signal.set_wakeup_fd``
    writes one: see `wake_on_signals`.

    The lock keeps a `set` from writing to a number that `close` has just given back. It
    is reentrant, since a signal handler may call `set` in the midst of a `set`.
    """

    __slots__ = ("_fd", "_lock", "_write_fd")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def fileno(self) -> int:
        """Return the descriptor to poll."""
        return self._fd

    def set(self) -> None:
        """End the present wait, or the next one. From any thread or signal handler."""
        with self._lock:
            if self._write_fd >= 0:
                with contextlib.suppress(BlockingIOError):  # full: it is set
                    os.write(self._write_fd, b"\0")

    def clear(self) -> None:
        """Make it unset."""
        with contextlib.suppress(BlockingIOError):
            while len(os.read(self._fd, _DRAIN)) == _DRAIN:
                pass

    @contextlib.contextmanager
    def wake_on_signals(self) -> Iterator[None]:
        """Let signals end the wait too; only on the main thread does it anything.

        A signal that comes just before the wait begins does not interrupt it, and its
        Python handler would run when the wait is over: maybe never. So the C handler
        must make the wait's descriptor readable (signal.set_wakeup_fd). One that is set
        already is another loop's business, and stays.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        other = signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        if other != -1:
            signal.set_wakeup_fd(other)
        try:
            yield
        finally:
            self._forget_signals()

    def _forget_signals(self) -> None:
        """Let signals write here no more; leave another loop's descriptor alone."""
        other = signal.set_wakeup_fd(-1)
        if other not in (-1, self._write_fd):
            signal.set_wakeup_fd(other)

    def wait(self, timeout: float | None) -> None:
        """Wait until it is set or ``timeout`` seconds are over; leaves it unset."""
        if ready_now(self._fd, READ, timeout):
            self.clear()

    def close(self) -> None:
        """Release the descriptor; a later `set` does nothing."""
        with self._lock:
            self.abandon()

    def abandon(self) -> None:
        """Close without the lock: in a forked child nobody may be left to release it."""
        if threading.current_thread() is threading.main_thread():
            self._forget_signals()  # else they would write to whatever is opened next
        fds, self._fd, self._write_fd = (self._fd, self._write_fd), -1, -1
        for fd in fds:
            if fd >= 0:
                os.close(fd)
