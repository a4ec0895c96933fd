"""Handlers that are called less often than their events come.

- What waits, waits outside the queue: one event for each source, the last one.
- It is nobody's any more once its source was closed by the user, or its handler was
  removed, as if it had waited in the queue.
- A pace costs one deadline in its interval, and none when nothing comes.
- All of it is the dispatch thread's.
"""

import abc
from collections.abc import Callable
from typing import Any

from evdispatch._events import Event
from evdispatch._handlers._handler import Handler, calls_handlers
from evdispatch._handlers._routes import is_dropped

After = Callable[[float, Callable[[], Any]], Any]
"""Has a function called on the dispatch thread, in so many seconds."""


class RateLimitedHandler(abc.ABC):
    """A handler, and when it is called.

    Args:
        handler: What is called.
        takes_event: Whether with the event, or with nothing.
        find: Returns what was registered; None: it was removed, or is gone.
        interval: In seconds.
        now: The clock.
        after: Calls a function later.
    """

    def __init__(
        self,
        handler: Handler,
        find: Callable[[], Handler | None],
        *,
        takes_event: bool,
        interval: float,
        now: Callable[[], float],
        after: After,
    ) -> None:
        self.handler = handler
        self.takes_event = takes_event
        self.find = find
        self._interval = interval
        self._now = now
        self._after = after
        self._waiting: dict[Any, DelayedCall] = {}  # by source

    @abc.abstractmethod
    def hear(self, event: Event) -> Any:
        """Call the handler, now or later; return what it returned."""

    @abc.abstractmethod
    def expire(self, late: "DelayedCall") -> None:
        """The interval is over."""

    def _begin(self, source: Any) -> "DelayedCall":
        late = self._waiting[source] = DelayedCall(self, source)
        self._after(self._interval, late)
        return late

    def _finish(self, late: "DelayedCall") -> None:
        """Call the handler with what has waited, if anybody is to hear it."""
        event, late.handler = late.event, self.find()
        if event is not None and late.handler is not None and not is_dropped(event):
            self.call(event)

    @calls_handlers
    def call(self, event: Event) -> Any:
        """Call the handler."""
        return self.handler(event) if self.takes_event else self.handler()


class DelayedCall:
    """An interval of one source, and the event that waits for its end.

    Attributes:
        source: The source.
        event: What waits, or is being handled.
        at: When it came.
        handler: Who is being called with it.
    """

    __slots__ = ("_pace", "at", "event", "handler", "source")

    def __init__(self, pace: RateLimitedHandler, source: Any) -> None:
        self._pace = pace
        self.source = source
        self.event: Event | None = None
        self.at = 0.0
        self.handler: Handler | None = None

    @property
    def registered(self) -> Handler | None:
        """Whose interval it is; None: it was removed, or is gone."""
        return self._pace.find()

    def __call__(self) -> None:
        """End it."""
        self._pace.expire(self)


class Throttle(RateLimitedHandler):
    """The first event at once; then the last one of each interval at its end."""

    def hear(self, event: Event) -> Any:
        """Call the handler, unless it was called within the interval."""
        late = self._waiting.get(event.source)
        if late is not None:
            late.event = event
            return None
        self._begin(event.source)
        return self.call(event)

    def expire(self, late: DelayedCall) -> None:
        """Tell what came meanwhile, which begins another interval."""
        del self._waiting[late.source]
        if late.event is not None:
            self._begin(late.source)
            self._finish(late)


class Debounce(RateLimitedHandler):
    """The last event, when none has come for an interval."""

    def hear(self, event: Event) -> Any:
        """Begin to wait anew."""
        late = self._waiting.get(event.source)
        if late is None:
            late = self._begin(event.source)
        late.event, late.at = event, self._now()

    def expire(self, late: DelayedCall) -> None:
        """Tell the last event, if it is long enough ago; else wait for the rest."""
        left = late.at + self._interval - self._now()
        if left > 0:
            self._after(left, late)
            return
        del self._waiting[late.source]
        self._finish(late)
