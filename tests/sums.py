"""What the tests of merging make."""

from typing import Any

import attrs

from evdispatch import (
    Event,
)


@attrs.define(eq=False)
class Sum(Event):
    """What these tests merge."""

    number: int

    def merge(self, later: Any) -> Event | None:
        """Add."""
        self.number += later.number
        return self


@attrs.define(eq=False)
class Other(Event):
    number: int


def numbers(events: list[Any]) -> list[int]:
    return [event.number for event in events]
