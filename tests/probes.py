"""Sources that only take note, and pipes for them."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from evdispatch import Dispatcher, Event, Source
from evdispatch.testing import settle


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


def pipe(fds: list[int]) -> tuple[int, int]:
    fds += (ends := os.pipe())
    return ends


def polls_in(app: Dispatcher, seconds: float) -> int:
    """How often the poller is asked while nothing happens."""
    settle(app)
    before = app.stats().polls
    app.step(seconds)
    return app.stats().polls - before
