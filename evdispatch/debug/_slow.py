"""How long handlers take, and who is told when one is slow: ``Dispatcher(slow=)``.

- It is a probe (see `_probes`): without ``slow=`` there is none, and nothing is measured.
- A slow handler is told once it has ended, by a `slow` event; or in the log, where nobody
  hears that, or nothing follows that could tell it (the loop stops), and where no end would
  be: what is slow on a `slow` event is logged.
- What `Dispatcher.after` and `every` call is measured as the user's function, and what
  ends the interval of a paced handler is not measured: that handler is.
"""

import functools
import logging
from collections.abc import Callable, Iterable
from threading import get_ident
from typing import Any, ClassVar

import attrs

from evdispatch._core._callbacks import Due
from evdispatch._core._dispatch import DispatchSide
from evdispatch._events import URGENT, Event, Stop
from evdispatch._handlers._handler import Handler, name_of
from evdispatch._handlers._instruments import Probe
from evdispatch._handlers._routes import Subscription
from evdispatch._io._sampler import Call, Sampler
from evdispatch._stats import HandlerStats, Timing, tell_timing

_log = logging.getLogger("evdispatch")


@attrs.define(eq=False)
class Slow(Event):
    """A handler took longer than ``Dispatcher(slow=)`` allows.

    Attributes:
        handler: The handler; None: it was registered with ``weak``, and is gone.
        duration: How long it took, in seconds.
        event: What it was called with.
        stack: Where it was while it ran, as a traceback shows it, innermost last; empty if
            it ended before anybody looked, or is no Python code.
    """

    lane: ClassVar[int] = URGENT
    queue_policy: ClassVar[str] = "fixed"

    handler: Callable[..., Any] | None
    duration: float
    event: Event
    stack: str = attrs.field(default="", repr=False)


class Meter(Probe):
    """Measures the calls of all handlers.

    Args:
        slow: From how many seconds on a handler is slow.
        now: The clock.
        dispatch: Who is told.
    """

    def __init__(
        self, slow: float, now: Callable[[], float], dispatch: DispatchSide
    ) -> None:
        self.slow = slow
        self.now = now
        self.sampler = Sampler(slow, now, Measured.run.__code__)
        self._dispatch = dispatch
        self._functions: dict[str, Timing] = {}  # of `after` and `every`

    def around(
        self, subscription: Subscription, call: Handler, *, takes_event: bool
    ) -> Handler:
        """Return a call that is measured."""
        if subscription.selector is Due:
            return functools.partial(self._run_due, call)
        if subscription.timing is None:
            subscription.timing = Timing()
        return Measured(
            self, subscription.timing, subscription.get_handler, call, takes_event
        ).run

    def close(self) -> None:
        """Do nothing: what it has measured is still to be read."""

    def abandon(self) -> None:
        """Nudge nobody: the thread that looks on is not there."""
        self.sampler.abandon()

    def _run_due(self, call: Handler, due: Due) -> Any:
        function = due.called
        if function is None:
            return call(due)
        name = name_of(function)
        timing = self._functions.get(name)
        if timing is None:
            timing = self._functions[name] = Timing()
        return Measured(self, timing, lambda: function, call, True).run(due)  # noqa: FBT003

    def tell(
        self, handler: Handler | None, event: Event, duration: float, call: Call
    ) -> None:
        """Tell of a slow handler."""
        stack = self.sampler.stack_of(call)
        last = isinstance(event, Stop) or self._dispatch.stopping  # no pass follows
        if last or isinstance(event, Slow) or not self._dispatch.has_handlers(Slow):
            where = f"; it was here:\n{stack}" if stack else ""
            name = name_of(handler)
            _log.warning("%s took %.3f s on %r%s", name, duration, event.name, where)
        else:
            told = Slow(handler, duration, event, stack, time=self.now())
            self._dispatch.queue_raised(told)

    def timings(
        self, subscriptions: Iterable[Subscription]
    ) -> tuple[HandlerStats, ...]:
        """Return how long the handlers of some subscriptions took, the most time first."""
        found: dict[Any, tuple[Handler, Timing]] = {}
        for subscription in subscriptions:
            handler = subscription.handler
            if handler is not None and subscription.timing is not None:
                _, timing = found.setdefault(subscription.key, (handler, Timing()))
                timing.include(subscription.timing)
        told = [tell_timing(name_of(each), each, t) for each, t in found.values()]
        told += [tell_timing(name, None, t) for name, t in self._functions.items()]
        return tuple(sorted(told, key=lambda stats: -stats.total))


class Measured:
    """One handler's call, and what is measured of it."""

    __slots__ = ("_call", "_find", "_meter", "_now", "_slow", "_takes_event", "_timing")

    def __init__(
        self,
        meter: Meter,
        timing: Timing,
        find: Callable[[], Handler | None],
        call: Handler,
        takes_event: bool,  # noqa: FBT001
    ) -> None:
        self._meter = meter
        self._timing = timing
        self._find = find
        self._call = call
        self._takes_event = takes_event
        self._now = meter.now
        self._slow = meter.slow

    def run(self, event: Event) -> Any:
        """Call the handler; on one line, as `_interrupts` asks."""
        sampler = self._meter.sampler
        before = sampler.call
        sampler.call = call = (self._now(), get_ident())
        try:
            return self._call(event) if self._takes_event else self._call()
        except BaseException:
            self._timing.failed += 1
            raise
        finally:
            sampler.call = before
            took = self._now() - call[0]
            self._timing.note(took)
            if took >= self._slow:
                self._meter.tell(self._find(), event, took, call)
