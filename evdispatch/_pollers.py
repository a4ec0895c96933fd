"""The descriptors of the sources, in two pollers; and whether they are still theirs.

Two sets: when the normal lane is full, only the urgent sources are polled. A descriptor
stays in its poller from the adding to the end, so that one which was closed behind our
back is known: the kernel has taken it out of the set. What can't be polled is known by
its inode, so the same file opened twice is not told apart.
"""

import contextlib
import errno
import os
from collections.abc import Iterable

from evdispatch._events import URGENT
from evdispatch._poller import NOTHING, READ, EpollPoller, NotPollableError, Poller
from evdispatch.sources._base import Source


class Pollers:
    """The poller of all sources, and the one of the urgent ones.

    Args:
        own: Descriptors that both are to watch for reading: they are not sources'.
    """

    def __init__(self, own: tuple[int, ...]) -> None:
        self._own = [(fd, READ) for fd in own]
        with contextlib.ExitStack() as undo:
            self.all: Poller = EpollPoller()
            undo.callback(self.all.close)
            self.urgent: Poller = EpollPoller()
            undo.callback(self.urgent.close)
            for poller in (self.all, self.urgent):
                for fd, mask in self._own:
                    poller.add(fd, mask)
            self.close = undo.pop_all().close

    def add(self, source: Source) -> None:
        """Know a source's descriptor, and wait for nothing yet.

        Raises:
            OSError: It can't be watched.
        """
        fd = source._fd
        try:
            for poller in self._of(source):
                poller.add(fd, NOTHING)
        except NotPollableError:
            source._pollable = False
            source._inode = _inode(fd)
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"fd {fd}") from None

    def change(self, source: Source, mask: int) -> None:
        """Wait for something else.

        Raises:
            OSError: The number is not the source's any more (EBADF).
        """
        if not source._pollable:
            if not self.knows(source):
                raise closed_behind_our_back(source)
            return
        for poller in self._of(source):
            poller.change(source._fd, mask)

    def knows(self, source: Source) -> bool:
        """Whether the source's number is still that of the file it was added with."""
        if not source._pollable:
            return _inode(source._fd) == source._inode
        try:
            self.all.change(source._fd, source._mask)
        except OSError:
            return False
        return True

    def remove(self, source: Source) -> None:
        """Know it no longer."""
        if source._pollable:
            for poller in self._of(source):
                poller.remove(source._fd)

    def rebuild(self, sources: Iterable[Source]) -> None:
        """Watch these and no others: a number was closed while a duplicate lives on."""
        known = [
            source for source in sources if source._pollable and self.knows(source)
        ]
        masks = [(source._fd, source._mask) for source in known]
        self.all.rebuild([*self._own, *masks])
        masks = [
            (source._fd, source._mask) for source in known if source.lane == URGENT
        ]
        self.urgent.rebuild([*self._own, *masks])

    def _of(self, source: Source) -> tuple[Poller, ...]:
        return (self.all, self.urgent) if source.lane == URGENT else (self.all,)


def closed_behind_our_back(source: Source) -> OSError:
    """Return the error of a source whose number is not its file's any more."""
    return OSError(errno.EBADF, "closed, and not through its source", repr(source))


def _inode(fd: int) -> tuple[int, int] | None:
    """Return what tells a file from all others; None: the number is closed."""
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino
