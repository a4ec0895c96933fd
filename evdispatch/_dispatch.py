"""The dispatch side: from the queue to the handlers. Loop 2 of 2 is `Dispatcher.run`.

Rules:

- A pass handles what was queued at its start. What handlers add waits for the next pass,
  so that a handler which posts an event each time it is called starves nobody.
- Between two normal events at most one urgent event is let in, so a key does not wait
  behind a firehose, and a storm of keys does not stop the rest.
- A route is a snapshot: a handler that was added meanwhile is not called, one that was
  removed meanwhile is not called either.
- An event whose source was closed by the user is dropped.
- An exception goes to who handles `error`; else to who called `run`, or to the log.
"""

import logging
from typing import Literal

from evdispatch._callbacks import Due
from evdispatch._errors import HandlerError, SourceError
from evdispatch._events import URGENT, Error, Event
from evdispatch._handlers import HANDLED, describe
from evdispatch._queue import Queue
from evdispatch._registry import Entry, Registry, Scope
from evdispatch._stats import Counts

OnError = Literal["raise", "log"]

_log = logging.getLogger("evdispatch")


class DispatchSide:
    """Takes events from the queue and calls their handlers. One thread at a time."""

    def __init__(
        self, queue: Queue, registry: Registry, posts: Counts, on_error: OnError
    ) -> None:
        self.stopping = False
        self._queue = queue
        self._scope = registry.scope
        self.posts = posts
        self._on_error = on_error

    def dispatch(self) -> int:
        """Handle one pass and return the number of events handled.

        Raises:
            HandlerError: A handler raised, and nobody handles `error`.
            SourceError: A source failed, and nobody handles `error`.
        """
        queue, handle = self._queue, self.handle
        urgent, normal, idle = queue.lanes
        handled = 0
        for lane in (urgent, normal):
            for _ in range(len(lane)):
                if urgent and lane is normal:
                    handle(urgent.popleft())
                    handled += 1
                    if queue.attention and self._attend():
                        return handled
                handle(lane.popleft())
                handled += 1
                if queue.attention and self._attend():
                    return handled
        if not handled and idle:
            handle(idle.popleft())
            handled = 1
        return handled

    def _attend(self) -> bool:
        """Let those go on who wait for room; return whether the loop is to stop."""
        queue = self._queue
        queue.attention = False  # first, so that whoever sets it now is seen next time
        if queue.waited_for:
            queue.attention = True
            queue.relieve()
        if self.stopping:
            queue.attention = True
        return self.stopping

    def relax(self) -> None:
        """Attend to who waits, before the dispatch side sleeps itself."""
        if self._queue.attention:
            self._attend()

    def hears(self, cls: type[Event]) -> bool:
        """Whether anybody hears a class of events, whatever the source."""
        return bool(self._scope.routes.get(cls) or self._scope.route(cls))

    def raise_event(self, event: Event) -> None:
        """Handle an event of the dispatcher's own at once: start, stop, idle."""
        self.posts.raised += 1
        self.handle(event)

    def handle(self, event: Event) -> None:
        """Call the handlers of one event that has left the queue."""
        source = event.source
        if source is None:
            counts, scope = self.posts, self._scope
        else:
            counts, scope = source.counts, source._scope or self._scope
            if source._silenced:
                counts.dropped += 1
                return
        counts.handled += 1
        if not event.tracked:
            self._deliver(event, scope, counts)
            return
        event.claim()
        try:
            self._deliver(event, scope, counts)
        finally:
            event.release()

    def _deliver(self, event: Event, scope: Scope, counts: Counts) -> None:
        cls = type(event)
        route = scope.routes.get(cls)
        if route is None:
            route = scope.route(cls)
        heard = failed = False
        for entry in route:
            if not entry.alive:
                continue
            try:
                if entry.test is not None and not entry.test(event):
                    continue
                heard = True
                result = entry.call(event) if entry.takes_event else entry.call()
            except Exception as error:
                if not failed:
                    failed = True
                    counts.handled -= 1
                    counts.failed += 1
                self._fail(event, entry, error)
            else:
                if result is HANDLED:
                    return
        if not heard and not failed:
            self._leave(event)

    def _fail(self, event: Event, entry: Entry, error: Exception) -> None:
        """Tell of a handler's exception, or raise it."""
        handler = event.function if isinstance(event, Due) else entry.handler
        source = event.source
        scope = (source and source._scope) or self._scope
        told = Error(error, event, handler, source=source, time=event.time)
        if isinstance(event, Error) or not (
            scope.routes.get(Error) or scope.route(Error)
        ):
            self._give_up(told)
            return
        (self.posts if source is None else source.counts).raised += 1
        self._queue.lanes[URGENT].append(told)

    def _leave(self, event: Event) -> None:
        """Nobody handled the event: an error must not pass unnoticed."""
        if isinstance(event, Error):
            self._give_up(event)
        elif event.source is not None:
            event.source.on_unhandled(event)

    def _give_up(self, failure: Error) -> None:
        error: HandlerError | SourceError
        if failure.event is None and failure.handler is None:
            message = f"{failure.source!r} failed: {failure.exception!r}"
            error = SourceError(message, failure)
        else:
            name = describe(failure.handler)
            message = f"{name} raised {failure.exception!r} on {failure.event!r}"
            error = HandlerError(message, failure.event, failure.handler)
        if self._on_error == "raise":
            raise error from failure.exception
        _log.error("%s", message, exc_info=failure.exception)
