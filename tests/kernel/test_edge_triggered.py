"""Edge-triggered polling: an arrival is reported once, and all data is read."""

import os
import random
import socket
from typing import Any

import attrs
import pytest
from helpers.descriptors import Ends
from helpers.events import Work, record_all, shown
from helpers.pollers import verified_edges

from evdispatch import (
    Dispatcher,
    Event,
    Fd,
    InternalError,
    Pipe,
    Readable,
    Source,
    SourceError,
    Writable,
)
from evdispatch.testing import record, run_until, settle

pytestmark = [pytest.mark.pollers, pytest.mark.cross]

EDGE = pytest.mark.pollers("edge")


@EDGE
class TestFd:
    def test_fd_edge_triggered_is_readable_once_per_arrival(
        self, app: Dispatcher, pair: tuple[socket.socket, socket.socket]
    ) -> None:
        left, right = pair
        left.setblocking(False)
        source = app.add(Fd(left, edge=True))
        got: list[bytes] = []

        @source.on("readable")
        def read() -> None:
            try:
                while True:
                    got.append(left.recv(2))
            except BlockingIOError:
                got.append(b"|")

        right.send(b"abcd")
        settle(app)
        right.send(b"ef")
        settle(app)
        assert got == [b"ab", b"cd", b"|", b"ef", b"|"]

    def test_fd_edge_triggered_not_read_to_the_end_fails_verification(
        self, app: Dispatcher, pair: tuple[socket.socket, socket.socket]
    ) -> None:
        left, right = pair
        left.setblocking(False)
        source = app.add(Fd(left, edge=True))
        source.on("readable")(lambda: left.recv(1))
        right.send(b"ab")
        with pytest.raises(SourceError, match="not read to the end") as caught:
            run_until(app, lambda: False)
        assert isinstance(caught.value.__cause__, InternalError)
        assert source.closed

    def test_fd_edge_triggered_arrivals_before_the_handler_are_one_event(
        self, app: Dispatcher, pair: tuple[socket.socket, socket.socket]
    ) -> None:
        left, right = pair
        left.setblocking(False)
        source = app.add(Fd(left, edge=True))
        seen = record(source, Readable)
        source.on("readable")(lambda: left.recv(100))
        for _ in range(5):
            right.send(b"x")
        settle(app)
        assert len(seen) == 1 or app._io_mode == "thread"

    def test_fd_edge_triggered_emits_hangup_after_all_data(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        os.set_blocking(reader, False)
        source = app.add(Fd(reader, edge=True))
        seen: list[Any] = []
        source.on(Event)(lambda event: seen.append(event.name))
        source.on("readable")(lambda: seen.append(os.read(reader, 100)))
        os.write(writer, b"x")
        ends.close(writer)
        run_until(app, lambda: source.closed)
        settle(app)
        assert seen[-2:] == [b"x", "hangup"] or seen[-1] == "hangup"
        assert b"x" in seen
        assert seen.count("hangup") == 1

    def test_fd_edge_triggered_is_writable_once(
        self, app: Dispatcher, pair: tuple[socket.socket, socket.socket]
    ) -> None:
        left, right = pair
        left.setblocking(False)
        source = app.add(Fd(left, readable=False, writable=True, edge=True))
        seen = record(source, Writable)

        @source.on("writable")
        def fill() -> None:
            try:
                while True:
                    left.send(bytes(10_000))
            except BlockingIOError:
                pass

        settle(app)
        count = len(seen)
        settle(app)
        assert len(seen) == count
        right.setblocking(False)
        try:
            while right.recv(100_000):
                pass
        except BlockingIOError:
            pass
        run_until(app, lambda: len(seen) > count)


def test_edge_without_epoll_raises(pair: tuple[socket.socket, socket.socket]) -> None:
    for poller in ("poll", "select"):
        kind: Any = poller
        with pytest.raises(ValueError, match="poller must be 'epoll'"):
            Dispatcher(poller=kind, edge=True)
        with Dispatcher(poller=kind) as app:
            pair[0].setblocking(False)
            with pytest.raises(ValueError, match="poller must be 'epoll'"):
                app.add(Fd(pair[0], edge=True))
            assert app.sources == ()


@pytest.mark.parametrize("make", [Fd, Pipe])
def test_edge_of_a_blocking_descriptor_raises(
    app: Dispatcher, ends: Ends, make: Any
) -> None:
    reader, _ = ends.pipe()
    options = {"closefd": False} if make is Pipe else {}
    with pytest.raises(ValueError, match=r"must be nonblocking|must be 'epoll'"):
        app.add(make(reader, edge=True, **options))
    assert app.sources == ()


def test_edge_set_for_one_source_reads_all_data(ends: Ends) -> None:
    reader, writer = ends.pipe()
    with Dispatcher(io="inline") as app:
        source = app.add(Pipe(ends.given(reader), edge=True))
        assert source.edge_triggered
        seen = record_all(source)
        os.write(writer, b"x" * 3_000)
        settle(app)
        assert shown(seen) == [b"x" * 3_000]


def test_edge_unset_for_one_source_leaves_the_others_set(ends: Ends) -> None:
    with Dispatcher(io="inline", edge=True) as app:
        one = app.add(Pipe(ends.given(ends.pipe()[0]), edge=False))
        other = app.add(Pipe(ends.given(ends.pipe()[0])))
        assert (one.edge_triggered, other.edge_triggered) == (False, True)


def test_dispatcher_unknown_poller_raises() -> None:
    kind: Any = "kqueue"
    with pytest.raises(ValueError, match="poller must be one of"):
        Dispatcher(poller=kind)


class Glutton(Source):
    """Claims to read to the end, and reads one byte each time."""

    def __init__(self, fd: int) -> None:
        super().__init__()
        self.fd = fd

    def fileno(self) -> int:
        return self.fd

    @property
    def nonblocking(self) -> bool:
        return True

    def on_ready(self, ready: int) -> list[Event]:
        os.read(self.fd, 1)
        return [Work()]


@EDGE
def test_source_edge_triggered_not_read_to_the_end_fails_verification(
    app: Dispatcher, ends: Ends
) -> None:
    reader, writer = ends.pipe()
    source = app.add(Glutton(reader))
    os.write(writer, b"abc")
    with pytest.raises(SourceError, match="not read to the end"):
        run_until(app, lambda: False)
    assert source.closed


@attrs.define(eq=False)
class _Script:
    """The same script of writes for every poller, with pauses and small reads."""

    seed: int

    def play(self, **options: Any) -> list[tuple[str, Any]]:
        rng = random.Random(self.seed)
        seen: list[tuple[str, Any]] = []
        with Dispatcher(io="inline", **options) as app:
            pairs = [socket.socketpair() for _ in range(4)]
            sources: list[Pipe] = []
            for number, (left, _) in enumerate(pairs):
                source = app.add(Pipe(left, framing="lines", name=f"pipe {number}"))
                source.on(Event)(
                    lambda e: seen.append((e.source.name, getattr(e, "data", e.name)))
                )
                sources.append(source)
            for _ in range(60):
                right = pairs[rng.randrange(4)][1]
                size = rng.choice([0, 1, 10, 1_000])
                right.sendall(rng.randbytes(size).replace(b"\n", b"x")[:size] + b"\n")
                action = rng.random()
                source = sources[rng.randrange(4)]
                if action < 0.2:
                    source.pause()
                elif action < 0.4:
                    source.resume()
                settle(app)
            for _, right in pairs:
                right.close()
            for source in sources:
                source.resume()
            settle(app)
            assert app.sources == ()
        return seen


@pytest.mark.parametrize("seed", range(5))
def test_pollers_same_writes_give_the_same_events(seed: int) -> None:
    script = _Script(seed)
    plays = [
        script.play(poller="select"),
        script.play(poller="poll"),
        script.play(poller="epoll"),
        script.play(poller="epoll", edge=True),
    ]
    with verified_edges() as options:
        plays.append(script.play(**options))
    by_source = [
        {name: [what for source, what in play if source == name] for name, _ in play}
        for play in plays
    ]
    assert len(by_source[0]) == 4
    for other in by_source[1:]:
        assert other == by_source[0]
