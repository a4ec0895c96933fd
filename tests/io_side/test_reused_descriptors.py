"""Descriptors closed by other code and reused: the new file is not touched."""

import errno
import os
from pathlib import Path

import pytest
from helpers.descriptors import new_pipe

from evdispatch import Data, Dispatcher, Eof, Error, Fd, Line, Pipe, Readable
from evdispatch.testing import record, run_until, settle

pytestmark = pytest.mark.pollers


def reuse(number: int, fds: list[int]) -> int:
    """Let another pipe with data take over a descriptor, and return its write end."""
    reader, writer = new_pipe(fds)
    os.dup2(reader, number)
    os.write(writer, b"not for you")
    return writer


def polls_in_run(app: Dispatcher, seconds: float) -> int:
    """Run for so long, and return how often the poller was asked."""
    before = app.stats().polls
    app.after(seconds, app.stop)
    app.run()
    return app.stats().polls - before


def test_pipe_resumed_with_a_reused_fd_raises_and_reads_nothing(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, _ = new_pipe(fds)
    source = app.add(Pipe(reader))
    seen = record(app, Data)
    settle(app)
    source.pause()
    reuse(reader, fds)
    with pytest.raises(OSError, match="closed, and not through its source") as caught:
        source.resume()
    assert caught.value.errno == errno.EBADF
    assert source.closed
    settle(app)
    assert not seen
    assert os.read(reader, 100) == b"not for you"


def test_pipe_closed_with_a_reused_fd_leaves_the_new_file_open(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, _ = new_pipe(fds)
    other, writer = new_pipe(fds)
    source = app.add(Pipe(reader))
    settle(app)
    os.dup2(other, reader)
    source.close()
    # Only now: select and poll watch the number, and would read what is there before.
    os.write(writer, b"not for you")
    assert os.read(reader, 100) == b"not for you"


def test_fd_with_a_reused_number_reports_nothing_of_the_new_file(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, writer = new_pipe(fds)
    source = app.add(Fd(reader))
    seen = record(app, Readable)

    @source.on("readable")
    def close() -> None:
        reuse(reader, fds)

    os.write(writer, b"x")
    run_until(app, lambda: source.closed)
    settle(app)
    assert len(seen) == 1


@pytest.mark.parametrize("paused", [False, True])
def test_pipe_of_a_file_with_a_reused_fd_fails_with_ebadf(
    app: Dispatcher, fds: list[int], tmp_path: Path, *, paused: bool
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
    reuse(number, fds)
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


def test_source_added_with_the_reused_fd_of_a_paused_one_replaces_it(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, _ = new_pipe(fds)
    old = app.add(Pipe(reader))
    settle(app)
    old.pause()
    writer = reuse(reader, fds)
    new = app.add(Pipe(reader, closefd=False))
    assert old.closed
    seen = record(app, Data)
    os.write(writer, b"!")
    run_until(app, lambda: b"".join(e.data for e in seen) == b"not for you!")
    assert {event.source for event in seen} == {new}


def test_pipe_hung_up_while_paused_does_not_spin(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, writer = new_pipe(fds)
    source = app.add(Pipe(reader))
    ends = record(app, Eof)
    settle(app)
    source.pause()
    os.close(writer)
    settle(app)
    assert polls_in_run(app, 0.05) <= 6
    assert not ends
    source.resume()
    run_until(app, lambda: ends)


def test_poller_rebuilt_while_a_paused_pipe_is_hung_up_does_not_spin(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, writer = new_pipe(fds)
    source = app.add(Pipe(reader))
    settle(app)
    source.pause()
    os.close(writer)
    settle(app)
    for _ in range(3):
        app._registrations.rebuild()
        settle(app)
    assert polls_in_run(app, 0.05) <= 6


def test_pipe_paused_with_a_reused_duplicated_fd_does_not_spin(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, writer = new_pipe(fds)
    other, _ = new_pipe(fds)
    twin = os.dup(reader)
    source = app.add(Pipe(reader))
    settle(app)
    source.pause()
    os.dup2(other, reader)  # the poller still has the old file under this number
    new = app.add(Pipe(reader, closefd=False))
    new.pause()
    os.write(writer, b"x")
    os.close(writer)
    settle(app)
    assert polls_in_run(app, 0.05) <= 6
    os.close(twin)
