"""The model of a directory tree: nodes, names, watch descriptors, and what is in doubt.

- Each directory is a node, known by its watch descriptor, which stands for the inode. It has
  a name and a parent; paths are computed from these, so a rename is one assignment.
- Each change of the model appends the events of that change to `Tree.events`, and nothing
  else does. A program that replays the events has the model, at each moment.
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
from evdispatch.sources.files._events import Created, Deleted
from evdispatch.sources.files._globs import Matcher
from evdispatch.sources.files._hub import InotifyHub, InotifyRecord
from evdispatch.sources.files._inotify import (
    CHANGES,
    IN_DONT_FOLLOW,
    IN_EXCL_UNLINK,
    IN_ISDIR,
    IN_MOVE_SELF,
    IN_ONLYDIR,
)

_MASK = CHANGES | IN_ONLYDIR | IN_EXCL_UNLINK
_PATHS = 1024  # computed paths that are kept, of directories in use
GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})

FIRST, NEW, CHECK, DEEP = range(4)
"""Why a directory is visited: it was there at the start; it is new; it may differ from the
model; it and everything below it may differ."""

log = logging.getLogger("evdispatch")


@attrs.frozen
class Options:
    """The options of a `Watch` that the model depends on."""

    recursive: bool
    include: Matcher | None
    ignore: Matcher | None
    follow_symlinks: bool
    initial: bool
    one_file_system: bool
    by_path: bool
    """Whether a pattern depends on more than the name."""


@attrs.frozen
class TreeContext:
    """What a tree uses of its `Watch` and of the dispatcher."""

    hub: InotifyHub
    now: Callable[[], float]
    wake: Callable[[], None]
    """Schedule the replay of the records."""
    finish: Callable[[], None]
    """End the `Watch`, because the hub has ended."""
    has_no_handlers: Callable[[type[Event]], bool]
    """Whether events of a class need not be made."""


class Node:
    """A directory. Without a watch ``wd`` is -1; of the root ``parent`` is None.

    A directory that is gone has no parent either.
    """

    unasked: ClassVar[int] = 0

    __slots__ = ("entries", "name", "parent", "tree", "wd")

    def __init__(self, tree: "Tree", parent: "Node | None", name: str) -> None:
        self.tree = tree
        self.parent = parent
        self.name = name
        self.wd = -1
        self.entries = _NO_ENTRIES

    @property
    def asked(self) -> int:
        """Return the mask of its watch. The root may be a link.

        A node without a parent may have been a root, even if it is not one any more.
        """
        if self.parent is None:
            return _MASK | IN_MOVE_SELF
        return _MASK if self.tree.options.follow_symlinks else _MASK | IN_DONT_FOLLOW

    @property
    def path(self) -> str | None:
        """Return its path; None: it is gone. The path of / is empty."""
        return self.tree.path(self)

    def put(self, name: str, child: "Node | None") -> None:
        """Set an entry: a node for a directory, None for everything else."""
        if self.entries is _NO_ENTRIES:
            self.entries = {}
        self.entries[name] = child

    def children(self) -> "Iterator[Node]":
        """Return the directories in it."""
        return (child for child in self.entries.values() if child is not None)

    def ancestors(self) -> "Iterator[Node]":
        """Yield the node itself, and the directories above it up to the root."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent


_NO_ENTRIES: dict[str, Node | None] = {}  # shared by all empty nodes; never changed


class Tree:
    """The model of one watch, and what is still to be done to make it exact.

    Attributes:
        records: Read and not yet replayed.
        events: Made and not yet taken by the `Watch`.
        watched_path: The path of the root, as events have it.
        root: The root's node; for a file that of its directory.
        only: The file's name where the root is a file.
        root_lost: The root may be elsewhere, and must be located.
        silent: The first listing is under way.
        todo: Directories to visit, and why; the last one first.
        dirty: Directories that may differ from the model.
        doubtful: Directories that may not be at their path.
        missed: Directories with records that were dropped, because they were in doubt.
        refused: Directories that can't be watched, and the errno; EEXIST: the same directory
            is watched at another path.
        unwatched: Directories for which there were no watches left.
        allowed: A mode has changed since the refused ones were tried.
    """

    def __init__(self, context: TreeContext, path: str, options: Options) -> None:
        self.hub, self.wake, self.finish = context.hub, context.wake, context.finish
        self.watched_path = path
        self.options = options
        self.records: deque[InotifyRecord] = deque()
        self.events: list[Event] = []
        self.root: Node | None = None
        self.only: str | None = None
        self.root_lost = True
        self.silent = True
        self.todo: list[tuple[Node, int]] = []
        self.dirty: dict[Node, None] = {}
        self.doubtful: set[Node] = set()
        self.missed: set[Node] = set()
        self.refused: dict[Node, int] = {}
        self.unwatched: dict[Node, None] = {}
        self.allowed = False
        self._paths: dict[Node, str] = {}
        self._device = -1  # the root's

    # -- questions ---------------------------------------------------------------------

    def path(self, node: Node) -> str | None:
        """Return the path of a node; None: it is gone. The path of / is empty."""
        path = self._paths.get(node)
        if path is not None:
            return path
        nodes = list(node.ancestors())
        if nodes[-1] is not self.root:
            return None
        if len(self._paths) >= _PATHS:
            self._paths.clear()
        path = "/".join([each.name for each in reversed(nodes)])
        self._paths[node] = path
        return path

    def entry_path(self, node: Node, name: str) -> str:
        """Return an entry's path in events: a root that is a file may be a link's target."""
        if self.only is not None:
            return self.watched_path
        return f"{self.path(node)}/{name}"

    def is_doubtful(self, node: Node) -> bool:
        """Whether the node or a directory above it may not be at its path."""
        return bool(self.doubtful) and not self.doubtful.isdisjoint(node.ancestors())

    def is_dir(self, path: str, mask: int = 0) -> bool:
        """Whether a path counts as a directory: it is one, or a link to one is followed.

        Args:
            path: Where to look, if the mask does not say it.
            mask: The mask of a record about it.
        """
        if mask & IN_ISDIR:
            return True
        return self.options.follow_symlinks and os.path.isdir(path)

    def keeps(self, path: str, *, is_dir: bool) -> bool:
        """Whether the patterns let a path into the model."""
        include, ignore = self.options.include, self.options.ignore
        if self.only is not None or (include is None and ignore is None):
            return True
        below = path[len(self.watched_path.rstrip("/")) + 1 :]
        if ignore is not None and ignore(below, is_dir):
            return False
        return is_dir or include is None or include(below, False)  # noqa: FBT003

    def snapshot(self) -> set[str]:
        """Return the known paths below the root; of a file, its own."""
        paths: set[str] = set()
        nodes = [] if self.root is None else [self.root]
        for node in nodes:
            paths.update(self.entry_path(node, name) for name in node.entries)
            nodes.extend(node.children())
        return paths

    # -- changes -----------------------------------------------------------------------

    def set_root(self, name: str, only: str | None = None) -> Node:
        """Set the root, which must be visited then."""
        self.root, self.only = Node(self, None, name), only
        if self.options.one_file_system:
            with contextlib.suppress(OSError):  # it is gone, as the visit will see
                self._device = os.stat(name or "/").st_dev
        return self.root

    def drop_root(self) -> None:
        """Forget the root and everything below it."""
        if self.root is not None:
            self.hub.discard([self.root])
        self.root = self.only = None
        self.doubtful.clear()
        self.missed.clear()
        self.todo.clear()
        for table in (self._paths, self.dirty, self.refused, self.unwatched):
            table.clear()

    def remove(self, parent: Node, name: str, when: float = 0.0) -> None:
        """Remove an entry and everything below it."""
        child = parent.entries.pop(name)
        path = self.entry_path(parent, name)
        if child is not None:
            child.parent = None
            self._paths.clear()
            self.hub.discard([child])
            self._review_refused()
        self.events.append(Deleted(path, child is not None, time=when))

    def _review_refused(self) -> None:
        """Drop what is gone, and revisit directories that were watched at another path."""
        for node, why in list(self.refused.items()):
            if self.path(node) is None:
                del self.refused[node]
            elif why == errno.EEXIST and node.parent is not None:
                self.dirty[node.parent] = None

    def replace(self, node: Node) -> None:
        """Put another directory in the place of one that is not there any more."""
        if node.parent is None:
            self.root_lost = True
            return
        parent, name = node.parent, node.name
        path = f"{self.path(parent)}/{name}"
        self.remove(parent, name)
        self.events.append(Created(path, is_dir=True, synthetic=True))
        self.put(parent, name, is_dir=True)

    def put(self, parent: Node, name: str, *, is_dir: bool) -> None:
        """Add an entry; a directory is visited next."""
        child = Node(self, parent, name) if is_dir else None
        parent.put(name, child)
        if child is not None:
            self.descend(child, FIRST if self.silent else NEW)

    def move(self, parent: Node, name: str, to: Node, new_name: str) -> None:
        """Move an entry to a place that is free."""
        child = parent.entries.pop(name)
        to.put(new_name, child)
        if child is not None:
            child.parent, child.name = to, new_name
            self._paths.clear()

    def lose(self, node: Node) -> None:
        """Look for a directory that is not at its path."""
        if node.parent is None:
            self.root_lost = True
        else:
            self.dirty[node.parent] = None

    def descend(self, node: Node, why: int) -> None:
        """Visit a directory, unless only its entry in the one above is wanted."""
        if self.options.recursive and self._is_inside(self.path(node) or ""):
            self.todo.append((node, why))

    def _is_inside(self, path: str) -> bool:
        """Whether a directory is on the root's file system, if that matters."""
        if not self.options.one_file_system:
            return True
        try:
            return os.stat(path).st_dev == self._device
        except OSError:
            return True  # it is gone, as the visit will see
