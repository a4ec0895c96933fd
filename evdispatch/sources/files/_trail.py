"""The way to a root: the directories above it, watched for its coming and its going.

- The way is walked as the kernel walks it: a link is followed name by name, to all the
  directories that its target passes through.
- Above a root that is there, a directory is watched for being moved or deleted itself,
  which makes no noise; one that holds a link on the way, for what becomes of that link
  too, and one that holds what may not be read, for a change of its mode.
- Where the way ends before the root, its last directory is watched for what comes.
- The way is walked until two walks agree: what changes while a walk looks is found by the
  next one, and what changes after it is told by its watches.
"""

import os
from collections import deque

from evdispatch.sources.files._hub import InotifyHub
from evdispatch.sources.files._inotify import (
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
from evdispatch.sources.files._model import GONE
from evdispatch.sources.files._observer import ALL, Tree

_QUIET = IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW
_COMING = _QUIET | IN_CREATE | IN_MOVED_TO | IN_ATTRIB
_LINKED = _COMING | IN_DELETE | IN_MOVED_FROM
_FILE = _LINKED & ~IN_ATTRIB  # whose name it holds; what happens to it is the tree's
_LINKS = 40  # on one way, as the kernel has it: path_resolution(7)
_WALKS = 10  # while the way changes at each; what it tells then has it walked again
_ITSELF = IN_MOVE_SELF | IN_DELETE_SELF | IN_UNMOUNT | IN_IGNORED | IN_ATTRIB


class Step:
    """A directory on the way; ``following`` is the name that it holds, empty at the end."""

    __slots__ = ("asked", "following", "path", "tree", "unasked", "wd")

    def __init__(self, tree: Tree, path: str, following: str, asked: int) -> None:
        self.tree = tree
        self.path = path
        self.following = following
        self.asked = asked
        self.unasked = ALL & ~asked  # the root itself is watched for all, by the tree
        self.wd = -1

    def children(self) -> "tuple[Step, ...]":
        """Return nothing: it is watched for the root alone."""
        return ()

    def concerns(self, mask: int, name: str) -> bool:
        """Whether a record may mean that the root has come or gone."""
        return name == self.following if name else bool(mask & _ITSELF)


class RootPath:
    """The steps to one root.

    Attributes:
        end: Where the way leads, all links followed as far as they are there.
        blocked: Why the root's coming can't be seen, or None.
    """

    def __init__(self, hub: InotifyHub, tree: Tree, path: str) -> None:
        self._hub = hub
        self._tree = tree
        self._path = path
        self._steps: list[Step] = []
        self.end = "/"
        self.blocked: OSError | None = None

    def lay(self) -> bool:
        """Watch the way anew; return whether the root is there."""
        there = False
        found: tuple[str, bool, list[tuple[int, str, int]]] | None = None
        for _ in range(_WALKS):
            before, old, self._steps = found, self._steps, []
            self.blocked = None
            # The kernel has the last word: where f is a file, it does not know f/../d.
            there = self._walk() and os.path.exists(self._path)
            for step in old:  # not before: the watches would be ended and added again
                self._hub.release(step)
            found = self.end, there, [(s.wd, s.following, s.asked) for s in self._steps]
            if found == before:
                break
        return there

    def _walk(self) -> bool:
        names = deque(self._path.split("/"))
        self.end = "/"
        links = 0
        while names:
            name = names.popleft()
            if name == "..":  # of a link's target; no link is above
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
        """Watch the directory that a name on the way is in; return whether it is there."""
        there = os.path.lexists(path)
        if not there:
            mask = _COMING
        elif not _is_solid(path, is_last=is_last) or not os.access(path, os.R_OK):
            mask = _LINKED
        else:
            mask = _QUIET if os.path.isdir(path) else _FILE
        self._add(name, mask, needed=not there)
        return there

    def leave(self) -> None:
        """Watch it no more."""
        for step in self._steps:
            self._hub.release(step)
        self._steps.clear()

    def _add(self, name: str, mask: int, *, needed: bool) -> None:
        step = Step(self._tree, self.end, name, mask)
        try:
            self._hub.on_dequeue(self._hub.add(self.end, mask), step)
        except OSError as error:
            # Most are only passed through. One that has gone is told by the one above.
            if needed and error.errno not in GONE:
                self.blocked = error
            return
        self._steps.append(step)


def _is_solid(path: str, *, is_last: bool) -> bool:
    """Whether a name on the way leads on by itself: no link, and no file."""
    if os.path.islink(path):
        return False
    return os.path.exists(path) if is_last else os.path.isdir(path)


def _target(path: str) -> str | None:
    """Return what a link leads to; None: it is none, or gone."""
    try:
        return os.readlink(path)
    except OSError:
        return None
