"""`Dispatcher.after` and `every`: calls of a function at a time."""

import math
import threading
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Protocol, Self

import attrs

from evdispatch._core._schedule import Schedule
from evdispatch._core._timers import TimerId, TimerQueue
from evdispatch._events import Event
from evdispatch._handlers._handler import (
    HANDLED,
    Handled,
    call_foreign,
    calls_handlers,
    check_no_arguments,
    is_python,
)
from evdispatch._handlers._throttle import DelayedCall


class TimerHost(Protocol):
    """The part of the IO side that a `Handle` uses."""

    lock: "threading.RLock"
    timers: TimerQueue

    def now(self) -> float:
        """Return the dispatcher's time."""


class Handle:
    """What `Dispatcher.after` and `every` return.

    Once it is cancelled, or has fired for the last time, it no longer references the function.
    """

    __slots__ = ("_deadline", "_function", "_host", "_schedule", "_waiting")

    def __init__(self, host: TimerHost, function: Callable[[], Any]) -> None:
        if not callable(function):
            raise TypeError(f"the function must be callable, got {function!r}")
        check_no_arguments(function)
        self._host = host
        self._function: Callable[[], Any] | None = function
        self._schedule: Schedule | None = None
        self._deadline: TimerId | None = None
        self._waiting = False  # a `Due` event is queued

    def cancel(self) -> None:
        """Cancel all further calls, even one that is due. From any thread."""
        host = self._host
        host.lock.acquire()
        try:
            self._function = None
            if self._deadline is not None:
                host.timers.cancel(self._deadline)
                self._deadline = None
        finally:
            host.lock.release()

    @property
    def cancelled(self) -> bool:
        """Whether it will not be called again: it was cancelled, or has fired."""
        return self._function is None

    @property
    def function(self) -> Callable[[], Any] | None:
        """The function that will be called, or None if there is no further call."""
        return self._function

    @property
    def every(self) -> float | None:
        """The interval, in seconds; None if the function is called once."""
        return None if self._schedule is None else self._schedule.every

    def start(self, delay: float, every: float | None) -> Self:
        """Schedule calls: after ``delay`` seconds, then each ``every``; return the handle."""
        host = self._host
        host.lock.acquire()  # `with` takes 0.1 us more
        try:
            when = host.now() + delay
            if every is not None:
                self._schedule = Schedule(when - every, every)
            # With the lock: the deadline may expire before the assignment.
            if when != math.inf:
                self._deadline = host.timers.add_later(when, self)
        finally:
            host.lock.release()
        return self

    def on_deadline(self, now: float) -> Iterable[Event]:
        """Queue a call, unless one is queued already; IO side."""
        self._deadline = None
        if self._schedule is not None:
            self._schedule.take(now)
            self._deadline = self._host.timers.add(self._schedule.next, self)
        if self._waiting:
            return ()
        self._waiting = True
        return (Due(self, time=now),)

    def take(self) -> Callable[[], Any] | None:
        """Return the function to call now, or None if it was cancelled; dispatch side."""
        with self._host.lock:
            self._waiting = False
            function = self._function
            if self._schedule is None:
                self._function = None
            return function


@attrs.define(eq=False)
class Due(Event):
    """A call that is due. Only a handler of the dispatcher itself gets it."""

    names: ClassVar[frozenset[str]] = frozenset()
    has_hooks: ClassVar[bool] = True
    queue_policy: ClassVar[str] = "fixed"

    handle: Handle = attrs.field(repr=False)
    function: Callable[[], Any] | None = None

    def on_dequeue(self) -> Event:
        self.function = self.handle.take()
        return self

    @property
    def called(self) -> Callable[[], Any] | None:
        """The function of `after` or `every`; None: cancelled, or the end of an interval.

        The end of an interval calls a throttled handler, which has its own instrument.
        """
        return None if isinstance(self.function, DelayedCall) else self.function

    def blame(self) -> tuple[Callable[..., Any] | None, Event]:
        """Return the handler that failed, and its event."""
        function = self.function
        if isinstance(function, DelayedCall) and function.event is not None:
            return function.handler, function.event
        return function, self


def after(host: TimerHost, seconds: float, function: Callable[[], Any]) -> Handle:
    """Call a function once."""
    return Handle(host, function).start(seconds, None)


@calls_handlers
def call(due: Due) -> Handled:
    """Call the function that `Dispatcher.after` or `every` was given."""
    function = due.function
    if function is not None:
        if is_python(function):
            function()
        else:
            call_foreign(function)
    return HANDLED
