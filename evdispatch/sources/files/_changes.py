"""Records: what inotify tells becomes events, and the model follows.

What makes it right though a listing is newer than the records that still wait:

- A file's name is what its last record says, whatever came before.
- A directory that has moved is proved to be there, or in doubt; see `_renames`.
- What was visited before a move was told may have been another's by that path. It is
  visited again when all is quiet.
"""

from collections.abc import Iterator

from evdispatch._events import Event
from evdispatch.sources.files._events import (
    Attributes,
    Change,
    Closed,
    Created,
    Deleted,
    Modified,
    Overflow,
    Unmounted,
)
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
from evdispatch.sources.files._model import DEEP, Node, Options, TreeContext
from evdispatch.sources.files._observer import InotifyRecord
from evdispatch.sources.files._renames import Renames

_CONTENT: dict[int, type[Change]] = {
    IN_MODIFY: Modified,
    IN_CLOSE_WRITE: Closed,
    IN_ATTRIB: Attributes,
}
_BATCH = 256  # events that are made at once


class Changes(Renames):
    """Works on the records, in their order.

    Attributes:
        overflowed: Whether the root is to be told as looked at anew.
        settled: Whether the model is exact, as far as the kernel has told.
        stirred: Whether anything has happened since `settled` was told.
    """

    def __init__(self, around: TreeContext, path: str, options: Options) -> None:
        super().__init__(around, path, options)
        self.overflowed = False
        self.settled = False
        self.stirred = True
        self._is_unheard = around.has_no_handlers
        self._rare_bits = IN_MOVED_FROM | IN_MOVED_TO | IN_ISDIR
        if options.follow_symlinks:
            self._rare_bits |= IN_CREATE  # of a link to a directory

    def replay(self) -> Iterator[list[Event] | Event | None]:
        """Work on the records, until there are directories to visit first."""
        while self.records and not self.todo and not self.fd_lost:
            yield self._take_plain()
            if self.records:
                yield from self._take_one()
                if self.waits_until is not None:
                    return

    def _take_plain(self) -> list[Event]:
        """Work on records of files that stay where they are, up to the first other one.

        The hot path: a list costs less than a generator that is asked for each event.
        """
        events: list[Event] = []
        records, rare = self.records, self._rare_bits
        if self.doubtful or self.only is not None:
            return events
        unheard = sum(bit for bit, cls in _CONTENT.items() if self._is_unheard(cls))
        last: Node | None = None
        above: str | None = None
        for _ in range(min(_BATCH, len(records))):
            node, mask, _cookie, name, when = records[0]
            if mask & rare or not name or type(node) is not Node:
                break
            records.popleft()
            if mask & unheard and name in node.entries:
                # Two records of three tell of writing, and change nothing of the model.
                self.settled, self.stirred = False, True
                continue
            if node is not last:
                last, above = node, self.path(node)
            if above is not None:  # else late: it is gone
                event = self._of_file(node, mask, name, f"{above}/{name}", when)
                if event is not None:
                    events.append(event)
        return events

    def _take_one(self) -> Iterator[Event | None]:
        """Work on a record, whatever it is about."""
        told = self.records.popleft()
        node, mask, _, name, when = told
        if not isinstance(node, Node):
            yield from self._about_all(told)
            return
        path = self.path(node)
        if path is None or (name and self.only is not None and name != self.only):
            return
        if self.doubtful and self.is_doubtful(node):
            self.dirty[node] = None
            self.missed.add(node)
        elif not name:
            yield from self._about_itself(node, mask, path, when)
        elif not mask & self._rare_bits:
            path = self.entry_path(node, name)
            if (event := self._of_file(node, mask, name, path, when)) is not None:
                yield event
        elif mask & IN_MOVED_FROM and self.must_wait(told):
            self.records.appendleft(told)
        else:
            yield from self._of_directory(told, self.entry_path(node, name))

    def _of_file(
        self, node: Node, mask: int, name: str, path: str, when: float
    ) -> Event | None:
        if mask & IN_CREATE:
            return self._of_new_file(node, name, path, when)
        if name not in node.entries:
            if not mask & IN_DELETE and self.keeps(path, is_dir=False):
                self.dirty[node] = None  # it has gone, or is not known yet
            return None
        if mask & IN_DELETE:
            if node.entries[name] is not None:
                return self.remove(node, name, when)  # a link to a directory
            del node.entries[name]
            return Deleted(path, time=when)
        cls = _CONTENT.get(mask)
        return None if cls is None else cls(path, time=when)

    def _of_new_file(
        self, node: Node, name: str, path: str, when: float
    ) -> Event | None:
        if name in node.entries:
            # A listing has told it; the first one, which tells nothing, has not.
            return Created(path, time=when) if self.is_untold else None
        if not self.keeps(path, is_dir=False):
            return None
        node.put(name, None)
        return Created(path, time=when)

    # -- directories and renames -------------------------------------------------------

    def _of_directory(self, told: InotifyRecord, path: str) -> Iterator[Event | None]:
        """Work on a record of a directory, or of a rename."""
        node, mask, _, name, when = told
        if mask & IN_CREATE:
            yield from self.come(node, name, path, self.is_directory(mask, path), when)
        elif mask & IN_MOVED_TO:
            yield from self.arrive(node, name, path, mask, when)
        elif name not in node.entries:
            if mask & IN_ATTRIB and self.keeps(path, is_dir=True):
                self.dirty[node] = None
        elif mask & IN_MOVED_FROM:
            yield from self.depart(told, path)
        elif mask & IN_DELETE:
            self.shifted = True
            yield self.remove(node, name, when)
        elif mask & IN_ATTRIB:
            self.allowed |= bool(self.refused)  # it, or something below it
            yield Attributes(path, is_dir=True, time=when)

    # -- other records -----------------------------------------------------------------

    def _about_all(self, told: InotifyRecord) -> Iterator[Event | None]:
        step, mask, _, name, when = told
        if not mask & IN_Q_OVERFLOW:  # something on the way to the root
            self.fd_lost |= step.concerns(mask, name)
            return
        yield Overflow(self.root_path, time=when)
        self.look_again()

    def look_again(self) -> None:
        """Visit all there is: something may have been missed anywhere."""
        self.fd_lost = self.overflowed = True
        self.settled = False
        if self.root is not None:
            self.todo[:] = [(self.root, DEEP)]  # it takes in what was to be visited

    def _about_itself(
        self, node: Node, mask: int, path: str, when: float
    ) -> Iterator[Event | None]:
        if mask & IN_UNMOUNT:
            yield Unmounted(path or "/", time=when)
        if node is self.root:
            if not mask & IN_ATTRIB:
                self.fd_lost = True
            elif self.only is None:
                self.allowed |= bool(self.refused)
                yield Attributes(path or "/", is_dir=True, time=when)
        elif mask & (IN_IGNORED | IN_UNMOUNT):
            self.lose(node)
