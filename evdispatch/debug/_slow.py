"""``Dispatcher(slow=)`` measures how long handlers take, and emits a `slow` event for long calls.

A `HandlerTimer` is an instrument around the calls; without ``slow=`` nothing is measured. A
`StackSampler` has its own thread, which samples the stack of a call that has become slow. Neither
blocks the other: each writes one attribute and *then* reads the other's.
"""

import functools
import logging
import sys
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable
from threading import get_ident
from traceback import FrameSummary, StackSummary
from types import FrameType
from typing import Any, ClassVar, NamedTuple

import attrs

from evdispatch._core._callbacks import Due
from evdispatch._core._dispatch import DispatchSide
from evdispatch._core._interrupts import is_ours
from evdispatch._events import URGENT, Event, Stop
from evdispatch._handlers._handler import Handler, calls_handlers, name_of
from evdispatch._handlers._instruments import Instrument
from evdispatch._handlers._routes import Subscription
from evdispatch._io._threads import Worker
from evdispatch._stats import HandlerStats

_log = logging.getLogger("evdispatch")

_LONGEST = 3600.0  # seconds: the longest wait, because a lock's timeout is limited

Call = tuple[float, int]
"""A call in progress: when it began, and its thread. Compared by identity."""


@attrs.define(eq=False)
class Slow(Event):
    """A handler took longer than ``Dispatcher(slow=)`` allows.

    It is emitted when the handler has returned. It is logged instead if `slow` has no handler, if
    the loop stops, or if the slow handler was a handler of `slow`.

    Attributes:
        handler: The handler; None if a weak handler's object was collected.
        duration: How long it took, in seconds.
        event: The event that was handled.
        stack: The stack while it ran, as in a traceback, innermost last. Empty if the handler
            returned before it was sampled, or is not Python code.
    """

    lane: ClassVar[int] = URGENT
    queue_policy: ClassVar[str] = "fixed"

    handler: Callable[..., Any] | None
    duration: float
    event: Event
    stack: str = attrs.field(default="", repr=False)


BOUNDS = tuple(
    float(f"{digit}e{exponent}") for exponent in range(-6, 3) for digit in (1, 2, 5)
)
"""The upper bounds of a histogram, in seconds: 1, 2, 5, 10 us ... 500 s."""


class Timing:
    """How long the calls of one handler took. On the dispatch thread."""

    __slots__ = ("buckets", "calls", "failed", "longest", "total")

    def __init__(self) -> None:
        self.calls = 0
        self.failed = 0
        self.total = 0.0
        self.longest = 0.0
        self.buckets = [0] * (len(BOUNDS) + 1)  # the last one: longer than all bounds

    def note(self, took: float) -> None:
        """Count a call that took so many seconds."""
        self.calls += 1
        self.total += took
        if took > self.longest:  # noqa: PLR1730 (max takes 0.1 us)
            self.longest = took
        self.buckets[bisect_left(BOUNDS, took)] += 1

    def include(self, other: "Timing") -> None:
        """Add the figures of another timing."""
        self.calls += other.calls
        self.failed += other.failed
        self.total += other.total
        self.longest = max(self.longest, other.longest)
        self.buckets = [
            sum(pair) for pair in zip(self.buckets, other.buckets, strict=True)
        ]


def timing_stats(
    name: str, handler: Callable[..., Any] | None, timing: Timing
) -> HandlerStats:
    """Return the figures of a timing."""
    bounds = (*BOUNDS, float("inf"))
    return HandlerStats(
        name=name,
        handler=handler,
        calls=timing.calls,
        failed=timing.failed,
        total=timing.total,
        longest=timing.longest,
        histogram=tuple(
            pair for pair in zip(bounds, timing.buckets, strict=True) if pair[1]
        ),
    )


class HandlerTimer(Instrument):
    """Measures the calls of all handlers, and those of `Dispatcher.after` and ``every``.

    Args:
        slow: A call of this many seconds or more is slow.
        now: The clock.
        dispatch: Emits the `slow` events.
    """

    def __init__(
        self,
        slow: float,
        now: Callable[[], float],
        dispatch: DispatchSide,
    ) -> None:
        self.slow = slow
        self.now = now
        self.sampler = StackSampler(slow, now)
        self._dispatch = dispatch
        self._functions: dict[str, Timing] = {}  # of `after` and `every`, by name

    def around(
        self, subscription: Subscription, call: Handler, *, takes_event: bool
    ) -> Handler:
        """Return a function that calls the handler and measures the call."""
        if subscription.selector is Due:
            return functools.partial(self._run_due, call)
        if subscription.timing is None:
            subscription.timing = Timing()
        find, timing = subscription.get_handler, subscription.timing
        return TimedCall(self, timing, find, call, takes_event=takes_event).run

    def _run_due(self, call: Handler, due: Due) -> Any:
        function = due.called
        if function is None:  # the end of a throttled handler's interval
            return call(due)
        timing = self._functions.setdefault(name_of(function), Timing())
        find = functools.partial(_constant, function)
        return TimedCall(self, timing, find, call, takes_event=True).run(due)

    def report(
        self, handler: Handler | None, event: Event, duration: float, call: Call
    ) -> None:
        """Emit a `slow` event, or log it."""
        stack = self.sampler.stack_of(call)
        last = isinstance(event, Stop) or self._dispatch.stopping  # no pass follows
        if last or isinstance(event, Slow) or not self._dispatch.find_route(Slow):
            where = f"; it was here:\n{stack}" if stack else ""
            name = name_of(handler)
            _log.warning("%s took %.3f s on %r%s", name, duration, event.name, where)
        else:
            slow = Slow(handler, duration, event, stack, time=self.now())
            self._dispatch.queue_raised(slow)

    def timings(
        self, subscriptions: Iterable[Subscription]
    ) -> tuple[HandlerStats, ...]:
        """Return the times of the handlers of some subscriptions, the longest total first."""
        found: dict[Any, tuple[Handler, Timing]] = {}
        for subscription in subscriptions:
            handler = subscription.handler
            if handler is not None and subscription.timing is not None:
                _, timing = found.setdefault(subscription.key, (handler, Timing()))
                timing.include(subscription.timing)
        stats = [timing_stats(name_of(each), each, t) for each, t in found.values()]
        stats += [timing_stats(name, None, t) for name, t in self._functions.items()]
        return tuple(sorted(stats, key=lambda stats: -stats.total))

    def end_run(self) -> None:
        """End the sampler's thread."""
        self.sampler.end()

    def close(self) -> None:
        """End the sampler's thread; the figures can still be read."""
        self.sampler.end()

    def abandon(self) -> None:
        """Forget the sampler's thread, which does not exist in a forked child."""
        self.sampler.abandon()


def _constant(function: Handler) -> Handler:
    return function


class TimedCall:
    """Calls one handler and adds the call to a timing."""

    __slots__ = ("_call", "_find", "_now", "_slow", "_takes_event", "_timer", "_timing")

    def __init__(
        self,
        timer: HandlerTimer,
        timing: Timing,
        find: Callable[[], Handler | None],
        call: Handler,
        *,
        takes_event: bool,
    ) -> None:
        self._timer = timer
        self._timing = timing
        self._find = find
        self._call = call
        self._takes_event = takes_event
        self._now = timer.now
        self._slow = timer.slow

    @calls_handlers
    def run(self, event: Event) -> Any:
        """Call the handler and measure it."""
        sampler = self._timer.sampler
        before = sampler.call
        sampler.call = sampler.latest = call = (self._now(), get_ident())
        if sampler.asleep:  # after setting call: see `StackSampler`
            sampler.wake()
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
                self._timer.report(self._find(), event, took, call)


class Place(NamedTuple):
    """A line of a stack."""

    file: str
    line: int
    name: str
    ours: bool


class StackSampler:
    """Samples the stack of a call in progress, once it is slow.

    The first call starts the thread. While calls come, the thread wakes once in ``slow`` seconds,
    because waking it for each call would take longer than most calls. After ``slow`` seconds
    without a call it sleeps until it is woken: it sets ``asleep`` and *then* reads ``call``; the
    dispatch thread sets ``call`` and *then* reads ``asleep``. The sampler references no
    handlers, so it keeps none alive.

    Args:
        slow: A call of this many seconds or more is slow.
        now: The clock.

    Attributes:
        call: The call in progress; the dispatch thread sets it.
        latest: The call that began last; the dispatch thread sets it.
        asleep: Whether a call must wake the thread.
    """

    def __init__(self, slow: float, now: Callable[[], float]) -> None:
        self.slow = slow
        self.call: Call | None = None
        self.latest: Call | None = None
        self._seen: Call | None = None  # the latest one at the last look
        self.asleep = True  # there is no thread yet
        self._now = now
        self._sampled: tuple[Call | None, str] = (None, "")
        # Used as an event: always held; releasing it wakes the thread.
        self._alarm = threading.Lock()
        self._alarm.acquire()
        self._thread: Worker | None = None
        self._ending = False

    # -- the dispatch thread -----------------------------------------------------------------

    def wake(self) -> None:
        """Wake the thread; start it if there is none."""
        self.asleep = False
        if self._thread is None:
            try:
                self._thread = Worker(self._run, "evdispatch-slow")
            except RuntimeError:  # no thread can be started; the handler is called
                _log.exception("no stacks of slow handlers")
        self._ring()

    def _ring(self) -> None:
        if self._alarm.locked():  # no other thread releases it
            self._alarm.release()

    def stack_of(self, call: Call) -> str:
        """Return the stack of a call that has ended, if it was sampled."""
        sampled, stack = self._sampled
        if sampled is not call:
            return ""
        self._ring()  # the thread waits for the end of this call
        return stack

    def end(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._ending = True
            self._ring()
            self._thread.wait()
            self._thread = None
            self._ending, self.asleep = False, True

    def abandon(self) -> None:
        """Forget the thread, in a forked child."""
        self._thread = None
        self.asleep = False

    # -- its own thread ------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._sample()
        except Exception:
            _log.exception("sampling the stacks of slow handlers has failed")

    def _sample(self) -> None:
        while not self._ending:
            timeout = self.look()
            if timeout is not None:
                self._alarm.acquire(timeout=timeout)
                continue
            self.asleep = True
            if self.call is None and not self._ending:  # after setting asleep
                self._alarm.acquire()
            self.asleep = False

    def look(self) -> float | None:
        """Sample the call in progress, if it is slow.

        Returns:
            Seconds until the next check, or None to wait for the next call.
        """
        call = self.call
        if call is None:
            seen, self._seen = self._seen, self.latest
            return None if seen is self._seen else min(self.slow, _LONGEST)
        if self._sampled[0] is not call:
            left = call[0] + self.slow - self._now()
            if left > 0:
                return min(left, _LONGEST)
            self._sampled = call, self._stack(call)
            # If the call has ended, it will not wake this thread again.
            if self.call is not call:
                return 0
        return _LONGEST  # until the call ends: see `stack_of`

    def _stack(self, call: Call) -> str:
        """Return the handler's part of the stack, as in a traceback."""
        found = self._walk(call)
        if self.call is not call:
            return ""  # the call has just ended
        while found and found[-1].ours:
            found.pop()
        found.reverse()
        try:
            lines = [FrameSummary(each.file, each.line, each.name) for each in found]
            return "".join(StackSummary.from_list(lines).format())
        except ValueError:  # compiled with a file name that is not valid
            return "".join(
                f"  {each.file!r}:{each.line}: {each.name}\n" for each in found
            )

    def _walk(self, call: Call) -> list[Place]:
        """Return the lines of the call's stack, innermost first.

        No frame is kept: the last reference to a frame destroys the handler's variables,
        which must not happen on this thread.
        """
        frame = sys._current_frames().get(call[1])  # noqa: SLF001
        found = []
        while frame is not None and not _makes(frame, call):
            code = frame.f_code
            place = code.co_filename, frame.f_lineno, code.co_name, is_ours(frame)
            found.append(Place(*place))
            frame = frame.f_back
        return [] if frame is None else found


def _makes(frame: FrameType, call: Call) -> bool:
    """Whether a frame is the `TimedCall.run` of this call: its local variable says so."""
    return frame.f_code is TimedCall.run.__code__ and frame.f_locals.get("call") is call
