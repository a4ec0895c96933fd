"""The one inotify instance of a dispatcher, which all its watches share.

There may be 128 instances for all of a user's programs, so a dispatcher has one. The hub
reads it and hands each record to who observes that watch descriptor; what it means is for
the tree there to find out.

- It makes no events itself, and is in the urgent lane so that it is read on while handlers
  keep the queue full: the kernel's own queue ends at 16,384 records.
- It reads no more while a tree has `BACKLOG` records to work on.
"""

import contextlib
import errno
from collections.abc import Iterable, Sequence
from typing import ClassVar

from evdispatch._core._poller import ONESHOT, READ
from evdispatch._errors import ClosedError
from evdispatch._events import URGENT, Event
from evdispatch.sources._base import Source
from evdispatch.sources.files._inotify import (
    FLAGS,
    FULL,
    IN_IGNORED,
    IN_Q_OVERFLOW,
    Inotify,
    Record,
)
from evdispatch.sources.files._observer import LEAST, InotifyRecord, Observer, Tree

BACKLOG = 65_536  # records, of some 200 bytes
_TIMES = 4  # reads in one turn: 8,000 records, 5 ms
# Two reads that come so close are a flood, in which each read waits for half as long, in
# seconds. A read and what follows cost as much as ten records, and a writer is no faster
# than we are.
_FLOOD = 0.004
# InotifyRecord once, it is asked for anew when it is verified, before each read; so in a lull no
# record wakes the poller. (Each did: a tenth of all the time in a flood.)
_ASKED = READ | ONESHOT
_DISCARDED = 256  # watches that are ended in one turn, 1 us each and more


class InotifyHub(Source):
    """Reads the instance for all watches; added with the first, closed with the last."""

    lane: ClassVar[int] = URGENT

    __slots__ = (
        "_discarded",
        "_full",
        "_inotify",
        "_lull",
        "_observers",
        "_read_at",
        "_trees",
        "_wide",
    )

    def __init__(self) -> None:
        super().__init__("inotify")
        self._inotify = Inotify()
        self._trees: dict[Tree, None] = {}
        self._observers: dict[int, Observer | list[Observer]] = {}
        self._discarded: list[Observer] = []
        self._wide: set[int] = set()  # they tell more than is wanted: nobody is there
        self._full = False  # a tree has as much to work on as it may
        self._read_at = 0.0
        self._lull = False
        self.watch(_ASKED)

    def fileno(self) -> int:
        """Return the instance's descriptor."""
        return self._inotify.fileno()

    def on_refuse(self) -> None:
        """Close it."""
        self._inotify.close()

    def on_close(self) -> None:
        """Close it; whoever still has watches there ends with it."""
        if not self.fd_lost:
            self._inotify.close()
        self._observers.clear()
        self._discarded.clear()
        for tree in list(self._trees):
            tree.finish()

    # -- trees -----------------------------------------------------------------------

    def enlist(self, tree: Tree) -> None:
        """Have a tree told of overflows."""
        self._trees[tree] = None

    def dismiss(self, tree: Tree, observers: Iterable[Observer]) -> None:
        """Forget a tree; the last one closes the instance."""
        self._trees.pop(tree, None)
        if self._trees:
            self.discard(observers)
        else:
            self.close()

    def go_on(self) -> None:
        """Read on: a tree has worked off what it had."""
        if self._full:
            self._full = False
            self.watch(_ASKED)

    # -- watches ---------------------------------------------------------------------

    def add(self, path: str, mask: int) -> int:
        """Watch a path, and return the watch descriptor: the identity of what is there.

        Raises:
            OSError: It can't be watched.
            ClosedError: The instance was closed behind our back.
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
        """End, and all watches with it: the number was closed behind our back."""
        with contextlib.suppress(ClosedError, OSError):
            self.host.verify(self)
        return ClosedError(f"{self!r}: closed, and not through its source")

    def observers(self, wd: int) -> Sequence[Observer]:
        """Return who observes a watch descriptor."""
        found = self._observers.get(wd, ())
        return found if isinstance(found, (list, tuple)) else (found,)

    def on_dequeue(self, wd: int, observer: Observer) -> None:
        """Have an observer told of a watch descriptor."""
        others = self.observers(wd)
        self._observers[wd] = [*others, observer] if others else observer
        observer.wd = wd

    def release(self, observer: Observer) -> None:
        """Tell it nothing more; a watch that nobody observes ends."""
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
        """Have a watch tell no more than the others want: an idle program is not woken."""
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
        """Whether what has this watch descriptor is at a path; ``flags`` say how to look.

        Raises:
            OSError: Nothing is there that can be watched.
            ClosedError: The instance was closed behind our back.
        """
        return self._proves(wd, self.add(path, LEAST | flags))

    def _proves(self, wd: int, found: int) -> bool:
        """Whether it is the one; another that was only added to see is ended."""
        if found >= 0 and found not in self._observers:
            self._inotify.unwatch(found)
        return found == wd

    def discard(self, observers: Iterable[Observer]) -> None:
        """Release observers and all that are below them, by and by."""
        self._discarded.extend(observers)
        self.wake()

    def on_wake(self) -> Iterable[Event]:
        """Release a slice of what was discarded."""
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
        """Hand what is queued to those who observe it."""
        if self._lull:
            return ()
        self.host.verify(self)
        now = self.host.now()
        told: dict[Tree, None] = {}
        for _ in range(_TIMES):
            records = self._inotify.read()
            self._hand_out(records, told, now)
            if len(records) < FULL:
                break
        for tree in told:
            self._full |= len(tree.records) > BACKLOG
            tree.wake()
        if self._full:
            self.watch(0)
        elif told and 0 < now - self._read_at < _FLOOD:  # 0: a clock stands, in a test
            self.set_deadline(now + _FLOOD / 2)
            self._lull = True  # not before: who is interrupted here is not deaf
        self._read_at = now
        return ()

    def on_deadline(self, now: float) -> Iterable[Event]:
        """Read on, after a lull."""
        self._lull = False
        return self.on_ready(READ)

    def _hand_out(
        self, records: list[Record], told: dict[Tree, None], now: float
    ) -> None:
        find = self._observers.get
        last: Tree | None = None
        for wd, mask, cookie, name in records:
            found = find(wd)
            if found is None:
                if mask & IN_Q_OVERFLOW:
                    self._tell_all((None, mask, 0, "", now), told)
                continue  # late: nobody's any more
            for observer in found if isinstance(found, list) else (found,):
                if mask & observer.unasked:
                    continue
                tree = observer.tree
                tree.records.append((observer, mask, cookie, name, now))
                if tree is not last:
                    told[tree] = None
                    last = tree
            if mask & IN_IGNORED:  # the kernel has ended the watch
                for observer in self.observers(wd):
                    observer.wd = -1
                del self._observers[wd]
                self._wide.discard(wd)

    def _tell_all(self, record: InotifyRecord, told: dict[Tree, None]) -> None:
        for tree in self._trees:
            tree.records.append(record)
            told[tree] = None
