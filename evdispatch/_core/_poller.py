"""What is ready: epoll, level- and edge-triggered. `_select_poller` has select and poll.

A poller knows descriptors and masks, no sources and no events. Facts it rests on:

- epoll watches the open file description, the table is keyed by the number too. When a
  number is closed while a duplicate lives on, epoll goes on reporting the number and
  refuses to delete it. Hence: delete before close, and `EpollPoller.rebuild`.
- Adding, changing and deleting from one thread works while another one waits, and takes
  effect at once; closing a descriptor wakes nobody. select and poll take the set along
  when the wait begins (``live`` is false), and keep the files in it open until it ends.
- HUP and ERR are reported whatever the mask, even for a mask of 0; and so `NO_INTEREST`.
- A waiting epoll is woken by whatever a descriptor tells, and only then looks at the mask:
  one that is watched for nothing costs as much. `ONESHOT` has the kernel look away.
- A number that was closed has left an epoll set: changing it fails with ENOENT, even when
  it was given out anew. So what waits for nothing stays in the set, to be known again.
- Regular files and some devices are refused with EPERM (`NotPollableError`).
- Edge-triggered (`EDGE`), epoll tells of an arrival once. Changing the mask tells of
  what is there, again.
"""

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
INVALID = select.POLLNVAL  # the number is closed; only poll says so
EDGE = select.EPOLLET
ONESHOT = select.EPOLLONESHOT
"""Beside others: report it once, and then nothing until the mask is set anew."""
NO_INTEREST = ONESHOT
"""Watched, and asked for nothing: a hang-up is reported once, and not again and again."""


class NotPollableError(Exception):
    """The kernel won't poll this descriptor: it is always ready."""


class Poller(Protocol):
    """What the IO side asks of a poller. All but `poll` from any thread."""

    live: bool
    """Whether what is added, changed or removed counts for a wait that has begun."""

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
    """epoll: a wait costs what is ready, however many are watched."""

    __slots__ = ("_epoll", "_outer", "poll")

    live = True

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._outer: select.epoll | None = None  # what a host watches
        # The very method: nothing stands in between.
        self.poll: Callable[[float | None], list[tuple[int, int]]] = self._epoll.poll

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


def ready_now(fd: int, mask: int, timeout: float | None = 0.0) -> int:
    """Return what a descriptor is ready for, hang-ups and errors too.

    At this moment; or as soon as it is ready for anything, within ``timeout`` seconds
    (None: for ever).
    """
    poll = select.poll()
    poll.register(fd, mask)
    wait = None if timeout is None else math.ceil(max(0.0, timeout) * 1000)
    return sum(ready for _, ready in poll.poll(wait))


def readable_now(fd: int) -> bool:
    """Return whether a descriptor has something to read, or has ended."""
    return ready_now(fd, READ) != 0
