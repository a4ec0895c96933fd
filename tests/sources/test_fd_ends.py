"""Fd: how it ends: data before the hangup, broken pipes, and handlers that close it."""

import errno
import os
import socket

import pytest
from helpers.events import names, record_all

from evdispatch import ERROR, HANGUP, READ, WRITE, Dispatcher, Fd, Hangup, Writable
from evdispatch.testing import record, run_until, settle

pytestmark = pytest.mark.pollers


def close(ends: list[int], index: int) -> None:
    os.close(ends[index])
    ends[index] = -1


def test_fd_hangup_comes_once_after_the_data(app: Dispatcher, pipe: list[int]) -> None:
    source = app.add(Fd(pipe[0]))
    seen = record_all(source)
    source.on("readable")(lambda: os.read(pipe[0], 2))
    os.write(pipe[1], b"abcd")
    close(pipe, 1)
    settle(app)
    assert names(seen) == ["readable", "readable", "hangup"]
    assert seen[-1].mask & HANGUP
    assert source.closed
    assert app.sources == ()


def test_fd_hangup_while_readable_is_handled_keeps_the_data(
    app: Dispatcher, pair: tuple[socket.socket, socket.socket]
) -> None:
    """Watching for writing alone, the poller does not say that there is more to read."""
    left, right = pair
    source = app.add(Fd(left, writable=True))
    got: list[bytes] = []

    @source.on("writable")
    def wait_for_more() -> None:
        # Handled before `readable`; then the IO side sees HANGUP and WRITE, and no READ.
        app._registrations.wakeup.set()

    @source.on("readable")
    def read() -> None:
        got.append(os.read(left.fileno(), 3))
        if not got[-1]:
            source.close()

    right.send(b"abcdefghi")
    right.close()
    run_until(app, lambda: source.closed)
    assert b"".join(got) == b"abcdefghi"


def test_fd_hangup_while_readable_waits_is_no_end(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    source = Fd(pair[0], writable=True)
    pair[1].send(b"x")
    assert names(list(source.on_ready(READ))) == ["readable"]
    assert source.interest == WRITE
    assert names(list(source.on_ready(WRITE | HANGUP))) == ["writable"]
    assert source.interest is None


def test_fd_broken_pipe_is_writable_with_an_error(
    app: Dispatcher, pipe: list[int]
) -> None:
    source = app.add(Fd(pipe[1], readable=False, writable=True))
    close(pipe, 0)
    errors: list[int | None] = []

    @source.on("writable")
    def write(event: Writable) -> None:
        assert event.mask & ERROR
        try:
            os.write(pipe[1], b"x")
        except OSError as error:
            errors.append(error.errno)
            source.close()

    settle(app)
    assert errors == [errno.EPIPE]


def test_fd_unconnected_socket_hangs_up_and_does_not_spin(
    app: Dispatcher,
) -> None:
    with socket.socket() as sock:
        source = app.add(Fd(sock))
        seen = record(app, Hangup)
        settle(app)
        assert [event.source for event in seen] == [source]
        before = app.stats().polls
        app.step(0.02)
        assert app.stats().polls - before <= 3


def test_fd_descriptor_closed_in_a_handler_ends_it(
    app: Dispatcher, pipe: list[int]
) -> None:
    source = app.add(Fd(pipe[0]))
    source.on("readable")(lambda: close(pipe, 0))
    os.write(pipe[1], b"x")
    settle(app)
    assert source.closed
    assert app.sources == ()


def test_fd_and_descriptor_closed_in_a_handler_leave_nothing(
    app: Dispatcher, pipe: list[int]
) -> None:
    source = app.add(Fd(pipe[0]))

    @source.on("readable")
    def end() -> None:
        source.close()
        close(pipe, 0)

    os.write(pipe[1], b"x")
    settle(app)
    assert app.sources == ()
