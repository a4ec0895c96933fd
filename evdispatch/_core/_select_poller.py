"""The older pollers, select(2) and poll(2): each call passes all descriptors to the kernel.

Each keeps an epoll set with the same descriptors, which it never polls. The epoll set detects
closed descriptors and files that can't be polled, and is the one descriptor for a host's loop.
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
    """Base of pollers that pass the whole set to each call."""

    __slots__ = ("_once",)

    live = False

    def __init__(self) -> None:
        super().__init__()
        self.poll = self._poll_once
        self._once: set[int] = set()  # ONESHOT descriptors, to be reported once

    def add(self, fd: int, mask: int) -> None:
        """Watch a descriptor. See `Poller.add`."""
        super().add(fd, mask)
        self._set(fd, mask)

    def change(self, fd: int, mask: int) -> None:
        """Watch for another mask. See `Poller.change`."""
        super().change(fd, mask)
        self._set(fd, mask)

    def remove(self, fd: int) -> None:
        """Stop watching a descriptor."""
        super().remove(fd)
        self._set(fd, NO_INTEREST)

    def rebuild(self, masks: Iterable[tuple[int, int]]) -> None:
        """Watch these descriptors and no others. See `Poller.rebuild`."""
        masks = list(masks)
        super().rebuild(masks)
        self._clear()
        for fd, mask in masks:
            with contextlib.suppress(OSError):  # closed by other code
                self._set(fd, mask)

    def _set(self, fd: int, mask: int) -> None:
        once = mask != NO_INTEREST and mask & ONESHOT
        (self._once.add if once else self._once.discard)(fd)
        self._watch(fd, mask & ~ONESHOT if once else mask)

    def _poll_once(self, timeout: float | None = None) -> list[tuple[int, int]]:
        reported = self._wait(timeout)
        if self._once:
            for fd, _ in reported:
                if fd in self._once:
                    self._watch(fd, NO_INTEREST)
        return reported

    @abc.abstractmethod
    def _clear(self) -> None:
        """Empty the set."""

    @abc.abstractmethod
    def _watch(self, fd: int, mask: int) -> None:
        """Set the mask of a descriptor in the set."""

    @abc.abstractmethod
    def _wait(self, timeout: float | None = None) -> list[tuple[int, int]]:
        """Wait, and return (fd, mask) pairs."""


class PollPoller(_SetPoller):
    """poll: descriptors of any number."""

    __slots__ = ("_poll",)

    def __init__(self) -> None:
        super().__init__()
        self._clear()

    def _clear(self) -> None:
        self._poll = select.poll()

    def _watch(self, fd: int, mask: int) -> None:
        if mask != NO_INTEREST:
            self._poll.register(fd, mask)
        else:
            with contextlib.suppress(KeyError):
                self._poll.unregister(fd)

    def _wait(self, timeout: float | None = None) -> list[tuple[int, int]]:
        # Rounded up: a little late is right; rounded down, the loop would spin.
        return self._poll.poll(None if timeout is None else math.ceil(timeout * 1000))


class SelectPoller(_SetPoller):
    """select: descriptors below 1024.

    It cannot report hang-ups of a descriptor that is not watched for reading. An inner epoll,
    which is itself selected, reports those.
    """

    __slots__ = ("_hangups", "_masks", "_readers", "_urgent", "_writers")

    def __init__(self) -> None:
        super().__init__()
        self._hangups = select.epoll()
        self._clear()

    def _clear(self) -> None:
        # The number stays, because another thread may wait on it.
        with select.epoll() as fresh:
            os.dup2(fresh.fileno(), self._hangups.fileno(), inheritable=False)
        self._masks: dict[int, int] = {}
        self._readers = {self._hangups.fileno()}
        self._writers: set[int] = set()
        self._urgent: set[int] = set()

    def add(self, fd: int, mask: int) -> None:
        """Watch a descriptor. See `Poller.add`.

        Raises:
            OSError: Also if its number is above 1023 (EMFILE).
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
        if not mask & READ:  # with READ, a hang-up makes it readable
            self._hangups.register(fd, 0)

    def _wait(self, timeout: float | None = None) -> list[tuple[int, int]]:
        sets = self._readers, self._writers, self._urgent
        try:
            ready = {fd for fds in select.select(*sets, timeout) for fd in fds}
        except OSError as error:
            if error.errno != errno.EBADF:
                raise
            ready = set(self._masks)  # one was closed: poll below determines which
        # select reports a hang-up as readable: poll determines the mask.
        poll = select.poll()
        for fd in ready:
            mask = self._masks.get(fd)
            if mask is not None:  # else removed meanwhile, or the inner epoll
                poll.register(fd, mask)
        masks = dict(self._hangups.poll(0)) if self._hangups.fileno() in ready else {}
        masks.update(poll.poll(0))
        return list(masks.items())

    def close(self) -> None:
        """Release the descriptors."""
        super().close()
        self._hangups.close()
