"""Posting by policies; what a policy does is `_slots`' to know."""

from collections import deque
from typing import Any

from evdispatch._core._pending import Gate
from evdispatch._core._policies import LIMIT, Merge
from evdispatch._events import Event
from evdispatch._parts._observing import Observing

Way = tuple[deque[Event], Gate | None]
"""Of a class of posts: the lane; and the policy and what waits, if it has one."""

_WAYS = 1024  # how many of them are kept


class Posting(Observing):
    """The part of a `Dispatcher` that knows how events are taken in.

    Attributes:
        _ways: Of the classes that were posted; made anew when the policies change.
    """

    _ways: dict[type[Event], Way]

    def _find_way(self, event: Any) -> Way:
        """Return the way of a class of posts: the lane, and the policy if it has one."""
        ways = self._ways  # first: it is another one when the policies change
        if not isinstance(event, Event):
            raise TypeError(f"post takes a fresh event of your own, not {event!r}")
        if len(ways) >= _WAYS:
            ways.clear()
        cls, slots = type(event), self._queue.slots
        policy = slots.policies.find(cls)
        gate = None if policy is None else (policy, slots.line_of(cls, self._posts))
        way = ways[cls] = (self._queue.lanes[cls.lane], gate)
        return way

    def _post_by(self, gate: Gate, event: Event, timeout: float | None) -> None:
        """Post an event whose class has a policy."""
        queue = self._queue
        event.time = event.time or self._now()
        full = len(queue.lanes[event.lane]) >= queue.bound
        full = full and not self._must_not_wait()
        if not queue.slots.post(gate, event, queue.lanes, full=full):
            queue.wait_for_room(event.lane, timeout)
            self._post_late(event)
        if queue.sleeping:
            queue.wake()

    def _post_late(self, event: Event) -> None:
        """Post what has waited for room, by the policy of now.

        By that of before, a later post of the same thread might overtake it.
        """
        lane, gate = self._find_way(event)
        event.time = event.time or self._now()
        if gate is None:
            self._posts.posted()
            lane.append(event)
        else:
            self._queue.slots.post(gate, event, self._queue.lanes, full=False)

    def set_policy(
        self, event: str | type[Event], policy: str | Merge, *, limit: int = LIMIT
    ) -> None:
        """Say what becomes of an event while others of its class wait in the queue.

        ``"block"``: they all wait, and a full queue stops the reading. ``"latest"``: the last
        one waits. ``"merge"``: one waits, and takes the others in (`Event.merge`), or a
        function does it: ``function(waiting, later)`` returns what waits on, or None: both
        do. ``"drop_oldest"``, ``"drop_newest"``: so many wait; what is dropped is told by a
        `dropped` event, and a post of such a class never waits for room.

        A source's event is merged into the last one of that source alone, so its events keep
        their order; a post into the one of its class. A merge function is called under a
        lock, on the thread that reads or posts: it must be quick, and leave the dispatcher
        alone; if it raises, that is an `error`, and both wait. Call this on the dispatch
        thread, or before a run; it is for what comes from then on.

        Args:
            event: The name or class, as for `on`; subclasses have its policy, too, unless a
                nearer one is set.
            policy: What becomes of it.
            limit: How many may wait, for each source, for those that drop.

        Raises:
            UnknownEventError: No event has this name.
            ValueError: No such policy; a class without ``merge``; a limit below 1; an event
                that is never dropped, as it tells of a beginning, an end or an error.
            TypeError, HandlerTypeError: No event; no function of two events; no number.
            ClosedError: The dispatcher is closed.
        """
        self._check_open()
        with self._registrations.lock:
            self._queue.slots.policies.set(event, policy, limit)
            self._registrations.reconsider(self._queue.slots.policies)
            self._ways = {}
        self._queue.slots.part_posts()  # without the lock, which a merge may come for
