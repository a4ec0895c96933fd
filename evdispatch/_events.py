"""Events: named values on their way from a source to handlers.

An event is an attrs class. Its *name* is the snake_case name of the class; a class
hears its subclasses' events too (`Mouse` hears every mouse event). The IO side fills
in ``source`` and ``time``, so whoever makes an event gives its own fields only.

Events are `attrs.define(eq=False)`: they have identity, not value, and making a frozen
one takes twice as long.
"""

import re
import types
import weakref
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import attrs

URGENT, NORMAL, IDLE = range(3)
"""The queue's lanes. A source has one lane, so that its events keep their order."""

# The classes by module and qualified name, so that a class that is defined anew (attrs
# builds a slotted class twice, a notebook cell runs again) replaces its forerunner.
_classes: weakref.WeakValueDictionary[tuple[str, str], type["Event"]] = (
    weakref.WeakValueDictionary()
)


def snake_case(name: str) -> str:
    """Return a class name as an event name: ``RootGone`` -> ``root_gone``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


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
    tracked: ClassVar[bool] = False  # whether dispatch calls claim() and release()
    filter_names: ClassVar[frozenset[str]] = frozenset()  # filters that are no fields

    source: Any = attrs.field(default=None, kw_only=True, repr=False)
    time: float = attrs.field(default=0.0, kw_only=True, repr=False)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for reserved in ("name", "names", "lane", "tracked", "filter_names"):
            if isinstance(cls.__dict__.get(reserved), types.MemberDescriptorType):
                raise TypeError(f"{cls.__name__}: an event has no field {reserved!r}")
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

    def claim(self) -> None:
        """The event has left the queue: nothing may be merged into it any more.

        Called on the dispatch side before the handlers, where ``tracked`` is true.
        """

    def release(self) -> None:
        """The handlers are through with the event. The counterpart of `claim`."""


_classes[Event.__module__, Event.__qualname__] = Event  # the base is no subclass


def event_classes(name: str | None = None) -> list[type[Event]]:
    """Return the event classes that bear the name, or all of them."""
    return [cls for cls in _classes.values() if name is None or cls.name == name]


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

    mask: int = 0
    error: OSError | None = None


@attrs.define(eq=False)
class Start(Event):
    """The loop begins."""

    lane: ClassVar[int] = URGENT


@attrs.define(eq=False)
class Stop(Event):
    """The loop ends; the last event of a run."""

    lane: ClassVar[int] = URGENT


@attrs.define(eq=False)
class Idle(Event):
    """Nothing is queued; told once each time before the loop waits."""

    lane: ClassVar[int] = IDLE


@attrs.define(eq=False)
class Error(Event):
    """Something failed that has nobody to raise to.

    Attributes:
        exception: What was raised.
        event: The event that was being handled, if a handler failed.
        handler: The handler that failed, if one did.
    """

    lane: ClassVar[int] = URGENT

    exception: BaseException
    event: Event | None = None
    handler: Callable[..., Any] | None = None
