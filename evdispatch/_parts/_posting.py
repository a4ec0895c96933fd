"""The part of `Dispatcher` that posts events whose class has a policy."""

from collections import deque
from typing import Any

from evdispatch._core._policies import LIMIT, Merge
from evdispatch._events import Event
from evdispatch._parts._observing import Observing

_KEPT = 1024  # classes: a timer's name is a class, and names change


class Posting(Observing):
    """Posting, but for the usual case, which is in `Dispatcher.post`.

    Attributes:
        _lanes: The lane of each class that was posted; None: the class has a policy. A
            new dict when a policy changes.
    """

    _lanes: dict[type[Event], deque[Event] | None]

    def _find_lane(self, event: Any) -> deque[Event] | None:
        """Return the lane of a post; None: its class has a policy."""
        lanes = self._lanes  # read once: `set_policy` may replace it meanwhile
        if not isinstance(event, Event):
            raise TypeError(f"post takes a fresh event of your own, not {event!r}")
        if len(lanes) >= _KEPT:
            lanes.clear()
        cls, queue = type(event), self._queue
        policy = queue.policies.find(cls)
        lane = lanes[cls] = queue.lanes[cls.lane] if policy is None else None
        return lane

    def _post_by_policy(self, event: Event, timeout: float | None) -> None:
        queue = self._queue
        event.time = event.time or self._now()
        full = len(queue.lanes[event.lane]) >= queue.bound
        full = full and not self._must_not_wait()
        if not queue.pending.post(event, self._posts, full=full):
            self._post_late(event, timeout)

    def _post_late(self, event: Event, timeout: float | None) -> None:
        """Post when the lane has room, by the policy that the class has then.

        By the policy it had before, a later post of the same thread might overtake it.
        """
        queue = self._queue
        queue.wait_for_room(event.lane, timeout)
        event.time = event.time or self._now()
        queue.pending.post(event, self._posts, full=False)

    def set_policy(
        self, event: str | type[Event], policy: str | Merge, *, limit: int = LIMIT
    ) -> None:
        """Set what happens to an event while others of its class wait in the queue.

        ``"block"``: all wait, and sources are not read while the queue is full.
        ``"latest"``: the last one waits. ``"merge"``: one waits, and the others are merged
        into it by `Event.merge`, or by a function: ``function(waiting, later)`` returns the
        event that waits from now on, or None to keep both. ``"drop_oldest"``,
        ``"drop_newest"``: at most ``limit`` wait; a `dropped` event reports how many were
        dropped, and a post of such a class never waits for room.

        An event of a source is merged into the last one of that source alone, so the events
        of a source keep their order. A post is merged into the last one of its class. A
        merge function runs under a lock, on the thread that reads or posts: it must be quick
        and must not use the dispatcher. If it raises, both events wait, and an `error` event
        is queued. Call this method on the dispatch thread, or before a run. The policy
        applies to events that come after the call.

        Args:
            event: The name or class, as for `on`. It applies to subclasses, too, unless a
                policy is set for a nearer class.
            policy: The name of a policy, or a merge function.
            limit: How many may wait, for each source, if events are dropped.

        Raises:
            UnknownEventError: No event has this name.
            ValueError: No policy has this name; the class has no ``merge``; a limit is below
                1; the event marks a beginning, an end or an error, and is never dropped.
            TypeError, HandlerTypeError: Not an event; not a function of two events; not a
                number.
            ClosedError: The dispatcher is closed.
        """
        self._check_open()
        with self._registrations.lock:
            self._queue.policies.set(event, policy, limit)
            self._registrations.reconsider(self._queue.policies)
            self._lanes = {}
        # Without the lock of the registrations: a merge function may come for that.
        self._queue.pending.seal_posts()
