"""Visits: a directory is watched, listed, and the model brought in line with it."""

import errno
import os
from collections.abc import Generator, Iterator

from evdispatch._events import Error, Event
from evdispatch.sources.files._events import Created, Existing, Rescan
from evdispatch.sources.files._inotify import FLAGS
from evdispatch.sources.files._model import CHECK, DEEP, GONE, NEW, Node, Tree, log

_ENTRIES = 256  # of a directory, between two breaths: 0.3 ms


class Listing(Tree):
    """Visits directories. No record is worked on during a visit."""

    def visit(self, node: Node, why: int) -> Iterator[Event | None]:
        """Watch a directory, list it, and tell what has come and gone."""
        path = self.path(node)
        if path is None:
            return
        known = node.wd >= 0
        if not (yield from self._watch(node, path)) or self.path(node) is None:
            return  # it may be below what turned out to be elsewhere
        self.unconfirmed.append(node)
        corrected = node in self.missed
        self.missed.discard(node)
        for event in self._list(node, path, why):
            corrected |= event is not None
            yield event
        if corrected and known and why == CHECK:
            yield Rescan(path or "/")

    def _watch(self, node: Node, path: str) -> Generator[Event | None, None, bool]:
        """Add or prove the watch; return whether the directory is to be listed."""
        try:
            wd = self.hub.add(path or "/", self.mask_of(node))
        except OSError as error:
            return (yield from self._refuse(node, error))
        self.unwatched.pop(node, None)
        self.doubtful.discard(node)
        if wd == node.wd:
            return True
        if node.wd >= 0:
            yield from self._replace(node)
            return False
        for other in self.hub.observers(wd):
            if isinstance(other, Node) and other.tree is self:
                if self._is_still_there(other, wd):
                    if self.refused.get(node) != errno.EEXIST:
                        self.refused[node] = errno.EEXIST
                        where = self.path(other)
                        log.warning("%s is %s, too; it is watched there", path, where)
                    return False
                if other.parent is not None and self.path(other) is not None:
                    self.dirty[other.parent] = None
                    yield self.remove(other.parent, other.name)
                # It is the same directory. Its late records are those of this one.
                self.hub.on_dequeue(wd, node)
                self.hub.release(other)
                return True
        self.refused.pop(node, None)
        self.hub.on_dequeue(wd, node)
        return True

    def _refuse(
        self, node: Node, error: OSError
    ) -> Generator[Event | None, None, bool]:
        number = error.errno or 0
        if number in GONE:
            self.lose(node)
            return False
        if number == errno.ENOSPC:
            if not self.unwatched:  # told once
                yield Error(error, fatal=False)
            self.unwatched[node] = None
            return True
        if self.refused.get(node) != number:
            self.refused[node] = number
            yield Error(error, fatal=False)
        return False

    def lose(self, node: Node) -> None:
        """Look for what is not where it is known to be."""
        if node.parent is None:
            self.fd_lost = True
        else:
            self.dirty[node.parent] = None

    def _is_still_there(self, node: Node, wd: int) -> bool:
        path = self.path(node)
        return path is not None and self.is_at(path, wd, node)

    def is_at(self, path: str, wd: int, node: Node) -> bool:
        """Whether the directory with this watch descriptor is at a path."""
        try:
            return self.hub.is_at(path or "/", wd, self.mask_of(node) & FLAGS)
        except OSError:
            return False

    def _replace(self, node: Node) -> Iterator[Event | None]:
        """Have another directory in the place of one that is gone from there."""
        if node.parent is None:
            self.fd_lost = True
            return
        parent, name = node.parent, node.name
        path = f"{self.path(parent)}/{name}"
        yield self.remove(parent, name)
        yield Created(path, is_dir=True, synthetic=True)
        self.add_directory(parent, name)

    def _list(self, node: Node, path: str, why: int) -> Iterator[Event | None]:
        if self.only is not None:
            yield from self._look_at_file(node, path, self.only)
            return
        old = set(node.entries)
        try:
            with os.scandir(path or "/") as entries:
                for count, entry in enumerate(entries, 1):
                    if count % _ENTRIES == 0:
                        yield None
                    old.discard(entry.name)
                    yield from self._meet(
                        node, entry.name, is_dir=self._is_dir(entry), why=why
                    )
        except OSError as error:
            yield from self._refuse(node, error)
            return
        for count, name in enumerate(old, 1):
            if count % _ENTRIES == 0:
                yield None
            if name in node.entries:
                yield self.remove(node, name)

    def _is_dir(self, entry: "os.DirEntry[str]") -> bool:
        try:
            return entry.is_dir(follow_symlinks=self.options.follow_symlinks)
        except OSError:
            return False  # a link that leads nowhere

    def _look_at_file(self, node: Node, path: str, name: str) -> Iterator[Event | None]:
        there = os.path.lexists(f"{path}/{name}")
        if there:
            yield from self._meet(node, name, is_dir=False, why=NEW)
        elif name in node.entries:
            yield self.remove(node, name)

    def _meet(
        self,
        node: Node,
        name: str,
        *,
        is_dir: bool,
        why: int,
    ) -> Iterator[Event | None]:
        """Take in an entry that was found, or look whether it is the known one."""
        known = name in node.entries
        child = node.entries[name] if known else None
        if known and (child is not None) != is_dir:
            yield self.remove(node, name)
            known = False
        path = self.entry_path(node, name)
        if not known:
            if not self.keeps(path, is_dir=is_dir):
                return
            if not self.silent:
                yield Created(path, is_dir, synthetic=True)
            elif self.options.initial:
                yield Existing(path, is_dir)
            if is_dir:
                self.add_directory(node, name)
            else:
                node.put(name, None)
        elif child is not None and why != NEW and self.options.recursive:
            if why == DEEP or child.wd < 0:
                self.descend(child, why)
            elif self.is_at(path, child.wd, child):
                self.doubtful.discard(child)
            else:
                yield from self._replace(child)
