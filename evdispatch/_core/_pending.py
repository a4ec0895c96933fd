"""Pending events: those that wait in the queue and may still be merged or dropped.

If the class of an event has a policy, a `Placeholder` is put into the lane, and dispatch takes
the event out of it. ``_source_lock`` guards the placeholders of sources, and is taken inside
`Registrations.lock`. ``_post_lock`` guards those of posts, and is taken outside it, because a
merge function of posts may take `Registrations.lock`. If the calling thread already holds the
lock (signal handler, merge function), the event is not merged.
"""

import threading
from collections import deque
from typing import Any, NoReturn

from evdispatch._core._policies import Policies, Policy, call_merge
from evdispatch._events import URGENT, Dropped, Error, Event
from evdispatch._stats import Counts, PostCounts

Lock = Any  # threading.RLock is a function


def is_owned(lock: Lock) -> bool:
    """Whether the calling thread holds a reentrant lock."""
    return bool(lock._is_owned())  # noqa: SLF001 (as threading.Condition asks)


class Placeholder:
    """Stands in a lane for the next of its events, once for each of them.

    A merged event keeps the place of the first one. If events are dropped, one placeholder
    holds all waiting events of the class, so dropping one does not change the lane.
    """

    __slots__ = ("_lock", "events", "report", "source")

    has_hooks = True
    deliver_after_close = False

    def __init__(
        self, lock: Lock, source: Any, events: "list[Event] | deque[Event]"
    ) -> None:
        self._lock = lock
        self.source = source
        self.events = events  # a list of one event; a deque takes ten times the memory
        self.report: Placeholder | None = None  # holds the `dropped` event

    def on_dequeue(self) -> Any:
        """Take the next event out; dispatch side."""
        events: Any = self.events
        with self._lock:
            # In one call, so that no signal handler sees an intermediate state.
            event = events.pop() if type(events) is list else events.popleft()
        return event.on_dequeue() if event.has_hooks else event


class Pending:
    """The pending events of one source, or of the posts of one class.

    An event of a source is merged only into the last event of that source, so the events
    of a source keep their order.

    Attributes:
        last: The placeholder into which a later event of the same class is merged. An event
            that is put into the lane without a policy resets it to None.
    """

    __slots__ = ("_counts", "_dropping", "_lock", "_source", "last")

    def __init__(self, lock: Lock, source: Any, counts: Counts) -> None:
        self._lock = lock
        self._source = source
        self._counts = counts
        self._dropping: dict[type[Event], Placeholder] = {}
        self.last: Placeholder | None = None

    def add(
        self, event: Event, policy: Policy, puts: list[Any], *, full: bool = False
    ) -> bool:
        """Add an event, and append to ``puts`` the entries to put into the lane.

        Returns:
            False if the lane is ``full`` and would get longer: nothing was done then.
        """
        if policy.merge is None:
            with self._lock:
                self._drop(event, policy, puts)
            return True
        nested = is_owned(self._lock)
        with self._lock:
            if nested or not self._merge(event, policy.merge, puts):
                if full and not puts:
                    return False
                self.last = Placeholder(self._lock, self._source, [event])
                puts.append(self.last)
            return True

    def seal(self, policies: Policies) -> None:
        """Stop merging into the events that wait now, after a policy change.

        A class that still drops events keeps its count of waiting events. For any other
        class, the next events must not take the places of those that wait.
        """
        self.last = None
        for cls in list(self._dropping):
            policy = policies.find(cls)
            if policy is None or policy.merge is not None:
                del self._dropping[cls]

    def _merge(self, event: Event, merge: Any, puts: list[Any]) -> bool:
        """Merge an event into the last one, if possible; return whether it was merged."""
        if self.last is None:
            return False
        events = self.last.events
        if not events or type(events[0]) is not type(event):
            return False
        try:
            merged = merge(events[0], event)
            if merged is None:
                return False
            if not isinstance(merged, Event):
                _refuse(merged)
        except Exception as error:
            function = event.merge if merge is call_merge else merge
            self._counts.note_made()
            puts.append(
                Error(error, event, function, source=self._source, time=event.time)
            )
            return False
        merged.source = self._source
        merged.time = merged.time or event.time
        events[0] = merged
        self._counts.coalesced += 1
        return True

    def _drop(self, event: Event, policy: Policy, puts: list[Any]) -> None:
        """Add an event, or drop one if too many of its class wait."""
        waiting = self._dropping.get(type(event))
        if waiting is None:
            waiting = Placeholder(self._lock, self._source, deque())
            self._dropping[type(event)] = waiting
        events: Any = waiting.events
        if len(events) < policy.limit:
            events.append(event)
            puts.append(waiting)
            self.last = None
            return
        if not policy.newest:
            events.popleft()
            events.append(event)
        self._counts.note_shed()
        report: Any = waiting.report and waiting.report.events
        if report:  # the last `dropped` event still waits
            report[0].count += 1
            return
        dropped = Dropped(type(event).name, 1, source=self._source, time=event.time)
        waiting.report = Placeholder(self._lock, self._source, [dropped])
        self._counts.note_made()
        puts.append(waiting.report)


class PendingEvents:
    """Puts events into the lanes, by the policies of their classes."""

    def __init__(
        self, policies: Policies, lanes: tuple[deque[Event], deque[Event], deque[Event]]
    ) -> None:
        self._policies = policies
        self._lanes = lanes
        self._source_lock: Lock = threading.RLock()
        self._post_lock: Lock = threading.RLock()
        self._posts: dict[type[Event], Pending] = {}  # of each class with a policy

    def is_locked_here(self) -> bool:
        """Whether the calling thread holds a lock, and so may be in a merge function."""
        return is_owned(self._source_lock) or is_owned(self._post_lock)

    def put(self, source: Any, events: list[Event]) -> None:
        """Put the events of a source into its lane. IO side.

        All in one ``extend``, so that dispatch cannot take an event that a later one would be
        merged into. If no event has a policy and the source has no pending events, extending
        the lane by the events has the same result.
        """
        pending: Pending | None = source.registration.pending
        find = self._policies.find
        puts: list[Any] = []
        rest = iter(events)
        try:
            for event in rest:
                policy = find(type(event))
                if policy is None:
                    puts.append(event)
                    if pending is not None:
                        pending.last = None
                    continue
                if pending is None:
                    record = source.registration
                    pending = Pending(self._source_lock, source, record)
                    record.pending = pending
                try:
                    pending.add(event, policy, puts)
                except BaseException:  # from a merge function: lose no event
                    puts += (event, *rest)
                    pending.last = None
                    raise
        finally:
            self._lanes[source.lane].extend(puts)

    def post(self, event: Event, counts: PostCounts, *, full: bool) -> bool:
        """Put a post into its lane. From any thread.

        Args:
            event: The post.
            counts: The counts of posts.
            full: Whether the lane is full, and the calling thread may wait.

        Returns:
            False if the lane has no room: the caller waits and calls again.
        """
        cls = type(event)
        try:
            policy = self._policies.by_class[cls]
        except KeyError:
            policy = self._policies.find(cls)
        puts: list[Any] = []
        if policy is not None:
            pending = self._posts.get(cls)
            if pending is None:
                made = Pending(self._post_lock, None, counts)
                pending = self._posts.setdefault(cls, made)
            if not pending.add(event, policy, puts, full=full):
                return False
        elif full:
            return False
        else:
            puts.append(event)
        counts.posted()
        for each in puts:
            self._lanes[URGENT if isinstance(each, Error) else event.lane].append(each)
        return True

    def seal_posts(self) -> None:
        """Stop merging into the posts that wait now, after a policy change."""
        with self._post_lock:
            for pending in list(self._posts.values()):
                pending.seal(self._policies)


def _refuse(merged: object) -> NoReturn:
    raise TypeError(f"a merge function must return an event or None, got {merged!r}")
