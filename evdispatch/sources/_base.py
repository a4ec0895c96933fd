"""`Source`: the interface between the IO side and everything that makes events.

- The IO side calls the ``on_*`` methods, one source at a time, under its lock. They must not
  block and must not call handlers. `Source.on_unhandled` runs on the dispatch side.
- A source returns its events as a tuple, a list or an iterator. The IO side takes as many as the
  turn and the queue allow, and takes the rest later, before it asks the source again. So a
  generator needs no other flow control.
- A source is added once. It owns its descriptor, unless the class documents otherwise.
"""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, overload

from evdispatch._core._rate_limit import RateLimiter, check_rate
from evdispatch._errors import ClosedError, StateError
from evdispatch._events import NORMAL, Event
from evdispatch._handlers._handler import F
from evdispatch._handlers._registry import Registry
from evdispatch._handlers._routes import Scope
from evdispatch._stats import Counts
from evdispatch.sources._host import Host
from evdispatch.sources._registration import BY_USER, LOST, Registration


class Source:
    """Makes events from a descriptor, a deadline, or a call to `wake`.

    Subclass it for your own sources. Override `fileno` and `on_ready` for a descriptor,
    `on_deadline` for a time, `on_wake` for input from another thread, and `on_close` to
    release what the source holds. Call ``super().__init__()``. The IO side fills in ``source``
    and ``time`` of the events. The attributes ``name``, ``parent`` and ``registration`` are
    reserved.

    Args:
        name: A label for messages; default: the class's name.
    """

    lane: ClassVar[int] = NORMAL
    """The lane of the queue for all its events. It is one, so that they keep their order."""

    has_children: ClassVar[bool] = False
    """Whether other sources may have it as ``parent`` and share its handlers."""

    has_final_events: ClassVar[bool] = False
    """Whether `final_events` is called after the source has ended, in whatever way."""

    edge: bool | None = None
    """Whether the source requires edge triggering. None: as the dispatcher, if `nonblocking`."""

    __slots__ = ("__weakref__", "name", "parent", "registration")

    def __init__(self, name: str | None = None) -> None:
        self.name = name or type(self).__name__.lower()
        self.parent: Source | None = None
        self.registration = Registration()

    def __repr__(self) -> str:
        record = self.registration
        paused = "paused" if self.paused else "held back"
        state = "closed" if record.closed else paused if record.held else "open"
        fd = f" fd={record.fd}" if record.fd >= 0 else ""
        return f"<{type(self).__name__} {self.name!r}{fd} {state}>"

    # -- for the user --------------------------------------------------------------

    @property
    def counts(self) -> Counts:
        """The counts of its events."""
        return self.registration

    @property
    def closed(self) -> bool:
        """Whether the source has ended, by `close` or by itself."""
        return self.registration.closed

    @property
    def fd_lost(self) -> bool:
        """Whether other code closed its descriptor, so the source must not close it."""
        return self.registration.serial == LOST

    @overload
    def on(
        self, event: str | type[Event] | None = None, /, **options: Any
    ) -> Callable[[F], F]: ...
    @overload
    def on(self, event: F, /) -> F: ...
    def on(self, event: Any = None, /, **options: Any) -> Any:
        """Register a handler for this source's events; see `Dispatcher.on`.

        On a source with children, such as a listener, the handler gets their events, too.
        Call it on the dispatch thread.

        Raises:
            StateError: The source was not added yet.
        """
        record = self.registration
        registry: Registry | None = record.registry
        if registry is None:
            raise StateError(
                f"cannot register a handler on {self!r}: add it to a dispatcher first"
            )
        shared = None if self.parent is None else self.parent.registration.scope
        scope = record.scope
        if scope is None or scope is shared:  # its first handler makes its own scope
            scope = record.scope = Scope(shared or registry.scope)
        return registry.on(scope, event, options)

    def close(self) -> None:
        """End the source and drop its waiting events. From any thread; again does nothing."""
        record = self.registration
        record.discarding = True
        if record.closed:
            return
        if record.host is not None:
            record.host.unregister(self, discard=True)
        else:
            record.closed = True
            self.on_close()

    @property
    def paused(self) -> bool:
        """Whether the source is paused."""
        return self.registration.held & BY_USER != 0

    @property
    def held_back(self) -> bool:
        """Whether the source is not read, because of a pause or its rate."""
        return self.registration.held != 0

    def pause(self) -> None:
        """Stop reading until `resume`. From any thread. Queued events are handled.

        Deadlines and calls of `wake` still cause up to one turn of events.
        """
        self._set_paused(paused=True)

    def resume(self) -> None:
        """Read again. From any thread."""
        self._set_paused(paused=False)

    def _set_paused(self, *, paused: bool) -> None:
        record = self.registration
        host = record.host
        with contextlib.nullcontext() if host is None else host.lock:
            record.held = record.held | BY_USER if paused else record.held & ~BY_USER
            if host is not None:
                host.update(self)

    def limit_rate(self, rate: float | None, burst: int | None = None) -> None:
        """Limit the events a second. From any thread, also before the source is added.

        While the limit is used up, the source is not read: the kernel buffers its input, and
        nothing is lost. A `throttled` event reports the begin. Another one, with ``active``
        False, reports when a whole burst is possible again. `error` events and the last events
        of a closed source are not delayed; work during a pause is not delayed either. Each
        connection of a listener has its own limit.

        Args:
            rate: In events a second, above 0; None or infinity: no limit.
            burst: The maximum number of events at once. None: the number for a tenth of a
                second, at least 1.

        Raises:
            TypeError: They are not numbers.
            ValueError: NaN; a rate that is not above 0, a burst below 1.
        """
        checked, most = check_rate(rate, burst)
        record = self.registration
        if record.host is not None:
            record.host.limit(self, checked, most)
        elif checked is None:
            record.limiter = None
        else:
            record.limiter = RateLimiter(record, checked, most)

    # -- for subclasses to call ------------------------------------------------------

    @property
    def host(self) -> Host:
        """The IO side.

        Raises:
            ClosedError: The source has ended.
            StateError: The source was not added yet.
        """
        host = self.registration.host
        if host is None:
            if self.registration.closed:
                raise ClosedError(f"{self!r} is closed")
            raise StateError(f"{self!r} was not added to a dispatcher")
        return host

    @property
    def edge_triggered(self) -> bool:
        """Whether the poller reports only arrivals: read until EAGAIN."""
        return self.registration.edge != 0

    @property
    def interest(self) -> int | None:
        """The interest that `watch` has set; initially READ."""
        return self.registration.interest

    @property
    def interest_in_pause(self) -> int | None:
        """The interest during a pause; a subclass that writes returns WRITE."""
        return None

    def has_no_handlers(self, cls: type[Event]) -> bool:
        """Whether events of a class need not be made, because they have no handler.

        A hint: False until dispatch has found no handler, and always False if the class
        overrides `on_unhandled`.
        """
        if type(self).on_unhandled is not Source.on_unhandled:
            return False
        record = self.registration
        scope = record.scope
        if scope is None and record.registry is not None:
            scope = record.registry.scope
        return scope is not None and scope.has_no_handlers(cls)

    def watch(self, interest: int | None) -> None:
        """Set the interest: READ, WRITE, both; 0: hang-ups only; None: nothing."""
        record = self.registration
        if interest != record.interest:
            record.interest = interest
            if record.host is not None:
                record.host.update(self)

    def set_deadline(self, when: float | None) -> None:
        """Call `on_deadline` at this time, or never; replaces the last. From any thread."""
        self.host.set_deadline(self, when)

    def wake(self) -> None:
        """Call `on_wake` soon. From any thread or signal handler."""
        host = self.registration.host
        if host is not None:
            host.wake(self)

    def finish(self) -> None:
        """End the source; its events are still handled.

        Call it in the ``on_*`` methods, which may still yield their last events.
        """
        host = self.registration.host
        if host is not None:
            host.unregister(self, discard=False)

    # -- for subclasses to override --------------------------------------------------

    @property
    def nonblocking(self) -> bool:
        """Whether the source may be edge-triggered: it reads and writes until EAGAIN.

        If it stops earlier, it must call `Host.reschedule`.
        """
        return False

    def fileno(self) -> int | None:
        """Return the descriptor to watch, or None. Called once, after `on_add`."""
        return None

    def on_add(self) -> None:
        """Open the descriptor that `fileno` will return. An exception undoes the adding."""

    def on_refuse(self) -> None:
        """Undo `on_add`: the descriptor could not be watched."""

    def on_start(self) -> None:
        """The loop begins to run, or runs already when the source is added."""

    def on_stop(self) -> None:
        """The loop has ended; it may begin again. Called before `on_close`, too."""

    def on_ready(self, ready: int) -> Iterable[Event]:
        """Return the events of a ready descriptor.

        A tuple is fastest for a few events. An exception ends the source and becomes an
        `error` event.

        Args:
            ready: Bits of READ, WRITE, ERROR, HANGUP.
        """
        return ()

    def on_deadline(self, now: float) -> Iterable[Event]:
        """Return the events of the deadline, which is over."""
        return ()

    def on_wake(self) -> Iterable[Event]:
        """Return the events after a call to `wake`."""
        return ()

    def on_unhandled(self, event: Event) -> None:
        """Act on an event of this source that found no handler; dispatch thread."""

    def on_released(self) -> None:
        """The source is read again after its rate was used up."""

    def on_close(self) -> None:
        """Release what the source holds. Called once, after the last `on_ready`."""

    def on_child_end(self, child: "Source") -> None:
        """A source that has this one as ``parent`` has ended."""

    def final_events(self) -> Iterable[Event]:
        """Return the last events, when all others are queued.

        Called if ``has_final_events`` is true. An event whose class has
        ``deliver_after_close`` is delivered even after the user has closed the source.
        """
        return ()
