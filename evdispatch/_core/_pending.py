"""Pending events: those that wait in the queue and may still be merged or dropped.

An event whose class has a policy is not put into a lane itself: a `Placeholder` is, and
the dispatch side exchanges it for the event. One lock guards the placeholders of all
sources; it is taken within the lock of the registrations. Another one guards those of
posts; a merge function called under it may take the lock of the registrations. A thread
that comes for one of them and holds it already is in a signal handler, or in a merge
function that posts: its event is not merged, so nothing can be lost.
"""

import threading
from collections import deque
from typing import Any, NoReturn

from evdispatch._core._policies import Policies, Policy, call_merge
from evdispatch._events import URGENT, Dropped, Error, Event
from evdispatch._stats import Counts, PostCounts

Lock = Any  # threading.RLock is a function


class Placeholder:
    """Stands in a lane for the next of its events, once for each of them.

    A merged event stays in the place of the first one. Of a class that drops, one
    placeholder holds all that wait: dropping one leaves the lane as it is.
    """

    __slots__ = ("_lock", "events", "report", "source")

    has_hooks = True
    deliver_after_close = False

    def __init__(
        self, lock: Lock, source: Any, events: "list[Event] | deque[Event]"
    ) -> None:
        self._lock = lock
        self.source = source
        self.events = events  # a list of one, or a deque, which takes ten times as much
        self.report: Placeholder | None = None  # holds the `dropped` event

    def on_dequeue(self) -> Any:
        """Take the next event out; dispatch side."""
        events: Any = self.events
        with self._lock:
            # In one call, so that no signal handler finds it half done.
            event = events.pop() if type(events) is list else events.popleft()
        return event.on_dequeue() if event.has_hooks else event


class Pending:
    """What waits and may still change, of one source or of the posts of one class.

    An event of a source is merged into the last one of that source alone, so the events
    of a source keep their order.

    Attributes:
        last: What a later event is merged into, if it is of the same class. An event
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
        """Take an event in, and append to ``puts`` what is to be put into the lane.

        Returns:
            False if the lane is ``full`` and would get longer: then nothing was done.
        """
        if policy.merge is None:
            with self._lock:
                self._drop(event, policy, puts)
            return True
        nested = self._lock._is_owned()  # as threading.Condition asks
        with self._lock:
            if nested or not self._merge(event, policy.merge, puts):
                if full and not puts:
                    return False
                self.last = Placeholder(self._lock, self._source, [event])
                puts.append(self.last)
            return True

    def seal(self, policies: Policies) -> None:
        """Merge nothing more into what waits now, since a policy has changed.

        A class that still drops goes on counting how many wait. For any other class, the
        next events must not take the places of those that wait.
        """
        self.last = None
        for cls in list(self._dropping):
            policy = policies.find(cls)
            if policy is None or policy.merge is not None:
                del self._dropping[cls]

    def _merge(self, event: Event, merge: Any, puts: list[Any]) -> bool:
        """Merge an event into the last one; return whether that was done."""
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
        """Take an event in, or drop one if too many of its class wait."""
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
        if report:  # it waits still
            report[0].count += 1
            return
        dropped = Dropped(type(event).name, 1, source=self._source, time=event.time)
        waiting.report = Placeholder(self._lock, self._source, [dropped])
        self._counts.note_made()
        puts.append(waiting.report)


class PendingEvents:
    """Puts events into the lanes as the policies of their classes say."""

    def __init__(
        self, policies: Policies, lanes: tuple[deque[Event], deque[Event], deque[Event]]
    ) -> None:
        self._policies = policies
        self._lanes = lanes
        self._source_lock: Lock = threading.RLock()
        self._post_lock: Lock = threading.RLock()
        self._posts: dict[type[Event], Pending] = {}  # of each class with a policy

    def is_locked_here(self) -> bool:
        """Whether the calling thread holds a lock: within a merge function."""
        return bool(self._source_lock._is_owned() or self._post_lock._is_owned())

    def put(self, source: Any, events: list[Event]) -> None:
        """Put what a source made into its lane. IO side.

        At once, so that the dispatch side does not take what the next one would be merged
        into. Where no event has a policy and its ``pending`` is None, extending the
        lane by the events is the same.
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
                except BaseException:  # of a merge function: lose nothing
                    puts += (event, *rest)
                    pending.last = None
                    raise
        finally:
            self._lanes[source.lane].extend(puts)

    def post(self, event: Event, counts: PostCounts, *, full: bool) -> bool:
        """Put a post into its lane. From any thread.

        Args:
            event: The post.
            counts: Counts posts.
            full: Whether the lane is full, and the calling thread may wait.

        Returns:
            False if it must wait until the lane has room, and be given again.
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
        """Merge nothing more into the posts that wait now, since a policy has changed."""
        with self._post_lock:
            for pending in list(self._posts.values()):
                pending.seal(self._policies)


def _refuse(merged: object) -> NoReturn:
    raise TypeError(f"a merge function must return an event or None, got {merged!r}")
