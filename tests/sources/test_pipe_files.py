"""What a pipe may be: FIFOs, sockets, files and ttys; and whose the descriptor is."""

import os
import pty
import socket
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.descriptors import Ends, drain
from helpers.events import record_all, shown

from evdispatch import Data, Dispatcher, Drain, Fd, Pipe, StateError
from evdispatch.testing import record, run_until, settle

pytestmark = pytest.mark.pollers


class TestKindsOfFiles:
    def test_pipe_of_dev_null_ends_at_once(self, app: Dispatcher, ends: Ends) -> None:
        fd = ends.keep(os.open("/dev/null", os.O_RDONLY))
        seen = record_all(app.add(Pipe(fd, framing="lines", closefd=False)))
        settle(app)
        assert shown(seen) == ["eof"]

    @pytest.mark.parametrize("content", [b"", b"one", b"one\ntwo\n", b"x" * 200_000])
    def test_pipe_of_a_regular_file_reads_to_its_end(
        self, app: Dispatcher, tmp_path: Path, content: bytes
    ) -> None:
        path = tmp_path / "file"
        path.write_bytes(content)
        seen = record_all(app.add(Pipe(path.open("rb"))))
        settle(app)
        assert b"".join(e.data for e in seen if isinstance(e, Data)) == content
        assert shown(seen)[-1] == "eof"

    def test_pipe_of_a_regular_file_writes_it(
        self, app: Dispatcher, tmp_path: Path
    ) -> None:
        path = tmp_path / "file"
        source = app.add(Pipe(path.open("wb", buffering=0)))
        settle(app)
        for number in range(100):
            source.write(b"%d\n" % number)
        source.write_eof()
        settle(app)
        assert path.read_bytes() == b"".join(b"%d\n" % n for n in range(100))
        assert source.closed

    def test_pipe_of_a_fifo_without_a_writer_waits_for_one(
        self, app: Dispatcher, tmp_path: Path
    ) -> None:
        path = tmp_path / "fifo"
        os.mkfifo(path)
        source = app.add(
            Pipe(os.open(path, os.O_RDONLY | os.O_NONBLOCK), framing="lines")
        )
        seen = record_all(source)
        settle(app)
        assert seen == []
        writer = os.open(path, os.O_WRONLY)
        os.write(writer, b"hello\n")
        os.close(writer)
        settle(app)
        assert shown(seen) == [b"hello", "eof"]
        assert source.closed, "a FIFO is hung up for ever after: it must not spin"

    def test_pipe_of_a_fifo_opened_for_both_outlives_its_writers(
        self, app: Dispatcher, tmp_path: Path
    ) -> None:
        path = tmp_path / "fifo"
        os.mkfifo(path)
        source = app.add(Pipe(os.open(path, os.O_RDWR), framing="lines"))
        seen = record_all(source)
        for number in range(3):
            writer = os.open(path, os.O_WRONLY)
            os.write(writer, b"%d\n" % number)
            os.close(writer)
            settle(app)
        assert shown(seen) == [b"0", b"1", b"2"]
        assert not source.closed

    def test_pipe_of_a_socket_reads_and_writes(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        left, right = ends.pair()
        source = app.add(Pipe(ends.given(left), framing="lines"))
        seen = record_all(source)
        assert source.write(b"hello\n")
        assert os.read(right, 100) == b"hello\n"
        os.write(right, b"there\n")
        settle(app)
        ends.close(right)
        settle(app)
        assert shown(seen) == [b"there", "eof"]

    def test_pipe_of_a_pty_ends_when_the_other_side_closes(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        """Its read fails with EIO, which is no error."""
        master, slave = pty.openpty()
        ends.keep(slave)
        tty.setraw(slave)
        source = app.add(Pipe(master, framing="lines"))
        seen = record_all(source)
        settle(app)
        os.write(slave, b"bye\nunfinished")
        ends.close(slave)
        run_until(app, lambda: source.closed)
        settle(app)
        assert shown(seen) == [b"bye", b"unfinished", "eof"]

    def test_pipe_of_a_tty_leaves_it_blocking(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        master, slave = pty.openpty()
        ends.keep(master)
        tty.setraw(slave)
        source = app.add(Pipe(slave))
        seen = record_all(source)
        assert os.get_blocking(slave)
        os.write(master, b"typed")  # the kernel hands it over in its own time
        run_until(app, lambda: b"".join(e.data for e in seen) == b"typed")
        source.write(b"shown")
        run_until(app, lambda: not source.buffered)
        assert os.read(master, 100) == b"shown"

    @pytest.mark.parametrize("kind", ["number", "file", "socket"])
    def test_pipe_of_an_object_with_fileno_owns_it(
        self, app: Dispatcher, kind: str
    ) -> None:
        left, right = socket.socketpair()
        file: Any = left
        if kind == "number":
            file = left.detach()
        elif kind == "file":
            file = open(left.detach(), "rb", buffering=0)  # noqa: SIM115
        source = app.add(Pipe(file))
        seen = record_all(source)
        with right:
            right.send(b"x")
            settle(app)
            assert shown(seen) == [b"x"]
            source.close()
            assert right.recv(1) == b"", "its file is closed"
        if kind != "number":
            assert file.fileno() == -1 if kind == "socket" else file.closed


class TestTheDescriptorsOwner:
    def test_pipe_closed_closes_its_file(self, app: Dispatcher, ends: Ends) -> None:
        reader, writer = ends.pipe()
        app.add(Pipe(ends.given(reader))).close()
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(reader)
        assert writer in ends.open

    def test_pipe_without_closefd_leaves_its_file_as_it_was(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        for fd in ends.pipe():
            source = app.add(Pipe(fd, closefd=False))
            assert os.get_blocking(fd), "it stays yours, and your duplicates' too"
            source.close()
            assert os.get_blocking(fd)

    def test_pipe_of_a_nonblocking_file_leaves_it_nonblocking(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, _ = ends.pipe()
        os.set_blocking(reader, False)
        app.add(Pipe(reader, closefd=False)).close()
        assert not os.get_blocking(reader)

    def test_pipe_closed_after_its_file_raises_nothing(self, app: Dispatcher) -> None:
        for close in (socket.socket.close, lambda sock: os.close(sock.detach())):
            left, right = socket.socketpair()
            source = app.add(Pipe(left))
            settle(app)
            close(left)
            source.close()
            right.close()
        assert app.sources == ()

    @pytest.mark.parametrize("fd", [0, 1, 2])
    def test_pipe_of_a_standard_descriptor_leaves_it_open_and_blocking(
        self, app: Dispatcher, ends: Ends, fd: int
    ) -> None:
        reader, writer = ends.pipe()
        saved = os.dup(fd)
        try:
            os.dup2(writer if fd else reader, fd)
            source = app.add(Pipe(fd, framing="lines"))
            assert os.get_blocking(fd)
            if fd:
                seen = record(app, Drain)
                source.write(b"y" * 100_000)
                got = b""
                while len(got) < 100_000:
                    app.step(0.01)
                    got += drain(reader)
                settle(app)
                assert [event.source for event in seen] == [source]
            else:
                lines = record_all(source)
                os.write(writer, b"one\ntw")
                settle(app)
                os.write(writer, b"o\n")
                settle(app)
                assert shown(lines) == [b"one", b"two"]
            source.close()
            os.fstat(fd)
            assert os.get_blocking(fd)
        finally:
            os.dup2(saved, fd)
            os.close(saved)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"framing": "line"}, ValueError),
        ({"max_line": 0}, ValueError),
        ({"max_line": 1.5}, TypeError),
        ({"high": 10, "low": 20}, ValueError),
        ({"limit": 1}, ValueError),
    ],
)
def test_pipe_wrong_options_raise_and_leave_the_file(
    ends: Ends, options: dict[str, Any], kind: type[Exception]
) -> None:
    reader, _ = ends.pipe()
    make: Callable[..., Pipe] = Pipe
    with pytest.raises(kind):
        make(reader, **options)
    os.fstat(reader)


def test_pipe_refused_by_add_leaves_its_file_as_it_was(app: Dispatcher) -> None:
    read, write = os.pipe()
    app.add(Fd(read))
    with pytest.raises(StateError, match="watched already"):
        app.add(Pipe(read))
    assert os.get_blocking(read)
    for fd in (read, write):
        os.close(fd)
