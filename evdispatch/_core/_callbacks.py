"""`Dispatcher.after` and `every`: a function at a time, without an event of its own name."""

import math
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Self

import attrs

from evdispatch._core._schedule import Schedule
from evdispatch._core._timers import TimerId
from evdispatch._events import Event
from evdispatch._handlers._handler import HANDLED, Handled, check_no_arguments
from evdispatch._handlers._throttle import DelayedCall
from evdispatch._io._registrations import Registrations


class Handle:
    """What `Dispatcher.after` and `every` return.

    Once it is cancelled, or has fired for the last time, it holds the function no more.
    """

    __slots__ = ("_deadline", "_function", "_registrations", "_schedule", "_waiting")

    def __init__(
        self, registrations: Registrations, function: Callable[[], Any]
    ) -> None:
        if not callable(function):
            raise TypeError(f"a timer calls a function, not {function!r}")
        check_no_arguments(function)
        self._registrations = registrations
        self._function: Callable[[], Any] | None = function
        self._schedule: Schedule | None = None
        self._deadline: TimerId | None = None
        self._waiting = False  # queued, and not yet called

    def cancel(self) -> None:
        """Call the function no more, even if it is due. From any thread."""
        registrations = self._registrations
        registrations.lock.acquire()
        try:
            self._function = None
            if self._deadline is not None:
                registrations.timers.cancel(self._deadline)
                self._deadline = None
        finally:
            registrations.lock.release()

    @property
    def cancelled(self) -> bool:
        """Whether it will not be called again: it was cancelled, or has fired."""
        return self._function is None

    @property
    def function(self) -> Callable[[], Any] | None:
        """What is to be called; None: nothing any more."""
        return self._function

    @property
    def every(self) -> float | None:
        """The interval, in seconds; None: it is called once."""
        return None if self._schedule is None else self._schedule.every

    def start(self, delay: float, every: float | None) -> Self:
        """Schedule it: in ``delay`` seconds, then each ``every``; return itself."""
        registrations = self._registrations
        registrations.lock.acquire()  # `with` takes 0.1 us more
        try:
            when = registrations.now() + delay
            if every is not None:
                self._schedule = Schedule(when - every, every)
            if when != math.inf:  # it may be due before we have its deadline: locked
                self._deadline = registrations.timers.add_later(when, self)
        finally:
            registrations.lock.release()
        return self

    def on_deadline(self, now: float) -> Iterable[Event]:
        """Queue a call, unless one is queued already; IO side."""
        self._deadline = None
        if self._schedule is not None:
            self._schedule.take(now)
            self._deadline = self._registrations.timers.add(self._schedule.next, self)
        if self._waiting:
            return ()
        self._waiting = True
        return (Due(self, time=now),)

    def take(self) -> Callable[[], Any] | None:
        """Return what to call now, or None if it was cancelled; dispatch side."""
        with self._registrations.lock:
            self._waiting = False
            function = self._function
            if self._schedule is None:
                self._function = None
            return function


@attrs.define(eq=False)
class Due(Event):
    """A call that is due. Only the dispatcher's own handler hears it."""

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
        """The user's function that is called; None: it was cancelled, or a pace is ended.

        A handler that is called at the end of a pace is looked at by itself.
        """
        return None if isinstance(self.function, DelayedCall) else self.function

    def blame(self) -> tuple[Callable[..., Any] | None, Event]:
        """Return which handler failed, and on which event."""
        function = self.function
        if isinstance(function, DelayedCall) and function.event is not None:
            return function.handler, function.event
        return function, self


def after(
    registrations: Registrations, seconds: float, function: Callable[[], Any]
) -> Handle:
    """Call a function once."""
    return Handle(registrations, function).start(seconds, None)


def call(due: Due) -> Handled:
    """Call what `Dispatcher.after` and `every` were given; nobody else hears it."""
    if due.function is not None:
        due.function()
    return HANDLED
