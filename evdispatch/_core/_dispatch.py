"""The dispatch side: from the queue to the handlers. Loop 2 of 2 is in `_runner`.

- A pass handles the events that were queued at its start. Normal events that arrive later wait
  for the next pass, so a handler that posts an event in each call does not starve others.
- Before each normal event, one urgent event is handled if there is one, even if it arrived
  during the pass. So a key waits for one event at most, and many keys do not stop the rest.
- An event whose source the user has closed is dropped, unless it is a final event.
- An exception becomes an `error` event. If that has no handler, `run` raises it or it is logged.
"""

import logging
import reprlib
from typing import Literal

from evdispatch._core._callbacks import Due
from evdispatch._core._queue import Queue
from evdispatch._errors import HandlerError, SourceError
from evdispatch._events import URGENT, Error, Event, Stop
from evdispatch._handlers._handler import HANDLED, Handler, calls_handlers, describe
from evdispatch._handlers._registry import Registry
from evdispatch._handlers._routes import is_dropped, is_failure
from evdispatch._stats import Counts

OnError = Literal["raise", "log"]

_log = logging.getLogger("evdispatch")

# For messages: a chunk of data is long, and an event's own __repr__ may raise.
_brief = reprlib.Repr()
_brief.maxother = 200


class DispatchSide:
    """Takes events from the queue and calls their handlers. One thread at a time."""

    def __init__(
        self, queue: Queue, registry: Registry, posts: Counts, on_error: OnError
    ) -> None:
        self.stopping = False
        self._queue = queue
        self._scope = registry.scope
        # Returns the handlers of a class of events that are for all sources.
        self.find_route = registry.scope.find
        self.posts = posts
        self._on_error = on_error

    def dispatch(self) -> int:
        """Handle one pass and return the number of events handled.

        Raises:
            HandlerError: A handler raised, and `error` has no handler.
            SourceError: A source failed, and `error` has no handler.
        """
        queue, handle = self._queue, self.handle
        urgent, normal, idle = queue.lanes
        waiting = len(normal)
        handled = 0
        for _ in range(len(urgent)):
            handle(urgent.popleft())
            handled += 1
            if queue.check_requested and self.run_checks():
                return handled
        done = 0
        for done in range(1, waiting + 1):
            if urgent:
                handle(urgent.popleft())
                handled += 1
                if queue.check_requested and self.run_checks():
                    return handled + done - 1
            handle(normal.popleft())
            if queue.check_requested and self.run_checks():
                break
        handled += done
        if not handled and idle:
            handle(idle.popleft())
            handled = 1
        return handled

    def run_checks(self) -> bool:
        """Wake producers that wait for room; return whether the loop should stop."""
        queue = self._queue
        queue.check_requested = False  # before the checks: a later request counts
        if self.stopping or (queue.waited_for and not queue.resume_producers()):
            queue.check_requested = True
        return self.stopping

    def raise_event(self, event: Event) -> None:
        """Handle an event of the dispatcher itself at once: start, stop, idle."""
        self.posts.raised += 1
        self.handle(event)

    def queue_raised(self, event: Event) -> None:
        """Queue an event of the dispatcher itself. On the dispatch thread."""
        self.posts.raised += 1
        self._queue.lanes[URGENT].append(event)

    @calls_handlers
    def handle(self, event: Event) -> None:  # noqa: C901, PLR0912 (the hot path)
        """Call the handlers of one event that has left the queue."""
        source = event.source
        if source is None:
            counts, scope = self.posts, self._scope
        else:
            counts, scope = (record := source.registration), record.scope or self._scope
            if record.discarding and is_dropped(event):
                counts.dropped += 1
                return
        counts.handled += 1
        has_hooks = event.has_hooks
        if has_hooks:
            event = event.on_dequeue()
        try:
            route = scope.routes[type(event)]
        except KeyError:
            route = scope.find(type(event))
        handled = failed = False
        try:
            # Inline: a call would cost a tenth of a post's time.
            for subscription in route:
                if not subscription.alive:
                    continue
                try:
                    if subscription.test is not None and not subscription.test(event):
                        continue
                    handled = True
                    result = (
                        subscription.call(event)
                        if subscription.takes_event
                        else subscription.call()
                    )
                except Exception as error:
                    handled = True
                    if not failed:
                        failed = True
                        counts.handled -= 1
                        counts.failed += 1
                    self._fail(event, subscription.handler, error)
                else:
                    if result is HANDLED:
                        return
            if not handled:
                self._on_unhandled(event, counts)
        finally:
            if has_hooks:
                event.on_handled()

    def _on_unhandled(self, event: Event, counts: Counts) -> None:
        """Raise or log an error without a handler; give other events to their source."""
        if isinstance(event, Error):
            self._give_up(event)
        elif event.source is not None:
            try:
                event.source.on_unhandled(event)
            except Exception as error:
                counts.handled -= 1
                counts.failed += 1
                self._fail(event, event.source.on_unhandled, error)

    def _fail(self, event: Event, handler: Handler | None, error: Exception) -> None:
        """Queue an `error` event for a handler's exception; without a handler raise or log it."""
        if isinstance(event, Due):
            handler, event = event.blame()
        source = event.source
        failure = Error(error, event, handler, source=source, time=event.time)
        if isinstance(event, Error) or not self._scope.of(source).find(Error):
            self._give_up(failure)
            return
        (self.posts if source is None else source.registration).raised += 1
        if isinstance(event, Stop):
            self.handle(failure)  # at once: this is the last pass
        else:
            self._queue.lanes[URGENT].append(failure)

    def _give_up(self, failure: Error) -> None:
        error: HandlerError | SourceError
        exception = _brief.repr(failure.exception)
        if is_failure(failure):
            name, event = describe(failure.handler), _brief.repr(failure.event)
            message = f"{name} raised {exception} on {event}"
            error = HandlerError(message, failure.event, failure.handler)
        else:
            what = "something" if failure.source is None else repr(failure.source)
            error = SourceError(message := f"{what} failed: {exception}", failure)
        if self._on_error == "raise" and failure.fatal:
            raise error from failure.exception
        _log.error("%s", message, exc_info=failure.exception)
