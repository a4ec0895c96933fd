"""O_NONBLOCK is not set on an open file that other descriptors or processes share."""

import os
import pty
import socket
import subprocess
import sys

import pytest

from evdispatch import Dispatcher, Fd, Line, Pipe
from evdispatch.testing import record, run_until, settle

pytestmark = [pytest.mark.pollers, pytest.mark.cross]


def test_pipe_with_closefd_is_made_nonblocking(app: Dispatcher) -> None:
    reader, writer = os.pipe()
    app.add(Pipe(reader))
    assert not os.get_blocking(reader)
    os.close(writer)


def test_pipe_without_closefd_stays_blocking(app: Dispatcher) -> None:
    left, right = socket.socketpair()
    with left, right:
        twin = left.dup()
        with twin:
            source = app.add(Pipe(left, framing="lines", closefd=False))
            assert os.get_blocking(twin.fileno())
            lines = record(app, Line)
            right.send(b"one\ntwo\n")
            run_until(app, lambda: len(lines) == 2)
            source.write(b"answer\n")
            run_until(app, lambda: not source.buffered)
            assert right.recv(100) == b"answer\n"
            source.close()
            assert os.get_blocking(twin.fileno())


@pytest.mark.parametrize("end", [0, 1])
def test_pipe_of_a_terminal_stays_blocking(app: Dispatcher, end: int) -> None:
    ends = pty.openpty()
    app.add(Pipe(ends[end]))
    assert os.get_blocking(ends[end])
    settle(app)
    os.close(ends[1 - end])
    settle(app)


def test_pipe_of_a_duplicate_of_stdout_stays_blocking() -> None:
    """The shell and other children share the open file description."""
    program = """
import os
from evdispatch import Dispatcher, Pipe
with Dispatcher() as app:
    pipe = app.add(Pipe(os.dup(1)))
    pipe.write(b"x" * 300_000)
    pipe.write_eof()
    app.every(0.01, lambda: pipe.closed and app.stop())
    app.run()
"""
    reader, writer = os.pipe()
    child = subprocess.Popen([sys.executable, "-c", program], stdout=writer)
    got = 0
    while got < 300_000:
        got += len(os.read(reader, 65_536))
        assert os.get_blocking(writer)
    assert child.wait() == 0
    os.close(reader)
    os.close(writer)


def test_pipe_refused_by_add_is_blocking_again(app: Dispatcher) -> None:
    reader, writer = os.pipe()
    first = app.add(Fd(reader))
    pipe = Pipe(reader)
    with pytest.raises(Exception, match="watched already"):
        app.add(pipe)
    assert os.get_blocking(reader)
    first.close()
    os.close(reader)
    os.close(writer)
