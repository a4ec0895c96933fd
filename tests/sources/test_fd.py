"""Fd: one event for each readiness, and handlers that read and write."""

import os
import socket

import pytest
from helpers.events import names, record_all

from evdispatch import READ, WRITE, Dispatcher, Fd, HandlerError, Readable, Writable
from evdispatch.testing import record, run_until, settle

pytestmark = [pytest.mark.pollers, pytest.mark.cross]


def test_fd_with_input_is_readable_until_it_is_read(
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


def test_fd_readable_while_it_waits_is_one_event(
    app: Dispatcher, pipe: list[int]
) -> None:
    source = app.add(Fd(pipe[0]))
    app.step(0)  # the IO side runs from now on
    os.write(pipe[1], b"x")
    blocker: list[int] = []

    @source.on("readable")
    def read(event: Readable) -> None:
        app._registrations.wakeup.set()  # the IO side goes round while this is handled
        blocker.append(source.counts.made)
        os.read(pipe[0], 1)

    run_until(app, lambda: blocker)
    settle(app)
    assert blocker == [1]
    assert source.counts.made == 1


def test_fd_readable_is_watched_again_after_all_handlers(
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


def test_fd_readable_with_a_failing_handler_is_watched_again(
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


def test_fd_writable_is_reported_while_it_can_be_written(
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


def test_fd_readable_and_writable_are_two_events(
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


def test_fd_listening_socket_is_readable_for_each_connection(app: Dispatcher) -> None:
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


def test_fd_descriptor_keeps_its_blocking_mode(
    app: Dispatcher, pipe: list[int]
) -> None:
    blocking = os.get_blocking(pipe[0])
    source = app.add(Fd(pipe[0]))
    assert os.get_blocking(pipe[0]) is blocking
    source.close()
    assert os.get_blocking(pipe[0]) is blocking


def test_fd_paused_reports_nothing_until_resumed(
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


def test_fd_keeps_its_file_object_alive(app: Dispatcher) -> None:
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


def test_fd_event_without_a_source_is_handled() -> None:
    Readable(READ).on_handled()
    Writable(WRITE).on_handled()


def test_fd_event_handled_after_the_end_does_nothing(
    app: Dispatcher, pipe: list[int]
) -> None:
    source = app.add(Fd(pipe[0]))
    source.close()
    source.rearm()
    assert app.sources == ()


def test_fd_without_an_interest_raises(pipe: list[int]) -> None:
    with pytest.raises(ValueError, match="readable, writable, both"):
        Fd(pipe[0], readable=False)
