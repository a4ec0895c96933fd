"""What the tests of queue policies make, and how they note what was handled."""

from typing import Any, ClassVar

import attrs

from evdispatch import (
    Dispatcher,
    Event,
)


@attrs.define(eq=False)
class Shape(Event):
    """What these tests make."""

    number: int

    def merge(self, later: Any) -> Event | None:
        """Add the numbers up, as long as that is less than 100."""
        total: int = self.number + later.number
        return attrs.evolve(self, number=total) if total < 100 else None


@attrs.define(eq=False)
class Circle(Shape):
    """A kind of it."""


@attrs.define(eq=False)
class Urgent(Shape):
    lane: ClassVar[int] = 0


@attrs.define(eq=False)
class Farewell(Event):
    """Told though its source was closed."""

    deliver_after_close: ClassVar[bool] = True

    number: int


@attrs.define(eq=False)
class Wall(Event):
    """Another class, which has no policy."""


Told = list[tuple[str, int]]


def recorded(app: Dispatcher) -> Told:
    """What was handled, as names and numbers (counts, of `dropped`)."""
    told: Told = []

    @app.on(Event)
    def note(event: Event) -> None:
        if event.name not in ("shape", "circle", "urgent", "wall"):
            return  # an idle one, for instance
        number = getattr(event, "number", getattr(event, "count", 0))
        told.append((event.name, number))

    return told
