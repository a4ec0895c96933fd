"""Renames: what comes, goes, and moves within the tree.

The two records of a rename mostly come together; the first waits for the second, at most
`PAIRING` seconds, and what comes later waits behind it, so that the order is kept.

A directory that is told to have moved is looked for there: its watch descriptor proves it.
If it is not there, it is in doubt: nothing is told of it, or of what is below it, until it
was visited.
"""

import os
from collections.abc import Iterator
from itertools import islice

from evdispatch._events import Event
from evdispatch.sources.files._events import Created, Modified, Moved
from evdispatch.sources.files._inotify import IN_ISDIR, IN_MOVED_TO
from evdispatch.sources.files._listing import Listing
from evdispatch.sources.files._model import NEW, Node, Options, TreeContext
from evdispatch.sources.files._observer import InotifyRecord

PAIRING = 0.05  # seconds; the kernel queues both in one call, some microseconds apart
_AHEAD = 64  # records that may stand between the two: others rename at the same time


class Renames(Listing):
    """Follows renames.

    Attributes:
        shifted: Whether directories have moved or gone since the last confirmation.
        waits_until: When the first half of a rename stops waiting; None: none does.
    """

    def __init__(self, around: TreeContext, path: str, options: Options) -> None:
        super().__init__(around, path, options)
        self.shifted = False
        self.waits_until: float | None = None
        self._overwritten: tuple[Node, str, Node, str] | None = None  # by a rename
        self._renewed: tuple[Node, str] | None = None  # by one from outside

    @property
    def is_untold(self) -> bool:
        """Whether what is known was not told, since it was there at the beginning."""
        return self.silent and not self.options.initial

    def is_directory(self, mask: int, path: str) -> bool:
        """Whether a record is about one, or about a link to one that is followed."""
        if mask & IN_ISDIR:
            return True
        return self.options.follow_symlinks and os.path.isdir(path)

    def come(
        self,
        node: Node,
        name: str,
        path: str,
        is_dir: bool,  # noqa: FBT001 (as all events have it)
        when: float,
    ) -> Iterator[Event | None]:
        if name in node.entries:
            if (node.entries[name] is not None) != is_dir:
                self.dirty[node] = None  # what was listed there was another one
            if self.is_untold:
                yield Created(path, is_dir, time=when)
        elif self.only is not None and is_dir:
            self.fd_lost = True  # a directory in the place of the file
        elif self.keeps(path, is_dir=is_dir):
            yield Created(path, is_dir, time=when)
            if is_dir:
                self.add_directory(node, name)
            else:
                node.put(name, None)

    def arrive(
        self, node: Node, name: str, path: str, mask: int, when: float
    ) -> Iterator[Event | None]:
        """Take in what was moved here from outside, or from where it was not known."""
        is_dir = self.is_directory(mask, path)
        self.shifted |= is_dir
        if name in node.entries:
            known_as_dir = node.entries[name] is not None
            if is_dir and known_as_dir:
                self.dirty[node] = None  # listed before, or another one
            elif is_dir or known_as_dir:
                self._renewed = node, name
                yield self.remove(node, name, when)
            else:
                self._renewed = node, name
                yield Modified(path, atomic=True, time=when)
                return
        yield from self.come(node, name, path, is_dir, when)

    def depart(self, told: InotifyRecord, path: str) -> Iterator[Event | None]:
        """Follow what was moved, or let it go if it has left the tree."""
        node, mask, cookie, name, when = told
        self.shifted |= bool(mask & IN_ISDIR)
        child = node.entries[name]
        if not self.options.follow_symlinks and bool(mask & IN_ISDIR) != (
            child is not None
        ):
            # The name is another's by now: listed there, or exchanged. What has left it
            # arrives by the other record.
            self.dirty[node] = None
            return
        target = self._partner(cookie)
        if target is not None:
            to, _, _, new_name, _ = target
            above = self.path(to)
            if above is not None and not self.is_doubtful(to):
                new_path = f"{above}/{new_name}"
                if child is not None and self._is_below(to, child):
                    # A listing has put another one in its place, which holds the target.
                    self.dirty[node] = None
                    return
                wanted = self.only is None or new_name == self.only
                if wanted and self.keeps(new_path, is_dir=child is not None):
                    self.records.remove(target)
                    yield from self._move(told, path, to, new_name, new_path)
                    return
        if self._renewed == (node, name) and os.path.lexists(path):
            # An exchange with what is not in the tree; or something new has come, and the
            # visit tells what.
            self.dirty[node] = None
            return
        yield self.remove(node, name, when)

    def _is_below(self, node: Node | None, above: Node) -> bool:
        while node is not None and node is not above:
            node = node.parent
        return node is above

    def _move(
        self, told: InotifyRecord, path: str, to: Node, new_name: str, new_path: str
    ) -> Iterator[Event | None]:
        node, _, _, name, when = told
        child = node.entries[name]
        if self._is_exchange(node, name, path, to, new_name):
            yield from self.come(to, new_name, new_path, child is not None, when)
            self.dirty[node] = self.dirty[to] = None  # or what is here is new
            return
        # A link that had this name too briefly to be looked at was taken for a file.
        is_link = child is None and self.is_directory(0, new_path)
        replaced = new_name in to.entries
        if replaced:
            self._overwritten = node, name, to, new_name
            if child is None and to.entries[new_name] is None and not is_link:
                del to.entries[new_name]
            else:
                replaced = False
                yield self.remove(to, new_name, when)
        if is_link or (child is not None and self.options.by_path):
            # Below it, other names are kept and ignored than before.
            yield self.remove(node, name, when)
            yield from self.come(to, new_name, new_path, is_dir=True, when=when)
            return
        self.move(node, name, to, new_name)
        yield Moved(new_path, child is not None, path, replaced, time=when)
        if child is None:
            return
        if child.wd < 0:
            self.descend(child, NEW)
        elif not self.is_at(new_path, child.wd, child):
            self.doubtful.add(child)
            self.dirty[to] = self.dirty[child] = None

    def _is_exchange(
        self, node: Node, name: str, path: str, to: Node, new_name: str
    ) -> bool:
        """Whether this is the second half of a RENAME_EXCHANGE.

        The first one has put this name into the place of that one, which was therefore
        lost to the model, and what is here now has come from there.
        """
        if self._overwritten != (to, new_name, node, name):
            return False
        self._overwritten = None
        return os.path.lexists(path)

    def _partner(self, cookie: int) -> InotifyRecord | None:
        for told in islice(self.records, _AHEAD):
            if (
                told[2] == cookie
                and told[1] & IN_MOVED_TO
                and isinstance(told[0], Node)
            ):
                return told
        return None

    @property
    def has_partner(self) -> bool:
        """Whether the other half of the rename that waits has come."""
        return self._partner(self.records[0][2]) is not None

    def must_wait(self, told: InotifyRecord) -> bool:
        """Whether the other half of a rename may still come."""
        node, _, cookie, name, when = told
        known = name in node.entries and len(self.records) < _AHEAD
        if known and self._partner(cookie) is None and self.now() < when + PAIRING:
            self.waits_until = when + PAIRING
            return True
        self.waits_until = None
        return False
