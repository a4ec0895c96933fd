"""Fd: told when it can be read or written, once each time, and its handlers do the rest."""

import os
import socket

import pytest
from helpers.events import names, record_all

from evdispatch import READ, WRITE, Dispatcher, Fd, HandlerError, Readable, Writable
from evdispatch.testing import record, run_until, settle

pytestmark = [pytest.mark.pollers, pytest.mark.cross]


def test_it_is_told_while_there_is_something_to_read(
    app: Dispatcher, pipe: list[int]
) -> None:
    source = app.add(Fd(pipe[0]))
    data: list[bytes] = []

    @source.on("readable")
    def read(event: Readable) -> None:
        assert event.mask & READ
        data.append(os.read(pipe[0], 2))

    settle(app)
    assert data == []
    os.write(pipe[1], b"abcde")
    settle(app)
    assert data == [b"ab", b"cd", b"e"]
    os.write(pipe[1], b"f")
    settle(app)
    assert data[3:] == [b"f"]
    assert app.stats().balanced


def test_one_readiness_is_one_event_however_long_it_waits(
    app: Dispatcher, pipe: list[int]
) -> None:
    source = app.add(Fd(pipe[0]))
    app.step(0)  # the IO side runs from now on
    os.write(pipe[1], b"x")
    blocker: list[int] = []

    @source.on("readable")
    def read(event: Readable) -> None:
        app._roster.wakeup.set()  # the IO side goes round while this is handled
        blocker.append(source.counts.made)
        os.read(pipe[0], 1)

    run_until(app, lambda: blocker)
    settle(app)
    assert blocker == [1]
    assert source.counts.made == 1


def test_several_handlers_hear_it_before_it_is_looked_at_again(
    app: Dispatcher, pipe: list[int]
) -> None:
    source = app.add(Fd(pipe[0]))
    order: list[int] = []
    source.on("readable")(lambda: order.append(1))

    @source.on("readable")
    def read() -> None:
        order.append(2)
        os.read(pipe[0], 1)

    os.write(pipe[1], b"xy")
    settle(app)
    assert order == [1, 2, 1, 2]


def test_it_is_looked_at_again_even_if_a_handler_raises(
    app: Dispatcher, pipe: list[int]
) -> None:
    source = app.add(Fd(pipe[0]))
    calls: list[int] = []

    @source.on("readable")
    def read() -> None:
        calls.append(1)
        os.read(pipe[0], 1)
        raise LookupError

    os.write(pipe[1], b"xy")
    for _ in range(2):
        with pytest.raises(HandlerError):
            run_until(app, lambda: False)
    settle(app)
    assert calls == [1, 1]


def test_writable_is_told_as_long_as_it_can_be_written(
    app: Dispatcher, pair: tuple[socket.socket, socket.socket]
) -> None:
    left, right = pair
    left.setblocking(False)
    source = app.add(Fd(left, readable=False, writable=True))
    sent = 0

    @source.on("writable")
    def write(event: Writable) -> None:
        nonlocal sent
        assert event.mask & WRITE
        sent += left.send(b"x" * 100_000)

    settle(app)  # until the kernel takes no more
    first = sent
    assert first > 0
    got = 0
    while got < first:
        got += len(right.recv(100_000))
    settle(app)
    assert sent > first


def test_both_are_told_apart(
    app: Dispatcher, pair: tuple[socket.socket, socket.socket]
) -> None:
    left, right = pair
    source = app.add(Fd(left, writable=True))
    seen = record_all(source)

    @source.on("writable")
    def pause_writing() -> None:
        source.pause()

    run_until(app, lambda: seen)
    assert names(seen) == ["writable"]
    right.send(b"x")
    source.resume()
    run_until(app, lambda: len(seen) >= 2)
    assert "readable" in names(seen)


def test_a_listening_socket_is_readable_per_connection(app: Dispatcher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = app.add(Fd(server))
        accepted: list[socket.socket] = []
        source.on("readable")(lambda: accepted.append(server.accept()[0]))
        clients = [socket.create_connection(server.getsockname()) for _ in range(3)]
        run_until(app, lambda: len(accepted) == 3)
        settle(app)
        assert len(accepted) == 3
        for sock in clients + accepted:
            sock.close()


def test_it_stays_the_users_and_as_it_was(app: Dispatcher, pipe: list[int]) -> None:
    blocking = os.get_blocking(pipe[0])
    source = app.add(Fd(pipe[0]))
    assert os.get_blocking(pipe[0]) is blocking
    source.close()
    assert os.get_blocking(pipe[0]) is blocking


def test_paused_nothing_is_told_and_resumed_it_is(
    app: Dispatcher, pipe: list[int]
) -> None:
    source = app.add(Fd(pipe[0]))
    seen = record_all(source)

    @source.on("readable")
    def read() -> None:
        source.pause()  # the re-arming after the handler must not undo it
        os.read(pipe[0], 1)

    os.write(pipe[1], b"abc")
    settle(app)
    assert names(seen) == ["readable"]
    source.resume()
    settle(app)
    assert names(seen) == ["readable"] * 2


def test_a_file_object_is_held_while_it_is_watched(app: Dispatcher) -> None:
    left, right = socket.socketpair()
    app.add(Fd(left))
    del left
    seen = record(app, Readable)
    right.send(b"x")
    run_until(app, lambda: seen)
    (source,) = app.sources
    source._fileobj.close()  # type: ignore[attr-defined]
    source.close()
    right.close()


def test_an_event_without_a_source_is_released_quietly() -> None:
    Readable(READ).release()
    Writable(WRITE).release()


def test_a_release_after_the_end_does_nothing(app: Dispatcher, pipe: list[int]) -> None:
    source = app.add(Fd(pipe[0]))
    source.close()
    source.rearm()
    assert app.sources == ()


def test_neither_readable_nor_writable_is_an_error(pipe: list[int]) -> None:
    with pytest.raises(ValueError, match="readable, writable, both"):
        Fd(pipe[0], readable=False)
