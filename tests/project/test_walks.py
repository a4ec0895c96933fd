"""How many Python calls an event takes from readiness to its handler, in steady state.

A walk is counted from the return of the poll to the entry of the handler, in ``io="inline"``
without debug mode. The numbers are bounds: less is welcome.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from helpers.events import Work

from evdispatch import Connection, Dispatcher, Listener, Terminal, Watch
from evdispatch.testing import VirtualClock, run_until, settle


class Walk:
    """Counts the calls of Python functions while it is on.

    Attributes:
        calls: The functions called, in order.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._counting = False

    def begin(self) -> None:
        """Count from now on."""
        self.calls.clear()
        self._counting = True
        sys.setprofile(self._profile)

    def end(self, *_: Any) -> None:
        """Stop counting: the handler of the event."""
        sys.setprofile(None)
        if self._counting:
            self.calls.pop()  # this call
        self._counting = False

    def _profile(self, frame: FrameType, what: str, _: Any) -> None:
        if what == "call":
            code = frame.f_code
            if code is VirtualClock.now.__code__:
                return  # in C in the clock that users have
            self.calls.append(f"{Path(code.co_filename).name}:{code.co_name}")


@pytest.fixture
def inline() -> Iterator[Dispatcher]:
    """As everywhere, but time stands still: no timer of a source runs during a walk."""
    with Dispatcher(io="inline", debug=False, clock=VirtualClock()) as dispatcher:
        yield dispatcher


@pytest.fixture
def walk() -> Iterator[Walk]:
    before = sys.getprofile()
    yield Walk()
    sys.setprofile(before)


def count_from_poll(
    app: Dispatcher,
    walk: Walk,
    monkeypatch: pytest.MonkeyPatch,
    trigger: Callable[[], Any],
) -> list[str]:
    """Trigger a few events to warm up, then one more, and return the calls of its walk."""
    poller: Any = app._registrations.pollers.all
    poll = poller.poll

    def polled(timeout: float | None) -> Any:
        ready = poll(timeout)
        if ready:
            walk.begin()
        return ready

    trigger()
    settle(app)
    for _ in range(3):
        trigger()
        app.step(1)
    monkeypatch.setattr(poller, "poll", polled)
    trigger()
    while not walk.calls:
        app.step(1)
    sys.setprofile(None)
    return walk.calls


def test_walk_of_a_tcp_line_takes_at_most_9_calls(
    inline: Dispatcher, walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = inline.add(Listener("127.0.0.1:0", framing="lines"))
    listener.on("line")(walk.end)
    with socket.create_connection(listener.address) as client:
        run_until(inline, lambda: listener.connections)
        settle(inline)
        calls = count_from_poll(
            inline, walk, monkeypatch, lambda: client.sendall(b"hello\n")
        )
    assert len(calls) <= 9, calls


def test_walk_of_a_post_takes_at_most_9_calls(inline: Dispatcher, walk: Walk) -> None:
    """From `post` in one handler to the handler of the next pass."""
    counted: list[list[str]] = []

    def post() -> None:
        work = Work()
        walk.begin()
        inline.post(work)

    @inline.on(Work)
    def handle() -> None:
        walk.end()
        counted.append(walk.calls[:-1])  # without this call
        post() if len(counted) < 3 else inline.stop()

    inline.post(Work())
    inline.run()
    assert len(counted[-1]) <= 9, counted[-1]


def test_walk_of_a_key_takes_at_most_24_calls(
    inline: Dispatcher, walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer, inner = os.openpty()
    try:
        inline.add(Terminal(inner))
        settle(inline)
        inline.on("key", key="a")(walk.end)
        calls = count_from_poll(
            inline, walk, monkeypatch, lambda: os.write(outer, b"a")
        )
        assert len(calls) <= 24, calls
    finally:
        inline.close()
        os.close(outer)
        os.close(inner)


def test_walk_of_a_changed_file_takes_at_most_45_calls(
    inline: Dispatcher, walk: Walk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    watch = inline.add(Watch(tmp_path))
    run_until(inline, lambda: watch.settled)
    settle(inline)
    watch.on("modified")(walk.end)
    with path.open("wb", buffering=0) as file:
        calls = count_from_poll(inline, walk, monkeypatch, lambda: file.write(b"x"))
    assert len(calls) <= 45, calls


def test_walk_of_an_accepted_connection_takes_at_most_120_calls(
    inline: Dispatcher, walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To its `connect` handler."""
    listener = inline.add(Listener("127.0.0.1:0", framing="lines"))
    listener.on("connect")(walk.end)
    clients: list[Connection | socket.socket] = []

    def connect() -> None:
        clients.append(socket.create_connection(listener.address))

    try:
        calls = count_from_poll(inline, walk, monkeypatch, connect)
    finally:
        for client in clients:
            client.close()
    assert len(calls) <= 120, calls
