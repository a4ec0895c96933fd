"""Pollers report which descriptors are ready. `_select_poller` has select and poll.

A poller knows descriptors and masks; it knows no sources and no events.
"""

# Facts on which the pollers and their users rest:
#
# - epoll watches the open file description, but its table is keyed by the number, too. When a
#   number is closed while a duplicate is open, epoll continues to report the number, and
#   refuses to delete it. Hence: delete before close, and `EpollPoller.rebuild`.
# - Adding, changing and deleting works while another thread waits, and takes effect at once.
#   Closing a descriptor ends no wait. select and poll copy the set when the wait begins
#   (``live`` is false), and keep its files open until the wait ends.
# - HUP and ERR are reported for every mask, even for a mask of 0. Hence `NO_INTEREST`.
# - Any event of a watched descriptor wakes a waiting epoll before the mask is checked, so a
#   descriptor with a mask of 0 costs as much as others. `ONESHOT` disables the descriptor.
# - A closed number has left the epoll set: changing it fails with ENOENT, even if the number
#   is in use again. So a descriptor without interest stays in the set: otherwise a reused
#   number would not be detected.
# - Regular files and some devices are refused with EPERM (`NotPollableError`).
# - Edge-triggered (`EDGE`), epoll reports an arrival once. Changing the mask makes it report
#   the present readiness again.

import contextlib
import math
import os
import select
from collections.abc import Callable, Iterable
from typing import Protocol

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
PRIORITY = select.EPOLLPRI
ERROR = select.EPOLLERR
HANGUP = select.EPOLLHUP
INVALID = select.POLLNVAL  # the number is closed; only poll reports it
EDGE = select.EPOLLET
ONESHOT = select.EPOLLONESHOT
"""Added to other bits: report the descriptor once, and then not until the mask is set again."""
NO_INTEREST = ONESHOT
"""The mask of a descriptor without interest: a hang-up is reported once, not repeatedly."""


class NotPollableError(Exception):
    """The kernel can't poll this descriptor: it is always ready."""


class Poller(Protocol):
    """A poller as the IO side uses it. All methods but `poll` may be called on any thread."""

    live: bool
    """Whether a change takes effect in a wait that has begun."""

    def fileno(self) -> int:
        """Return a descriptor that is readable when `poll` would return something."""

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
        """Stop watching a descriptor; ignored if it is not watched."""

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        """Wait up to ``timeout`` seconds (None: for ever), and return (fd, mask) pairs."""

    def rebuild(self, masks: Iterable[tuple[int, int]]) -> None:
        """Watch these (fd, mask) pairs and no others; `fileno` does not change."""

    def close(self) -> None:
        """Release the descriptor."""


class EpollPoller:
    """epoll: the cost of a wait depends on the ready descriptors, not on all."""

    __slots__ = ("_epoll", "_outer", "poll")

    live = True

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._outer: select.epoll | None = None  # for a host's loop: see fileno
        # The bound method itself: a method of this class would add a call.
        self.poll: Callable[[float | None], list[tuple[int, int]]] = self._epoll.poll

    def fileno(self) -> int:
        """Return a descriptor that can itself be polled.

        It is a second epoll that watches the first one. A host registers it with its own
        poller, which would not notice that `rebuild` replaces the file of the first number.
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
        """Stop watching a descriptor. A closed number has left the set already."""
        with contextlib.suppress(OSError):
            self._epoll.unregister(fd)

    def rebuild(self, masks: Iterable[tuple[int, int]]) -> None:
        """Replace the epoll set under the same number, to drop closed descriptors."""
        fresh = select.epoll()
        try:
            for fd, mask in masks:
                with contextlib.suppress(OSError):  # closed by other code
                    fresh.register(fd, mask)
            os.dup2(fresh.fileno(), self._epoll.fileno(), inheritable=False)
            if self._outer is not None:
                self._outer.register(self._epoll, READ)  # dup2 removed the old one
        finally:
            fresh.close()

    def close(self) -> None:
        """Release the descriptors."""
        self._epoll.close()
        if self._outer is not None:
            self._outer.close()


def ready_now(fd: int, mask: int, timeout: float | None = 0.0) -> int:
    """Return what a descriptor is ready for, including hang-ups and errors.

    Waits up to ``timeout`` seconds (None: for ever) until it is ready for anything.
    """
    poll = select.poll()
    poll.register(fd, mask)
    wait = None if timeout is None else math.ceil(max(0.0, timeout) * 1000)
    return sum(ready for _, ready in poll.poll(wait))


def readable_now(fd: int) -> bool:
    """Return whether a read of a descriptor would not block: data, or the end."""
    return ready_now(fd, READ) != 0
