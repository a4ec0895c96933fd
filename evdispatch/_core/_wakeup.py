"""`Wakeup`: a pipe that ends the wait of a poller."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

from evdispatch._core._poller import READ, ready_now

_DRAIN = 4096  # bytes per read of the pipe


class Wakeup:
    """A pipe by which any thread, or a signal, ends a wait.

    It is not an eventfd, because a write to that takes eight bytes, and
    ``signal.set_wakeup_fd`` writes one: see `wake_on_signals`.

    The lock prevents `set` from writing to a descriptor number that `close` has released. It
    is reentrant, because a signal handler may call `set` during a `set`.
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
        """Clear it."""
        with contextlib.suppress(BlockingIOError):
            while len(os.read(self._fd, _DRAIN)) == _DRAIN:
                pass

    @contextlib.contextmanager
    def wake_on_signals(self) -> Iterator[None]:
        """Make signals end the wait, too; no effect on other threads than the main one.

        A signal that arrives just before the wait does not interrupt it, and its Python
        handler would run after the wait, which may never end. So Python's C handler writes
        to this pipe (signal.set_wakeup_fd). A descriptor that is set already belongs to
        another loop, and stays.
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
        """Undo `wake_on_signals`; another loop's descriptor stays."""
        other = signal.set_wakeup_fd(-1)
        if other not in (-1, self._write_fd):
            signal.set_wakeup_fd(other)

    def wait(self, timeout: float | None) -> None:
        """Wait until it is set, up to ``timeout`` seconds, and clear it."""
        if ready_now(self._fd, READ, timeout):
            self.clear()

    def close(self) -> None:
        """Release the descriptor; a later `set` does nothing."""
        with self._lock:
            self.abandon()

    def abandon(self) -> None:
        """Close without the lock, whose holder may not exist in a forked child."""
        if threading.current_thread() is threading.main_thread():
            self._forget_signals()  # else signals write to the next file of this number
        fds, self._fd, self._write_fd = (self._fd, self._write_fd), -1, -1
        for fd in fds:
            if fd >= 0:
                os.close(fd)
