"""A tree that is has_hooks: what is worked on when, until the model is exact.

::

    records -> replay -> visits -> is something still queued? -> confirm -> settle -> settled

- Visits come first: the sooner a watch is added, the less is missed.
- When nothing is queued, what was visited is confirmed, unless a directory has moved since:
  then it is dirty. Dirty directories are visited from the top down when all has been quiet
  for `QUIET` seconds, or at the latest after `PATIENCE` seconds, and so on until nothing
  was queued at the end.
"""

import errno
import os
from collections.abc import Generator, Iterator

from evdispatch._events import Error, Event
from evdispatch.sources.files._changes import Changes
from evdispatch.sources.files._events import (
    Created,
    Deleted,
    Modified,
    Ready,
    Rescan,
    RootGone,
)
from evdispatch.sources.files._hub import BACKLOG
from evdispatch.sources.files._model import (
    CHECK,
    FIRST,
    NEW,
    Node,
    Options,
    TreeContext,
    log,
)
from evdispatch.sources.files._trail import RootPath

QUIET = 0.03  # seconds
PATIENCE = 1.0  # seconds
RETRY = 5.0  # seconds, for directories that could not be watched
_PASSES = 10  # in turn: an odd file system lists what it does not have


class Tracker(Changes):
    """Works on all there is to do, a slice at a time.

    Attributes:
        ready: Whether all that was there at the beginning has been visited.
        due: When `work` is to be called again without a record; None: not at all.
    """

    def __init__(self, around: TreeContext, path: str, options: Options) -> None:
        super().__init__(around, path, options)
        self.ready = False
        self.due: float | None = None
        self._trail = RootPath(self.hub, self, path)
        self._quiet_at = 0.0
        self._patient_until: float | None = None
        self._passes = 0
        self._left = 0  # directories without a watch, at the last try
        self._retry_at = 0.0
        self._blocked: str | None = None  # what was told of the way to the root

    def work(self) -> Iterator[list[Event] | Event | None]:
        """Do all there is to do now; yields None to breathe."""
        self.due = None
        while True:
            if self.fd_lost:
                self.settled = False
                yield from self._locate()
            elif self.todo:
                self.settled = False
                yield None
                yield from self.visit(*self.todo.pop())
            elif self.records and not self._is_waiting():
                self._passes = 0
                self._quiet_at = self.records[-1][4] + QUIET
                for made in self.replay():
                    self.settled &= not made
                    yield made
                if len(self.records) <= BACKLOG // 2:
                    self.hub.go_on()
            elif not (yield from self._rest()):
                return

    def _is_waiting(self) -> bool:
        until = self.waits_until
        return until is not None and self.now() < until and not self.has_partner

    def _rest(self) -> Generator[Event | None, None, bool]:
        """Confirm, tell, and begin to settle; return whether there is more to do now."""
        now = self.now()
        if self.records:  # half a rename waits
            self.due = self.waits_until
            return False
        if self.allowed:  # to look again at what was refused
            self.allowed = False
            rights = (errno.EACCES, errno.EPERM)
            self.dirty.update(
                (node, None) for node, why in self.refused.items() if why in rights
            )
        if not self._confirm(now):
            return False
        if not self.ready:
            self.ready, self.silent = True, False
            yield Ready(self.root_path)
            return True
        if self.dirty:
            return self._settle(now)
        self._patient_until = None
        self.missed.clear()
        if self.overflowed:
            self.overflowed = False
            yield Rescan(self.root_path)
        if self.unwatched and self._retry(now):
            return True
        if not self.settled:
            self.settled = now >= self._quiet_at
            if not self.settled:
                self.due = self._quiet_at
        return False

    def _confirm(self, now: float) -> bool:
        """See that what was visited holds; return whether that can be said yet."""
        self.settled &= not self.dirty
        if self.settled and not self.unconfirmed:
            return True
        quiet = now >= self._quiet_at
        if (self.unconfirmed or self.dirty or quiet) and self.hub.has_more:
            self.due = now + QUIET
            return False
        if self.shifted:
            self.dirty.update(dict.fromkeys(self.unconfirmed))
        self.shifted = False
        self.unconfirmed.clear()
        return True

    def _settle(self, now: float) -> bool:
        """Have the dirty directories visited, if it is time to."""
        if self._patient_until is None:
            self._patient_until = now + PATIENCE
        if now < self._quiet_at and now < self._patient_until:
            self.due = min(self._quiet_at, self._patient_until)
            return False
        self._patient_until = now + PATIENCE
        self._passes += 1
        nodes = [node for node in self.dirty if self.path(node) is not None]
        self.dirty.clear()
        self.doubtful = {node for node in self.doubtful if self.path(node) is not None}
        if self._passes > _PASSES:
            log.warning("%s changes, and says nothing of it", self.root_path)
            return True
        nodes.sort(key=Node.depth, reverse=True)  # the last one comes first
        self.todo.extend((node, CHECK) for node in nodes)
        return True

    def _retry(self, now: float) -> bool:
        """Try to watch what could not be watched for want of watches; one shows it."""
        for node in [node for node in self.unwatched if self.path(node) is None]:
            del self.unwatched[node]
        left = len(self.unwatched)
        if not left or (left >= self._left and now < self._retry_at):
            self.due = self._retry_at if left else self.due
            return False
        self._left, self._retry_at = left, now + RETRY
        self.todo.append((next(iter(self.unwatched)), NEW))
        return True

    def close(self) -> None:
        """Give back the watches."""
        self._trail.leave()
        roots = [] if self.root is None else [self.root]
        self.root = None
        self.hub.dismiss(self, roots)

    # -- the root ----------------------------------------------------------------------

    def _locate(self) -> Iterator[Event | None]:
        """Look where the root is now."""
        self.fd_lost = False
        there = self._trail.lay()
        yield from self._complain()
        is_dir = there and os.path.isdir(self._trail.end)
        name, only = self.root_path.rstrip("/"), None
        if not is_dir:  # a file is watched by its directory, the one of a link's target
            name, _, only = self._trail.end.rpartition("/")
        swapped = False
        if (root := self.root) is not None:
            if (root.name, self.only) == (name, only) and (
                there if root.wd < 0 else self.is_at(name, root.wd, root)
            ):
                if root.wd < 0:  # it could not be watched; it may be now
                    self._visit_root(root)
                return
            gone = self.only is None or not there
            swapped = bool(root.entries) and not gone
            self.drop_root()
            if gone:
                yield RootGone(self.root_path)
            elif swapped and is_dir:
                yield Deleted(self.root_path)
        if not there:
            return
        root = self.set_root(name, only)
        if swapped and only is not None:  # a link has come to lead to another file
            root.put(only, None)
            yield Modified(self.root_path, atomic=True)
        if is_dir and not self.silent:
            yield Created(self.root_path, is_dir=True)
        self._visit_root(root)

    def _visit_root(self, root: Node) -> None:
        self.todo.append((root, FIRST if self.silent else NEW))

    def _complain(self) -> Iterator[Event]:
        """Tell why the coming of the root can't be seen, once."""
        error = self._trail.blocked
        told, self._blocked = self._blocked, str(error)
        if error is not None and self._blocked != told:
            yield Error(error, fatal=False)
