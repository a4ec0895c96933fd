"""The descriptors of the sources, in two pollers; and whether they are still theirs.

Two sets: when the normal lane is full, only the urgent sources are polled. A descriptor
stays in its poller from the adding to the end, so that one which was closed behind our
back is known: the kernel has taken it out of the set. What can't be polled is known by
its inode, so the same file opened twice is not told apart.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterable
from typing import Literal

from evdispatch._core._poller import (
    EDGE,
    ONESHOT,
    READ,
    EpollPoller,
    NotPollableError,
    Poller,
    VerifyPoller,
)
from evdispatch._core._select_poller import PollPoller, SelectPoller
from evdispatch._events import URGENT
from evdispatch.sources._base import Source

_CLOSED = (-1, -1)  # no file's device and inode

PollerKind = Literal["epoll", "poll", "select", "verify"]

_EDGE = ("epoll", "verify")
_KINDS: dict[PollerKind, Callable[[], Poller]] = {
    "epoll": EpollPoller,
    "poll": PollPoller,
    "select": SelectPoller,
    "verify": VerifyPoller,
}


class Pollers:
    """The poller of all sources, and the one of the urgent ones.

    Args:
        own: Descriptors that both are to watch for reading: they are not sources'.
        kind: Which poller.
        edge: Whether sources that can be are edge-triggered.

    Raises:
        ValueError: Only epoll can do that.
    """

    def __init__(self, own: tuple[int, ...], kind: PollerKind, *, edge: bool) -> None:
        if edge and kind not in _EDGE:
            raise ValueError(f"edge=True needs poller='epoll', not {kind!r}")
        self._kind = kind
        self._edge = edge or kind == "verify"
        self._own = [(fd, READ) for fd in own]
        with contextlib.ExitStack() as undo:
            self.all = _KINDS[kind]()
            undo.callback(self.all.close)
            self.urgent = _KINDS[kind]()
            undo.callback(self.urgent.close)
            for poller in (self.all, self.urgent):
                for fd, mask in self._own:
                    poller.add(fd, mask)
            self.close = undo.pop_all().close
        self.live = self.all.live

    def add(self, source: Source, fd: int) -> None:
        """Watch a source's descriptor, for its mask.

        Raises:
            OSError: It can't be watched.
            ValueError: It asks to be edge-triggered, and can't be.
        """
        source._edge = EDGE if self._wants_edge(source) else 0
        watching: list[Poller] = []
        try:
            for poller in self._of(source):
                poller.add(fd, source._mask | source._edge)
                watching.append(poller)
        except NotPollableError:
            source._edge = 0
            source._inode = _inode(fd) or _CLOSED
        except OSError as error:
            for poller in watching:
                poller.remove(fd)
            raise OSError(error.errno, error.strerror, f"fd {fd}") from None

    def _wants_edge(self, source: Source) -> bool:
        wanted = source.edge
        if not wanted:
            return wanted is None and self._edge and source.nonblocking
        if self._kind not in _EDGE:
            raise ValueError(f"edge=True needs poller='epoll', not {self._kind!r}")
        if not source.nonblocking:
            raise ValueError(f"edge=True needs what can't block: not {source!r}")
        return True

    def change(self, source: Source, mask: int) -> None:
        """Wait for something else.

        Raises:
            OSError: The number is not the source's any more (EBADF).
        """
        if not source._pollable:
            if not self.owns_fd(source):
                raise closed_behind_our_back(source)
            return
        for poller in self._of(source):
            poller.change(source._fd, mask | source._edge)

    def owns_fd(self, source: Source) -> bool:
        """Whether the source's number is still that of the file it was added with.

        What is told `ONESHOT` is told once more from now on.
        """
        if not source._pollable:
            return _inode(source._fd) == source._inode
        try:
            if source._mask & ONESHOT:
                self.change(source, source._mask)
            else:
                self.all.change(source._fd, source._mask | source._edge)
        except OSError:
            return False
        return True

    def rearm(self, source: Source) -> None:
        """Tell anew what a source is ready for, if that was told once; and no errors."""
        with contextlib.suppress(OSError):  # closed behind our back: see `knows`
            self.change(source, source._mask)

    def remove(self, source: Source) -> None:
        """Know it no longer."""
        if source._pollable:
            for poller in self._of(source):
                poller.remove(source._fd)

    def rebuild(self, sources: Iterable[Source]) -> None:
        """Watch these and no others: a number was closed while a duplicate lives on."""
        known = [
            source for source in sources if source._pollable and self.owns_fd(source)
        ]
        for poller in (self.all, self.urgent):
            masks = [
                (source._fd, source._mask | source._edge)
                for source in known
                if poller in self._of(source)
            ]
            poller.rebuild([*self._own, *masks])

    def _of(self, source: Source) -> tuple[Poller, ...]:
        return (self.all, self.urgent) if source.lane == URGENT else (self.all,)


def closed_behind_our_back(source: Source) -> OSError:
    """Return the error of a source whose number is not its file's any more."""
    return OSError(errno.EBADF, "closed, and not through its source", repr(source))


def check_open(fd: int) -> None:
    """Check that it is the number of an open file.

    Raises:
        OSError: It is not (EBADF).
    """
    if _inode(fd) is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), f"fd {fd}")


def _inode(fd: int) -> tuple[int, int] | None:
    """Return what tells a file from all others; None: the number is closed."""
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino
