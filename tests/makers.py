"""A source that makes what a test wants, and numbered events."""

from collections.abc import Callable, Iterable, Iterator

import attrs

from evdispatch import Event, Source


@attrs.define(eq=False)
class Step(Event):
    number: int = 0


class Maker(Source):
    """Makes what a function returns, at each call of `wake`."""

    def __init__(self, make: Callable[[], Iterable[Event]]) -> None:
        super().__init__("maker")
        self.make = make

    def on_wake(self) -> Iterable[Event]:
        return self.make()


def steps(count: int) -> Iterator[Event]:
    return (Step(number) for number in range(count))


def numbers(events: list[Step]) -> list[int]:
    return [event.number for event in events]
