"""Replay: records become events, and the model follows.

A listing may be newer than the records that still wait. It is right nevertheless:

- The last record of a name decides what became of that name.
- A directory that has moved is looked for at its new path: its watch descriptor proves it. If
  it is not there it is in doubt: it and everything below it make no events until it was visited.
- A directory that was visited before a move was replayed may have had that path only by then.
  It is visited again when the tree is quiet.

The two records of a rename mostly come together. The first waits `PAIRING` seconds at most for
the second, and later records wait behind it, so that the order is kept.
"""

import os
from collections.abc import Callable
from itertools import islice

from evdispatch._events import Event
from evdispatch.sources.files._events import (
    Attributes,
    Change,
    Closed,
    Created,
    Deleted,
    Modified,
    Moved,
    Overflow,
    Unmounted,
)
from evdispatch.sources.files._hub import InotifyRecord
from evdispatch.sources.files._inotify import (
    IN_ATTRIB,
    IN_CLOSE_WRITE,
    IN_CREATE,
    IN_DELETE,
    IN_IGNORED,
    IN_ISDIR,
    IN_MODIFY,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    IN_Q_OVERFLOW,
    IN_UNMOUNT,
)
from evdispatch.sources.files._tree import DEEP, NEW, Node, Tree
from evdispatch.sources.files._visitor import Visitor

PAIRING = 0.05  # seconds; the kernel queues both in one call, some microseconds apart
_AHEAD = 64  # records that may stand between the two: others rename at the same time
_BATCH = 256  # records in one call
_CONTENT: dict[int, type[Change]] = {
    IN_MODIFY: Modified,
    IN_CLOSE_WRITE: Closed,
    IN_ATTRIB: Attributes,
}


class Replayer:
    """Replays the records of a tree, in their order.

    Attributes:
        stirred: Something has happened since the tree was last settled.
        shifted: Directories have moved or gone since the last confirmation.
        overflowed: A `rescan` of the root is due.
        waits_until: When the first half of a rename stops waiting; None: none waits.
    """

    def __init__(
        self,
        tree: Tree,
        visitor: Visitor,
        now: Callable[[], float],
        has_no_handlers: Callable[[type[Event]], bool],
    ) -> None:
        self.stirred = True
        self.shifted = False
        self.overflowed = False
        self.waits_until: float | None = None
        self._tree = tree
        self._visitor = visitor
        self._now = now
        self._has_no_handlers = has_no_handlers
        self._overwritten: tuple[Node, str, Node, str] | None = None  # by a rename
        self._renewed: tuple[Node, str] | None = None  # by a rename from outside
        self._rare_bits = IN_MOVED_FROM | IN_MOVED_TO | IN_ISDIR
        if tree.options.follow_symlinks:
            self._rare_bits |= IN_CREATE  # of a link to a directory

    def replay(self) -> None:
        """Replay some records, until there are none or a directory must be visited first."""
        tree, rare = self._tree, self._rare_bits
        records, append = tree.records, tree.events.append
        unheard: dict[type[Change], bool] = {}
        last: Node | None = None
        above: str | None = None
        simple = not tree.doubtful and tree.only is None
        self.waits_until = None
        for _ in range(_BATCH):
            if not records:
                return
            node, mask, _cookie, name, when = record = records.popleft()
            if not simple or mask & rare or not name or type(node) is not Node:
                self._replay_any(record)
                if tree.todo or tree.root_lost or self.waits_until is not None:
                    return
                simple = not tree.doubtful and tree.only is None
                last = None  # paths may have changed
                continue
            # The hot path: a file that stays where it is.
            if node is not last:
                last, above = node, tree.path(node)
            if above is None:  # a late record: the directory is gone
                continue
            cls = _CONTENT.get(mask)
            if cls is None or name not in node.entries:
                self._replay_file(node, mask, name, f"{above}/{name}", when)
                continue
            skip = unheard.get(cls)
            if skip is None:
                skip = unheard[cls] = self._has_no_handlers(cls)
            if skip:
                self.stirred = True
            else:
                append(cls(f"{above}/{name}", time=when))

    def look_again(self) -> None:
        """Visit everything: records may have been missed anywhere."""
        tree = self._tree
        tree.root_lost = self.overflowed = True
        if tree.root is not None:
            tree.todo[:] = [(tree.root, DEEP)]  # includes what was to be visited

    # -- one record ----------------------------------------------------------------------

    def _replay_any(self, record: InotifyRecord) -> None:
        """Replay a record of any kind."""
        tree = self._tree
        node, mask, _, name, when = record
        if not isinstance(node, Node):
            if not mask & IN_Q_OVERFLOW:  # a step on the way to the root
                tree.root_lost |= node.concerns(mask, name)
                return
            tree.events.append(Overflow(tree.watched_path, time=when))
            self.look_again()
            return
        path = tree.path(node)
        if path is None or (name and tree.only is not None and name != tree.only):
            return
        if tree.is_doubtful(node):
            tree.dirty[node] = None
            tree.missed.add(node)
        elif not name:
            self._replay_itself(node, mask, path, when)
        elif not mask & self._rare_bits:
            self._replay_file(node, mask, name, tree.entry_path(node, name), when)
        elif mask & IN_MOVED_FROM and self._must_wait(record):
            tree.records.appendleft(record)
        else:
            self._replay_directory(record, tree.entry_path(node, name))

    def _replay_itself(self, node: Node, mask: int, path: str, when: float) -> None:
        """Replay a record of an observed directory itself, not of an entry."""
        tree = self._tree
        if mask & IN_UNMOUNT:
            tree.events.append(Unmounted(path or "/", time=when))
        if node is tree.root:
            if not mask & IN_ATTRIB:
                tree.root_lost = True
            elif tree.only is None:
                tree.allowed |= bool(tree.refused)
                tree.events.append(Attributes(path or "/", is_dir=True, time=when))
        elif mask & (IN_IGNORED | IN_UNMOUNT):
            tree.lose(node)

    def _replay_file(
        self, node: Node, mask: int, name: str, path: str, when: float
    ) -> None:
        """Replay a record of a file that stays where it is."""
        tree = self._tree
        if mask & IN_CREATE:
            if name not in node.entries:
                if tree.keeps(path, is_dir=False):
                    node.put(name, None)
                    tree.events.append(Created(path, time=when))
            elif self._is_unreported:
                tree.events.append(Created(path, time=when))
        elif name not in node.entries:
            if not mask & IN_DELETE and tree.keeps(path, is_dir=False):
                tree.dirty[node] = None  # it is gone, or not known yet
        elif not mask & IN_DELETE:
            if mask in _CONTENT:
                tree.events.append(_CONTENT[mask](path, time=when))
        elif node.entries[name] is not None:
            tree.remove(node, name, when)  # a link to a directory
        else:
            del node.entries[name]
            tree.events.append(Deleted(path, time=when))

    def _replay_directory(self, record: InotifyRecord, path: str) -> None:
        """Replay a record of a directory, or of a rename."""
        tree = self._tree
        node, mask, _, name, when = record
        if mask & IN_CREATE:
            self._come(node, name, path, tree.is_dir(path, mask), when)
        elif mask & IN_MOVED_TO:
            self._arrive(node, name, path, mask, when)
        elif name not in node.entries:
            if mask & IN_ATTRIB and tree.keeps(path, is_dir=True):
                tree.dirty[node] = None
        elif mask & IN_MOVED_FROM:
            self._depart(record, path)
        elif mask & IN_DELETE:
            self.shifted = True
            tree.remove(node, name, when)
        elif mask & IN_ATTRIB:
            tree.allowed |= bool(tree.refused)  # it, or something below it
            tree.events.append(Attributes(path, is_dir=True, time=when))

    @property
    def _is_unreported(self) -> bool:
        """Whether known entries made no event: they were there at the start."""
        return self._tree.silent and not self._tree.options.initial

    # -- what comes and goes -------------------------------------------------------------

    def _come(
        self,
        node: Node,
        name: str,
        path: str,
        is_dir: bool,  # noqa: FBT001 (as in all events)
        when: float,
    ) -> None:
        tree = self._tree
        if name in node.entries:
            if (node.entries[name] is not None) != is_dir:
                tree.dirty[node] = None  # another one was listed there
            if self._is_unreported:
                tree.events.append(Created(path, is_dir, time=when))
        elif tree.only is not None and is_dir:
            tree.root_lost = True  # a directory in the place of the file
        elif tree.keeps(path, is_dir=is_dir):
            tree.events.append(Created(path, is_dir, time=when))
            tree.put(node, name, is_dir=is_dir)

    def _arrive(self, node: Node, name: str, path: str, mask: int, when: float) -> None:
        """Add what was moved here from outside, or from a place where it was not known."""
        tree = self._tree
        is_dir = tree.is_dir(path, mask)
        self.shifted |= is_dir
        if name in node.entries:
            known_as_dir = node.entries[name] is not None
            if is_dir and known_as_dir:
                tree.dirty[node] = None  # listed before, or another one
            elif is_dir or known_as_dir:
                self._renewed = node, name
                tree.remove(node, name, when)
            else:
                self._renewed = node, name
                tree.events.append(Modified(path, atomic=True, time=when))
                return
        self._come(node, name, path, is_dir, when)

    def _depart(self, record: InotifyRecord, path: str) -> None:
        """Follow what was moved, or remove it if it has left the tree."""
        tree = self._tree
        node, mask, cookie, name, when = record
        is_dir = bool(mask & IN_ISDIR)
        self.shifted |= is_dir
        child = node.entries[name]
        if not tree.options.follow_symlinks and is_dir != (child is not None):
            # The name belongs to another one by now, which was listed or exchanged. What has
            # left it arrives by the other record.
            tree.dirty[node] = None
            return
        target = self._partner(cookie)
        above = None if target is None else tree.path(target[0])
        if target is not None and above is not None and not tree.is_doubtful(target[0]):
            to, new_name = target[0], target[3]
            new_path = f"{above}/{new_name}"
            if child is not None and child in to.ancestors():
                # A listing has put another one in its place, which contains the target.
                tree.dirty[node] = None
                return
            wanted = tree.only is None or new_name == tree.only
            if wanted and tree.keeps(new_path, is_dir=child is not None):
                tree.records.remove(target)
                self._move(record, path, to, new_name, new_path)
                return
        if self._renewed == (node, name) and os.path.lexists(path):
            # An exchange with a file outside of the tree, or a new file: the visit will see.
            tree.dirty[node] = None
        else:
            tree.remove(node, name, when)

    def _move(
        self, record: InotifyRecord, path: str, to: Node, new_name: str, new_path: str
    ) -> None:
        tree = self._tree
        node, _, _, name, when = record
        child = node.entries[name]
        if self._is_exchange(node, name, path, to, new_name):
            self._come(to, new_name, new_path, child is not None, when)
            tree.dirty[node] = tree.dirty[to] = None  # or a new file is at the path
            return
        # A link that had the old name too briefly to be looked at was taken for a file.
        is_link = child is None and tree.is_dir(new_path)
        replaced = new_name in to.entries
        if replaced:
            self._overwritten = node, name, to, new_name
            if child is None and to.entries[new_name] is None and not is_link:
                del to.entries[new_name]
            else:
                replaced = False
                tree.remove(to, new_name, when)
        if is_link or (child is not None and tree.options.by_path):
            # The patterns keep other names below the new path.
            tree.remove(node, name, when)
            self._come(to, new_name, new_path, is_dir=True, when=when)
            return
        tree.move(node, name, to, new_name)
        moved = Moved(new_path, child is not None, path, replaced, time=when)
        tree.events.append(moved)
        if child is None:
            return
        if child.wd < 0:
            tree.descend(child, NEW)
        elif not self._visitor.is_at(new_path, child.wd, child):
            tree.doubtful.add(child)
            tree.dirty[to] = tree.dirty[child] = None

    def _is_exchange(
        self, node: Node, name: str, path: str, to: Node, new_name: str
    ) -> bool:
        """Whether this is the second half of a RENAME_EXCHANGE.

        The first half has put this name in the place of the other, which the model has lost
        by that; what is at this path now has come from there.
        """
        if self._overwritten != (to, new_name, node, name):
            return False
        self._overwritten = None
        return os.path.lexists(path)

    # -- the two halves of a rename --------------------------------------------------------

    def _partner(self, cookie: int) -> InotifyRecord | None:
        for record in islice(self._tree.records, _AHEAD):
            if (
                record[2] == cookie
                and record[1] & IN_MOVED_TO
                and isinstance(record[0], Node)
            ):
                return record
        return None

    def _must_wait(self, record: InotifyRecord) -> bool:
        """Whether the second half of a rename may still come."""
        node, _, cookie, name, when = record
        known = name in node.entries and len(self._tree.records) < _AHEAD
        if known and self._partner(cookie) is None and self._now() < when + PAIRING:
            self.waits_until = when + PAIRING
        return self.waits_until is not None

    @property
    def is_waiting(self) -> bool:
        """Whether the first half of a rename still waits for the second."""
        until = self.waits_until
        if until is None or self._now() >= until:
            return False
        return self._partner(self._tree.records[0][2]) is None
