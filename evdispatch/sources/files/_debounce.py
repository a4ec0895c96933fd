"""The net effect of the events of each path, made when the path has been quiet. No clock.

=============  ========================================================
created        + modified = created; + deleted = nothing
modified       + modified = modified; + deleted = deleted
deleted        + created = modified
moved a -> b   + moved b -> c = moved a -> c; back to a = nothing
moved a -> b   + modified b, or + created a: each path has one event, so
               they are deleted a (or modified a) and created b
=============  ========================================================

`deleted` and `moved` of a directory are made at once: they concern each path below it, so what
waits about those paths is made before, or is dropped.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator

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


class Paths:
    """A multiset of paths that are found by the directories above them.

    Adding and finding cost the directories on the way, not the number of paths.
    """

    def __init__(self) -> None:
        self._members: Counter[str] = Counter()
        # Of each directory above a member, what in it is a member or above one.
        self._entries: dict[str, dict[str, None]] = {}

    def add(self, path: str) -> None:
        """Add a path, once more if it is there."""
        self._members[path] += 1
        while path:
            above = path.rpartition("/")[0]
            entries = self._entries.setdefault(above, {})
            if path in entries:
                return
            entries[path] = None
            path = above

    def remove(self, path: str) -> None:
        """Remove a path as often as it was added."""
        self._members[path] -= 1
        if self._members[path]:
            return
        del self._members[path]
        while path and path not in self._members and path not in self._entries:
            above = path.rpartition("/")[0]
            entries = self._entries[above]
            del entries[path]
            if entries:
                return
            del self._entries[above]
            path = above

    def below(self, path: str) -> Iterator[str]:
        """Yield a path, if it is there, and all below it."""
        found = [path]
        for each in found:
            if each in self._members:
                yield each
            found.extend(self._entries.get(each, ()))


@attrs.define(eq=False)
class _Pending:
    event: Change
    count: int  # of all pending events so far
    due: float
    until: float  # when it is made at the latest


class Debouncer:
    """Merges the events of each path until it has been quiet for a while.

    Args:
        quiet: How long, in seconds.
        longest: How long an event waits at most, in seconds.

    Attributes:
        waiting: The events that wait, by path.
    """

    def __init__(self, quiet: float, longest: float) -> None:
        self._quiet = quiet
        self._longest = longest
        self.waiting: dict[str, _Pending] = {}
        self._sources: dict[str, str] = {}  # of moves that wait: from -> to
        self._paths = Paths()  # of the waiting events, and of the sources
        self._heap: list[tuple[float, int, str]] = []  # due at that time, or later
        self._count = 0

    @property
    def due(self) -> float | None:
        """When `expire` may have something to return."""
        return self._heap[0][0] if self.waiting else None

    def feed(self, events: Iterable[Event], now: float) -> list[Event]:
        """Take in events, and return those to be made now."""
        return [made for event in events for made in self._feed(event, now)]

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
        pending = self.waiting.get(event.path)
        if pending is None:
            if not isinstance(event, Closed):  # alone it says that nothing was written
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
        """Return the events whose path was quiet, or that have waited, for long enough."""
        over: list[Event] = []
        heap = self._heap
        while heap and heap[0][0] <= now:
            _, count, path = heapq.heappop(heap)
            pending = self.waiting.get(path)
            if pending is None or pending.count != count:
                continue  # made before; another event may wait for this path
            if pending.due > now:
                heapq.heappush(heap, (pending.due, count, path))
            else:
                over.append(self._take(path))
        if not self.waiting:
            heap.clear()
        return over

    def flush(self) -> list[Event]:
        """Return all that wait."""
        paths = sorted(self.waiting, key=lambda path: self.waiting[path].due)
        return [self._take(path) for path in paths]

    # -- one path ----------------------------------------------------------------------

    def _begin(self, event: Created, now: float) -> Iterable[Event]:
        path, made = event.path, []
        pending = self.waiting.get(path)
        if pending is not None and (event.is_dir or pending.event.is_dir):
            made.append(
                self._take(path)
            )  # of a file, and now a directory, or vice versa
        elif path in self._sources and event.is_dir:
            made.append(self._take(self._sources[path]))
        elif path in self._sources:
            self._split(path, now)
            self._wait(Modified(path, time=event.time), now)
            return ()
        elif pending is not None:
            self._wait(Modified(path, time=event.time), now)
            return ()
        self._wait(event, now)
        return made

    def _end(self, event: Deleted, now: float) -> Iterable[Event]:
        pending = self.waiting.get(event.path)
        if pending is None or not isinstance(pending.event, (Created, Moved)):
            self._wait(event, now)
        else:
            self._forget(event.path, event.time, now)
        return ()

    def _forget(self, path: str, time: float, now: float) -> None:
        """Drop the event of a path; if it was a move to it, its source is gone."""
        dropped = self._take(path)
        if isinstance(dropped, Moved):
            self._gone(dropped.src_path, time, now)

    def _gone(self, path: str, time: float, now: float) -> None:
        """Let a file be deleted, unless a later event waits for its path."""
        if path not in self.waiting:
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
            replaced = event.replaced or path in self.waiting
        source = self.waiting.get(event.src_path)
        first = None if source is None else source.event
        if source is not None:
            self._take(event.src_path)
        origin = first.src_path if isinstance(first, Moved) else event.src_path
        if replaced or isinstance(first, (Created, Modified)):
            if not isinstance(first, Created):
                self._gone(origin, time, now)
            self._come(path, time, now, replaced=replaced)
        elif origin in self.waiting:  # created again meanwhile
            self._wait(Created(path, time=time), now)
        elif origin != path:
            self._forget_source(origin)
            self._sources[origin] = path
            self._paths.add(origin)
            self._wait(Moved(path, src_path=origin, time=time), now)
        return ()

    def _come(self, path: str, time: float, now: float, *, replaced: bool) -> None:
        """Let another file be at a path, with all its content."""
        pending = self.waiting.get(path)
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
        """Replace a waiting move by `created` of its target."""
        to = self._sources[source]
        self._forget_source(source)
        moved = self.waiting[to].event
        self._wait(Created(to, time=moved.time), now)

    # -- a directory and all that is below it ------------------------------------------

    def _end_all(self, event: Deleted, now: float) -> Iterable[Event]:
        path, below = event.path, event.path + "/"
        made: list[Event] = []
        waiting = self.waiting.get(path)
        was_new = waiting is not None and isinstance(waiting.event, Created)
        for each in self._about(path):
            kind = self.waiting[each].event
            inside = each == path or each.startswith(below)
            if not inside or isinstance(kind, Deleted):
                made.append(self._take(each))
            else:
                dropped = self._take(each)
                if isinstance(dropped, Moved) and not dropped.src_path.startswith(
                    below
                ):
                    self._gone(dropped.src_path, event.time, now)
        return made if was_new else (*made, event)

    def _move_all(self, event: Moved, now: float) -> Iterable[Event]:
        made = [self._take(each) for each in self._about(event.src_path)]
        made += [self._take(each) for each in self._about(event.path)]
        above = event.path
        while above := above.rpartition("/")[0]:  # it moves into what is there
            if above in self.waiting:
                made.insert(0, self._take(above))
        return (*made, event)

    def _about(self, path: str) -> list[str]:
        """Return the waiting paths at or below a path, or that have moved away from there."""
        waiting, sources = self.waiting, self._sources
        found = set()
        for each in self._paths.below(path):
            if each in waiting:
                found.add(each)
            if each in sources:
                found.add(sources[each])
        return sorted(found, key=lambda each: waiting[each].count)

    # -- waiting -----------------------------------------------------------------------

    def _wait(self, event: Change, now: float) -> None:
        pending = self.waiting.get(event.path)
        if pending is None:
            due = now + min(self._quiet, self._longest)
            self._count += 1
            until = now + self._longest
            self.waiting[event.path] = _Pending(event, self._count, due, until)
            self._paths.add(event.path)
            heapq.heappush(self._heap, (due, self._count, event.path))
            return
        pending.event = event
        if not event.is_dir:  # a directory comes before what is in it
            pending.due = min(now + self._quiet, pending.until)

    def _take(self, path: str) -> Change:
        event = self.waiting.pop(path).event
        self._paths.remove(path)
        if isinstance(event, Moved):
            self._forget_source(event.src_path)
        return event

    def _forget_source(self, path: str) -> None:
        if self._sources.pop(path, None) is not None:
            self._paths.remove(path)
