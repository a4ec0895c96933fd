"""What the tests of throttle and debounce share."""

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from evdispatch import Event, Source


@attrs.define(eq=False)
class Paced(Event):
    """What these tests post."""

    number: int


class Tap(Source):
    """Makes an event for each number it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []

    def give(self, number: int) -> None:
        self.numbers.append(number)
        self.wake()

    def on_wake(self) -> Iterator[Event]:
        numbers, self.numbers = self.numbers, []
        yield from (Paced(number) for number in numbers)


Post = Callable[..., None]


def every(pace: str, seconds: Any = 1) -> dict[str, Any]:
    return {pace: seconds}
