"""Helpers for tests of programs that use evdispatch: no sleeping, no real time.

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
    """A clock that stands still until it is told to go on.

    Args:
        start: What it shows first, in seconds.
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
        """Let so much time pass, at once. From any thread.

        Raises:
            ValueError: Time does not go back.
        """
        if not seconds >= 0:
            raise ValueError(f"time does not go back: {seconds!r}")
        with self._lock:
            self._now += seconds
            alarms = list(self._alarms)
        for alarm in alarms:
            alarm.look()


class _VirtualAlarm:
    """An eventfd in the place of a timerfd."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._deadline: float | None = None
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """Return the descriptor to poll."""
        return self._fd

    def set(self, deadline: float | None) -> None:
        """Be readable from this time on and not before; None: never."""
        with self._lock:
            self._deadline = deadline
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._fd)
        self.look()

    def look(self) -> None:
        """Become readable if it is time."""
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
    """A source that makes what it is told to: ``source.emit(event)``."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self._events: deque[Event] = deque()

    def emit(self, *events: Event) -> None:
        """Make events. From any thread, or from a signal handler."""
        self._events.extend(events)
        self.wake()

    def on_add(self) -> None:
        """See whether something was emitted before."""
        if self._events:
            self.wake()

    def on_wake(self) -> Iterator[Event]:
        """Yield what was emitted."""
        while self._events:
            yield self._events.popleft()


def record(app: Dispatcher | Source, event: type[E]) -> list[E]:
    """Return a list that grows by each event of a class, subclasses included."""
    seen: list[E] = []
    app.on(event)(seen.append)
    return seen


def run_until(
    app: Dispatcher, condition: Callable[[], object], *, timeout: float = 10.0
) -> None:
    """Step until a condition holds.

    Args:
        app: The dispatcher, not running.
        condition: Asked after each step.
        timeout: In seconds of real time.

    Raises:
        TimeoutError: It did not hold within the timeout.
    """
    now = MonotonicClock().now
    deadline = now() + timeout
    while not condition():
        left = deadline - now()
        if left <= 0:
            raise TimeoutError(f"not within {timeout:g} s; {app.stats()}")
        app.step(min(left, 0.05))


@attrs.define(eq=False)
class _Sentinel(Event):
    """What `settle` sends after everything else."""


def settle(app: Dispatcher, *, timeout: float = 10.0) -> int:
    """Step until nothing more happens by itself, and return the number of events.

    What is ready, due or queued now is handled, and what follows from it. It works in
    every io mode: a sentinel goes the way of all events, and when two in turn have come
    through alone, nothing was on its way.

    Raises:
        TimeoutError: It did not come to rest within the timeout (in seconds).
    """
    source = app.add(ManualSource("settle"))
    arrived: list[_Sentinel] = []
    hear = source.on(_Sentinel)(arrived.append)
    handled = quiet = 0
    deadline = MonotonicClock().now() + timeout
    try:
        while quiet < 2:  # noqa: PLR2004 (deadlines are looked at after what was woken)
            arrived.clear()
            source.emit(_Sentinel())
            count = -1  # the sentinel itself
            while not arrived:
                if MonotonicClock().now() > deadline:
                    raise TimeoutError(f"no rest within {timeout:g} s; {app.stats()}")
                count += app.step(0.05)
            count += app.step(0)
            handled += count
            quiet = 0 if count else quiet + 1
    finally:
        source.close()
        app.off(hear)
    return handled
