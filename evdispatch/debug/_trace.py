"""`Dispatcher.trace` writes turns of sources, waits in the queue and calls of handlers to a file.

A `Trace` is an instrument. It is added and removed on the dispatch thread; the thread that polls
records turns. A wait is recorded when the first handler of an event is called. No wait is recorded
for events without handlers or for throttled ones.
"""

import functools
import itertools
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from evdispatch._core._callbacks import Due
from evdispatch._events import Event
from evdispatch._handlers._handler import Handler, calls_handlers, name_of
from evdispatch._handlers._instruments import Instrument, Instruments
from evdispatch._handlers._routes import Subscription
from evdispatch.debug._trace_file import Target, TraceFile, as_args, quoted


class Trace(Instrument):
    """A trace that is being written, until `close`; what `Dispatcher.trace` returns."""

    observes_turns = True

    def __init__(
        self, target: Target, now: Callable[[], float], instruments: Instruments
    ) -> None:
        self._file = TraceFile(target)
        self._now = now
        self._instruments = instruments
        self._numbers = itertools.count(1)
        self._last: Event | None = None  # the last event whose wait was recorded
        # Turns in progress: when each began, and the number of events before it.
        self._turns: list[tuple[float, int]] = []
        try:
            instruments.add(self)
        except BaseException:
            self.close()
            raise

    @property
    def closed(self) -> bool:
        """Whether it has ended: by `close`, or because writing failed."""
        return self._file.ended

    def close(self) -> None:
        """End the trace, and complete the file. On the dispatch thread.

        A second call does nothing. `Dispatcher.close` closes it, too.
        """
        self._file.close()
        if self._instruments.remove(self):
            self._last = None

    def abandon(self) -> None:
        """Write no more, in a forked child: the file belongs to the parent."""
        self._file.abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- calls of handlers -----------------------------------------------------------------

    def around(
        self, subscription: Subscription, call: Handler, *, takes_event: bool
    ) -> Handler:
        """Return a function that calls the handler and records the call."""
        if subscription.selector is Due:
            return functools.partial(self._run_due, call)
        name = name_of(subscription.handler)
        waits = subscription.rate_limited is None
        return TracedCall(self, name, call, takes_event=takes_event, waits=waits).run

    def _run_due(self, call: Handler, due: Due) -> Any:
        function = due.called
        if function is None:  # the end of a throttled handler's interval
            return call(due)
        name = name_of(function)
        return TracedCall(self, name, call, takes_event=True, waits=True).run(due)

    def before_call(self, event: Event, *, waits: bool) -> float:
        """Record the wait of an event whose handler is about to be called; return the time."""
        now = self._now()
        if waits and event is not self._last:
            self._last = event
            if 0 < event.time <= now:
                times = (event.time, now)
                self._file.wait(quoted(event.name), next(self._numbers), times)
        return now

    def after_call(self, name: str, event: Event, began: float) -> None:
        """Record a call that has returned or raised."""
        if self._file.ended:
            self.close()  # writing failed: stop observing
            return
        args = f'{{"event":{quoted(event.name)}}}'
        self._file.span(name, "handler", (began, self._now()), args)

    # -- turns of sources --------------------------------------------------------------------

    def before_turn(self, source: Any) -> None:
        """Record when a turn begins."""
        self._turns.append((self._now(), source.counts.made))

    def after_turn(self, source: Any) -> None:
        """Record a turn: its source, its duration, and its number of events."""
        if not self._turns:  # the trace began during the turn
            return
        began, before = self._turns.pop()
        if self._turns or self._file.ended:  # within another turn
            return
        made, kind = source.counts.made - before, type(source).__name__
        args = as_args(events=made, kind=kind)
        self._file.span(quoted(str(source.name)), "source", (began, self._now()), args)


class TracedCall:
    """Calls one handler and records the call."""

    __slots__ = ("_call", "_name", "_takes_event", "_trace", "_waits")

    def __init__(
        self, trace: Trace, name: str, call: Handler, *, takes_event: bool, waits: bool
    ) -> None:
        self._trace = trace
        self._name = quoted(name)
        self._call = call
        self._takes_event = takes_event
        self._waits = waits

    @calls_handlers
    def run(self, event: Event) -> Any:
        """Call the handler and record the call."""
        began = self._trace.before_call(event, waits=self._waits)
        try:
            return self._call(event) if self._takes_event else self._call()
        finally:
            self._trace.after_call(self._name, event, began)
