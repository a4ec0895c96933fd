"""Numbers that were closed while a duplicate of the file lives, and given to a stranger.

epoll goes on reporting such a number: what it says is of the old file.
"""

import os
import socket
import termios
from typing import Any

import pytest
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


# The others don't tell of a duplicate: they watch the number, which is the stranger's.
@pytest.mark.pollers("epoll", "edge")
@pytest.mark.parametrize("make", [Pipe, Fd])
@pytest.mark.parametrize("stranger_has_data", [True, False])
def test_a_stranger_is_not_read(
    app: Dispatcher, fds: list[int], make: Any, *, stranger_has_data: bool
) -> None:
    """Not even if that would not block."""
    reader, writer = (opened(fds, fd) for fd in os.pipe())
    opened(fds, os.dup(reader))
    strangers = [opened(fds, fd) for fd in os.pipe()]
    source = app.add(make(reader))
    seen = record(app, Data), record(app, Readable)
    errors = record(app, Error)
    settle(app)
    os.dup2(strangers[0], reader)
    if stranger_has_data:
        os.write(strangers[1], b"not for you")
    os.write(writer, b"x")
    run_until(app, lambda: errors)
    assert source.closed
    assert seen == ([], [])
    if stranger_has_data:
        assert os.read(reader, 100) == b"not for you"
    os.fstat(reader)  # it is open


@pytest.mark.parametrize("by", ["the source", "the dispatcher"])
def test_a_stranger_that_looks_the_same_is_not_closed(
    app: Dispatcher, fds: list[int], by: str
) -> None:
    """All eventfds have one inode."""
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


def test_what_was_closed_is_watched_no_more_by_who_has_its_number_now(
    app: Dispatcher, fds: list[int]
) -> None:
    """Or its blocking read would be begun, and never end."""
    reader, writer = (opened(fds, fd) for fd in os.pipe())
    opened(fds, os.dup(reader))
    strangers = [opened(fds, fd) for fd in os.pipe()]
    app.add(Pipe(reader))
    settle(app)
    os.dup2(strangers[0], reader)
    new = app.add(Pipe(reader, closefd=False))
    os.write(writer, b"x")
    settle(app)
    assert not new.closed


@pytest.mark.parametrize("stranger_has_data", [True, False])
def test_what_was_read_is_told_and_no_more_is_read(
    app: Dispatcher, fds: list[int], *, stranger_has_data: bool
) -> None:
    """The number is lost while lines that were read wait for their turn."""
    reader, writer = (opened(fds, fd) for fd in os.pipe())
    opened(fds, os.dup(reader))
    strangers = [opened(fds, fd) for fd in os.pipe()]
    if stranger_has_data:
        os.write(strangers[1], b"not for you\n")
    os.write(writer, b"x\n" * 32_768)  # a pipe full, read at once
    source = app.add(Pipe(reader, framing="lines"))
    lines, errors = record(app, Line), record(app, Error)
    source.on("line", once=True)(lambda: os.dup2(strangers[0], reader))
    run_until(app, lambda: len(lines) == 32_768)
    os.write(writer, b"y\n")  # which epoll tells of
    os.write(strangers[1], b"not for you\n")  # and this, select and poll
    run_until(app, lambda: errors)
    assert {line.data for line in lines} == {b"x"}
    assert source.closed


def test_a_stranger_is_not_written_to(app: Dispatcher, fds: list[int]) -> None:
    left, right = socket.socketpair()
    number = opened(fds, left.detach())
    opened(fds, os.dup(number))
    reader, writer = (opened(fds, fd) for fd in os.pipe())
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


def test_a_timer_of_a_terminal_does_not_read_a_stranger(
    timed: Dispatcher, clock: VirtualClock, fds: list[int]
) -> None:
    reader, writer = (opened(fds, fd) for fd in os.pipe())
    opened(fds, os.dup(reader))
    strangers = [opened(fds, fd) for fd in os.pipe()]
    os.write(strangers[1], b"not for you")
    terminal = timed.add(Terminal(reader, escape_timeout=0.05))
    keys, errors = record(timed, Key), record(timed, Error)
    os.write(writer, b"\x1b")
    run_until(timed, lambda: terminal.input.until)
    os.dup2(strangers[0], reader)
    clock.advance(0.05)
    run_until(timed, lambda: errors)
    assert keys == []


class Told(Source):
    """Notes what it is told."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.told: list[str] = []

    def fileno(self) -> int:
        return self.number

    def on_stop(self) -> None:
        self.told.append("stop")

    def on_close(self) -> None:
        self.told.append("lost" if self.fd_lost else "close")


# The others may find out in between, and tell it.
@pytest.mark.pollers("epoll", "edge")
def test_a_source_that_was_lost_is_told_of_its_end(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, _ = (opened(fds, fd) for fd in os.pipe())
    source = app.add(Told(reader))
    app.step()
    os.close(source.number)
    with pytest.raises(OSError, match="closed, and not through its source"):
        source.watch(WRITE)
    assert source.told == ["stop", "lost"]


@pytest.mark.parametrize("how", ["closed", "evicted"])
def test_a_terminal_is_given_back_and_not_into_a_strangers_file(
    app: Dispatcher, pty: Pty, fds: list[int], how: str
) -> None:
    before = pty.attributes()
    number = opened(fds, os.dup(pty.slave))
    reader, writer = (opened(fds, fd) for fd in os.pipe())
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
    pty.wait_for(OFF.removesuffix(WHO))  # there is nobody to ask who it is
    os.set_blocking(reader, False)
    with pytest.raises(BlockingIOError):
        os.read(reader, 100)
    again = app.add(Terminal(pty.slave))  # nobody reads it any more
    assert again.is_tty
    assert termios.tcgetattr(pty.slave) != before
