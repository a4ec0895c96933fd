"""The older pollers: select(2) and poll(2), whose every wait goes over all descriptors.

Each keeps an epoll set beside its own, which is never asked what is ready. It knows what
was closed and what can't be polled, and it is the one descriptor that a host can watch.
"""

import abc
import contextlib
import errno
import math
import os
import select
from collections.abc import Iterable

from evdispatch._core._poller import (
    NO_INTEREST,
    ONESHOT,
    PRIORITY,
    READ,
    WRITE,
    EpollPoller,
)

_FD_SETSIZE = 1024  # the bits of an fd_set, select(2)


class _SetPoller(EpollPoller):
    """What takes its set along to each wait: what is common to both."""

    __slots__ = ("_once",)

    live = False

    def __init__(self) -> None:
        super().__init__()
        self.poll = self._poll_once
        self._once: set[int] = set()  # to be told once, as epoll does by itself
        self._clear()

    def add(self, fd: int, mask: int) -> None:
        """Watch a descriptor. See `Poller.add`."""
        super().add(fd, mask)
        self._set(fd, mask)

    def change(self, fd: int, mask: int) -> None:
        """Watch for another mask. See `Poller.change`."""
        super().change(fd, mask)
        self._set(fd, mask)

    def remove(self, fd: int) -> None:
        """Watch it no longer."""
        super().remove(fd)
        self._set(fd, NO_INTEREST)

    def rebuild(self, masks: Iterable[tuple[int, int]]) -> None:
        """Start afresh. See `Poller.rebuild`."""
        masks = list(masks)
        super().rebuild(masks)
        self._clear()
        for fd, mask in masks:
            with contextlib.suppress(OSError):  # closed behind our back
                self._set(fd, mask)

    def _set(self, fd: int, mask: int) -> None:
        once = mask != NO_INTEREST and mask & ONESHOT
        (self._once.add if once else self._once.discard)(fd)
        self._watch(fd, mask & ~ONESHOT if once else mask)

    def _poll_once(self, timeout: float | None = None) -> list[tuple[int, int]]:
        told = self._wait(timeout)
        if self._once:
            for fd, _ in told:
                if fd in self._once:
                    self._watch(fd, NO_INTEREST)
        return told

    @abc.abstractmethod
    def _clear(self) -> None:
        """Have an empty set."""

    @abc.abstractmethod
    def _watch(self, fd: int, mask: int) -> None:
        """Change the set."""

    @abc.abstractmethod
    def _wait(self, timeout: float | None = None) -> list[tuple[int, int]]:
        """Wait, and tell what is ready."""


class PollPoller(_SetPoller):
    """poll: descriptors of any number."""

    __slots__ = ("_poll",)

    def _clear(self) -> None:
        self._poll = select.poll()

    def _watch(self, fd: int, mask: int) -> None:
        if mask != NO_INTEREST:
            self._poll.register(fd, mask)
        else:
            with contextlib.suppress(KeyError):
                self._poll.unregister(fd)

    def _wait(self, timeout: float | None = None) -> list[tuple[int, int]]:
        # Up: waiting a little longer is right, and rounding down would spin.
        return self._poll.poll(None if timeout is None else math.ceil(timeout * 1000))


class SelectPoller(_SetPoller):
    """select: descriptors below 1024.

    It has no word for a hang-up alone: an inner epoll, itself selected, tells of those.
    """

    __slots__ = ("_hangups", "_masks", "_readers", "_urgent", "_writers")

    def __init__(self) -> None:
        self._hangups = select.epoll()
        super().__init__()

    def _clear(self) -> None:
        with select.epoll() as fresh:  # another thread may wait on ours: it stays open
            os.dup2(fresh.fileno(), self._hangups.fileno(), inheritable=False)
        self._masks: dict[int, int] = {}
        self._readers = {self._hangups.fileno()}
        self._writers: set[int] = set()
        self._urgent: set[int] = set()

    def add(self, fd: int, mask: int) -> None:
        """Watch a descriptor. See `Poller.add`.

        Raises:
            OSError: Its number is above 1023, too (EMFILE).
        """
        if fd >= _FD_SETSIZE:
            limit = f"select takes descriptors below {_FD_SETSIZE}"
            advice = "use poller='epoll', or 'poll'"
            raise OSError(errno.EMFILE, f"{limit}: {advice}", f"fd {fd}")
        super().add(fd, mask)

    def _watch(self, fd: int, mask: int) -> None:
        for selected, bit in (
            (self._readers, READ),
            (self._writers, WRITE),
            (self._urgent, PRIORITY),
        ):
            (selected.add if mask & bit else selected.discard)(fd)
        with contextlib.suppress(OSError):
            self._hangups.unregister(fd)
        if mask == NO_INTEREST:
            self._masks.pop(fd, None)
            return
        self._masks[fd] = mask
        if not mask & READ:  # else a hang-up makes it readable
            self._hangups.register(fd, 0)

    def _wait(self, timeout: float | None = None) -> list[tuple[int, int]]:
        sets = self._readers, self._writers, self._urgent
        try:
            ready = {fd for fds in select.select(*sets, timeout) for fd in fds}
        except OSError as error:
            if error.errno != errno.EBADF:
                raise
            ready = set(self._masks)  # one was closed: a poll over all tells which
        # select says readable for a hang-up too: a poll over the few tells what it is.
        poll = select.poll()
        for fd in ready:
            mask = self._masks.get(fd)
            if mask is not None:  # else taken out meanwhile, or the inner one
                poll.register(fd, mask)
        told = dict(self._hangups.poll(0)) if self._hangups.fileno() in ready else {}
        told.update(poll.poll(0))
        return list(told.items())

    def close(self) -> None:
        """Release the descriptors."""
        super().close()
        self._hangups.close()
