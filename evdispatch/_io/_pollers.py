"""The descriptors of the sources, in two pollers, and the check that each is still the same file.

There are two pollers because only urgent sources are polled while the normal lane is full. A
descriptor stays in its poller until its source ends. The kernel removes a closed descriptor from
the set, so one that other code has closed is detected. A file that can't be polled is identified
by its inode, so a second descriptor of the same file is not detected.
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
    """The poller of all sources, and the poller of the urgent sources.

    Args:
        own: Descriptors that both pollers watch for reading, besides those of sources.
        kind: The kind of poller.
        edge: Whether sources that support it are edge-triggered.

    Raises:
        ValueError: ``edge`` needs epoll.
    """

    def __init__(self, own: tuple[int, ...], kind: PollerKind, *, edge: bool) -> None:
        if edge and kind != "epoll":
            raise ValueError(f"poller must be 'epoll' with edge=True, got {kind!r}")
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
            ValueError: Its source has ``edge=True``, and can't be edge-triggered.
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
            raise ValueError(
                f"poller must be 'epoll' with edge=True, got {self._kind!r}"
            )
        if not source.nonblocking:
            raise ValueError(
                f"a source with edge=True must be nonblocking, got {source!r}"
            )
        return True

    def change(self, record: Registration, mask: int) -> None:
        """Watch for another mask.

        Raises:
            OSError: Other code has closed the descriptor (EBADF).
        """
        if record.inode is not None:
            if not self.owns_fd(record):
                raise closed_elsewhere(record.source)
            return
        for poller in self._of(record):
            poller.change(record.fd, mask | record.edge)

    def owns_fd(self, record: Registration) -> bool:
        """Whether the descriptor is still the file that was added.

        This call re-arms a `ONESHOT` mask.
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
        """Make the poller report a ready descriptor again; ignores a closed one."""
        with contextlib.suppress(OSError):  # closed by other code: see `owns_fd`
            self.change(record, record.mask)

    def remove(self, record: Registration) -> None:
        """Stop watching a descriptor."""
        if record.inode is None:
            for poller in self._of(record):
                poller.remove(record.fd)

    def rebuild(self, records: Iterable[Registration]) -> None:
        """Watch these only: drops a closed number that epoll reports for a duplicate."""
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
    """Return the error of a source whose descriptor other code has closed."""
    return OSError(errno.EBADF, "closed, and not through its source", repr(source))


def check_open(fd: int) -> None:
    """Check that a descriptor is open.

    Raises:
        OSError: It is closed (EBADF).
    """
    if _inode(fd) is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), f"fd {fd}")


def _inode(fd: int) -> tuple[int, int] | None:
    """Return the device and inode of a descriptor's file, or None if it is closed."""
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino
