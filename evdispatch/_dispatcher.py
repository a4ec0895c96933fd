"""The dispatcher: owns the parts, wires them, and runs them.

        IO side                                     |           dispatch side
 fd -> poller -> source.on_ready -> events ==put==> [ QUEUE ] ==take==> route -> handlers
        ^                                           |                      |
        +------ write buffers, pause, close --------+----------------------+

The two sides meet in the queue alone. Whoever pumps, the rules are those of
`_io._side`; whoever dispatches, those of `_dispatch._side`. `_parts._loop` runs them,
`_parts._embedding` lets a host do so.
"""

import contextlib
import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar, get_args

from evdispatch._checks import (
    check_choice,
    check_count,
    check_interval,
    check_seconds,
    check_timeout,
)
from evdispatch._core._callbacks import Due, Handle, after, call
from evdispatch._core._clock import Clock, MonotonicClock
from evdispatch._core._dispatch import DispatchSide, OnError
from evdispatch._core._queue import Queue
from evdispatch._core._wakeup import Wakeup
from evdispatch._errors import StateError
from evdispatch._events import Event
from evdispatch._handlers._registry import Registry
from evdispatch._io._pollers import PollerKind
from evdispatch._io._registrations import Registrations, check_source
from evdispatch._parts._lifetime import weakly
from evdispatch._parts._loop import IoMode
from evdispatch._parts._posting import Posting
from evdispatch._stats import PostCounts
from evdispatch.debug._slow import Meter
from evdispatch.sources._base import Source

S = TypeVar("S", bound=Source)


class Dispatcher(Posting):
    """One central queue between sources of events and the handlers of them.

    Args:
        io: Who reads: ``"inline"``, the thread in `run`, between two passes; ``"auto"``,
            that one, and another in its place while handlers take longer than 5 ms;
            ``"thread"``, another one always.
        queue_size: How many events may wait in a lane of the queue. When it is full,
            sources are not read, and posts from other threads wait.
        on_error: What to do with an exception that nobody handles as an `error`:
            ``"raise"`` it out of `run`, or ``"log"`` it and go on.
        poller: ``"epoll"``, ``"poll"`` or ``"select"``; for tests, ``"verify"``: epoll,
            edge-triggered, and what is left unread is an `error`.
        edge: Whether sources that can be are edge-triggered (epoll only).
        clock: Where time comes from; default: the monotonic clock.
        slow: From how many seconds on a handler is slow: it is told by a `slow` event, with
            its stack while it ran, and `stats` tells how long each handler takes. That
            costs half a microsecond a call; None: nothing is measured.

    Raises:
        ValueError: An option has no such value, or ``edge`` is not this poller's.
        OSError: No descriptor is left.
    """

    def __init__(
        self,
        *,
        io: IoMode = "auto",
        queue_size: int = 10_000,
        on_error: OnError = "raise",
        poller: PollerKind = "epoll",
        edge: bool = False,
        clock: Clock | None = None,
        slow: float | None = None,
    ) -> None:
        check_choice("io", io, get_args(IoMode))
        check_choice("poller", poller, get_args(PollerKind))
        check_choice("on_error", on_error, get_args(OnError))
        check_count("queue_size", queue_size)
        if slow is not None:
            slow = check_interval("slow", slow)
        clock = clock or MonotonicClock()
        self._now = clock.now
        self._posts = PostCounts()
        with contextlib.ExitStack() as undo:
            io_wakeup = undo.enter_context(contextlib.closing(Wakeup()))
            wakeup = io_wakeup
            if io == "thread":
                wakeup = undo.enter_context(contextlib.closing(Wakeup()))
            # Weak, so that an IO thread between two steps keeps nothing alive.
            registrations = Registrations(
                clock, io_wakeup, weakly(self.stop), poller, edge=edge
            )
            undo.pop_all()
        self._registry = Registry(clock.now, functools.partial(after, registrations))
        queue = Queue(queue_size, wakeup.set, io_wakeup.set)
        dispatch = DispatchSide(queue, self._registry, self._posts, on_error)
        self._registry.on(self._registry.scope, Due, {"priority": math.inf})(call)
        self._meter = None if slow is None else Meter(slow, clock.now, dispatch)
        if self._meter is not None:
            self._registry.probes.add(self._meter)
        sampler = None if self._meter is None else self._meter.sampler
        self._lanes = {}
        super().__init__(io, queue, registrations, dispatch, wakeup, sampler=sampler)
        self._open()

    def __repr__(self) -> str:
        state = "closed" if self._gone else "running" if self._busy.locked() else "open"
        return f"<Dispatcher io={self._io_mode!r} {state}>"

    # -- sources -------------------------------------------------------------------------

    def add(self, source: S) -> S:
        """Add a source and return it. From any thread.

        Raises:
            TypeError: It is no source.
            ClosedError: It, or this dispatcher, is closed.
            StateError: It was added before, or its descriptor is watched by another.
            OSError: It can't be opened or watched.
        """
        self._check_open()
        check_source("add", source)
        before = source._registry, source._scope
        source.join(self._registry)
        try:
            self._registrations.add(source)
        except BaseException:
            source._registry, source._scope = before
            raise
        return source

    def remove(self, source: Source) -> None:
        """End a source: the same as `Source.close`. From any thread.

        Raises:
            TypeError: It is no source.
            StateError: It was not added to this dispatcher.
        """
        self._check_process()
        check_source("remove", source)
        if source._host is not self._registrations and not source.closed:
            raise StateError(f"{source!r} was not added to this dispatcher")
        source.close()

    @property
    def sources(self) -> tuple[Source, ...]:
        """The open sources, in the order they were added."""
        self._check_process()
        return tuple(self._registrations.sources)

    # -- posts and timers ------------------------------------------------------------------

    def post(self, event: Event, *, timeout: float | None = None) -> None:
        """Queue an event of your own. From any thread or signal handler.

        While the queue is full, threads that do not dispatch wait; a handler never does.

        Args:
            event: A fresh event, without a source.
            timeout: How long to wait for room, in seconds; None: for ever.

        Raises:
            TypeError: It is no event, or it came from a source.
            QueueFull: There was no room within the timeout.
            ClosedError: The dispatcher is closed.
        """
        if self._gone is not None:
            self._check_open()
        try:
            lane = self._lanes[type(event)]
        except KeyError:  # the first of its class
            lane = self._find_lane(event)
        if event.source is not None:
            raise TypeError(f"post takes a fresh event of your own, not {event!r}")
        if timeout is not None:
            timeout = check_timeout(timeout)
        queue = self._queue
        if lane is None:
            self._post_by_policy(event, timeout)
        elif len(lane) >= queue.bound and not self._must_not_wait():
            self._post_late(event, timeout)
        else:
            event.time = event.time or self._now()
            self._posts.posted()
            lane.append(event)
        if queue.sleeping:  # looked at after the append: see _queue
            queue.wake()

    def after(self, seconds: float, function: Callable[[], Any]) -> Handle:
        """Call a function once, on the dispatch thread. From any thread.

        Args:
            seconds: From now; 0 or less is the next turn, infinity is never.
            function: Called without arguments.

        Raises:
            TypeError: Not a number, or not a function.
            ValueError: NaN.
        """
        self._check_open()
        if type(seconds) is not float or not seconds > 0:  # else it is good as it is
            seconds = max(0.0, check_seconds("after", seconds))
        return after(self._registrations, seconds, function)

    def every(self, seconds: float, function: Callable[[], Any]) -> Handle:
        """Call a function again and again, on the dispatch thread. From any thread.

        Args:
            seconds: The interval, above 0; it does not drift, and a late call is one.
            function: Called without arguments.

        Raises:
            TypeError: Not a number, or not a function.
            ValueError: NaN, zero or negative.
        """
        self._check_open()
        interval = check_interval("every", seconds)
        return Handle(self._registrations, function).start(interval, interval)
