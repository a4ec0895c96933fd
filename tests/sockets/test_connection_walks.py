"""How many Python calls it takes from a socket's readiness to the handler."""

import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest
from networks import Net, networking

from evdispatch import Dispatcher
from evdispatch.testing import run_until, settle


class Walk:
    """Counts the calls of Python functions after the first poll that returns."""

    def __init__(self, app: Dispatcher) -> None:
        self.app = app
        self.calls: list[str] = []
        self._ready = False

    def count(self, act: Callable[[], object], done: Callable[[], object]) -> int:
        """Return the calls up to `arrive`, which a handler calls, after ``act``."""
        act()
        self.calls.clear()
        self._ready = False
        sys.setprofile(self._note)
        try:
            run_until(self.app, done)
        finally:
            sys.setprofile(None)
        return len(self.calls)

    def arrive(self) -> None:
        sys.setprofile(None)
        del self.calls[-2:]  # the handler, and this

    def _note(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_return" and argument.__name__ == "poll":
            self._ready = True
        elif event == "call" and self._ready:
            self.calls.append(frame.f_code.co_name)


@pytest.fixture
def inline() -> Iterator[Dispatcher]:
    with Dispatcher(io="inline") as app:
        yield app


@pytest.fixture
def inline_net(inline: Dispatcher) -> Iterator[Net]:
    with networking(inline) as net:
        yield net


def test_connection_line_takes_at_most_9_calls(
    inline: Dispatcher, inline_net: Net
) -> None:
    walk = Walk(inline)
    seen: list[bytes] = []
    calls = 0
    connection, client, _ = inline_net.pair(framing="lines")

    @connection.on("line", priority=1)
    def handle(event: Any) -> None:
        walk.arrive()
        seen.append(event.data)

    for number in range(3):
        seen.clear()
        line = b"%d" % number
        calls = walk.count(lambda: client.sendall(line + b"\n"), lambda: seen)  # noqa: B023
        settle(inline)
        assert seen == [line]
    assert 3 < calls <= 9, walk.calls


def test_connection_accepted_takes_at_most_120_calls(
    inline: Dispatcher, inline_net: Net
) -> None:
    walk = Walk(inline)
    seen: list[Any] = []
    calls = 0
    listener = inline_net.listen(framing="lines")

    @listener.on("connect")
    def handle(event: Any) -> None:
        walk.arrive()
        seen.append(event.source)

    for _ in range(3):
        seen.clear()
        calls = walk.count(lambda: inline_net.client(listener), lambda: seen)
        settle(inline)
        assert seen == [listener.connections[-1]]
    assert 9 < calls <= 120, walk.calls
