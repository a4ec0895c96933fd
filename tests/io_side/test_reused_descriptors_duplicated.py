"""Descriptors that were closed and reused while a duplicate of the old file is open.

epoll still reports such a number, for the old file.
"""

import os
import socket
import termios
from typing import Any

import pytest
from helpers.descriptors import new_pipe
from helpers.terminals import OFF, WHO, Pty

from evdispatch import (
    Data,
    Dispatcher,
    Error,
    Fd,
    Key,
    Line,
    Pipe,
    Readable,
    Source,
    Terminal,
)
from evdispatch._core._poller import WRITE
from evdispatch.testing import VirtualClock, record, run_until, settle

# Only debug mode verifies a descriptor before each read and write.
pytestmark = [pytest.mark.pollers, pytest.mark.parametrize("debug", [True])]


def opened(fds: list[int], number: int) -> int:
    fds.append(number)
    return number


# select and poll watch the number, which is the new file's, and not the duplicate.
@pytest.mark.pollers("epoll", "edge")
@pytest.mark.parametrize("make", [Pipe, Fd])
@pytest.mark.parametrize("new_file_has_data", [True, False])
def test_source_with_a_reused_fd_does_not_read_the_new_file(
    app: Dispatcher, fds: list[int], make: Any, *, new_file_has_data: bool
) -> None:
    """Also if the read would not block."""
    reader, writer = new_pipe(fds)
    opened(fds, os.dup(reader))
    others = new_pipe(fds)
    source = app.add(make(reader))
    seen = record(app, Data), record(app, Readable)
    errors = record(app, Error)
    settle(app)
    os.dup2(others[0], reader)
    if new_file_has_data:
        os.write(others[1], b"not for you")
    os.write(writer, b"x")
    run_until(app, lambda: errors)
    assert source.closed
    assert seen == ([], [])
    if new_file_has_data:
        assert os.read(reader, 100) == b"not for you"
    os.fstat(reader)  # it is open


@pytest.mark.parametrize("by", ["the source", "the dispatcher"])
def test_source_with_a_reused_fd_of_the_same_inode_does_not_close_it(
    app: Dispatcher, fds: list[int], by: str
) -> None:
    """All eventfds share one inode."""
    number = opened(fds, os.eventfd(0))
    other = opened(fds, os.eventfd(0))
    source = app.add(Pipe(number))
    settle(app)
    os.dup2(other, number)
    if by == "the source":
        source.close()
    else:
        app.close()
    os.fstat(number)


def test_source_with_a_reused_fd_is_not_reported_for_the_old_file(
    app: Dispatcher, fds: list[int]
) -> None:
    """A report for the old file would start a blocking read that never returns."""
    reader, writer = new_pipe(fds)
    opened(fds, os.dup(reader))
    others = new_pipe(fds)
    app.add(Pipe(reader))
    settle(app)
    os.dup2(others[0], reader)
    new = app.add(Pipe(reader, closefd=False))
    os.write(writer, b"x")
    settle(app)
    assert not new.closed


@pytest.mark.parametrize("new_file_has_data", [True, False])
def test_source_whose_fd_is_reused_delivers_the_lines_already_read(
    app: Dispatcher, fds: list[int], *, new_file_has_data: bool
) -> None:
    """The descriptor is lost while lines that were read wait to be delivered."""
    reader, writer = new_pipe(fds)
    opened(fds, os.dup(reader))
    others = new_pipe(fds)
    if new_file_has_data:
        os.write(others[1], b"not for you\n")
    os.write(writer, b"x\n" * 32_768)  # fills the pipe, and is read at once
    source = app.add(Pipe(reader, framing="lines"))
    lines, errors = record(app, Line), record(app, Error)
    source.on("line", once=True)(lambda: os.dup2(others[0], reader))
    run_until(app, lambda: len(lines) == 32_768)
    os.write(writer, b"y\n")  # reported by epoll
    os.write(others[1], b"not for you\n")  # reported by select and poll
    run_until(app, lambda: errors)
    assert {line.data for line in lines} == {b"x"}
    assert source.closed


def test_source_with_a_reused_fd_does_not_write_to_the_new_file(
    app: Dispatcher, fds: list[int]
) -> None:
    left, right = socket.socketpair()
    number = opened(fds, left.detach())
    opened(fds, os.dup(number))
    reader, writer = new_pipe(fds)
    with right:
        source = app.add(Pipe(number))
        app.step()
        os.dup2(writer, number)
        with pytest.raises(OSError, match="closed, and not through its source"):
            source.write(b"not for you")
        assert source.closed
        os.set_blocking(reader, False)
        with pytest.raises(BlockingIOError):
            os.read(reader, 100)


def test_terminal_deadline_with_a_reused_fd_does_not_read_the_new_file(
    timed: Dispatcher, clock: VirtualClock, fds: list[int]
) -> None:
    reader, writer = new_pipe(fds)
    opened(fds, os.dup(reader))
    others = new_pipe(fds)
    os.write(others[1], b"not for you")
    terminal = timed.add(Terminal(reader, escape_timeout=0.05))
    keys, errors = record(timed, Key), record(timed, Error)
    os.write(writer, b"\x1b")
    run_until(timed, lambda: terminal.input.until)
    os.dup2(others[0], reader)
    clock.advance(0.05)
    run_until(timed, lambda: errors)
    assert keys == []


class Recording(Source):
    """Records its callbacks."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.calls: list[str] = []

    def fileno(self) -> int:
        return self.number

    def on_stop(self) -> None:
        self.calls.append("stop")

    def on_close(self) -> None:
        self.calls.append("lost" if self.fd_lost else "close")


# select and poll may report the closed descriptor first.
@pytest.mark.pollers("epoll", "edge")
def test_source_whose_fd_was_lost_gets_on_stop_and_on_close(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, _ = new_pipe(fds)
    source = app.add(Recording(reader))
    app.step()
    os.close(source.number)
    with pytest.raises(OSError, match="closed, and not through its source"):
        source.watch(WRITE)
    assert source.calls == ["stop", "lost"]


@pytest.mark.parametrize("how", ["closed", "evicted"])
def test_terminal_with_a_reused_fd_is_restored_without_writing_to_the_new_file(
    app: Dispatcher, pty: Pty, fds: list[int], how: str
) -> None:
    before = pty.attributes()
    number = opened(fds, os.dup(pty.slave))
    reader, writer = new_pipe(fds)
    terminal = app.add(Terminal(number))
    app.step()
    assert pty.attributes() != before
    os.dup2(writer, number)
    if how == "closed":
        terminal.close()
    else:
        app.add(Fd(number, readable=False, writable=True))
    assert terminal.closed
    assert pty.attributes() == before
    pty.wait_for(OFF.removesuffix(WHO))  # without the closing query
    os.set_blocking(reader, False)
    with pytest.raises(BlockingIOError):
        os.read(reader, 100)
    again = app.add(Terminal(pty.slave))  # the terminal is free again
    assert again.is_tty
    assert termios.tcgetattr(pty.slave) != before
