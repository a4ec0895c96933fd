"""The net effect of what happened to each path, told when it has been quiet. No clock.

=============  ========================================================
created        + modified = created; + deleted = nothing
modified       + modified = modified; + deleted = deleted
deleted        + created = modified
moved a -> b   + moved b -> c = moved a -> c; back to a = nothing
moved a -> b   + modified b, or + created a: each path has one event, so
               they are deleted a (or modified a) and created b
=============  ========================================================

That a directory was deleted or moved is told at once: it says something of each path below
it, so what waits about them is told before, or is over.
"""

import heapq
from collections.abc import Iterable

import attrs

from evdispatch._events import Event
from evdispatch.sources.files._events import (
    Change,
    Closed,
    Created,
    Deleted,
    Existing,
    Modified,
    Moved,
)
from evdispatch.sources.files._paths import Paths


@attrs.define(eq=False)
class _Pending:
    event: Change
    count: int  # of the pending so far
    due: float
    until: float  # the longest it waits


class Debouncer:
    """Merges the events of each path until it has been quiet for a while.

    Args:
        quiet: How long, in seconds.
        longest: How long an event waits at most, in seconds.
    """

    def __init__(self, quiet: float, longest: float) -> None:
        self._quiet = quiet
        self._longest = longest
        self._pending: dict[str, _Pending] = {}
        self._sources: dict[str, str] = {}  # of the moves that wait: from -> to
        self._paths = Paths()  # that wait, and sources
        self._heap: list[tuple[float, int, str]] = []  # due at that time, or later
        self._count = 0

    @property
    def due(self) -> float | None:
        """When `expire` may have something to return."""
        return self._heap[0][0] if self._pending else None

    def feed(self, events: Iterable[Event], now: float) -> list[Event]:
        """Take in events, and return those to be told at once."""
        return [told for event in events for told in self._feed(event, now)]

    def _feed(self, event: Event, now: float) -> Iterable[Event]:
        if not isinstance(event, Change) or isinstance(event, Existing):
            return (*self.flush(), event)
        if isinstance(event, Moved):
            return (
                self._move_all(event, now) if event.is_dir else self._move(event, now)
            )
        if isinstance(event, Deleted):
            return self._end_all(event, now) if event.is_dir else self._end(event, now)
        if isinstance(event, Created):
            return self._begin(event, now)
        pending = self._pending.get(event.path)
        if pending is None:
            if not isinstance(event, Closed):  # nothing was written
                self._wait(event, now)
        elif isinstance(pending.event, Moved) and isinstance(event, Modified):
            source = pending.event.src_path
            self._split(source, now)
            self._gone(source, event.time, now)
        elif isinstance(event, Modified) and not isinstance(pending.event, Created):
            self._wait(event, now)
        else:
            self._wait(pending.event, now)
        return ()

    def expire(self, now: float) -> list[Event]:
        """Return what has been quiet, or has waited, for long enough."""
        over: list[Event] = []
        heap = self._heap
        while heap and heap[0][0] <= now:
            _, count, path = heapq.heappop(heap)
            pending = self._pending.get(path)
            if pending is None or pending.count != count:
                continue  # told before; another one may wait about this path
            if pending.due > now:
                heapq.heappush(heap, (pending.due, count, path))
            else:
                over.append(self._take(path))
        if not self._pending:
            heap.clear()
        return over

    def flush(self) -> list[Event]:
        """Return all that waits."""
        paths = sorted(self._pending, key=lambda path: self._pending[path].due)
        return [self._take(path) for path in paths]

    # -- one path ----------------------------------------------------------------------

    def _begin(self, event: Created, now: float) -> Iterable[Event]:
        path, told = event.path, []
        pending = self._pending.get(path)
        if pending is not None and (event.is_dir or pending.event.is_dir):
            told.append(self._take(path))  # it was of another kind
        elif path in self._sources and event.is_dir:
            told.append(self._take(self._sources[path]))
        elif path in self._sources:
            self._split(path, now)
            self._wait(Modified(path, time=event.time), now)
            return ()
        elif pending is not None:
            self._wait(Modified(path, time=event.time), now)
            return ()
        self._wait(event, now)
        return told

    def _end(self, event: Deleted, now: float) -> Iterable[Event]:
        pending = self._pending.get(event.path)
        if pending is None or not isinstance(pending.event, (Created, Moved)):
            self._wait(event, now)
        else:
            self._forget(event.path, event.time, now)
        return ()

    def _forget(self, path: str, time: float, now: float) -> None:
        """Drop what waits about a path; a move to it has left its source without."""
        dropped = self._take(path)
        if isinstance(dropped, Moved):
            self._gone(dropped.src_path, time, now)

    def _gone(self, path: str, time: float, now: float) -> None:
        """A file has gone, before whatever waits about its path."""
        if path not in self._pending:
            self._wait(Deleted(path, time=time), now)

    def _move(self, event: Moved, now: float) -> Iterable[Event]:
        path, time = event.path, event.time
        if self._sources.get(path) == event.src_path:  # back again
            self._take(event.src_path)
            return ()
        if path in self._sources:  # what was here is elsewhere
            self._split(path, now)
            replaced = True
        else:
            replaced = event.replaced or path in self._pending
        source = self._pending.get(event.src_path)
        first = None if source is None else source.event
        if source is not None:
            self._take(event.src_path)
        origin = first.src_path if isinstance(first, Moved) else event.src_path
        if replaced or isinstance(first, (Created, Modified)):
            if not isinstance(first, Created):
                self._gone(origin, time, now)
            self._come(path, time, now, replaced=replaced)
        elif origin in self._pending:  # made anew meanwhile
            self._wait(Created(path, time=time), now)
        elif origin != path:
            self._forget_source(origin)
            self._sources[origin] = path
            self._paths.add(origin)
            self._wait(Moved(path, src_path=origin, time=time), now)
        return ()

    def _come(self, path: str, time: float, now: float, *, replaced: bool) -> None:
        """Another file is at a path now, whole."""
        pending = self._pending.get(path)
        if pending is not None and isinstance(pending.event, Moved):
            self._forget(path, time, now)
            replaced = False
        elif pending is not None:
            replaced = not isinstance(pending.event, Created)
        if replaced:
            self._wait(Modified(path, atomic=True, time=time), now)
        else:
            self._wait(Created(path, time=time), now)

    def _split(self, source: str, now: float) -> None:
        """Tell a move that waits as what became of the path it led to."""
        to = self._sources[source]
        self._forget_source(source)
        moved = self._pending[to].event
        self._wait(Created(to, time=moved.time), now)

    # -- a directory and all that is below it ------------------------------------------

    def _end_all(self, event: Deleted, now: float) -> Iterable[Event]:
        path, below = event.path, event.path + "/"
        told: list[Event] = []
        waiting = self._pending.get(path)
        was_new = waiting is not None and isinstance(waiting.event, Created)
        for each in self._about(path):
            kind = self._pending[each].event
            inside = each == path or each.startswith(below)
            if not inside or isinstance(kind, Deleted):
                told.append(self._take(each))
            else:
                dropped = self._take(each)
                if isinstance(dropped, Moved) and not dropped.src_path.startswith(
                    below
                ):
                    self._gone(dropped.src_path, event.time, now)
        return told if was_new else (*told, event)

    def _move_all(self, event: Moved, now: float) -> Iterable[Event]:
        told = [self._take(each) for each in self._about(event.src_path)]
        told += [self._take(each) for each in self._about(event.path)]
        above = event.path
        while above := above.rpartition("/")[0]:  # it moves into what is there
            if above in self._pending:
                told.insert(0, self._take(above))
        return (*told, event)

    def _about(self, path: str) -> list[str]:
        """Return the paths that wait, are there or below, or have come from there."""
        pending, sources = self._pending, self._sources
        found = set()
        for each in self._paths.below(path):
            if each in pending:
                found.add(each)
            if each in sources:
                found.add(sources[each])
        return sorted(found, key=lambda each: pending[each].count)

    # -- waiting -----------------------------------------------------------------------

    def _wait(self, event: Change, now: float) -> None:
        pending = self._pending.get(event.path)
        if pending is None:
            due = now + min(self._quiet, self._longest)
            self._count += 1
            until = now + self._longest
            self._pending[event.path] = _Pending(event, self._count, due, until)
            self._paths.add(event.path)
            heapq.heappush(self._heap, (due, self._count, event.path))
            return
        pending.event = event
        if not event.is_dir:  # which is told before what is in it
            pending.due = min(now + self._quiet, pending.until)

    def _take(self, path: str) -> Change:
        event = self._pending.pop(path).event
        self._paths.remove(path)
        if isinstance(event, Moved):
            self._forget_source(event.src_path)
        return event

    def _forget_source(self, path: str) -> None:
        if self._sources.pop(path, None) is not None:
            self._paths.remove(path)
