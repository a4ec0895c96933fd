"""``throttle=`` and ``debounce=``: handlers that are called less often than events come.

For each source the last event waits, outside the queue. Like a queued event, it is discarded
when the user closes its source or removes the handler. An interval costs one deadline, and none
while no event comes. All methods are called on the dispatch thread.
"""

import abc
from collections.abc import Callable
from typing import Any

from evdispatch._events import Event
from evdispatch._handlers._handler import Handler, calls_handlers
from evdispatch._handlers._routes import Subscription, is_dropped

After = Callable[[float, Callable[[], Any]], Any]
"""Calls a function on the dispatch thread after some seconds."""


class RateLimitedHandler(abc.ABC):
    """Calls the handler of a subscription, now or after an interval.

    Args:
        subscription: The subscription of the handler; ``on_event`` replaces its call.
        interval: In seconds.
        now: The clock.
        after: Calls a function later.

    Attributes:
        call: The call of the handler itself.
        takes_event: Whether it takes the event, or nothing.
    """

    def __init__(
        self,
        subscription: Subscription,
        interval: float,
        now: Callable[[], float],
        after: After,
    ) -> None:
        self.call, self.takes_event = subscription.called
        self._subscription = subscription
        self._interval = interval
        self._now = now
        self._after = after
        self._delayed: dict[Any, DelayedCall] = {}  # by source

    @property
    def registered(self) -> Handler | None:
        """The registered handler; None if it was removed, or its object was collected."""
        return self._subscription.handler if self._subscription.alive else None

    @abc.abstractmethod
    def on_event(self, event: Event) -> Any:
        """Call the handler, now or later; return the result of a call now."""

    @abc.abstractmethod
    def expire(self, delayed: "DelayedCall") -> None:
        """Handle the end of an interval."""

    def _delay(self, source: Any) -> "DelayedCall":
        delayed = self._delayed[source] = DelayedCall(self, source)
        self._after(self._interval, delayed)
        return delayed

    def _deliver(self, delayed: "DelayedCall") -> None:
        """Call the handler with the waiting event, unless the event was discarded."""
        event, delayed.handler = delayed.event, self.registered
        if event is not None and delayed.handler is not None and not is_dropped(event):
            self.run(event)

    @calls_handlers
    def run(self, event: Event) -> Any:
        """Call the handler."""
        return self.call(event) if self.takes_event else self.call()


class DelayedCall:
    """An interval of one source, and the event that waits for its end.

    Attributes:
        source: The source; None stands for posts.
        event: The event that waits, or is being handled.
        at: When the event came.
        handler: The handler that is being called with it.
    """

    __slots__ = ("_limited", "at", "event", "handler", "source")

    def __init__(self, limited: RateLimitedHandler, source: Any) -> None:
        self._limited = limited
        self.source = source
        self.event: Event | None = None
        self.at = 0.0
        self.handler: Handler | None = None

    @property
    def registered(self) -> Handler | None:
        """The handler; None if it was removed, or its object was collected."""
        return self._limited.registered

    def __call__(self) -> None:
        """End the interval."""
        self._limited.expire(self)


class Throttle(RateLimitedHandler):
    """Delivers the first event at once, then the last one of each interval at its end."""

    def on_event(self, event: Event) -> Any:
        delayed = self._delayed.get(event.source)
        if delayed is not None:
            delayed.event = event
            return None
        self._delay(event.source)
        return self.run(event)

    def expire(self, delayed: DelayedCall) -> None:
        del self._delayed[delayed.source]
        if delayed.event is not None:
            self._delay(delayed.source)  # the call begins another interval
            self._deliver(delayed)


class Debounce(RateLimitedHandler):
    """Delivers the last event, when none has come for an interval."""

    def on_event(self, event: Event) -> Any:
        delayed = self._delayed.get(event.source) or self._delay(event.source)
        delayed.event, delayed.at = event, self._now()

    def expire(self, delayed: DelayedCall) -> None:
        left = delayed.at + self._interval - self._now()
        if left > 0:  # another event came during the interval
            self._after(left, delayed)
            return
        del self._delayed[delayed.source]
        self._deliver(delayed)
