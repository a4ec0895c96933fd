"""What `Dispatcher.trace` writes: turns of sources, waits in the queue, calls of handlers.

- It is a probe around the handlers' calls and a tap of the IO side's turns, put there when
  it begins and taken away when it ends: without a trace nothing asks for one.
- It begins and ends on the dispatch thread; turns are told by the thread that pumps.
- A wait is told when the first handler of an event is called; what nobody hears has none,
  nor has what waits for a paced handler, which is not in the queue.
"""

import functools
import itertools
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from evdispatch._core._callbacks import Due
from evdispatch._core._interrupts import CALL_SITES, call_site
from evdispatch._events import Event
from evdispatch._handlers._handler import Handler, name_of
from evdispatch._handlers._instruments import Probe, Probes
from evdispatch._handlers._routes import Subscription
from evdispatch._io._io_loop import IoLoop
from evdispatch.debug._trace_file import Target, TraceFile, as_args, quoted


class Trace(Probe):
    """A trace that is being written, until `close`; what `Dispatcher.trace` returns."""

    def __init__(
        self, target: Target, now: Callable[[], float], probes: Probes, io: IoLoop
    ) -> None:
        self._file = TraceFile(target)
        self._now = now
        self._probes = probes
        self._io = io
        self._tap = Turns(self._file, now).take
        self._numbers = itertools.count(1)
        self._last: Event | None = None  # whose wait was told
        io.add_tap(self._tap)
        try:
            probes.add(self)
        except BaseException:
            self.close()
            raise

    @property
    def closed(self) -> bool:
        """Whether it has ended: by `close`, or since it can't be written."""
        return self._file.ended

    def close(self) -> None:
        """End it, and complete the file. On the dispatch thread; again does nothing.

        The dispatcher's `Dispatcher.close` does so, too.
        """
        self._file.close()
        if self._probes.remove(self):
            self._io.remove_tap(self._tap)
            self._last = None

    def abandon(self) -> None:
        """Leave the file to the parent, in a forked child."""
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

    # -- for the calls -------------------------------------------------------------------

    def around(
        self, subscription: Subscription, call: Handler, *, takes_event: bool
    ) -> Handler:
        """Return a call that is traced."""
        if subscription.selector is Due:
            return functools.partial(self._run_due, call)
        name = name_of(subscription.handler)
        waits = subscription.rate_limited is None
        return Traced(self, name, call, takes_event=takes_event, waits=waits).run

    def _run_due(self, call: Handler, due: Due) -> Any:
        function = due.called
        if function is None:
            return call(due)
        name = name_of(function)
        return Traced(self, name, call, takes_event=True, waits=True).run(due)

    def begin(self, event: Event, *, waits: bool) -> float:
        """A handler is about to be called: tell the wait of its event; return the time."""
        now = self._now()
        if waits and event is not self._last:
            self._last = event
            if 0 < event.time <= now:
                times = (event.time, now)
                self._file.wait(quoted(event.name), next(self._numbers), times)
        return now

    def finish(self, name: str, event: Event, began: float) -> None:
        """A handler has returned, or raised: tell its call."""
        if self._file.ended:
            self.close()  # it could not be written, and so is to be taken away
            return
        args = f'{{"event":{quoted(event.name)}}}'
        self._file.span(name, "handler", (began, self._now()), args)


class Traced:
    """One handler's call, and what is told of it."""

    __slots__ = ("_call", "_name", "_takes_event", "_trace", "_waits")

    def __init__(
        self, trace: Trace, name: str, call: Handler, *, takes_event: bool, waits: bool
    ) -> None:
        self._trace = trace
        self._name = quoted(name)
        self._call = call
        self._takes_event = takes_event
        self._waits = waits

    def run(self, event: Event) -> Any:
        """Call the handler; on one line, as `_interrupts` asks."""
        began = self._trace.begin(event, waits=self._waits)
        try:
            return self._call(event) if self._takes_event else self._call()
        finally:
            self._trace.finish(self._name, event, began)


CALL_SITES.update((call_site(Traced.run, "_call"),))


class Turns:
    """Tells the turns of sources: which, how long, and how many events; who pumps.

    It holds no handlers: the thread that pumps keeps none of them alive.
    """

    def __init__(self, file: TraceFile, now: Callable[[], float]) -> None:
        self._file = file
        self._now = now
        self._within = False  # a turn: what asks a source may call what asks it, too

    def take(self, ask: Callable[..., None], source: Any, *arguments: Any) -> None:
        """Have a source asked, and tell it; under the pump's lock."""
        if self._within or self._file.ended:
            ask(source, *arguments)
            return
        self._within = True
        before = source.counts.made
        began = self._now()
        try:
            ask(source, *arguments)
        finally:
            self._within = False
            made, kind = source.counts.made - before, type(source).__name__
            times = (began, self._now())
            args = as_args(events=made, kind=kind)
            self._file.span(quoted(str(source.name)), "source", times, args)
