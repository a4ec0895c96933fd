"""What waits in a lane for an event that may still change: see `_policies`.

- A *slot* stands in a lane in the place of one event. What is merged into it takes the
  event's place; `claim`, on the dispatch side, takes it out.
- A *ring* holds what waits of a class that drops. Its one *token* stands in the lane once
  for each of them, and each `claim` takes the oldest: when the oldest is dropped and a new
  one kept, the lane stays as it is.
- A *line* is what may still change: of a source, or of the posts of one class. An event of
  a source is merged into the last that waits of that source alone, so its events keep their
  order; a post into the one of its class.
- A lock is held while anything is taken in or out: one for sources, which is taken within
  the registrations's, and one for posts, within which a merge function may come for the registrations's.
  Who comes for one that it holds is a signal handler, or a merge function that posts:
  nothing is merged then, and so nothing can be lost.
- Each event is counted, in `Counts`, in the moment in which it can be lost no more.
"""

import threading
from collections import deque
from typing import Any

from evdispatch._core._policies import Policies, Policy, merge_itself
from evdispatch._events import URGENT, Dropped, Error, Event
from evdispatch._stats import Counts

Lock = Any  # threading.RLock is a function


class Slot:
    """Stands in a lane for one event. To a lane it is an event."""

    __slots__ = ("_lock", "event", "source")

    has_hooks = True
    deliver_after_close = False

    def __init__(self, lock: Lock, event: Event, source: Any) -> None:
        self._lock = lock
        self.event: Event | None = event  # None: it was taken out
        self.source = source

    def on_dequeue(self) -> Any:
        """Take the event out; dispatch side, once."""
        with self._lock:
            event, self.event = self.event, None
        return event.on_dequeue() if event is not None and event.has_hooks else event


class Ring:
    """What waits of a class that drops; and the token, which stands for one of them."""

    __slots__ = ("_lock", "events", "source", "told")

    has_hooks = True
    deliver_after_close = False

    def __init__(self, lock: Lock, source: Any) -> None:
        self._lock = lock
        self.events: deque[Event] = deque()
        self.source = source
        self.told: Slot | None = None  # the `dropped` event

    def on_dequeue(self) -> Any:
        """Take the oldest out; dispatch side, as often as it stands in the lane."""
        with self._lock:
            event = self.events.popleft()
        return event.on_dequeue() if event.has_hooks else event


class Line:
    """What waits, and may still change, of one source or of the posts of one class.

    Attributes:
        source: The source; None: it is of posts.
        lock: Held while anything is taken in or out.
        counts: Where what becomes of the events is counted.
        last: What a later event is merged into, if it is of the same class.
        rings: Of each class that drops.
    """

    __slots__ = ("counts", "last", "lock", "rings", "source")

    def __init__(self, lock: Lock, source: Any, counts: Counts) -> None:
        self.lock = lock
        self.source = source
        self.counts = counts
        self.last: Slot | None = None
        self.rings: dict[type[Event], Ring] = {}

    def part(self, policies: Policies) -> None:
        """Have what waits change no more, now that there are other policies.

        What drops still counts how many wait; but once a class has another policy, what
        comes of it is not to get the place of what came before.
        """
        self.last = None
        for cls in list(self.rings):
            policy = policies.find(cls)
            if policy is None or policy.merge is not None:
                del self.rings[cls]


Gate = tuple[Policy, Line]
"""Of a class of posts that has a policy: that, and what waits."""


class Slots:
    """Takes events in, as their classes' policies say."""

    def __init__(self) -> None:
        self.policies = Policies()
        self._lock: Lock = threading.RLock()  # of sources
        self._post_lock: Lock = threading.RLock()
        self._posts: dict[type[Event], Line] = {}  # of each class that had a policy

    def is_locked_here(self) -> bool:
        """Whether the calling thread is taking something in: within a merge function."""
        return _is_held(self._lock) or _is_held(self._post_lock)

    def admit(self, source: Any, events: list[Event], puts: list[Any]) -> None:
        """Take events of a source in. IO side.

        Args:
            source: The source.
            events: What it has made.
            puts: Gets what is to be put into the lane; also if a merge function raises
                what is no Exception.
        """
        line: Line | None = source.registration.pending
        find = self.policies.find
        left = iter(events)
        for event in left:
            policy = find(type(event))
            if policy is None:
                puts.append(event)
                if line is not None:
                    line.last = None
                continue
            if line is None:
                line = source.registration.pending = Line(
                    self._lock, source, source.registration
                )
            try:
                self._take(line, event, policy, puts)
            except BaseException:
                puts += (event, *left)
                line.last = None
                raise

    def part_posts(self) -> None:
        """Have the posts that wait change no more."""
        with self._post_lock:
            for line in list(self._posts.values()):
                line.part(self.policies)

    def line_of(self, cls: type[Event], posts: Counts) -> Line:
        """Return the line of the posts of a class."""
        return self._posts.setdefault(cls, Line(self._post_lock, None, posts))

    def post(self, gate: Gate, event: Event, lanes: Any, *, full: bool) -> bool:
        """Take a post in. From any thread.

        Args:
            gate: The class's.
            event: The event.
            lanes: Of the queue.
            full: Whether the lane is, and the thread is to wait then.

        Returns:
            Whether it is taken in; else it is to wait for room, and to be given again.
        """
        policy, line = gate
        nested = _is_held(line.lock)
        with line.lock:
            puts: list[Any] = []
            if policy.merge is None:
                self._drop(line, event, policy, puts)
            elif nested or not self._merge(line, event, policy.merge, puts):
                if full and not puts:
                    return False
                puts.append(self._begin(line, event))
            line.counts.note_made()
            for each in puts:
                lanes[URGENT if isinstance(each, Error) else event.lane].append(each)
            return True

    def _take(self, line: Line, event: Event, policy: Policy, puts: list[Any]) -> None:
        """Take an event of a source in, and add what is to be put into the lane."""
        nested = _is_held(line.lock)
        with line.lock:
            if policy.merge is None:
                if self._drop(line, event, policy, puts):
                    line.last = None
            elif nested or not self._merge(line, event, policy.merge, puts):
                puts.append(self._begin(line, event))

    def _begin(self, line: Line, event: Event) -> Slot:
        line.last = Slot(line.lock, event, line.source)
        return line.last

    def _merge(self, line: Line, event: Event, merge: Any, puts: list[Any]) -> bool:
        """Merge an event into the last one; return whether that was done."""
        slot = line.last
        waiting = None if slot is None else slot.event
        if slot is None or type(waiting) is not type(event):
            return False
        try:
            merged = _checked(merge(waiting, event))
        except Exception as error:
            function = event.merge if merge is merge_itself else merge
            told = Error(error, event, function, source=line.source, time=event.time)
            line.counts.note_made()
            puts.append(told)
            return False
        if merged is None:
            return False
        merged.source = line.source
        merged.time = merged.time or event.time
        slot.event = merged
        line.counts.coalesced += 1
        return True

    def _drop(self, line: Line, event: Event, policy: Policy, puts: list[Any]) -> bool:
        """Take an event in that may drop one; return whether the lane gets longer."""
        ring = line.rings.get(type(event))
        if ring is None:
            ring = line.rings[type(event)] = Ring(line.lock, line.source)
        if len(ring.events) < policy.limit:
            ring.events.append(event)
            puts.append(ring)
            return True
        if not policy.newest:
            ring.events.popleft()
            ring.events.append(event)
        line.counts.note_shed()
        told = None if ring.told is None else ring.told.event
        if isinstance(told, Dropped):
            told.count += 1
        else:
            dropped = Dropped(type(event).name, 1, source=line.source, time=event.time)
            ring.told = Slot(line.lock, dropped, line.source)
            line.counts.note_made()
            puts.append(ring.told)
        return False


def _is_held(lock: Lock) -> bool:
    """Whether the calling thread holds a lock; as threading.Condition asks."""
    return bool(lock._is_owned())


def _checked(merged: Any) -> Event | None:
    if merged is not None and not isinstance(merged, Event):
        raise TypeError(f"a merge function returns an event or None, not {merged!r}")
    return merged
