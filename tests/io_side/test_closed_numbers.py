"""Numbers that were closed behind our back, and given out anew: a stranger's file is
neither read, nor closed, nor made non-blocking."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evdispatch import Data, Dispatcher, Eof, Error, Fd, Line, Pipe, Readable
from evdispatch.testing import record, run_until, settle

pytestmark = pytest.mark.pollers


@pytest.fixture
def pipes() -> Iterator[Callable[[], tuple[int, int]]]:
    """Make pipes; what is still open at the end is closed."""
    opened: list[int] = []

    def make() -> tuple[int, int]:
        ends = os.pipe()
        opened.extend(ends)
        return ends

    yield make
    for fd in set(opened):
        try:
            os.close(fd)
        except OSError:
            continue


Make = Callable[[], tuple[int, int]]


def give_to_stranger(number: int, pipes: Make) -> int:
    """Close a number, let another pipe have it, and return that one's write end."""
    reader, writer = pipes()
    os.dup2(reader, number)
    os.write(writer, b"not for you")
    return writer


def test_a_paused_pipe_does_not_read_a_strangers_file(
    app: Dispatcher, pipes: Make
) -> None:
    reader, _ = pipes()
    source = app.add(Pipe(reader))
    seen = record(app, Data)
    settle(app)
    source.pause()
    give_to_stranger(reader, pipes)
    with pytest.raises(OSError, match="closed, and not through its source") as caught:
        source.resume()
    assert caught.value.errno == errno.EBADF
    assert source.closed
    settle(app)
    assert not seen
    assert os.read(reader, 100) == b"not for you"


def test_closing_it_leaves_the_strangers_file_open(
    app: Dispatcher, pipes: Make
) -> None:
    reader, _ = pipes()
    source = app.add(Pipe(reader))
    settle(app)
    give_to_stranger(reader, pipes)
    source.close()
    assert os.read(reader, 100) == b"not for you"


def test_an_fd_looks_at_no_strangers_file(app: Dispatcher, pipes: Make) -> None:
    reader, writer = pipes()
    source = app.add(Fd(reader))
    seen = record(app, Readable)

    @source.on("readable")
    def close() -> None:
        give_to_stranger(reader, pipes)

    os.write(writer, b"x")
    run_until(app, lambda: source.closed)
    settle(app)
    assert len(seen) == 1


@pytest.mark.parametrize("paused", [False, True])
def test_a_file_that_is_always_ready_is_known_again(
    app: Dispatcher, pipes: Make, tmp_path: Path, *, paused: bool
) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"line\n" * 200_000)
    number = os.open(path, os.O_RDONLY)
    source = app.add(Pipe(number, framing="lines"))
    lines, errors, ends = record(app, Line), record(app, Error), record(app, Eof)
    if paused:
        run_until(app, lambda: lines)
        source.pause()
        settle(app)
    give_to_stranger(number, pipes)
    if paused:
        with pytest.raises(OSError, match="closed, and not through its source"):
            source.resume()
        assert not errors
    else:
        run_until(app, lambda: errors)
        assert isinstance(errors[0].exception, OSError)
        assert errors[0].exception.errno == errno.EBADF
        assert not lines
    assert source.closed
    assert not ends
    assert os.read(number, 100) == b"not for you"
    os.close(number)


def test_a_new_source_may_have_the_number_of_a_paused_one(
    app: Dispatcher, pipes: Make
) -> None:
    reader, _ = pipes()
    old = app.add(Pipe(reader))
    settle(app)
    old.pause()
    writer = give_to_stranger(reader, pipes)
    new = app.add(Pipe(reader, closefd=False))
    assert old.closed
    seen = record(app, Data)
    os.write(writer, b"!")
    run_until(app, lambda: b"".join(e.data for e in seen) == b"not for you!")
    assert {event.source for event in seen} == {new}


def test_a_hangup_while_paused_does_not_make_it_spin(
    app: Dispatcher, pipes: Make
) -> None:
    reader, writer = pipes()
    source = app.add(Pipe(reader))
    ends = record(app, Eof)
    settle(app)
    source.pause()
    os.close(writer)
    settle(app)
    before = app.stats().polls
    app.after(0.05, app.stop)
    app.run()
    assert app.stats().polls - before <= 6
    assert not ends
    source.resume()
    run_until(app, lambda: ends)


def test_a_rebuild_while_one_is_paused_and_hung_up_does_not_make_it_spin(
    app: Dispatcher, pipes: Make
) -> None:
    reader, writer = pipes()
    source = app.add(Pipe(reader))
    settle(app)
    source.pause()
    os.close(writer)
    settle(app)
    for _ in range(3):
        app._registrations.rebuild()
        settle(app)
    before = app.stats().polls
    app.after(0.05, app.stop)
    app.run()
    assert app.stats().polls - before <= 6


def test_nor_does_a_number_whose_duplicate_lives_while_it_waits_for_nothing(
    app: Dispatcher, pipes: Make
) -> None:
    reader, writer = pipes()
    other, _ = pipes()
    twin = os.dup(reader)
    source = app.add(Pipe(reader))
    settle(app)
    source.pause()
    os.dup2(other, reader)  # the poller still knows the old file by this number
    new = app.add(Pipe(reader, closefd=False))
    new.pause()
    os.write(writer, b"x")
    os.close(writer)
    settle(app)
    before = app.stats().polls
    app.after(0.05, app.stop)
    app.run()
    assert app.stats().polls - before <= 6
    os.close(twin)
