"""The path to a root: the directories above it, watched for its coming and going.

- It is resolved as the kernel does: a link is followed name by name, through every directory
  that its target passes.
- Above a root that is there, a directory is watched for being moved or deleted, which makes no
  noise; also for entries if it holds a link of the path, and for modes if it can't be read.
- Where the path ends before the root, its last directory is watched for new entries.
- It is walked until two walks agree: the next walk finds what changes during one, and the
  watches report what changes after it.
"""

import os
from collections import deque

from evdispatch.sources.files._inotify import (
    CHANGES,
    IN_ATTRIB,
    IN_CREATE,
    IN_DELETE,
    IN_DELETE_SELF,
    IN_DONT_FOLLOW,
    IN_IGNORED,
    IN_MOVE_SELF,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    IN_ONLYDIR,
    IN_UNMOUNT,
)
from evdispatch.sources.files._tree import GONE, Tree

_QUIET = IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW
_COMING = _QUIET | IN_CREATE | IN_MOVED_TO | IN_ATTRIB
_LINKED = _COMING | IN_DELETE | IN_MOVED_FROM
_FILE = _LINKED & ~IN_ATTRIB  # holds a file's name; the tree watches the file itself
_LINKS = 40  # in one path, as in the kernel: path_resolution(7)
_WALKS = 10  # where each differs from the last; later records start the next walks
_ITSELF = IN_MOVE_SELF | IN_DELETE_SELF | IN_UNMOUNT | IN_IGNORED | IN_ATTRIB


class Step:
    """A directory on the way; ``following`` is the name of the next one, empty at the end."""

    __slots__ = ("asked", "following", "path", "tree", "unasked", "wd")

    def __init__(self, tree: Tree, path: str, following: str, asked: int) -> None:
        self.tree = tree
        self.path = path
        self.following = following
        self.asked = asked
        self.unasked = CHANGES & ~asked  # the tree's own watch of the root asks for all
        self.wd = -1

    def children(self) -> "tuple[Step, ...]":
        """Return nothing: a step ends with the path."""
        return ()

    def concerns(self, mask: int, name: str) -> bool:
        """Whether a record may mean that the root has come or gone."""
        return name == self.following if name else bool(mask & _ITSELF)


class RootPath:
    """The steps to the root of a tree.

    Attributes:
        end: Where the path leads, all links resolved, as far as it is there.
        blocked: Why the coming of the root can't be noticed, or None.
    """

    def __init__(self, tree: Tree) -> None:
        self.end = "/"
        self.blocked: OSError | None = None
        self._tree = tree
        self._hub = tree.hub
        self._steps: list[Step] = []

    def walk(self) -> bool:
        """Watch the directories on the path as they are now; return whether the root exists."""
        exists = False
        found: tuple[str, bool, list[tuple[int, str, int]]] | None = None
        for _ in range(_WALKS):
            before, old, self._steps = found, self._steps, []
            self.blocked = None
            # The kernel has the last word: where f is a file, f/../d does not exist.
            exists = self._walk_once() and os.path.exists(self._tree.watched_path)
            for step in old:  # only now, so that their watches are kept
                self._hub.release(step)
            steps = [(step.wd, step.following, step.asked) for step in self._steps]
            found = self.end, exists, steps
            if found == before:
                break
        return exists

    def _walk_once(self) -> bool:
        names = deque(self._tree.watched_path.split("/"))
        self.end = "/"
        links = 0
        while names:
            name = names.popleft()
            if name == "..":  # in a link's target; what is above is no link
                self._add("", _QUIET, needed=False)
                self.end = os.path.dirname(self.end)
            if name in ("", ".", ".."):
                continue
            path = os.path.join(self.end, name)
            if not self._step(name, path, is_last=not names):
                self.end = os.path.join(path, *names)
                return False
            target = _target(path)
            if target is None:
                self.end = path
                continue
            links += 1
            if links > _LINKS:
                return False
            names.extendleft(reversed(target.split("/")))
            if target.startswith("/"):
                self.end = "/"
        self._add("", _QUIET, needed=False)
        return True

    def _step(self, name: str, path: str, *, is_last: bool) -> bool:
        """Watch the directory that contains a name; return whether the name exists."""
        exists = os.path.lexists(path)
        if not exists:
            mask = _COMING
        elif not _is_solid(path, is_last=is_last) or not os.access(path, os.R_OK):
            mask = _LINKED
        else:
            mask = _QUIET if os.path.isdir(path) else _FILE
        self._add(name, mask, needed=not exists)
        return exists

    def release(self) -> None:
        """Stop watching the path."""
        for step in self._steps:
            self._hub.release(step)
        self._steps.clear()

    def _add(self, name: str, mask: int, *, needed: bool) -> None:
        step = Step(self._tree, self.end, name, mask)
        try:
            self._hub.observe(self._hub.add_watch(self.end, mask), step)
        except OSError as error:
            # Most are only passed through. That one is gone is noticed by the one above it.
            if needed and error.errno not in GONE:
                self.blocked = error
            return
        self._steps.append(step)


def _is_solid(path: str, *, is_last: bool) -> bool:
    """Whether the path passes through a name itself: no link, and no file before the end."""
    if os.path.islink(path):
        return False
    return os.path.exists(path) if is_last else os.path.isdir(path)


def _target(path: str) -> str | None:
    """Return the target of a link; None: it is no link, or gone."""
    try:
        return os.readlink(path)
    except OSError:
        return None
