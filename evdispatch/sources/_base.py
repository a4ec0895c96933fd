"""What a source is: the one interface between the IO side and everything that makes events.

- The IO side calls the ``on_*`` methods, one source at a time, under its lock. They
  never block and never call handlers. `Source.on_unhandled` is the dispatch side's.
- A source returns its events, as a list or by ``yield``. The IO side takes as many as
  the turn and the queue allow and asks for the rest later, before it asks the source
  anything else; so a generator is all the flow control a source needs.
- A source lives once: new, added, closed. So the object itself is the generation by
  which late events are told from present ones. It owns its descriptor, unless told not to.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, overload

from evdispatch._core._pending import Pending
from evdispatch._core._poller import NO_INTEREST, READ
from evdispatch._core._timers import TimerId
from evdispatch._errors import ClosedError, StateError
from evdispatch._events import NORMAL, Event
from evdispatch._handlers._handler import F
from evdispatch._handlers._registry import Registry
from evdispatch._handlers._routes import Scope
from evdispatch._stats import Counts
from evdispatch.sources._flow import Flow
from evdispatch.sources._host import Host

LOST = -1  # is no poll's number
Makes = tuple[type[Event], ...] | None


class Source(Flow):
    """Makes events from a descriptor, a deadline, or a call to `wake`.

    Subclass it for your own: override `fileno` and `on_ready` for one with a descriptor,
    `on_deadline` for one with a time, `on_wake` for one that another thread feeds, and
    `on_close` to give back what it holds. Call ``super().__init__()``. ``source`` and
    ``time`` of the events are filled in.

    Args:
        name: A label for messages; default: the class's name.
    """

    lane: ClassVar[int] = NORMAL
    """The queue's lane for all its events: one, so that they keep their order."""

    verifies: ClassVar[bool] = False
    """Whether it calls `Host.verify` before it reads; else the IO side does."""

    makes: ClassVar[Makes] = None
    """The classes of all events that it makes, if it says so; for this class alone, not for
    its subclasses. It makes reading faster where no policy is for any of them."""

    has_children: ClassVar[bool] = False
    """Whether other sources may have it as ``parent``, and share its handlers."""

    has_final_events: ClassVar[bool] = False
    """Whether `final_events` is to be asked, however the source has ended."""

    edge: bool | None = None
    """Whether it asks to be edge-triggered; None: as the dispatcher is, if it `nonblocking`."""

    __slots__ = (
        "__weakref__",
        "_closed",
        "_deadline",
        "_direct",
        "_discarding",
        "_edge",
        "_fd",
        "_interest",
        "_leftover",
        "_mask",
        "_queued",
        "_registry",
        "_scope",
        "_serial",
        "_spoken",
        "_woken",
        "counts",
        "name",
        "parent",
    )

    def __init__(self, name: str | None = None) -> None:
        super().__init__()
        self.name = name or type(self).__name__.lower()
        self.parent: Source | None = None
        self.counts = Counts()
        self._fd = -1  # the number as registered: a fileno() may change its mind
        self._serial = 0  # the poll during which it was (un)registered, or LOST
        self._interest: int | None = READ  # what the source waits for
        self._mask = NO_INTEREST  # what the poller watches for
        self._edge = 0  # EDGE, if it is told of arrivals only
        self._closed = False
        self._discarding = False  # closed by the user: what is queued is dropped
        self._spoken = False  # it has had its last word
        self._leftover: deque[Iterator[Event]] | None = None  # made, and not yet taken
        self._woken = False  # to be asked when the rest is taken
        self._direct = False  # its events are put into the lane as they are
        self._queued: Pending | None = None  # events that may still change
        self._deadline: TimerId | None = None
        self._scope: Scope | None = None  # handlers of this source alone
        self._registry: Registry | None = None

    def __repr__(self) -> str:
        paused = "paused" if self.paused else "held back"
        state = "closed" if self._closed else paused if self._paused else "open"
        fd = f" fd={self._fd}" if self._fd >= 0 else ""
        return f"<{type(self).__name__} {self.name!r}{fd} {state}>"

    # -- for the user --------------------------------------------------------------

    @property
    def fd_lost(self) -> bool:
        """Whether its number was closed behind its back; it is not to be closed then."""
        return self._serial == LOST

    @property
    def closed(self) -> bool:
        """Whether the source has ended, by `close` or by itself."""
        return self._closed

    @overload
    def on(
        self, event: str | type[Event] | None = None, /, **options: Any
    ) -> Callable[[F], F]: ...
    @overload
    def on(self, event: F, /) -> F: ...
    def on(self, event: Any = None, /, **options: Any) -> Any:
        """Register a handler for this source's events; see `Dispatcher.on`.

        For a source that has children (a listener its connections) it hears theirs too.
        Call it on the dispatch thread.

        Raises:
            StateError: The source was not added yet.
        """
        registry = self._registry
        if registry is None:
            raise StateError(
                f"{self!r} hears nothing yet: add it to a dispatcher first"
            )
        shared = None if self.parent is None else self.parent._scope
        scope = self._scope
        if scope is None or scope is shared:  # its first handler makes one of its own
            scope = self._scope = Scope(shared or registry.scope)
        return registry.on(scope, event, options)

    def close(self) -> None:
        """End it, and drop its events that still wait. From any thread, also twice."""
        self._discarding = True
        if self._closed:
            return
        if self._host is not None:
            self._host.unregister(self, discard=True)
        else:
            self._closed = True
            self.on_close()

    def join(self, registry: Registry) -> None:
        """Let `on` register there; called by `Dispatcher.add`, not for you."""
        self._registry = registry
        shared = None if self.parent is None else self.parent._scope
        self._scope = Scope(shared or registry.scope) if self.has_children else shared

    # -- for subclasses to call ------------------------------------------------------

    @property
    def host(self) -> Host:
        """The IO side.

        Raises:
            ClosedError: The source has ended.
            StateError: The source was not added yet.
        """
        if self._host is None:
            if self._closed:
                raise ClosedError(f"{self!r} is closed")
            raise StateError(f"{self!r} was not added to a dispatcher")
        return self._host

    @property
    def edge_triggered(self) -> bool:
        """Whether it is told of arrivals only, and must read until that would block."""
        return self._edge != 0

    @property
    def drained(self) -> bool:
        """Whether it has read to the end, as far as it knows; ``poller="verify"`` asks."""
        return True

    @property
    def interest(self) -> int | None:
        """What `watch` has set; at first READ."""
        return self._interest

    @property
    def interest_in_pause(self) -> int | None:
        """What to wait for while it is paused; a subclass that writes waits for WRITE."""
        return None

    def has_no_handlers(self, cls: type[Event]) -> bool:
        """Whether an event of a class need not be made, since it would find no handler.

        A hint: False until one found none, and where there is an `on_unhandled`.
        """
        if type(self).on_unhandled is not Source.on_unhandled:
            return False
        registry = self._registry
        scope = self._scope or (None if registry is None else registry.scope)
        return scope is not None and scope.has_no_handlers(cls)

    def watch(self, interest: int | None) -> None:
        """Set what to wait for: READ, WRITE, both; 0: hang-ups alone; None: nothing."""
        if interest != self._interest:
            self._interest = interest
            if self._host is not None:
                self._host.update(self)

    def set_deadline(self, when: float | None) -> None:
        """Have `on_deadline` called at this time instead, or never. From any thread."""
        self.host.set_deadline(self, when)

    def wake(self) -> None:
        """Have `on_wake` called soon. From any thread or signal handler."""
        if self._host is not None:
            self._host.wake(self)

    def finish(self) -> None:
        """End the source by itself: what it has made is still handled.

        For the ``on_*`` methods, which may go on yielding their last events.
        """
        if self._host is not None:
            self._host.unregister(self, discard=False)

    # -- for subclasses to override --------------------------------------------------

    @property
    def nonblocking(self) -> bool:
        """Whether it reads and writes until that would block: it may be edge-triggered.

        A turn that ends before that ends with `Host.again`.
        """
        return False

    def fileno(self) -> int | None:
        """Return the descriptor to watch, or None. Asked once, when it is added."""
        return None

    def on_add(self) -> None:
        """Make ready: open what `fileno` will return. An exception undoes the adding."""

    def on_refuse(self) -> None:
        """Take back what `on_add` did: the descriptor could not be watched after all."""

    def on_start(self) -> None:
        """The loop begins to run, or runs already when the source is added."""

    def on_stop(self) -> None:
        """The loop has ended; it may begin again. Called before `on_close`, too."""

    def on_ready(self, ready: int) -> Iterable[Event]:
        """Return the events that the descriptor's readiness gives.

        An exception ends the source and becomes an `error` event.

        Args:
            ready: Bits of READ, WRITE, ERROR, HANGUP.
        """
        return ()

    def on_deadline(self, now: float) -> Iterable[Event]:
        """Return the events that the deadline gives, which is over now."""
        return ()

    def on_wake(self) -> Iterable[Event]:
        """Return the events that a call to `wake` asked for."""
        return ()

    def on_unhandled(self, event: Event) -> None:
        """Act on an event of this source that found no handler; dispatch thread."""

    def on_close(self) -> None:
        """Give back what the source holds. Called once, after the last `on_ready`."""

    def on_child_end(self, child: "Source") -> None:
        """A source that has this one as ``parent`` has ended."""

    def final_events(self) -> Iterable[Event]:
        """Return the very last events, when all others are queued.

        Asked where ``has_final_events`` is true. What is ``final`` is told though the user
        has closed the source.
        """
        return ()
