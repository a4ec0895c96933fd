"""Events: named values on their way from a source to handlers.

An event is an attrs class. Its *name* is the snake_case name of the class; a class
hears its subclasses' events too (`Mouse` hears every mouse event). The IO side fills
in ``source`` and ``time``, so whoever makes an event gives its own fields only.

Events are `attrs.define(eq=False)`: they have identity, not value, and making a frozen
one takes twice as long.
"""

import types
import weakref
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import attrs

from evdispatch._exports import load_event, snake_case

POLICIES = ("block", "latest", "merge", "drop_oldest", "drop_newest")
"""What may become of an event while others of its class wait: see `_policies`."""

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

# The classes by module and qualified name, so that a class that is defined anew (attrs
# builds a slotted class twice, a notebook cell runs again) replaces its forerunner.
_classes: weakref.WeakValueDictionary[tuple[str, str], type["Event"]] = (
    weakref.WeakValueDictionary()
)


@attrs.define(eq=False)
class Event:
    """The base of all events; subclass it with ``@attrs.define(eq=False)``.

    Attributes:
        source: What made the event, or None for a post.
        time: When it was read, in seconds of the dispatcher's (monotonic) clock.
    """

    name: ClassVar[str] = "event"
    names: ClassVar[frozenset[str]] = frozenset({"event"})  # own and base classes'
    lane: ClassVar[int] = NORMAL  # of posts; a source's events take the source's lane
    has_hooks: ClassVar[bool] = (
        False  # whether dispatch calls on_dequeue() and release()
    )
    deliver_after_close: ClassVar[bool] = (
        False  # told even after the user has closed its source
    )
    filter_names: ClassVar[frozenset[str]] = frozenset()  # filters that are no fields
    queue_policy: ClassVar[str] = "block"  # one of POLICIES; "fixed": block, for ever

    source: Any = attrs.field(default=None, kw_only=True, repr=False)
    time: float = attrs.field(default=0.0, kw_only=True, repr=False)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for reserved in _RESERVED:
            if isinstance(cls.__dict__.get(reserved), types.MemberDescriptorType):
                raise TypeError(f"{cls.__name__}: an event has no field {reserved!r}")
        if cls.queue_policy not in (*POLICIES, "fixed"):
            raise ValueError(
                f"{cls.__name__}: queue_policy is one of {', '.join(POLICIES)},"
                f" not {cls.queue_policy!r}"
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
        """Return a test of events for ``on(..., field=value)``, or None for the usual.

        A class whose fields have a notation of their own (`Key.key`), or that has filters
        which are no fields (``filter_names``), overrides it.

        Args:
            field: The field's name.
            value: What the user asks of it.
            fields: All fields that the user filters on, this one included.

        Raises:
            FilterError: No event can ever pass this filter.
        """
        return None

    def merge(self, later: Any) -> "Event | None":
        """Take a later event in while this one waits: what ``"merge"`` calls.

        It is called under a lock, on the thread that reads or posts, and so must be quick,
        and leave the dispatcher alone. See `Dispatcher.set_policy`.

        Args:
            later: An event of the same class, from the same source.

        Returns:
            What waits on in the place of both; None: they are two, and both wait.
        """
        return None

    def on_dequeue(self) -> "Event":
        """The event has left the queue: return what is to be handled.

        Called on the dispatch side before the handlers, where ``has_hooks`` is true.
        """
        return self

    def on_handled(self) -> None:
        """The handlers are through with the event. The counterpart of `claim`."""


_classes[Event.__module__, Event.__qualname__] = Event  # the base is no subclass


def event_classes(name: str | None = None) -> list[type[Event]]:
    """Return the event classes that bear the name, or all of them."""
    load_event(name)
    return [cls for cls in loaded_classes() if name is None or cls.name == name]


def loaded_classes() -> list[type[Event]]:
    """Return the event classes that there are, without loading more of ours."""
    return list(_classes.values())


@attrs.define(eq=False)
class Data(Event):
    """Bytes as they came (framing ``raw``), or one frame of another framing."""

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
        address: The other side's; as the socket module has it.
    """

    has_hooks: ClassVar[bool] = True
    queue_policy: ClassVar[str] = "fixed"

    address: Any

    def on_dequeue(self) -> Event:
        """From now on it is known to handlers, and stays when its listener is closed."""
        if self.source is not None:  # in a test there may be none
            self.source.mark_announced()
        return self


@attrs.define(eq=False)
class Disconnect(Event):
    """A connection is over, or could not be opened: the last event of each.

    Attributes:
        reason: ``"closed"`` or ``"aborted"`` by this side, ``"eof"`` by the other one;
            ``"refused"``, ``"reset"``, ``"timeout"``, ``"unresolved"``, ``"tls"``,
            ``"frame"`` (the input breaks its framing), ``"overflow"`` (too much is still
            to be written), ``"error"``.
        error: The exception, where there was one.
        retry_in: Seconds until it is opened anew; None: it is not.
    """

    deliver_after_close: ClassVar[bool] = True
    queue_policy: ClassVar[str] = "fixed"

    reason: str
    error: BaseException | None = None
    retry_in: float | None = None


@attrs.define(eq=False)
class Drain(Event):
    """The write buffer has fallen to the low mark: go on writing."""


@attrs.define(eq=False)
class Hangup(Event):
    """The other side has gone: a closed pipe, a terminal that was taken away.

    Attributes:
        mask: What the poller said.
        error: What writing failed with, if something was still to be written.
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
    """Nothing is queued; told once each time before the loop waits."""

    lane: ClassVar[int] = IDLE
    queue_policy: ClassVar[str] = "fixed"


@attrs.define(eq=False)
class Error(Event):
    """Something failed that has nobody to raise to.

    Attributes:
        exception: What was raised.
        event: The event that was being handled, if a handler failed.
        handler: The handler that failed, if one did.
        fatal: Whether it ends the run if nobody handles it; else it is logged then.
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
        event: The name of those that were dropped: ``on("dropped", event="datagram")``.
        count: How many, since the last time it was told.
    """

    queue_policy: ClassVar[str] = "fixed"  # but while it waits, its count goes up

    event: str
    count: int


@attrs.define(eq=False)
class Throttled(Event):
    """A source exceeds its rate, or has ceased to: see `Source.limit_rate`.

    Attributes:
        active: True: from now on it is held back now and then. False: it is no more.
        rate: What it is held to, in events a second.
    """

    queue_policy: ClassVar[str] = "fixed"

    active: bool
    rate: float
