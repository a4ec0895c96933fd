"""A directory tree as it is known, and how it is brought in line with what is there.

Rules, for a tree that others change at full speed:

- Each directory is a node, known by its watch descriptor, which stands for the inode. It
  has its name and its parent; paths are made of these, so a rename is one assignment.
- A watch is added first and the directory is listed afterwards: what comes in between is
  found twice, never missed. ``inotify_add_watch`` on a path proves what is there: the
  descriptor of a known node, or not.
- Each change of the model is told by the events of that change, and only so. Who replays
  the events has the model, at each moment.
- What is listed is newer than the records that wait. Names take care of themselves: the
  last record of a name tells what became of it. For directories see `_changes`.
"""

import contextlib
import errno
import logging
import os
from collections import deque
from collections.abc import Callable, Iterator
from typing import ClassVar

import attrs

from evdispatch._events import Event
from evdispatch.sources.files._events import Deleted
from evdispatch.sources.files._globs import Matcher
from evdispatch.sources.files._hub import InotifyHub
from evdispatch.sources.files._inotify import (
    IN_DONT_FOLLOW,
    IN_EXCL_UNLINK,
    IN_MOVE_SELF,
    IN_ONLYDIR,
)
from evdispatch.sources.files._observer import ALL, InotifyRecord

_MASK = ALL | IN_ONLYDIR | IN_EXCL_UNLINK
_PATHS = 1024  # of directories in use, remembered
GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})

FIRST, NEW, CHECK, DEEP = range(4)
"""Why a directory is visited: it was there at the beginning, it has come, it may not be as
it is known, neither it nor what is below it."""

log = logging.getLogger("evdispatch")


@attrs.frozen
class Options:
    """What a tree is asked for; see `evdispatch.Watch`."""

    recursive: bool
    include: Matcher | None
    ignore: Matcher | None
    follow_symlinks: bool
    initial: bool
    one_file_system: bool
    by_path: bool
    """Whether a pattern is about more than the name."""


@attrs.frozen
class TreeContext:
    """What a tree works with."""

    hub: InotifyHub
    now: Callable[[], float]
    wake: Callable[[], None]
    """Have the records worked on."""
    finish: Callable[[], None]
    """End: the hub has ended."""
    has_no_handlers: Callable[[type[Event]], bool]
    """Whether nobody hears a class of events, so that none need be made."""


class Node:
    """A directory. ``wd`` is -1 while it is not watched; ``parent`` None: the root, or gone."""

    unasked: ClassVar[int] = 0

    __slots__ = ("entries", "name", "parent", "tree", "wd")

    def __init__(self, tree: "Tree", parent: "Node | None", name: str) -> None:
        self.tree = tree
        self.parent = parent
        self.name = name
        self.wd = -1
        self.entries = _NONE

    @property
    def asked(self) -> int:
        """Return what it is watched for."""
        return self.tree.mask_of(self)

    @property
    def path(self) -> str | None:
        """Return where it is known to be; None: it is gone. That of / is empty."""
        return self.tree.path(self)

    def put(self, name: str, child: "Node | None") -> None:
        """Have an entry: None for all but directories."""
        if self.entries is _NONE:
            self.entries = {}
        self.entries[name] = child

    def children(self) -> "Iterator[Node]":
        """Return the directories in it."""
        return (child for child in self.entries.values() if child is not None)

    def depth(self) -> int:
        """Return how many are above it."""
        count, node = 0, self.parent
        while node is not None:
            count, node = count + 1, node.parent
        return count


_NONE: dict[str, Node | None] = {}  # of all that have no entries; nobody adds to it


class Tree:
    """The model. All methods are the IO side's; those that yield, yield None to breathe.

    Attributes:
        records: What inotify has told and nobody has looked at.
        root: Its node; for a file it is that of its directory.
        only: The name of the file, if it is a file that is watched.
        todo: Directories to visit, and why; the last one first.
        dirty: Directories that may not be as they are known.
        doubtful: Directories that are not where they are known to be.
        missed: Directories of which something was not told.
        unconfirmed: Visited, while older records may still wait.
        lost: Whether the root is to be looked for.
        silent: Whether what was there is being listed for the first time.
        refused: Directories that can't be watched, but for want of watches, and why.
        unwatched: Directories for which there were no watches.
        allowed: Whether a mode has changed since the refused were tried.
    """

    def __init__(self, around: TreeContext, path: str, options: Options) -> None:
        self.hub, self.now = around.hub, around.now
        self.wake, self.finish = around.wake, around.finish
        self.root_path = path
        self.options = options
        self.records: deque[InotifyRecord] = deque()
        self.root: Node | None = None
        self.only: str | None = None
        self.todo: list[tuple[Node, int]] = []
        self.dirty: dict[Node, None] = {}
        self.doubtful: set[Node] = set()
        self.missed: set[Node] = set()
        self.unconfirmed: list[Node] = []
        self.fd_lost = True
        self.silent = True
        self.refused: dict[Node, int] = {}
        self.unwatched: dict[Node, None] = {}
        self.allowed = False
        self._paths: dict[Node, str] = {}
        self._device = -1  # the root's

    # -- what is known -----------------------------------------------------------------

    def path(self, node: Node) -> str | None:
        """Return where a node is known to be; None: it is gone. That of / is empty."""
        path = self._paths.get(node)
        if path is not None:
            return path
        names, at = [], node
        while at is not self.root:
            if at.parent is None:
                return None
            names.append(at.name)
            at = at.parent
        names.append(at.name)
        if len(self._paths) >= _PATHS:
            self._paths.clear()
        path = self._paths[node] = "/".join(reversed(names))
        return path

    def entry_path(self, node: Node, name: str) -> str:
        """Return the path that an entry is told by. A file as root may be a link's target."""
        return self.root_path if self.only is not None else f"{self.path(node)}/{name}"

    def is_doubtful(self, node: Node | None) -> bool:
        """Whether it or a directory above it is not where it is known to be."""
        while node is not None and self.doubtful:
            if node in self.doubtful:
                return True
            node = node.parent
        return False

    def keeps(self, path: str, *, is_dir: bool) -> bool:
        """Whether the model has what is at a path."""
        include, ignore = self.options.include, self.options.ignore
        if self.only is not None or (include is None and ignore is None):
            return True
        below = path[len(self.root_path.rstrip("/")) + 1 :]
        if ignore is not None and ignore(below, is_dir):
            return False
        return is_dir or include is None or include(below, False)  # noqa: FBT003

    def snapshot(self) -> set[str]:
        """Return the paths that are known below the root; of a file, its own."""
        paths: set[str] = set()
        nodes = [] if self.root is None else [self.root]
        for node in nodes:
            for name, child in node.entries.items():
                paths.add(self.entry_path(node, name))
                if child is not None:
                    nodes.append(child)
        return paths

    def mask_of(self, node: Node) -> int:
        """Return what a directory is watched for. The root may be a link.

        One that was removed may have been a root, for all that is known by then.
        """
        if node.parent is None:
            return _MASK | IN_MOVE_SELF
        return _MASK if self.options.follow_symlinks else _MASK | IN_DONT_FOLLOW

    # -- changes of the model ------------------------------------------------------------

    def set_root(self, name: str, only: str | None = None) -> Node:
        """Have a root, which is yet to be visited."""
        self.root, self.only = Node(self, None, name), only
        if self.options.one_file_system:
            with contextlib.suppress(OSError):  # gone; the visit will see
                self._device = os.stat(name or "/").st_dev
        return self.root

    def drop_root(self) -> None:
        """Forget all there is."""
        if self.root is not None:
            self.hub.discard([self.root])
        self.root = self.only = None
        for table in (
            self._paths,
            self.dirty,
            self.doubtful,
            self.missed,
            self.refused,
        ):
            table.clear()
        self.todo.clear()
        self.unwatched.clear()

    def remove(self, parent: Node, name: str, when: float = 0.0) -> Event:
        """Take an entry out, with all that is below it, and return what tells of it."""
        child = parent.entries.pop(name)
        path = self.entry_path(parent, name)
        if child is not None:
            child.parent = None
            self._paths.clear()
            self.hub.discard([child])
            self._review_refused()
        return Deleted(path, child is not None, time=when)

    def _review_refused(self) -> None:
        """Something is gone: maybe what was refused, or why it was."""
        for node, why in list(self.refused.items()):
            if self.path(node) is None:
                del self.refused[node]
            elif why == errno.EEXIST and node.parent is not None:
                self.dirty[node.parent] = None  # it was watched elsewhere

    def move(self, parent: Node, name: str, to: Node, new_name: str) -> None:
        """Give an entry another place, which is free."""
        child = parent.entries.pop(name)
        to.put(new_name, child)
        if child is not None:
            child.parent, child.name = to, new_name
            self._paths.clear()

    def add_directory(self, parent: Node, name: str) -> None:
        """Take in a directory, to be visited next."""
        child = Node(self, parent, name)
        parent.put(name, child)
        self.descend(child, FIRST if self.silent else NEW)

    def descend(self, node: Node, why: int) -> None:
        """Have a directory visited, unless it is only an entry of the one above it."""
        if self.options.recursive and self._is_inside(self.path(node) or ""):
            self.todo.append((node, why))

    def _is_inside(self, path: str) -> bool:
        """Whether a directory is on the root's file system, if that matters."""
        if not self.options.one_file_system:
            return True
        try:
            return os.stat(path).st_dev == self._device
        except OSError:
            return True  # it is gone; the visit will see
