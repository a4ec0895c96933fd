"""The only file that knows select: epoll, and the pipe that wakes it.

A poller knows descriptors and masks, no sources and no events. Facts it rests on:

- epoll watches the open file description, the table is keyed by the number too. When a
  number is closed while a duplicate lives on, epoll goes on reporting the number and
  refuses to delete it. Hence: delete before close, and `EpollPoller.rebuild`.
- Adding, changing and deleting from one thread works while another one waits, and takes
  effect at once; closing a descriptor wakes nobody.
- HUP and ERR are reported whatever the mask, even for a mask of 0; and so `NOTHING`.
- A number that was closed has left the set: changing it fails with ENOENT, even when it
  was given out anew. So what waits for nothing stays in the set, to be known again.
- Regular files and some devices are refused with EPERM (`NotPollableError`).
"""

import contextlib
import math
import os
import select
import signal
import threading
from collections.abc import Iterable, Iterator
from typing import Protocol

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
PRIORITY = select.EPOLLPRI
ERROR = select.EPOLLERR
HANGUP = select.EPOLLHUP
READ_HANGUP = select.EPOLLRDHUP
NOTHING = select.EPOLLONESHOT
"""Watched, and asked for nothing: a hang-up is reported once, and not again and again."""

_DRAIN = 4096  # bytes of a wakeup that are read at once


class NotPollableError(Exception):
    """The kernel won't poll this descriptor: it is always ready."""


class Poller(Protocol):
    """What the IO side asks of a poller. All but `poll` from any thread."""

    def fileno(self) -> int:
        """Return a descriptor that is readable when `poll` has something to tell."""

    def add(self, fd: int, mask: int) -> None:
        """Watch a descriptor.

        Raises:
            NotPollableError: It is always ready.
            OSError: It is not open, or is watched already.
        """

    def change(self, fd: int, mask: int) -> None:
        """Watch for another mask.

        Raises:
            OSError: The descriptor is not watched, or not open any more.
        """

    def remove(self, fd: int) -> None:
        """Watch it no longer; quiet if it is not watched."""

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        """Wait up to ``timeout`` seconds (None: for ever) and return (fd, mask) pairs."""

    def rebuild(self, masks: Iterable[tuple[int, int]]) -> None:
        """Forget everything and watch these (fd, mask) pairs; `fileno` stays."""

    def close(self) -> None:
        """Release the descriptor."""


class EpollPoller:
    """epoll, level-triggered: ready means ready until it has been read."""

    __slots__ = ("_epoll", "_outer", "poll")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._outer: select.epoll | None = None  # what a host watches
        self.poll = self._epoll.poll  # the very method: nothing stands in between

    def fileno(self) -> int:
        """Return a descriptor that can itself be polled.

        It is an epoll around ours: a host registers it with a poller of its own, and that
        would not notice when `rebuild` puts another file behind our number.
        """
        if self._outer is None:
            self._outer = select.epoll()
            self._outer.register(self._epoll, READ)
        return self._outer.fileno()

    def add(self, fd: int, mask: int) -> None:
        """Watch a descriptor. See `Poller.add`."""
        try:
            self._epoll.register(fd, mask)
        except PermissionError:
            raise NotPollableError(fd) from None

    def change(self, fd: int, mask: int) -> None:
        """Watch for another mask. See `Poller.change`."""
        self._epoll.modify(fd, mask)

    def remove(self, fd: int) -> None:
        """Watch it no longer. A number that was closed has left the set by itself."""
        with contextlib.suppress(OSError):
            self._epoll.unregister(fd)

    def rebuild(self, masks: Iterable[tuple[int, int]]) -> None:
        """Start afresh under the same number, to be rid of a closed descriptor."""
        fresh = select.epoll()
        try:
            for fd, mask in masks:
                with contextlib.suppress(OSError):  # closed behind our back: silent
                    fresh.register(fd, mask)
            os.dup2(fresh.fileno(), self._epoll.fileno(), inheritable=False)
            if self._outer is not None:
                self._outer.register(self._epoll, READ)  # the old one left by itself
        finally:
            fresh.close()

    def close(self) -> None:
        """Release the descriptors."""
        self._epoll.close()
        if self._outer is not None:
            self._outer.close()


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
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        # Up: waiting a little longer is right, and rounding down would spin.
        if poll.poll(None if timeout is None else math.ceil(timeout * 1000)):
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


def ready_now(fd: int, mask: int, timeout: float = 0.0) -> int:
    """Return what a descriptor is ready for, hang-ups and errors too.

    At this moment; or as soon as it is ready for anything, within ``timeout`` seconds.
    """
    poll = select.poll()
    poll.register(fd, mask)
    return sum(ready for _, ready in poll.poll(math.ceil(max(0.0, timeout) * 1000)))


def readable_now(fd: int) -> bool:
    """Return whether a descriptor has something to read, or has ended."""
    return ready_now(fd, READ) != 0
