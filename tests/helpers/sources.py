"""Sources that make what a test wants, or only take note."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from helpers.events import Work

from evdispatch import Dispatcher, Event, Source
from evdispatch.testing import settle


class Maker(Source):
    """Makes what a function returns, at each call of `wake`."""

    def __init__(self, make: Callable[[], Iterable[Event]]) -> None:
        super().__init__("maker")
        self.make = make

    def on_wake(self) -> Iterable[Event]:
        return self.make()


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
        yield from (Work(number) for number in numbers)


class Probe(Source):
    """Takes note of each question; reads nothing."""

    def __init__(self, fd: int, then: Callable[[], Any] = lambda: None) -> None:
        super().__init__("probe")
        self.fd = fd
        self.asked = 0
        self.then = then

    def fileno(self) -> int:
        return self.fd

    def on_ready(self, ready: int) -> Iterable[Event]:
        self.asked += 1
        self.then()
        self.watch(None)
        return ()


def works(count: int) -> Iterator[Event]:
    return (Work(number) for number in range(count))


def polls_in(app: Dispatcher, seconds: float) -> int:
    """Return how often the poller is asked while nothing happens."""
    settle(app)
    before = app.stats().polls
    app.step(seconds)
    return app.stats().polls - before
