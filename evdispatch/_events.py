"""Events: named values that sources make and handlers receive.

An event is an attrs class. Its *name* is the snake_case name of the class. A handler of a class
receives the events of its subclasses, too (a handler of `Mouse` all mouse events). The IO side
fills in ``source`` and ``time``, so a source passes only the event's own fields.

Events are `attrs.define(eq=False)`: they are compared by identity, and making a frozen one takes
twice as long.
"""

import types
import weakref
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import attrs

from evdispatch._exports import load_event, snake_case

POLICIES = ("block", "latest", "merge", "drop_oldest", "drop_newest")
"""What may happen to an event while others of its class wait: see `_policies`."""

URGENT, NORMAL, IDLE = range(3)
"""The queue's lanes. A source has one lane, so that its events keep their order."""

_RESERVED = (
    *(
        "name",
        "names",
        "lane",
        "has_hooks",
        "deliver_after_close",
        "filter_names",
        "queue_policy",
    ),
)

# The classes by module and qualified name, so that a class that is defined again (attrs
# builds a slotted class twice, a notebook cell runs again) replaces the earlier one.
_classes: weakref.WeakValueDictionary[tuple[str, str], type["Event"]] = (
    weakref.WeakValueDictionary()
)


@attrs.define(eq=False)
class Event:
    """The base of all events; subclass it with ``@attrs.define(eq=False)``.

    Attributes:
        source: The source that made the event, or None for a post.
        time: When it was read, in seconds of the dispatcher's (monotonic) clock.
    """

    name: ClassVar[str] = "event"
    names: ClassVar[frozenset[str]] = frozenset({"event"})  # own and base classes'
    lane: ClassVar[int] = NORMAL  # of posts; a source's events take the source's lane
    # Whether dispatch calls on_dequeue() and on_handled().
    has_hooks: ClassVar[bool] = False
    # Whether the event is delivered even after the user has closed its source.
    deliver_after_close: ClassVar[bool] = False
    filter_names: ClassVar[frozenset[str]] = frozenset()  # filters that are not fields
    queue_policy: ClassVar[str] = "block"  # one of POLICIES; "fixed": always block

    source: Any = attrs.field(default=None, kw_only=True, repr=False)
    time: float = attrs.field(default=0.0, kw_only=True, repr=False)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for reserved in _RESERVED:
            if isinstance(cls.__dict__.get(reserved), types.MemberDescriptorType):
                raise TypeError(
                    f"{cls.__name__}: an event must have no field {reserved!r}"
                )
        if cls.queue_policy not in (*POLICIES, "fixed"):
            raise ValueError(
                f"{cls.__name__}: queue_policy must be one of {', '.join(POLICIES)},"
                f" got {cls.queue_policy!r}"
            )
        if "name" not in cls.__dict__:
            cls.name = snake_case(cls.__name__)
        if "names" not in cls.__dict__:
            cls.names = cls.names | {cls.name}
        _classes[cls.__module__, cls.__qualname__] = cls

    @classmethod
    def compile_filter(
        cls, field: str, value: Any, fields: Mapping[str, Any]
    ) -> Callable[[Any], bool] | None:
        """Return a test of events for ``on(..., field=value)``, or None for the default.

        Override it for a field with its own notation (`Key.key`), or for filters that are
        not fields (``filter_names``).

        Args:
            field: The field's name.
            value: The value that the user passed.
            fields: All fields on which the user filters, including this one.

        Raises:
            FilterError: No event can ever pass this filter.
        """
        return None

    def merge(self, later: Any) -> "Event | None":
        """Merge a later event into this one, which waits: called by the policy ``"merge"``.

        It is called under a lock, on the thread that reads or posts. So it must be quick, and
        must not use the dispatcher. See `Dispatcher.set_policy`.

        Args:
            later: An event of the same class, from the same source.

        Returns:
            The event that waits instead of both, or None if both wait.
        """
        return None

    def on_dequeue(self) -> "Event":
        """Return the event to handle: this one has left the queue.

        Called on the dispatch side before the handlers, if ``has_hooks`` is true.
        """
        return self

    def on_handled(self) -> None:
        """The handlers have returned. The counterpart of `on_dequeue`."""


_classes[Event.__module__, Event.__qualname__] = Event  # not by __init_subclass__


def event_classes(name: str | None = None) -> list[type[Event]]:
    """Return the event classes with this name; None: all event classes."""
    load_event(name)
    return [cls for cls in loaded_classes() if name is None or cls.name == name]


def loaded_classes() -> list[type[Event]]:
    """Return the event classes that are loaded now."""
    return list(_classes.values())


@attrs.define(eq=False)
class Data(Event):
    """Bytes as they were read (framing ``raw``), or one frame of another framing."""

    data: bytes


@attrs.define(eq=False)
class Line(Event):
    """A line, without its end."""

    data: bytes


@attrs.define(eq=False)
class Eof(Event):
    """The input has ended. All its data came before."""

    queue_policy: ClassVar[str] = "fixed"


@attrs.define(eq=False)
class Connect(Event):
    """A connection is open: the first event of each.

    Attributes:
        address: The address of the peer, as the socket module has it.
    """

    has_hooks: ClassVar[bool] = True
    queue_policy: ClassVar[str] = "fixed"

    address: Any

    def on_dequeue(self) -> Event:
        """Note that handlers know the connection: it outlives its listener."""
        if self.source is not None:  # None in some tests
            self.source.mark_announced()
        return self


@attrs.define(eq=False)
class Disconnect(Event):
    """A connection is over, or could not be opened: the last event of each.

    Attributes:
        reason: ``"closed"`` or ``"aborted"`` by this side, ``"eof"`` by the peer;
            ``"refused"``, ``"reset"``, ``"timeout"``, ``"unresolved"``, ``"tls"``,
            ``"frame"`` (the input breaks its framing), ``"overflow"`` (too much is still
            to be written), ``"error"``.
        error: The exception, if there was one.
        retry_in: Seconds until it is opened again; None: it is not.
    """

    deliver_after_close: ClassVar[bool] = True
    queue_policy: ClassVar[str] = "fixed"

    reason: str
    error: BaseException | None = None
    retry_in: float | None = None


@attrs.define(eq=False)
class Drain(Event):
    """The write buffer has fallen to the low mark: you can write again."""


@attrs.define(eq=False)
class Hangup(Event):
    """The other side has closed a pipe, or the terminal has disconnected.

    Attributes:
        mask: The mask that the poller reported.
        error: The exception of the last write, if data was still buffered.
    """

    queue_policy: ClassVar[str] = "fixed"

    mask: int = 0
    error: OSError | None = None


@attrs.define(eq=False)
class Start(Event):
    """The loop begins."""

    lane: ClassVar[int] = URGENT
    queue_policy: ClassVar[str] = "fixed"


@attrs.define(eq=False)
class Stop(Event):
    """The loop ends; the last event of a run."""

    lane: ClassVar[int] = URGENT
    queue_policy: ClassVar[str] = "fixed"


@attrs.define(eq=False)
class Idle(Event):
    """Nothing is queued; emitted once each time before the loop waits."""

    lane: ClassVar[int] = IDLE
    queue_policy: ClassVar[str] = "fixed"


@attrs.define(eq=False)
class Error(Event):
    """An exception with no caller to propagate to.

    Attributes:
        exception: The exception.
        event: The event that was being handled, if a handler failed.
        handler: The handler that failed, if one did.
        fatal: Whether it ends the run if `error` has no handler; otherwise it is logged.
    """

    lane: ClassVar[int] = URGENT
    queue_policy: ClassVar[str] = "fixed"

    exception: BaseException
    event: Event | None = None
    handler: Callable[..., Any] | None = None
    fatal: bool = True


@attrs.define(eq=False)
class Dropped(Event):
    """Events were dropped by a policy of the queue: see `Dispatcher.set_policy`.

    Attributes:
        event: The name of the dropped events: ``on("dropped", event="datagram")``.
        count: The number of events dropped since the last `dropped` event.
    """

    queue_policy: ClassVar[str] = "fixed"  # while it waits, its count increases

    event: str
    count: int


@attrs.define(eq=False)
class Throttled(Event):
    """A source exceeds its rate, or no longer does: see `Source.limit_rate`.

    Attributes:
        active: True: the source is held back to its rate from now on. False: it is not
            held back any more.
        rate: The rate, in events a second.
    """

    queue_policy: ClassVar[str] = "fixed"

    active: bool
    rate: float
