"""Events to post and to make, and what was handled, in short."""

from collections.abc import Callable
from typing import Any, ClassVar

import attrs

from evdispatch import Data, Dispatcher, Event, Line, Throttled
from evdispatch._events import IDLE, URGENT
from evdispatch.testing import record, settle

Post = Callable[..., None]


@attrs.define(eq=False)
class Work(Event):
    """What most tests post."""

    number: int = 0


@attrs.define(eq=False)
class Rush(Event):
    lane: ClassVar[int] = URGENT


@attrs.define(eq=False)
class Chore(Event):
    lane: ClassVar[int] = IDLE


@attrs.define(eq=False)
class Numbered(Event):
    """One of many threads' events."""

    thread: int
    number: int


# -- for handlers with filters --------------------------------------------------------------


@attrs.define(eq=False)
class Bell(Event):
    pitch: int = 0


@attrs.define(eq=False)
class Horn(Event): ...


@attrs.define(eq=False)
class Gong(Event):
    loud: int = 0


def ring(app: Dispatcher, *events: Event) -> None:
    """Post events, a `Bell` if none is given, and have them handled."""
    for event in events or (Bell(),):
        app.post(event)
    settle(app)


# -- for queue policies ---------------------------------------------------------------------


@attrs.define(eq=False)
class Shape(Event):
    number: int

    def merge(self, later: Any) -> Event | None:
        """Add the numbers up in a new event, as long as that is less than 100."""
        total: int = self.number + later.number
        return attrs.evolve(self, number=total) if total < 100 else None


@attrs.define(eq=False)
class Circle(Shape): ...


@attrs.define(eq=False)
class Urgent(Shape):
    lane: ClassVar[int] = URGENT


@attrs.define(eq=False)
class Farewell(Event):
    """Delivered though its source was closed."""

    deliver_after_close: ClassVar[bool] = True

    number: int


@attrs.define(eq=False)
class Wall(Event):
    """No shape: it has no policy."""


@attrs.define(eq=False)
class Sum(Event):
    number: int

    def merge(self, later: Any) -> Event | None:
        """Add to the number of the waiting event."""
        self.number += later.number
        return self


# -- handlers -------------------------------------------------------------------------------


def nothing() -> None: ...


def fail() -> None:
    raise LookupError("no luck")


# -- what was handled -----------------------------------------------------------------------


def record_all(source: Any) -> list[Any]:
    """Return a list that grows by each event of a source."""
    seen: list[Any] = record(source, Event)
    return seen


def record_shapes(app: Dispatcher) -> list[tuple[str, int]]:
    """Return a list that grows by the name and number of each shape and wall."""
    handled: list[tuple[str, int]] = []

    @app.on(Event)
    def note(event: Event) -> None:
        if event.name in ("shape", "circle", "urgent", "wall"):
            handled.append((event.name, getattr(event, "number", 0)))

    return handled


def names(events: list[Any]) -> list[str]:
    return [event.name for event in events]


def numbers(events: list[Any]) -> list[int]:
    return [event.number for event in events]


def actives(events: list[Throttled]) -> list[bool]:
    return [event.active for event in events]


def with_targets(events: list[Any]) -> list[str]:
    """Return the events' names, with their targets where they have some."""
    return [
        f"{event.name} {event.target}" if hasattr(event, "target") else event.name
        for event in events
    ]


def shown(events: list[Any]) -> list[Any]:
    """Return data and lines as bytes, `disconnect` with its reason, the rest by name."""
    return [
        event.data
        if isinstance(event, (Data, Line))
        else (event.name, event.reason)
        if event.name == "disconnect"
        else event.name
        for event in events
    ]
