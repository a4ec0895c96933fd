"""The tracker of one tree: does what is to be done next, until the model is exact.

::

    records -> replay -> visits -> is something still queued? -> confirm -> settle -> exact

- Visits come first: the sooner a watch is added, the less is missed.
- When nothing is queued, what was visited is confirmed, unless a directory has moved since:
  then it is dirty. Dirty directories are visited from the top down when all has been quiet
  for `QUIET` seconds, or at the latest after `PATIENCE` seconds, and so on until nothing
  was queued at the end.
"""

import errno
import os
from collections.abc import Iterator

from evdispatch._events import Error
from evdispatch.sources.files._events import (
    Created,
    Deleted,
    Modified,
    Ready,
    Rescan,
    RootGone,
)
from evdispatch.sources.files._hub import BACKLOG
from evdispatch.sources.files._replayer import Replayer
from evdispatch.sources.files._root_path import RootPath
from evdispatch.sources.files._tree import (
    CHECK,
    FIRST,
    NEW,
    Node,
    Options,
    Tree,
    TreeContext,
    log,
)
from evdispatch.sources.files._visitor import Visitor

QUIET = 0.03  # seconds
PATIENCE = 1.0  # seconds
RETRY = 5.0  # seconds, for directories that could not be watched
_PASSES = 10  # in turn: an odd file system lists what it does not have


class Tracker:
    """Has the model of a tree, and what brings it in line with the file system.

    Attributes:
        due: When `step` must be called again if no record comes; None: not at all.
        exact: Nothing is left to do, as far as the kernel has reported.
        quiet_at: When the tree counts as quiet, if no record comes.
    """

    def __init__(self, context: TreeContext, path: str, options: Options) -> None:
        self.hub, self.now = context.hub, context.now
        self.tree = Tree(context, path, options)
        self.visitor = Visitor(self.tree)
        self.replayer = Replayer(
            self.tree, self.visitor, context.now, context.has_no_handlers
        )
        self.root_path = RootPath(self.tree)
        self.due: float | None = None
        self.exact = False
        self.quiet_at = 0.0
        self._visit: Iterator[None] | None = None  # under way
        self._ready = False  # all that was there at the start has been visited
        self._patient_until: float | None = None
        self._passes = 0
        self._left = 0  # directories without a watch, at the last try
        self._retry_at = 0.0
        self._blocked = ""  # the last error on the way to the root
        self.hub.add_tree(self.tree)

    def step(self) -> bool:
        """Do one thing, or a slice of it; return whether there is more to do now."""
        tree, replayer = self.tree, self.replayer
        self.due = None
        if self._visit is not None:
            self._go_on(self._visit)
        elif tree.root_lost:
            self.exact = False
            self._locate()
        elif tree.todo:
            self.exact = False
            self._go_on(self.visitor.visit(*tree.todo.pop()))
        elif tree.records and (replayer.waits_until is None or not replayer.is_waiting):
            self._passes = 0
            self.quiet_at = tree.records[-1][4] + QUIET
            replayer.replay()
            if self.hub.full and len(tree.records) <= BACKLOG // 2:
                self.hub.resume_reading()
            if not tree.records and not tree.todo and not tree.root_lost:
                return self._rest()
        else:
            return self._rest()
        return True

    def _go_on(self, visit: Iterator[None]) -> None:
        """Do the next slice of a visit."""
        over = next(visit, visit) is visit
        self._visit = None if over else visit

    def skip_records(self) -> bool:
        """Drop the records, and return whether there were any."""
        skipped = bool(self.tree.records)
        self.tree.records.clear()
        self.hub.resume_reading()
        return skipped

    def close(self) -> None:
        """Remove the watches."""
        self._visit = None
        self.root_path.release()
        roots = [] if self.tree.root is None else [self.tree.root]
        self.tree.root = None
        self.hub.remove_tree(self.tree, roots)

    # -- when all records are replayed -------------------------------------------------

    def _rest(self) -> bool:
        """Confirm, report, and begin to settle; return whether there is more to do now."""
        tree, replayer = self.tree, self.replayer
        self.exact = False
        if tree.records:  # the first half of a rename waits
            self.due = replayer.waits_until
            return False
        if tree.allowed:
            tree.allowed = False
            rights = (errno.EACCES, errno.EPERM)
            tree.dirty.update(
                (node, None) for node, why in tree.refused.items() if why in rights
            )
        now = self.now()
        doubt = tree.dirty or self.visitor.unconfirmed or not self._ready
        if doubt and not self._confirm(now):
            return False
        if not self._ready:
            self._ready, tree.silent = True, False
            tree.events.append(Ready(tree.watched_path))
            return True
        if tree.dirty:
            return self._settle(now)
        self._patient_until = None
        tree.missed.clear()
        if replayer.overflowed:
            replayer.overflowed = False
            tree.events.append(Rescan(tree.watched_path))
        if tree.unwatched and self._retry(now):
            return True
        replayer.shifted = False
        self.exact = True
        return False

    def _confirm(self, now: float) -> bool:
        """Check that what was visited still holds; return whether that is known yet."""
        if self.hub.has_more:
            self.due = now + QUIET
            return False
        if self.replayer.shifted:
            self.tree.dirty.update(dict.fromkeys(self.visitor.unconfirmed))
        self.replayer.shifted = False
        self.visitor.unconfirmed.clear()
        return True

    def _settle(self, now: float) -> bool:
        """Visit the dirty directories, if it is time to."""
        tree = self.tree
        if self._patient_until is None:
            self._patient_until = now + PATIENCE
        if now < self.quiet_at and now < self._patient_until:
            self.due = min(self.quiet_at, self._patient_until)
            return False
        self._patient_until = now + PATIENCE
        self._passes += 1
        nodes = [node for node in tree.dirty if tree.path(node) is not None]
        tree.dirty.clear()
        tree.doubtful = {node for node in tree.doubtful if tree.path(node) is not None}
        if self._passes > _PASSES:
            log.warning("%s changes, and inotify does not report it", tree.watched_path)
            return True
        nodes.sort(key=lambda node: len(list(node.ancestors())), reverse=True)
        tree.todo.extend((node, CHECK) for node in nodes)  # the last one comes first
        return True

    def _retry(self, now: float) -> bool:
        """Try to watch a directory for which there was no watch left; one is enough to see."""
        unwatched = self.tree.unwatched
        for node in [node for node in unwatched if self.tree.path(node) is None]:
            del unwatched[node]
        left = len(unwatched)
        if not left or (left >= self._left and now < self._retry_at):
            self.due = self._retry_at if left else self.due
            return False
        self._left, self._retry_at = left, now + RETRY
        self.tree.todo.append((next(iter(unwatched)), NEW))
        return True

    # -- the root ----------------------------------------------------------------------

    def _locate(self) -> None:
        """Look where the root is now."""
        tree = self.tree
        tree.root_lost = False
        exists = self.root_path.walk()
        self._report_blocked()
        end = self.root_path.end
        is_dir = exists and os.path.isdir(end)
        name, only = tree.watched_path.rstrip("/"), None
        if not is_dir:  # a file is watched by its directory: the one of a link's target
            name, _, only = end.rpartition("/")
        swapped = False
        if (root := tree.root) is not None:
            if (root.name, tree.only) == (name, only) and (
                exists if root.wd < 0 else self.visitor.is_at(name, root.wd, root)
            ):
                if root.wd < 0:  # it could not be watched; it may be now
                    self._visit_root(root)
                return
            gone = tree.only is None or not exists
            swapped = bool(root.entries) and not gone
            tree.drop_root()
            if gone:
                tree.events.append(RootGone(tree.watched_path))
            elif swapped and is_dir:
                tree.events.append(Deleted(tree.watched_path))
        if not exists:
            return
        root = tree.set_root(name, only)
        if swapped and only is not None:  # a link leads to another file now
            root.put(only, None)
            tree.events.append(Modified(tree.watched_path, atomic=True))
        if is_dir and not tree.silent:
            tree.events.append(Created(tree.watched_path, is_dir=True))
        self._visit_root(root)

    def _visit_root(self, root: Node) -> None:
        self.tree.todo.append((root, FIRST if self.tree.silent else NEW))

    def _report_blocked(self) -> None:
        """Report once why the coming of the root can't be noticed."""
        error, before = self.root_path.blocked, self._blocked
        self._blocked = str(error)
        if error is not None and self._blocked != before:
            self.tree.events.append(Error(error, fatal=False))
