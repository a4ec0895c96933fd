"""Asking a source: what it makes goes into the queue, a turn's worth at a time.

- A source that has made more than a turn's worth, or than there is room for, keeps the rest;
  it comes before whatever the source is asked next.
- Events of classes with a policy may be merged or dropped: see `_pending`. For a source
  none of whose events has one that is not looked up (`Source._direct`).
- A source with a rate makes no more than that allows: see `_holding`.
- All of it is called under the registrations's lock.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any

from evdispatch._core._queue import Queue
from evdispatch._events import Error, Event
from evdispatch._io._holding import RateLimits
from evdispatch._io._registrations import Registrations
from evdispatch._stats import Counts
from evdispatch.sources._base import Source

TURN = 64
"""Events of one source in one turn: enough to pay for the turn, and so few that a key pressed
while eight sources are busy waits for a millisecond."""


class Intake(RateLimits):
    """From sources to the queue."""

    def __init__(
        self, queue: Queue, registrations: Registrations, posts: Counts
    ) -> None:
        self._posts = posts  # the counts of what has no source
        self._queue = queue
        self._registrations = registrations

    def _turn(
        self, source: Source, ask: Callable[..., Iterable[Event]], *arguments: Any
    ) -> None:
        """Ask a source for events, and put them into the queue."""
        with self._registrations.lock:
            rest = source._leftover
            if source._closed:
                return
            if rest is not None:
                # First what it has made before, and only then what is asked now.
                rest.append(_later(ask, *arguments))
                if source not in self._registrations.more:  # paused
                    return
            else:
                try:
                    made = iter(ask(*arguments))
                    rest = deque((_begun(made) if source._held_back else made,))
                except Exception as error:
                    self._fail(source, error)
                    return
            self._take(source, rest)

    def _ask_meanwhile(self, source: Source, ready: int) -> None:
        """Ask a source that is held back to write; what it makes comes after the rest."""
        try:
            made = _begun(iter(source.on_ready(ready)))
        except Exception as error:
            made = iter(self._end(source, error))
        # None: it was closed, and nothing more is told. What writes for long makes nothing
        # for long, and is to leave nothing behind each time.
        if source._leftover is not None and made is not _NOTHING:
            source._leftover.append(made)

    def _go_on(self, source: Source) -> None:
        """Take more of what a source has made before."""
        with self._registrations.lock:
            if source._discarding:
                self._registrations.discard_pending(source)
            elif source in self._registrations.more and source._leftover is not None:
                self._take(
                    source, source._leftover
                )  # not paused by another thread meanwhile

    def _take(self, source: Source, made: deque[Iterator[Event]]) -> None:
        """Put what a source has made into the queue, up to a turn's worth."""
        events: list[Event] = []
        try:
            if self._collect(source, made, events):
                if source._leftover is not None:
                    self._registrations.clear_leftover(source)
            else:
                source._leftover = made
                # Else it goes on when it is resumed, or held back no more.
                if not source._held_back and (source._closed or not source._paused):
                    self._registrations.more[source] = None
        except Exception as error:
            self._put(source, events)
            self._fail(source, error)
            return
        except BaseException:  # ctrl+c in the midst of it: keep what there is
            self._put(source, events)
            raise
        self._put(source, events)
        if source._limiter is not None:
            self._spend(source, source._limiter, len(events))

    def _collect(
        self, source: Source, made: deque[Iterator[Event]], events: list[Event]
    ) -> bool:
        """Collect a turn's worth of events; return whether that was all."""
        limit = min(TURN, self._queue.free_space(source.lane))
        now = self._registrations.now()
        if source._limiter is not None:
            limit = min(limit, source._limiter.available(now))
        while made:
            for event in islice(made[0], max(0, limit - len(events))):
                if event.source is None:
                    event.source = source
                event.time = event.time or now
                events.append(event)
            if len(events) >= limit:
                return False
            made.popleft()
        return True

    def _put(self, source: Source, events: list[Event]) -> None:
        if not events:
            return
        source.counts.made += len(events)
        if source._direct:
            self._queue.put(source.lane, events)
        else:
            self._queue.pending.put(source, events)

    def _is_direct(self, source: Source) -> bool:
        """Whether what it makes goes into its lane as it is: see `Source.makes`."""
        makes = type(source).__dict__.get("makes")
        if makes is None or not source.verifies or source._limiter is not None:
            return False
        if source._queued is not None:
            source._queued.last = None  # what comes from now on comes after it
        find = self._queue.policies.find
        return all(find(cls) is None for cls in makes)

    def _put_final_events(self, source: Source) -> None:
        """Put what a source has to say at its end; the queue's bound does not hold it."""
        if source._spoken or not source.has_final_events:
            return
        source._spoken = True
        events = list(source.final_events())
        now = self._registrations.now()
        for event in events:
            event.source = source
            event.time = now
        self._put(source, events)

    def _fail(self, source: Source, error: Exception) -> None:
        """End a source that raised, and tell it after all that it made."""
        self._registrations.clear_leftover(source)
        self._put(source, self._end(source, error))

    def _end(self, source: Source, error: Exception) -> list[Event]:
        """End a source that raised, and return what tells it."""
        errors = [error]
        try:
            self._registrations.unregister(
                source, discard=False
            )  # first: handlers see it closed
        except Exception as second:
            errors.append(second)
        now = self._registrations.now()
        return [Error(each, source=source, time=now) for each in errors]


def _later(ask: Callable[..., Iterable[Event]], *arguments: Any) -> Iterator[Event]:
    yield from ask(*arguments)


def _begun(made: Iterator[Event]) -> Iterator[Event]:
    """Begin with what a source is asked for: what it does before its first event.

    A connection that is held back still writes, and closes.
    """
    for first in made:
        return chain((first,), made)
    return _NOTHING


_NOTHING: Iterator[Event] = iter(())
