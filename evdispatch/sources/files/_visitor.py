"""Visits: a directory is watched, listed, and the model is brought in line with it.

The watch is added before the listing, so what comes in between is found twice, never missed.
``inotify_add_watch`` on a path proves what is there: it returns the watch descriptor of a
known node, or another one.
"""

import errno
import os
from collections.abc import Iterator

from evdispatch._events import Error
from evdispatch.sources.files._events import Created, Existing, Rescan
from evdispatch.sources.files._inotify import FLAGS
from evdispatch.sources.files._tree import CHECK, DEEP, GONE, NEW, Node, Tree, log

_ENTRIES = 256  # of a directory, in one slice: 0.3 ms


class Visitor:
    """Visits the directories of a tree. No record is replayed during a visit.

    Attributes:
        unconfirmed: Visited while older records may still be queued.
    """

    def __init__(self, tree: Tree) -> None:
        self.unconfirmed: list[Node] = []
        self._tree = tree
        self._hub = tree.hub

    def visit(self, node: Node, why: int) -> Iterator[None]:
        """Watch and list a directory, slice by slice."""
        tree = self._tree
        path = tree.path(node)
        if path is None:
            return
        known = node.wd >= 0
        if not self._watch(node, path) or tree.path(node) is None:
            return  # it may be below a directory that turned out to be elsewhere
        self.unconfirmed.append(node)
        corrected = node in tree.missed
        tree.missed.discard(node)
        if tree.only is not None:
            self._look_at_file(node, path, tree.only)
        else:
            for _ in self._list(node, path, why):
                corrected = corrected or bool(tree.events)
                yield
        if known and why == CHECK and (corrected or tree.events):
            tree.events.append(Rescan(path or "/"))

    def is_at(self, path: str, wd: int, node: Node) -> bool:
        """Whether the directory with this watch descriptor is at a path."""
        try:
            return self._hub.is_at(path or "/", wd, node.asked & FLAGS)
        except OSError:
            return False

    # -- the watch ---------------------------------------------------------------------

    def _watch(self, node: Node, path: str) -> bool:
        """Add or prove a node's watch; return whether to list the directory."""
        tree = self._tree
        try:
            wd = self._hub.add_watch(path or "/", node.asked)
        except OSError as error:
            return self._refuse(node, error)
        tree.unwatched.pop(node, None)
        tree.doubtful.discard(node)
        if wd == node.wd:
            return True
        if node.wd >= 0:
            tree.replace(node)
            return False
        for other in self._hub.observers(wd):
            if isinstance(other, Node) and other.tree is tree:
                return self._take_over(node, other, path)
        tree.refused.pop(node, None)
        self._hub.observe(wd, node)
        return True

    def _refuse(self, node: Node, error: OSError) -> bool:
        tree, number = self._tree, error.errno or 0
        if number in GONE:
            tree.lose(node)
        elif number == errno.ENOSPC:
            if not tree.unwatched:  # once for all of them
                tree.events.append(Error(error, fatal=False))
            tree.unwatched[node] = None
            return True
        elif tree.refused.get(node) != number:
            tree.refused[node] = number
            tree.events.append(Error(error, fatal=False))
        return False

    def _take_over(self, node: Node, other: Node, path: str) -> bool:
        """Let a node take the watch of another one, which is the same directory."""
        tree, wd = self._tree, other.wd
        where = tree.path(other)
        if where is not None and self.is_at(where, wd, other):
            if tree.refused.get(node) != errno.EEXIST:
                tree.refused[node] = errno.EEXIST
                log.warning("%s is %s, too; it is watched there", path, where)
            return False
        if other.parent is not None and where is not None:
            tree.dirty[other.parent] = None
            tree.remove(other.parent, other.name)
        self._hub.observe(wd, node)  # the late records of the other are this node's
        self._hub.release(other)
        return True

    # -- the entries -------------------------------------------------------------------

    def _look_at_file(self, node: Node, path: str, name: str) -> None:
        if os.path.lexists(f"{path}/{name}"):
            self._meet(node, name, is_dir=False, why=NEW)
        elif name in node.entries:
            self._tree.remove(node, name)

    def _list(self, node: Node, path: str, why: int) -> Iterator[None]:
        tree = self._tree
        old = set(node.entries)
        follow = tree.options.follow_symlinks
        try:
            with os.scandir(path or "/") as entries:
                for count, entry in enumerate(entries, 1):
                    if count % _ENTRIES == 0:
                        yield
                    old.discard(entry.name)
                    try:
                        is_dir = entry.is_dir(follow_symlinks=follow)
                    except OSError:
                        is_dir = False  # a link in a circle
                    self._meet(node, entry.name, is_dir=is_dir, why=why)
        except OSError as error:
            self._refuse(node, error)
            return
        for count, name in enumerate(old, 1):
            if count % _ENTRIES == 0:
                yield
            if name in node.entries:
                tree.remove(node, name)

    def _meet(self, node: Node, name: str, *, is_dir: bool, why: int) -> None:
        """Add an entry that was found, or check a known one."""
        tree = self._tree
        known = name in node.entries
        child = node.entries[name] if known else None
        if known and (child is not None) != is_dir:
            tree.remove(node, name)
            known = False
        if not known:
            path = tree.entry_path(node, name)
            if not tree.keeps(path, is_dir=is_dir):
                return
            if not tree.silent:
                tree.events.append(Created(path, is_dir, synthetic=True))
            elif tree.options.initial:
                tree.events.append(Existing(path, is_dir))
            tree.put(node, name, is_dir=is_dir)
        elif child is not None and why != NEW and tree.options.recursive:
            if why == DEEP or child.wd < 0:
                tree.descend(child, why)
            elif self.is_at(tree.entry_path(node, name), child.wd, child):
                tree.doubtful.discard(child)
            else:
                tree.replace(child)
