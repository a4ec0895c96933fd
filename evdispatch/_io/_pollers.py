"""The descriptors of the sources, in two pollers; and whether they are still theirs.

Two sets, because with the normal lane full only the urgent sources are polled. A descriptor
stays in its poller from the adding to the end, so that one which someone else has closed is
detected: the kernel has taken it out of the set. A file that can't be polled is identified by
its inode, so the same file opened twice can't be told apart.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterable
from typing import Any, Literal

from evdispatch._core._poller import (
    EDGE,
    ONESHOT,
    READ,
    EpollPoller,
    NotPollableError,
    Poller,
)
from evdispatch._core._select_poller import PollPoller, SelectPoller
from evdispatch._events import URGENT
from evdispatch.sources._registration import Registration

_CLOSED = (-1, -1)  # the device and inode of no file

PollerKind = Literal["epoll", "poll", "select"]

FACTORIES: dict[str, Callable[[], Poller]] = {
    "epoll": EpollPoller,
    "poll": PollPoller,
    "select": SelectPoller,
}


class Pollers:
    """The poller of all sources, and the one of the urgent ones.

    Args:
        own: Descriptors that both watch for reading besides those of sources.
        kind: Which poller.
        edge: Whether sources that can be are edge-triggered.

    Raises:
        ValueError: ``edge`` needs epoll.
    """

    def __init__(self, own: tuple[int, ...], kind: PollerKind, *, edge: bool) -> None:
        if edge and kind != "epoll":
            raise ValueError(f"edge=True needs poller='epoll', not {kind!r}")
        self._kind = kind
        self._edge = edge
        self._own = [(fd, READ) for fd in own]
        with contextlib.ExitStack() as undo:
            self.all = FACTORIES[kind]()
            undo.callback(self.all.close)
            self.urgent = FACTORIES[kind]()
            undo.callback(self.urgent.close)
            for poller in (self.all, self.urgent):
                for fd, mask in self._own:
                    poller.add(fd, mask)
            self.close = undo.pop_all().close
        self.live = self.all.live

    def add(self, record: Registration, fd: int) -> None:
        """Watch a descriptor for its record's mask.

        Raises:
            OSError: It can't be watched.
            ValueError: Its source asks to be edge-triggered, and can't be.
        """
        record.edge = EDGE if self._wants_edge(record) else 0
        mask = record.mask | record.edge
        try:
            self.all.add(fd, mask)
        except NotPollableError:
            record.edge = 0
            record.inode = _inode(fd) or _CLOSED
            return
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"fd {fd}") from None
        if record.source.lane == URGENT:
            try:
                self.urgent.add(fd, mask)
            except OSError as error:
                self.all.remove(fd)
                raise OSError(error.errno, error.strerror, f"fd {fd}") from None

    def _wants_edge(self, record: Registration) -> bool:
        source = record.source
        wanted = source.edge
        if not wanted:
            return wanted is None and self._edge and source.nonblocking
        if self._kind != "epoll":
            raise ValueError(f"edge=True needs poller='epoll', not {self._kind!r}")
        if not source.nonblocking:
            raise ValueError(f"edge=True needs what can't block: not {source!r}")
        return True

    def change(self, record: Registration, mask: int) -> None:
        """Watch for another mask.

        Raises:
            OSError: Someone else has closed the descriptor (EBADF).
        """
        if record.inode is not None:
            if not self.owns_fd(record):
                raise closed_elsewhere(record.source)
            return
        for poller in self._of(record):
            poller.change(record.fd, mask | record.edge)

    def owns_fd(self, record: Registration) -> bool:
        """Whether the descriptor still is the file that it was added with.

        A `ONESHOT` mask is armed again by this.
        """
        if record.inode is not None:
            return _inode(record.fd) == record.inode
        try:
            if record.mask & ONESHOT:
                self.change(record, record.mask)
            else:
                self.all.change(record.fd, record.mask | record.edge)
        except OSError:
            return False
        return True

    def rearm(self, record: Registration) -> None:
        """Report again what was to be reported once; ignores a closed descriptor."""
        with contextlib.suppress(OSError):  # closed by someone else: see `owns_fd`
            self.change(record, record.mask)

    def remove(self, record: Registration) -> None:
        """Stop watching a descriptor."""
        if record.inode is None:
            for poller in self._of(record):
                poller.remove(record.fd)

    def rebuild(self, records: Iterable[Registration]) -> None:
        """Watch these and no others: a closed number lives on through a duplicate."""
        ours = [each for each in records if each.inode is None and self.owns_fd(each)]
        for poller in (self.all, self.urgent):
            masks = [
                (each.fd, each.mask | each.edge)
                for each in ours
                if poller in self._of(each)
            ]
            poller.rebuild([*self._own, *masks])

    def _of(self, record: Registration) -> tuple[Poller, ...]:
        urgent = record.source.lane == URGENT
        return (self.all, self.urgent) if urgent else (self.all,)


def closed_elsewhere(source: Any) -> OSError:
    """Return the error of a source whose descriptor was not closed through it."""
    return OSError(errno.EBADF, "closed, and not through its source", repr(source))


def check_open(fd: int) -> None:
    """Check that a number is that of an open file.

    Raises:
        OSError: It is not (EBADF).
    """
    if _inode(fd) is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), f"fd {fd}")


def _inode(fd: int) -> tuple[int, int] | None:
    """Return the device and inode of a file; None: the number is closed."""
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino
