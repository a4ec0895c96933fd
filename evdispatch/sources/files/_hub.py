"""The one inotify instance of a dispatcher, shared by all its watches.

A user has 128 instances for all programs, so a dispatcher takes one. The hub reads it and
appends each record to the tree that observes the watch descriptor; the tree replays it.

- The hub makes no events and is in the urgent lane, so it is still read while the normal lane
  is full: the kernel's queue overflows at 16,384 records.
- It stops reading while a tree has more than `BACKLOG` records to replay.
"""

import errno
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Protocol

from evdispatch._core._poller import ONESHOT, READ
from evdispatch._errors import ClosedError
from evdispatch._events import URGENT, Event
from evdispatch.sources._base import Source
from evdispatch.sources.files._inotify import (
    FLAGS,
    FULL,
    IN_DELETE_SELF,
    IN_IGNORED,
    IN_Q_OVERFLOW,
    Inotify,
    Record,
)

BACKLOG = 65_536  # records, of some 200 bytes
_LEAST = IN_DELETE_SELF  # every watch has it, so asking for it changes no watch
_READS = 4  # in one turn: 8,000 records, 5 ms
# Seconds. Two reads within this time begin a flood, in which the hub is read twice as often,
# by a timer, until there was nothing to read: a turn costs as much as ten records.
_FLOOD = 0.004
# Reported once, then the kernel looks away. Any other mask, 0 too, lets each record wake the
# thread that polls.
_ONCE = READ | ONESHOT
_DISCARDED = 256  # watches that are removed in one turn, 1 us each and more

InotifyRecord = tuple[Any, int, int, str, float]
"""Observer (None: an overflow), mask, cookie, name, and when it was read."""


class Client(Protocol):
    """The owner of observers: a tree."""

    records: deque[InotifyRecord]
    wake: Callable[[], None]
    """Schedule the replay of the records."""
    finish: Callable[[], None]
    """End the tree's source: no more records will come."""


class Observer(Protocol):
    """Something that receives the records of one watch descriptor, or of none (-1)."""

    wd: int

    @property
    def tree(self) -> Client:
        """Return the tree that replays its records."""

    @property
    def asked(self) -> int:
        """Return the mask of its watch."""

    @property
    def unasked(self) -> int:
        """Return the bits of `CHANGES` to leave out where another observer asked for them."""

    @property
    def path(self) -> str | None:
        """Return its path; None: it is gone. The path of / is empty."""

    def children(self) -> "Iterable[Observer]":
        """Return the observers below it."""


class InotifyHub(Source):
    """Reads the instance for all watches; added with the first, closed with the last.

    Attributes:
        full: A tree has too many records, and nothing is read.
    """

    lane: ClassVar[int] = URGENT

    __slots__ = (
        "_discarded",
        "_flood",
        "_inotify",
        "_observers",
        "_read_at",
        "_trees",
        "_wide",
        "full",
    )

    def __init__(self) -> None:
        super().__init__("inotify")
        self.full = False
        self._inotify = Inotify()
        self._trees: dict[Client, None] = {}
        self._observers: dict[int, Observer | list[Observer]] = {}
        self._discarded: list[Observer] = []
        self._wide: set[int] = set()  # watches with events that no observer asked for
        self._read_at = 0.0
        self._flood = False

    def fileno(self) -> int:
        """Return the instance's descriptor."""
        return self._inotify.fileno()

    def on_refuse(self) -> None:
        """Close the instance."""
        self._inotify.close()

    def on_close(self) -> None:
        """Close the instance, and end the watches that still use it."""
        if not self.fd_lost:
            self._inotify.close()
        self._observers.clear()
        self._discarded.clear()
        for tree in list(self._trees):
            tree.finish()

    # -- trees -----------------------------------------------------------------------

    def add_tree(self, tree: Client) -> None:
        """Deliver overflows to a tree."""
        self._trees[tree] = None

    def remove_tree(self, tree: Client, observers: Iterable[Observer]) -> None:
        """Discard a tree's observers; removing the last tree closes the instance."""
        self._trees.pop(tree, None)
        if self._trees:
            self.discard(observers)
        else:
            self.close()

    def resume_reading(self) -> None:
        """Read again: a tree has replayed its records."""
        if self.full:
            self.full = False
            self.watch(READ)

    # -- watches ---------------------------------------------------------------------

    def add_watch(self, path: str, mask: int) -> int:
        """Watch a path, and return the watch descriptor: the identity of the file there.

        Raises:
            OSError: It can't be watched.
            ClosedError: Someone else has closed the instance. The hub has ended.
        """
        try:
            return self._inotify.watch(path, mask)
        except OSError as error:
            if error.errno in (errno.EBADF, errno.EINVAL):
                raise self._end() from None
            if error.errno == errno.ENOSPC:
                used = f"{error.strerror}, this dispatcher has {len(self._observers)}"
                raise OSError(error.errno, used, path) from None
            raise

    def _end(self) -> ClosedError:
        """End the hub and all watches: the descriptor is not the instance's any more."""
        self.finish()
        return ClosedError(f"{self!r}: closed, and not through its source")

    def observers(self, wd: int) -> Sequence[Observer]:
        """Return the observers of a watch descriptor."""
        found = self._observers.get(wd, ())
        return found if isinstance(found, (list, tuple)) else (found,)

    def observe(self, wd: int, observer: Observer) -> None:
        """Deliver the records of a watch descriptor to an observer."""
        others = self.observers(wd)
        self._observers[wd] = [*others, observer] if others else observer
        observer.wd = wd

    def release(self, observer: Observer) -> None:
        """Deliver nothing more to an observer; a watch without observers is removed."""
        wd, observer.wd = observer.wd, -1
        if wd < 0:
            return
        others = [other for other in self.observers(wd) if other is not observer]
        if others:
            self._observers[wd] = others if len(others) > 1 else others[0]
            self._narrow(wd, observer.asked, others)
        elif self._observers.pop(wd, None) is not None:
            self._wide.discard(wd)
            self._inotify.unwatch(wd)

    def _narrow(self, wd: int, asked: int, others: Sequence[Observer]) -> None:
        """Reduce a watch to what the others asked for, so that no record wakes us in vain."""
        wanted = 0
        for other in others:
            wanted |= other.asked
        if not asked & ~wanted & ~FLAGS and wd not in self._wide:
            return
        self._wide.add(wd)
        for other in others:  # each may be elsewhere by now
            path = other.path
            if path is not None and self._proves(
                wd, self._inotify.narrow(wd, path or "/", wanted & ~FLAGS)
            ):
                self._wide.discard(wd)
                return

    def is_at(self, path: str, wd: int, flags: int) -> bool:
        """Whether the file with this watch descriptor is at a path; see `add_watch`."""
        return self._proves(wd, self.add_watch(path, _LEAST | flags))

    def _proves(self, wd: int, found: int) -> bool:
        """Whether it is the expected one; a watch that was added only to look is removed."""
        if found >= 0 and found not in self._observers:
            self._inotify.unwatch(found)
        return found == wd

    def discard(self, observers: Iterable[Observer]) -> None:
        """Release observers and all that are below them, in slices."""
        self._discarded.extend(observers)
        self.wake()

    def on_wake(self) -> Iterable[Event]:
        """Release a slice of the discarded observers."""
        for _ in range(min(_DISCARDED, len(self._discarded))):
            observer = self._discarded.pop()
            self._discarded.extend(observer.children())
            self.release(observer)
        if self._discarded:
            self.wake()
        return ()

    # -- reading ---------------------------------------------------------------------

    @property
    def has_more(self) -> bool:
        """Whether the kernel has records that were not read."""
        try:
            return self._inotify.has_more
        except OSError:
            raise self._end() from None

    def on_ready(self, ready: int) -> Iterable[Event]:
        """Read what is queued, unless it is read by a timer or not at all."""
        if self.full or self._flood:
            return ()
        now = self.host.now()
        if self._read(now) and 0 < now - self._read_at < _FLOOD:
            self.set_deadline(now + _FLOOD / 2)
            self._flood = True
            self.watch(_ONCE)
        self._read_at = now
        return ()

    def on_deadline(self, now: float) -> Iterable[Event]:
        """Read what is queued, in a flood."""
        # The next deadline comes first: an interrupt must not end the reading.
        self.set_deadline(now + _FLOOD / 2)
        if not self._read(now):
            self._flood = False
            self.set_deadline(None)
            if not self.full:
                self.watch(READ)
        return ()

    def _read(self, now: float) -> bool:
        """Append the queued records to their trees; return whether to expect more soon."""
        woken: dict[Client, None] = {}
        for _ in range(_READS):
            try:
                records = self._inotify.read()
            except OSError:
                raise self._end() from None
            self._deliver(records, woken, now)
            if len(records) < FULL:
                break
        for tree in woken:
            if len(tree.records) > BACKLOG:
                self.full = True
                self.watch(_ONCE)
            tree.wake()
        return bool(woken) and not self.full

    def _deliver(
        self, records: list[Record], woken: dict[Client, None], now: float
    ) -> None:
        find = self._observers.get
        last: Client | None = None
        for wd, mask, cookie, name in records:
            found = find(wd)
            if found is None:
                if mask & IN_Q_OVERFLOW:
                    for tree in self._trees:
                        tree.records.append((None, mask, 0, "", now))
                        woken[tree] = None
                continue  # else a late record of a watch that was removed
            for observer in found if isinstance(found, list) else (found,):
                if mask & observer.unasked:
                    continue
                tree = observer.tree
                tree.records.append((observer, mask, cookie, name, now))
                if tree is not last:
                    woken[tree] = None
                    last = tree
            if mask & IN_IGNORED:  # the kernel has removed the watch
                for observer in self.observers(wd):
                    observer.wd = -1
                del self._observers[wd]
                self._wide.discard(wd)
