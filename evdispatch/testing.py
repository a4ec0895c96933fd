"""Helpers for tests of programs that use evdispatch, without sleeping or real time.

::

    clock = VirtualClock()
    app = Dispatcher(io="inline", clock=clock)
    seen = record(app, Tick)
    app.add(Timer("tick", every=1.0))
    clock.advance(2.5)
    settle(app)
    assert [tick.count for tick in seen] == [2]
"""

import contextlib
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

import attrs

from evdispatch._core._clock import MonotonicClock
from evdispatch._dispatcher import Dispatcher
from evdispatch._events import Event
from evdispatch.sources._base import Source

__all__ = ["ManualSource", "VirtualClock", "record", "run_until", "settle"]

E = TypeVar("E", bound=Event)


class VirtualClock:
    """A clock that advances only when `advance` is called.

    Args:
        start: The first time, in seconds.
    """

    def __init__(self, start: float = 1000.0) -> None:
        self._now = start
        self._lock = threading.Lock()
        self._alarms: weakref.WeakSet[_VirtualAlarm] = weakref.WeakSet()

    def now(self) -> float:
        """Return the present time in seconds."""
        return self._now

    def alarm(self) -> "_VirtualAlarm":
        """Return a new alarm on this clock, for the dispatcher."""
        alarm = _VirtualAlarm(self)
        with self._lock:
            self._alarms.add(alarm)
        return alarm

    def advance(self, seconds: float) -> None:
        """Advance the time by some seconds. From any thread.

        Raises:
            ValueError: They are negative or NaN.
        """
        if not seconds >= 0:
            raise ValueError(f"seconds must be 0 or more, got {seconds!r}")
        with self._lock:
            self._now += seconds
            alarms = list(self._alarms)
        for alarm in alarms:
            alarm.look()


class _VirtualAlarm:
    """An alarm by an eventfd instead of a timerfd."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._deadline: float | None = None
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """Return the descriptor to poll."""
        return self._fd

    def set(self, deadline: float | None) -> None:
        """Make it readable from this time on, and not before; None means never."""
        with self._lock:
            self._deadline = deadline
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._fd)
        self.look()

    def look(self) -> None:
        """Make it readable if its deadline is over."""
        with self._lock:
            deadline = self._deadline
            if self._fd >= 0 and deadline is not None and deadline <= self._clock.now():
                os.eventfd_write(self._fd, 1)

    def close(self) -> None:
        """Release the descriptor."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1


class ManualSource(Source):
    """A source that makes the events that are passed to `emit`."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self._events: deque[Event] = deque()

    def emit(self, *events: Event) -> None:
        """Make events. From any thread, or from a signal handler."""
        self._events.extend(events)
        self.wake()

    def on_add(self) -> None:
        """Make the events that were passed to `emit` before."""
        if self._events:
            self.wake()

    def on_wake(self) -> Iterator[Event]:
        """Yield the events that were passed to `emit`."""
        while self._events:
            yield self._events.popleft()


def record(app: Dispatcher | Source, event: type[E]) -> list[E]:
    """Return a list to which each event of a class or its subclasses is appended."""
    seen: list[E] = []
    app.on(event)(seen.append)
    return seen


def run_until(
    app: Dispatcher, condition: Callable[[], object], *, timeout: float = 10.0
) -> None:
    """Step until a condition holds.

    Args:
        app: The dispatcher, not running.
        condition: Called before each step.
        timeout: In seconds of real time.

    Raises:
        TimeoutError: It did not hold within the timeout.
    """
    now = MonotonicClock().now
    deadline = now() + timeout
    while not condition():
        left = deadline - now()
        if left <= 0:
            raise TimeoutError(
                f"the condition did not hold within {timeout:g} s; {app.stats()}"
            )
        app.step(min(left, 0.05))


@attrs.define(eq=False)
class _Sentinel(Event):
    """The event that `settle` makes after all others."""


def settle(app: Dispatcher, *, timeout: float = 10.0) -> int:
    """Step until no more events come by themselves, and return the number of events.

    Events that are ready, due or queued now are handled, and the events that follow from
    them. It works in every io mode: it ends when two sentinels in a row have passed the queue
    without other events.

    Raises:
        TimeoutError: Events still came after the timeout (in seconds).
    """
    source = app.add(ManualSource("settle"))
    arrived: list[_Sentinel] = []
    handler = source.on(_Sentinel)(arrived.append)
    handled = quiet = 0
    deadline = MonotonicClock().now() + timeout
    try:
        while quiet < 2:  # noqa: PLR2004 (deadlines expire after woken sources)
            arrived.clear()
            source.emit(_Sentinel())
            count = -1  # the sentinel itself
            while not arrived:
                if MonotonicClock().now() > deadline:
                    raise TimeoutError(
                        f"not settled within {timeout:g} s; {app.stats()}"
                    )
                count += app.step(0.05)
            count += app.step(0)
            handled += count
            quiet = 0 if count else quiet + 1
    finally:
        source.close()
        app.off(handler)
    return handled
