"""`Dispatcher`: the object that users hold. It makes the parts, wires them, and delegates.

        IO side                                     |           dispatch side
 fd -> poller -> source.on_ready -> events ==put==> [ QUEUE ] ==take==> route -> handlers
        ^                                           |                      |
        +------ write buffers, pause, close --------+----------------------+

Events pass from the IO side (`_io._io_loop`) to the dispatch side (`_core._dispatch`) through the
queue only. In the other direction, handlers call sources. `_runner` runs the steps of both sides.
"""

import contextlib
import functools
import math
import os
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, get_args, overload

from evdispatch import _exports
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
from evdispatch._core._policies import LIMIT, Merge
from evdispatch._core._queue import Queue
from evdispatch._core._wakeup import Wakeup
from evdispatch._errors import InternalError, StateError
from evdispatch._events import Event
from evdispatch._handlers._handler import F
from evdispatch._handlers._registry import Registry
from evdispatch._io._io_loop import IoLoop
from evdispatch._io._modes import IoMode, make_driver
from evdispatch._io._pollers import PollerKind
from evdispatch._io._registrations import Registrations, check_source
from evdispatch._lifetime import weakly
from evdispatch._runner import Runner
from evdispatch._stats import PostCounts, Stats, balance
from evdispatch.sources._base import Source

if TYPE_CHECKING:  # imported at its first use
    from evdispatch.debug._explain import Explanation
    from evdispatch.debug._trace import Trace
    from evdispatch.debug._trace_file import Target
    from evdispatch.debug._why_alive import Alive

S = TypeVar("S", bound=Source)

_LANES = 1024  # maximum size of the cache from class to lane
_DEBUG_SLOW = 0.1  # seconds: the default of ``slow`` in debug mode


class Dispatcher:
    """One central queue between sources of events and their handlers.

    Args:
        io: Which thread reads: ``"inline"``: the thread in `run`, between two passes;
            ``"auto"``: that thread, and a standby thread while handlers take longer than
            5 to 10 ms; ``"thread"``: always another thread.
        queue_size: The maximum number of events in a lane of the queue. While a lane is
            full, sources are not read, and posts from other threads wait.
        on_error: What happens to an exception if `error` has no handler: ``"raise"`` raises
            it from `run`, ``"log"`` logs it and continues.
        poller: ``"epoll"``, ``"poll"`` or ``"select"``.
        edge: Whether sources that support it are edge-triggered (epoll only).
        clock: The clock; default: the monotonic clock.
        slow: A handler that takes this many seconds or more is slow: a `slow` event names
            it, with its stack while it ran, and `stats` has the times of all handlers. It
            costs half a microsecond a call. None: nothing is measured.
        debug: Turn on checks that cost time. Each descriptor is verified before a read, so
            one that other code closed is detected at once; adding or removing a handler on
            the wrong thread raises StateError; and ``slow`` is 0.1 unless it is given.
            None: the environment variable ``EVDISPATCH_DEBUG`` (``1`` or ``0``) decides; if
            it is not set, ``python -X dev`` turns the checks on.

    Raises:
        ValueError: An option has no such value, or ``edge`` is used without epoll.
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
        debug: bool | None = None,
    ) -> None:
        check_choice("io", io, get_args(IoMode))
        check_choice("poller", poller, get_args(PollerKind))
        check_choice("on_error", on_error, get_args(OnError))
        check_count("queue_size", queue_size)
        debug = _debug_mode() if debug is None else debug
        if slow is not None:
            slow = check_interval("slow", slow)
        elif debug:
            slow = _DEBUG_SLOW
        clock = clock or MonotonicClock()
        self._io_mode = io
        self._now = clock.now
        self._posts = PostCounts()
        self._lane_of: dict[type[Event], deque[Event]] = {}  # of posts without a policy
        with contextlib.ExitStack() as undo:
            io_wakeup = undo.enter_context(contextlib.closing(Wakeup()))
            wakeup = io_wakeup  # one is enough unless two threads wait
            if io == "thread":
                wakeup = undo.enter_context(contextlib.closing(Wakeup()))
            # Weak, so that an IO thread does not keep the dispatcher alive between steps.
            self._registrations = Registrations(
                clock, io_wakeup, weakly(self.stop), poller, edge=edge, debug=debug
            )
            undo.pop_all()
        self._registry = Registry(
            clock.now, functools.partial(after, self._registrations)
        )
        self._queue = Queue(queue_size, wakeup.set, io_wakeup.set)
        dispatch = DispatchSide(self._queue, self._registry, self._posts, on_error)
        self._registry.on(self._registry.scope, Due, {"priority": math.inf})(call)
        instruments = self._registry.instruments
        self._timer: Any = None
        if slow is not None:
            make_timer = _exports.load_module("debug._slow").HandlerTimer
            self._timer = make_timer(slow, clock.now, dispatch)
            instruments.add(self._timer)
        self._io = IoLoop(self._queue, self._registrations, self._posts, instruments)
        self._runner = Runner(
            driver=make_driver(io, self._io, self._queue, io_wakeup, wakeup),
            queue=self._queue,
            registrations=self._registrations,
            dispatch=dispatch,
            instruments=instruments,
            wakeup=wakeup,
        )
        if debug:
            self._registry.check_thread = weakly(self._runner.check_thread)

    def __repr__(self) -> str:
        state = self._runner.state
        state = "running" if state == "stopping" else state
        return f"<Dispatcher io={self._io_mode!r} {state}>"

    def __enter__(self) -> Self:
        self._runner.check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        runner = getattr(self, "_runner", None)  # None: __init__ has failed
        if runner is not None and runner.gone is None:
            warnings.warn(
                f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2
            )
            self.close()

    # -- sources -------------------------------------------------------------------------

    def add(self, source: S) -> S:
        """Add a source and return it. From any thread.

        Raises:
            TypeError: It is not a source.
            ClosedError: It, or this dispatcher, is closed.
            StateError: It was added before, or another source watches its descriptor.
            OSError: It can't be opened or watched.
        """
        self._runner.check_open()
        check_source("add", source)
        self._registrations.add(source, self._registry)
        return source

    def remove(self, source: Source) -> None:
        """End a source: the same as `Source.close`. From any thread.

        Raises:
            TypeError: It is not a source.
            StateError: It was not added to this dispatcher.
        """
        self._runner.check_process()
        check_source("remove", source)
        host = source.registration.host
        if host is not self._registrations and not source.closed:
            raise StateError(f"{source!r} was not added to this dispatcher")
        source.close()

    @property
    def sources(self) -> tuple[Source, ...]:
        """The open sources, in the order they were added."""
        self._runner.check_process()
        return self._registrations.sources

    # -- posts and timers ------------------------------------------------------------------

    def post(self, event: Event, *, timeout: float | None = None) -> None:
        """Queue an event of your own. From any thread or signal handler.

        While the lane is full, the call waits; on the dispatch thread it never waits.

        Args:
            event: A new event, without a source.
            timeout: The maximum wait for room, in seconds; None waits for ever.

        Raises:
            TypeError: It is not an event, or it came from a source.
            QueueFull: There was no room within the timeout.
            ClosedError: The dispatcher is closed.
        """
        queue = self._queue
        try:
            lane = self._lane_of[type(event)]
        except KeyError:  # no entry: first of its class, or has a policy
            self._post_slowly(event, timeout)
            return
        if (
            event.source is not None
            or timeout is not None
            or len(lane) >= queue.bound
            or queue.closed
        ):
            self._post_slowly(event, timeout)
            return
        event.time = event.time or self._now()
        self._posts.posted()
        lane.append(event)
        if queue.sleeping:  # read after the append: see _queue
            queue.wake()

    def _post_slowly(self, event: Any, timeout: float | None) -> None:
        """Post an event that may have to wait or be merged, or reject what is no event."""
        self._runner.check_open()
        if not isinstance(event, Event) or event.source is not None:
            raise TypeError(f"a post must be an event without a source, got {event!r}")
        if timeout is not None:
            timeout = check_timeout(timeout)
        queue, lane_of, cls = self._queue, self._lane_of, type(event)
        if queue.policies.find(cls) is None:  # the next post takes the fast path
            if len(lane_of) >= _LANES:
                lane_of.clear()
            lane_of[cls] = queue.lanes[cls.lane]
        event.time = event.time or self._now()
        full = len(queue.lanes[event.lane]) >= queue.bound
        full = full and not self._runner.must_not_wait()
        if not queue.pending.post(event, self._posts, full=full):
            queue.wait_for_room(event.lane, timeout)
            # By the present policy of the class: by the earlier one, a later post of this
            # thread might overtake this one.
            queue.pending.post(event, self._posts, full=False)
        if queue.sleeping:
            queue.wake()

    def after(self, seconds: float, function: Callable[[], Any]) -> Handle:
        """Call a function once, on the dispatch thread. From any thread.

        Args:
            seconds: The delay; 0 or less is the next turn, infinity is never.
            function: Called without arguments.

        Raises:
            TypeError: Not a number, or not a function.
            ValueError: NaN.
        """
        self._runner.check_open()
        # A positive float needs no check.
        if type(seconds) is not float or not seconds > 0:
            seconds = max(0.0, check_seconds("after", seconds))
        return after(self._registrations, seconds, function)

    def every(self, seconds: float, function: Callable[[], Any]) -> Handle:
        """Call a function again and again, on the dispatch thread. From any thread.

        Args:
            seconds: The interval, above 0. It does not drift. Calls that are overdue are
                merged into one.
            function: Called without arguments.

        Raises:
            TypeError: Not a number, or not a function.
            ValueError: NaN, zero or negative.
        """
        self._runner.check_open()
        interval = check_interval("every", seconds)
        return Handle(self._registrations, function).start(interval, interval)

    def set_policy(
        self, event: str | type[Event], policy: str | Merge, *, limit: int = LIMIT
    ) -> None:
        """Set what happens to an event while others of its class wait in the queue.

        ``"block"``: all wait, and sources are not read while the queue is full.
        ``"latest"``: the last one waits. ``"merge"``: one waits, and the others are merged
        into it by `Event.merge`, or by a function: ``function(waiting, later)`` returns the
        event that waits from now on, or None to keep both. ``"drop_oldest"``,
        ``"drop_newest"``: at most ``limit`` wait; a `dropped` event reports how many were
        dropped, and a post of such a class never waits for room.

        An event of a source is merged into the last one of that source alone, so the events
        of a source keep their order. A post is merged into the last one of its class. A
        merge function runs under a lock, on the thread that reads or posts: it must be quick
        and must not use the dispatcher. If it raises, both events wait, and an `error` event
        is queued. Call this method on the dispatch thread, or before a run. The policy
        applies to events that come after the call.

        Args:
            event: The name or class, as for `on`. It applies to subclasses, too, unless a
                policy is set for a nearer class.
            policy: The name of a policy, or a merge function.
            limit: The maximum number of waiting events of each source, if events are
                dropped.

        Raises:
            UnknownEventError: No event has this name.
            ValueError: No policy has this name; the class has no ``merge``; a limit is below
                1; the event marks a beginning, an end or an error, and is never dropped.
            TypeError, HandlerTypeError: Not an event; not a function of two events; not a
                number.
            ClosedError: The dispatcher is closed.
        """
        self._runner.check_open()
        with self._registrations.lock:
            self._queue.policies.set(event, policy, limit)
            self._registrations.seal_pending(self._queue.policies)
            self._lane_of = {}
        # Without Registrations.lock: a merge function of posts may wait for that lock.
        self._queue.pending.seal_posts()

    # -- handlers --------------------------------------------------------------------------

    @overload
    def on(
        self,
        event: str | type[Event] | None = None,
        /,
        *,
        priority: float = 0,
        once: bool = False,
        weak: bool = False,
        where: Callable[[Any], Any] | None = None,
        throttle: float | None = None,
        debounce: float | None = None,
        **fields: Any,
    ) -> Callable[[F], F]: ...
    @overload
    def on(self, event: F, /) -> F: ...
    def on(
        self,
        event: Any = None,
        /,
        *,
        priority: float = 0,
        once: bool = False,
        weak: bool = False,
        where: Callable[[Any], Any] | None = None,
        throttle: float | None = None,
        debounce: float | None = None,
        **fields: Any,
    ) -> Any:
        """Register a handler: ``@app.on("key", key="q")``. On the dispatch thread.

        The handler takes the event, or nothing. An optional parameter keeps its default,
        unless it is called ``event``. If a handler returns HANDLED, no later handler is called.

        Args:
            event: The event's name or class; a class matches its subclasses too. Without
                parentheses, ``@app.on`` takes the name from a function ``on_<name>``.
            priority: Handlers with a higher priority are called first; those with equal
                priority in order of registration.
            once: Remove the handler before its first call.
            weak: Do not keep the object of a bound method alive.
            where: A test of the whole event.
            throttle: An interval in seconds. The first event of a source calls the handler
                at once; at the end of each interval, the last event since then does.
            debounce: An interval in seconds. When a source made no event for so long, its
                last event calls the handler.
            fields: Tests of the event's fields: a plain value by ``==``, a set by
                membership, a callable by its truth, a compiled pattern by ``search``.
                ``key`` takes key names: ``key="ctrl+s"``, ``keys`` several in a row:
                ``keys=("ctrl+x", "ctrl+s")``.

        Returns:
            A decorator that returns the function unchanged.

        Raises:
            UnknownEventError: No event has this name.
            FilterError: The event has no such field, or it never has this value.
            HandlerTypeError: The function can't be a handler.
            ValueError: An interval is not above 0, or both intervals were given.
        """
        self._runner.check_open()
        options = {
            "priority": priority,
            "once": once,
            "weak": weak,
            "where": where,
            "throttle": throttle,
            "debounce": debounce,
        }
        return self._registry.on(self._registry.scope, event, {**options, **fields})

    def off(self, handler: Callable[..., Any]) -> int:
        """Remove a handler wherever it is registered. On the dispatch thread.

        Returns:
            The number of removed registrations; 0 is not an error.
        """
        self._runner.check_process()
        return self._registry.off(handler)

    def register(self, obj: Any) -> None:
        """Add the handlers marked by the free `on` in an instance or module; all or none.

        Raises:
            HandlerTypeError: Nothing is marked, or something marked is not a handler.
            ValueError: It is registered already.
        """
        self._runner.check_open()
        self._registry.register(obj)

    def unregister(self, obj: Any) -> None:
        """Remove the handlers that `register` added.

        Raises:
            ValueError: It is not registered.
        """
        self._runner.check_process()
        self._registry.unregister(obj)

    # -- running ---------------------------------------------------------------------------

    def run(self) -> None:
        """Dispatch until `stop`. May be called again afterwards.

        Raises:
            HandlerError: A handler raised, and `error` has no handler.
            SourceError: A source failed, and `error` has no handler.
            AlreadyRunningError: It runs already.
            ClosedError: The dispatcher is closed.
            InternalError: The IO side crashed.
            KeyboardInterrupt: Ctrl+C. The present handler is interrupted; events that were
                not dispatched yet are still queued.
        """
        self._runner.run()

    def stop(self) -> None:
        """Make `run` return after the present handler. From any thread, repeatedly too.

        Before the first run it makes that run return after one turn; between two runs it
        does nothing. Queued events stay queued.
        """
        self._runner.stop()

    def start(self) -> None:
        """Run in a background thread.

        An exception that ends the run is raised by `close` or the next `start`.

        Raises:
            AlreadyRunningError: It runs already.
            ClosedError: The dispatcher is closed.
        """
        self._runner.start(self)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run in a background thread for the length of a ``with`` block.

        Leaving the block stops the run, waits for its end, and raises its exception.
        """
        self.start()
        try:
            yield
        finally:
            self.stop()
            self._runner.join()

    def step(self, timeout: float | None = 0) -> int:
        """Read, and dispatch one pass: for a program that has its own loop.

        Args:
            timeout: The maximum wait for something to do, in seconds; None waits for ever.

        Returns:
            The number of events handled.

        Raises:
            AlreadyRunningError: It is running; also when called from a handler.
            ClosedError: The dispatcher is closed.
            HandlerError, SourceError, InternalError: As `run`.
        """
        return self._runner.step(timeout)

    def fileno(self) -> int:
        """Return a descriptor that is readable whenever ``step(0)`` has work.

        That includes queued events and timers that are due.
        """
        return self._runner.fileno()

    def timeout(self) -> float | None:
        """Return how long a host that does not watch `fileno` may sleep, in seconds.

        0 if there is work, None if no timer is set.
        """
        return self._runner.timeout()

    def close(self) -> None:
        """End all sources, and release all descriptors and threads. Again does nothing.

        A background run (`start`) is stopped, and the exception that ended it is raised.

        Raises:
            AlreadyRunningError: It is running: `stop` it first.
        """
        self._runner.close()

    # -- questions -------------------------------------------------------------------------

    def stats(self) -> Stats:
        """Return the counts of all events so far. They are exact on the dispatch thread.

        On any other thread the figures may be inconsistent, because events are in progress.
        """
        self._runner.check_process()
        timings: tuple[Any, ...] = ()
        if self._timer is not None:
            timings = self._timer.timings(self._registry.scope.all_subscriptions())
        with self._registrations.lock:  # the IO side counts and queues under it
            waiting = self._queue.by_source()
            return Stats(
                waiting=waiting.total(),
                handlers=len(self._registry) - 1,  # without the internal handler of Due
                polls=self._io.polls,
                posts=balance(self._posts, waiting[None]),
                sources={
                    source: balance(source.counts, waiting[source])
                    for source in self._registrations.sources
                },
                timings=timings,
            )

    def audit(self) -> None:
        """Check that every event is accounted for. On the dispatch thread, or between runs.

        Raises:
            InternalError: An event was lost or counted twice: a fault of this package, or
                of a source that changes its ``counts``.
        """
        stats = self.stats()
        wrong = [
            f"{'posts' if source is None else source!r}: {figures}"
            for source, figures in ((None, stats.posts), *stats.sources.items())
            if not figures.balanced
        ]
        if wrong:
            raise InternalError(f"events don't add up: {'; '.join(wrong)}")

    def explain(self, event: Event) -> "Explanation":
        """Return which handlers an event calls, and why the others are not called.

        Use it as ``print(app.explain(event))``, on the dispatch thread. No handler is called;
        filters that are functions are.
        """
        self._runner.check_process()
        explain = _exports.load_module("debug._explain").explain
        explanation: Explanation = explain(event, self._registry.scope)
        return explanation

    def why_alive(self) -> "Alive":
        """Return what it waits for: ``print(app.why_alive())``. From any thread.

        `run` continues until `stop`, even if no event can come. The result shows which sources
        may still make events, which calls of `after` and `every` are due, and what is queued.
        """
        self._runner.check_process()
        look = _exports.load("Alive").look
        alive: Alive = look(self._runner.state, self._registrations, self._queue)
        return alive

    def trace(self, file: "Target") -> "Trace":
        """Write a trace to a file, for a viewer, until it is closed. On the dispatch thread.

        The file has Chrome's JSON array format, which Perfetto (ui.perfetto.dev) and
        ``chrome://tracing`` open. It shows the turns of sources and the calls of handlers on
        their threads, and how long events wait in the queue. If the program is killed, the
        last records and the ``]`` at the end are missing; viewers accept that. If writing
        fails, the trace ends with a warning in the log.

        Args:
            file: A path, or a text file, which stays open.

        Returns:
            The trace. End it by ``with app.trace("run.json"): ...`` or by its ``close()``;
            closing the dispatcher ends it, too.

        Raises:
            ClosedError: The dispatcher is closed.
            OSError: It can't be opened or written.
            TypeError: It is neither a path nor a text file.
        """
        self._runner.check_open()
        begin = _exports.load("Trace")
        trace: Trace = begin(file, self._now, self._registry.instruments)
        return trace


def _debug_mode() -> bool:
    """Whether the environment or ``-X dev`` turns on debug mode."""
    value = os.environ.get("EVDISPATCH_DEBUG", "")
    return value != "0" if value else sys.flags.dev_mode
