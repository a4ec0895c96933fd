"""Pipes, FIFOs, sockets, files and ttys: bytes in, bytes out, and how they end."""

import contextlib
import errno
import fcntl
import os
import pty
import socket
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evdispatch import (
    ERROR,
    ClosedError,
    Data,
    Dispatcher,
    Drain,
    Eof,
    Error,
    Event,
    Fd,
    FrameError,
    Hangup,
    Length,
    Line,
    Pipe,
    SourceError,
    StateError,
)
from evdispatch.sources._writing import WriteBuffer
from evdispatch.testing import record, run_until, settle

WAYS = ["whole", "byte by byte", "with trailing bytes"]


class Ends:
    """Descriptors that are closed after the test, if it has not closed them."""

    def __init__(self) -> None:
        self.open: list[int] = []

    def pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self.open += ends
        return ends

    def pair(self) -> tuple[int, int]:
        left, right = socket.socketpair()
        ends = left.detach(), right.detach()
        self.open += ends
        return ends

    def keep(self, fd: int) -> int:
        self.open.append(fd)
        return fd

    def close(self, fd: int) -> None:
        self.open.remove(fd)
        os.close(fd)

    def given(self, fd: int) -> int:
        """Hand a descriptor over to who will close it."""
        self.open.remove(fd)
        return fd


@pytest.fixture
def ends() -> Iterator[Ends]:
    ends = Ends()
    yield ends
    for fd in ends.open:
        os.close(fd)


def heard(source: Pipe) -> list[Any]:
    seen: list[Any] = []
    source.on(Event)(seen.append)
    return seen


def shown(events: list[Any]) -> list[Any]:
    """Data and lines as bytes, all else by name."""
    return [e.data if isinstance(e, (Data, Line)) else e.name for e in events]


def send(app: Dispatcher, fd: int, data: bytes, way: str) -> None:
    if way == "byte by byte":
        for index in range(len(data)):
            os.write(fd, data[index : index + 1])
            settle(app)
    else:
        os.write(fd, data)
        settle(app)


def taking(fd: int, got: list[bytes], condition: Callable[[], Any]) -> Any:
    """Return a condition that also reads what is there, each time it is asked."""

    def ask() -> Any:
        got.append(drain(fd))
        return condition()

    return ask


def drain(fd: int, size: int = 1 << 20) -> bytes:
    """Read what is there, without waiting for more."""
    os.set_blocking(fd, False)
    data = b""
    with contextlib.suppress(BlockingIOError):
        while piece := os.read(fd, size):
            data += piece
    return data


class TestReading:
    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("framing", ["lines", Length(2)], ids=["lines", "length"])
    def test_frames_arrive_however_the_bytes_do(
        self, app: Dispatcher, ends: Ends, way: str, framing: Any
    ) -> None:
        data = {
            "lines": b"one\ntwo\r\n\nfour\n",
            Length(2): b"\0\3one\0\3two\0\0\0\4four",
        }[framing]
        expected = [b"one", b"two", b"", b"four"]
        reader, writer = ends.pipe()
        seen = heard(app.add(Pipe(ends.given(reader), framing=framing)))
        trailing = b"\0" if way == "with trailing bytes" else b""
        send(app, writer, data + trailing, way)
        assert shown(seen) == expected
        ends.close(writer)
        settle(app)
        last: list[Any] = ["eof"]
        if trailing:
            last = [trailing if framing == "lines" else "error", "eof"]
        assert shown(seen) == expected + last
        assert app.sources == ()

    @pytest.mark.parametrize("way", WAYS[:2])
    def test_raw_bytes_arrive_as_they_come(
        self, app: Dispatcher, ends: Ends, way: str
    ) -> None:
        reader, writer = ends.pipe()
        seen = heard(app.add(Pipe(ends.given(reader))))
        send(app, writer, b"a\0\nb", way)
        expected = [b"a\0\nb"] if way == "whole" else [b"a", b"\0", b"\n", b"b"]
        assert shown(seen) == expected
        assert app.stats().balanced

    def test_the_data_comes_before_the_end_even_if_both_are_there(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 1 << 20)
        os.write(writer, b"x" * (1 << 20))
        ends.close(writer)
        seen = heard(app.add(Pipe(ends.given(reader))))
        settle(app)
        assert sum(len(e.data) for e in seen if isinstance(e, Data)) == 1 << 20
        assert shown(seen).count("eof") == 1
        assert isinstance(seen[-1], Eof)

    def test_an_end_without_data_is_an_eof_alone(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(reader), framing="lines"))
        seen = heard(source)
        ends.close(writer)
        settle(app)
        assert shown(seen) == ["eof"]
        assert source.closed

    def test_a_line_above_the_limit_is_an_error_in_its_place(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        seen = heard(app.add(Pipe(ends.given(reader), framing="lines", max_line=5)))
        app.on("error")(lambda: None)
        os.write(writer, b"one\ntoo long\ntwo\n")
        settle(app)
        assert shown(seen) == [b"one", "error", b"two"]
        assert isinstance(seen[1].exception, FrameError)

    def test_a_frame_above_the_limit_ends_the_pipe(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = Pipe(ends.given(reader), framing=Length(2), max_line=5)
        seen = heard(app.add(source))
        os.write(writer, b"\0\3one\0\6too long")
        settle(app)
        assert shown(seen) == [b"one", "error", "eof"]
        assert source.closed
        with pytest.raises(BrokenPipeError):
            os.write(writer, b"x")

    def test_what_an_own_framing_raises_ends_the_pipe(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        def broken(buffer: bytearray) -> bytes | None:
            raise LookupError("no frame")

        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(reader), framing=broken))
        os.write(writer, b"x")
        with pytest.raises(SourceError, match="no frame"):
            settle(app)
        assert source.closed

    def test_a_pipe_closed_in_its_own_handler_tells_no_more(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(reader), framing="lines"))
        seen: list[Any] = []

        @source.on(Event)
        def close(event: Event) -> None:
            seen.append(event)
            source.close()

        os.write(writer, b"one\ntwo\nthree\n")
        ends.close(writer)
        settle(app)
        assert shown(seen) == [b"one"]

    def test_paused_the_kernel_holds_the_data_back(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(reader)))
        seen = heard(source)
        source.pause()
        os.set_blocking(writer, False)
        os.write(writer, b"x" * 65_536)
        settle(app)
        with pytest.raises(BlockingIOError):
            os.write(writer, b"x")
        assert seen == []
        ends.close(writer)
        source.resume()
        settle(app)
        assert sum(len(e.data) for e in seen if isinstance(e, Data)) >= 65_536
        assert isinstance(seen[-1], Eof)

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.lists(st.sampled_from([b"a", b"bc\n", b"\r\n", b"\n", b"\xff"])))
    def test_what_is_written_arrives(self, io: Any, pieces: list[bytes]) -> None:
        reader, writer = os.pipe()
        with Dispatcher(io=io) as app:
            seen = heard(app.add(Pipe(reader, framing="lines")))
            for piece in pieces:
                os.write(writer, piece)
                app.step(0)
            os.close(writer)
            settle(app)
        *lines, rest = b"".join(pieces).split(b"\n")
        expected: list[Any] = [line.removesuffix(b"\r") for line in lines]
        assert shown(seen) == [*expected, *([rest] if rest else []), "eof"]


class TestKindsOfFiles:
    def test_dev_null_ends_at_once(self, app: Dispatcher, ends: Ends) -> None:
        fd = ends.keep(os.open("/dev/null", os.O_RDONLY))
        seen = heard(app.add(Pipe(fd, framing="lines", closefd=False)))
        settle(app)
        assert shown(seen) == ["eof"]

    @pytest.mark.parametrize("content", [b"", b"one", b"one\ntwo\n", b"x" * 200_000])
    def test_a_regular_file_is_read_to_its_end(
        self, app: Dispatcher, tmp_path: Path, content: bytes
    ) -> None:
        path = tmp_path / "file"
        path.write_bytes(content)
        seen = heard(app.add(Pipe(path.open("rb"))))
        settle(app)
        assert b"".join(e.data for e in seen if isinstance(e, Data)) == content
        assert shown(seen)[-1] == "eof"

    def test_a_regular_file_is_written(self, app: Dispatcher, tmp_path: Path) -> None:
        path = tmp_path / "file"
        source = app.add(Pipe(path.open("wb", buffering=0)))
        settle(app)
        for number in range(100):
            source.write(b"%d\n" % number)
        source.write_eof()
        settle(app)
        assert path.read_bytes() == b"".join(b"%d\n" % n for n in range(100))
        assert source.closed

    def test_a_fifo_without_a_writer_waits_for_one(
        self, app: Dispatcher, tmp_path: Path
    ) -> None:
        path = tmp_path / "fifo"
        os.mkfifo(path)
        source = app.add(
            Pipe(os.open(path, os.O_RDONLY | os.O_NONBLOCK), framing="lines")
        )
        seen = heard(source)
        settle(app)
        assert seen == []
        writer = os.open(path, os.O_WRONLY)
        os.write(writer, b"hello\n")
        os.close(writer)
        settle(app)
        assert shown(seen) == [b"hello", "eof"]
        assert source.closed, "a FIFO is hung up for ever after: it must not spin"

    def test_a_fifo_opened_for_both_outlives_its_writers(
        self, app: Dispatcher, tmp_path: Path
    ) -> None:
        path = tmp_path / "fifo"
        os.mkfifo(path)
        source = app.add(Pipe(os.open(path, os.O_RDWR), framing="lines"))
        seen = heard(source)
        for number in range(3):
            writer = os.open(path, os.O_WRONLY)
            os.write(writer, b"%d\n" % number)
            os.close(writer)
            settle(app)
        assert shown(seen) == [b"0", b"1", b"2"]
        assert not source.closed

    def test_a_socket_is_read_and_written(self, app: Dispatcher, ends: Ends) -> None:
        left, right = ends.pair()
        source = app.add(Pipe(ends.given(left), framing="lines"))
        seen = heard(source)
        assert source.write(b"hello\n")
        assert os.read(right, 100) == b"hello\n"
        os.write(right, b"there\n")
        settle(app)
        ends.close(right)
        settle(app)
        assert shown(seen) == [b"there", "eof"]

    def test_a_pty_whose_other_side_is_closed_has_ended(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        """Its read fails with EIO, which is no error."""
        master, slave = pty.openpty()
        ends.keep(slave)
        tty.setraw(slave)
        source = app.add(Pipe(master, framing="lines"))
        seen = heard(source)
        settle(app)
        os.write(slave, b"bye\nunfinished")
        ends.close(slave)
        run_until(app, lambda: source.closed)
        settle(app)
        assert shown(seen) == [b"bye", b"unfinished", "eof"]

    def test_a_tty_is_left_blocking(self, app: Dispatcher, ends: Ends) -> None:
        master, slave = pty.openpty()
        ends.keep(master)
        tty.setraw(slave)
        source = app.add(Pipe(slave))
        seen = heard(source)
        assert os.get_blocking(slave)
        os.write(master, b"typed")  # the kernel hands it over in its own time
        run_until(app, lambda: b"".join(e.data for e in seen) == b"typed")
        source.write(b"shown")
        run_until(app, lambda: not source.buffered)
        assert os.read(master, 100) == b"shown"

    @pytest.mark.parametrize("kind", ["number", "file", "socket"])
    def test_any_object_with_a_descriptor_will_do(
        self, app: Dispatcher, kind: str
    ) -> None:
        left, right = socket.socketpair()
        file: Any = left
        if kind == "number":
            file = left.detach()
        elif kind == "file":
            file = open(left.detach(), "rb", buffering=0)  # noqa: SIM115
        source = app.add(Pipe(file))
        seen = heard(source)
        with right:
            right.send(b"x")
            settle(app)
            assert shown(seen) == [b"x"]
            source.close()
            assert right.recv(1) == b"", "its file is closed"
        if kind != "number":
            assert file.fileno() == -1 if kind == "socket" else file.closed


class TestTheDescriptorsOwner:
    def test_the_file_is_closed_with_the_source(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        app.add(Pipe(ends.given(reader))).close()
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(reader)
        assert writer in ends.open

    def test_or_left_open_and_as_it_was(self, app: Dispatcher, ends: Ends) -> None:
        for fd in ends.pipe():
            source = app.add(Pipe(fd, closefd=False))
            assert os.get_blocking(fd), "it stays yours, and your duplicates' too"
            source.close()
            assert os.get_blocking(fd)

    def test_what_was_non_blocking_stays_so(self, app: Dispatcher, ends: Ends) -> None:
        reader, _ = ends.pipe()
        os.set_blocking(reader, False)
        app.add(Pipe(reader, closefd=False)).close()
        assert not os.get_blocking(reader)

    def test_a_file_that_was_closed_behind_our_back_is_no_error(
        self, app: Dispatcher
    ) -> None:
        for close in (socket.socket.close, lambda sock: os.close(sock.detach())):
            left, right = socket.socketpair()
            source = app.add(Pipe(left))
            settle(app)
            close(left)
            source.close()
            right.close()
        assert app.sources == ()

    @pytest.mark.parametrize("fd", [0, 1, 2])
    def test_the_standard_ones_are_neither_closed_nor_made_non_blocking(
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
                lines = heard(source)
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


class TestWriting:
    def test_what_fits_is_written_at_once(self, app: Dispatcher, ends: Ends) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        assert source.write(b"now")
        assert source.buffered == 0
        assert os.read(reader, 100) == b"now"

    def test_what_does_not_fit_follows_in_order(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        sent = b""
        for number in range(300):
            piece = b"%d," % number * 200
            source.write(piece)
            sent += piece
        got = b""

        def read() -> bool:
            nonlocal got
            got += drain(reader)
            return len(got) == len(sent)

        run_until(app, read)
        assert got == sent
        assert source.buffered == 0

    def test_many_small_writes_are_joined_and_not_quadratic(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer), high=10**7, low=0, limit=10**7))
        for number in range(20_000):
            source.write(b"%6d\n" % number)
        source.write_eof()
        got = b""

        def read() -> bool:
            nonlocal got
            got += drain(reader)
            return source.closed

        run_until(app, read)
        got += drain(reader)
        assert got == b"".join(b"%6d\n" % n for n in range(20_000))

    def test_marks_tell_when_to_stop_and_a_drain_when_to_go_on(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer), high=1000, low=100))
        drains = record(app, Drain)
        while source.buffered == 0:
            assert source.write(b"x" * 10_000) is (source.buffered <= 1000)
        assert source.write(b"x" * 1001) is False
        settle(app)
        assert drains == []
        run_until(app, taking(reader, [], lambda: drains))
        settle(app)
        assert len(drains) == 1
        assert source.buffered <= 100
        assert source.write(b"x") is True

    def test_a_buffer_below_the_high_mark_gives_no_drain(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        drains = record(app, Drain)
        source.write(b"x" * 100_000)
        source.write(b"x")
        assert 0 < source.buffered <= 65_536
        run_until(app, taking(reader, [], lambda: not source.buffered))
        settle(app)
        assert drains == []

    def test_above_the_limit_nothing_is_taken(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer), high=10_000, low=0, limit=100_000))
        source.write(b"x" * 100_000)
        waiting = source.buffered
        with pytest.raises(OSError, match="exceed") as caught:
            source.write(b"y" * 80_000)
        assert caught.value.errno == errno.ENOBUFS
        assert source.buffered == waiting
        source.write_eof()
        got: list[bytes] = []
        run_until(app, taking(reader, got, lambda: source.closed))
        assert b"".join(got) + drain(reader) == b"x" * 100_000

    def test_the_callers_buffer_is_copied(self, app: Dispatcher, ends: Ends) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        data = bytearray(b"a" * 200_000)
        source.write(data)
        data[:] = b"b" * len(data)
        got: list[bytes] = []
        run_until(app, taking(reader, got, lambda: not source.buffered))
        assert set(b"".join(got) + drain(reader)) == {ord("a")}

    @pytest.mark.parametrize("data", [b"", bytearray(), memoryview(b"")])
    def test_nothing_is_nothing(self, app: Dispatcher, ends: Ends, data: Any) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        assert source.write(data)
        settle(app)
        assert drain(reader) == b""
        assert not source.closed

    @pytest.mark.parametrize("data", ["text", 5, None, [1]])
    def test_only_bytes_are_written(
        self, app: Dispatcher, ends: Ends, data: Any
    ) -> None:
        source = app.add(Pipe(ends.given(ends.pipe()[1])))
        with pytest.raises(TypeError, match="memoryview"):
            source.write(data)

    def test_the_read_end_is_not_written(self, app: Dispatcher, ends: Ends) -> None:
        source = app.add(Pipe(ends.given(ends.pipe()[0])))
        with pytest.raises(OSError, match="not opened for writing") as caught:
            source.write(b"x")
        assert caught.value.errno == errno.EBADF

    def test_before_it_is_added_or_after_the_end_it_is_an_error(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = Pipe(ends.given(writer))
        for call in (lambda: source.write(b"x"), source.write_eof):
            with pytest.raises(StateError, match="not added"):
                call()
        app.add(source).close()
        for call in (lambda: source.write(b"x"), source.write_eof):
            with pytest.raises(ClosedError):
                call()
        assert drain(reader) == b""

    def test_write_eof_closes_it_once_all_is_written(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        source.write(b"x" * 300_000)
        source.write_eof()
        source.write_eof()
        with pytest.raises(ClosedError, match="nothing more"):
            source.write(b"y")
        assert not source.closed
        got: list[bytes] = []
        run_until(app, taking(reader, got, lambda: source.closed))
        assert len(b"".join(got) + drain(reader)) == 300_000
        assert os.read(reader, 1) == b""

    def test_write_eof_with_nothing_to_write_closes_it_at_once(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        source.write(b"x")
        source.write_eof()
        assert source.closed
        assert (os.read(reader, 10), os.read(reader, 10)) == (b"x", b"")

    def test_a_pause_stops_the_reading_and_not_the_writing(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        """Or an echo that pauses until `drain` would wait for ever."""
        left, right = ends.pair()
        source = app.add(Pipe(ends.given(left)))
        seen = heard(source)
        os.write(right, b"unread")
        while source.write(b"x" * 100_000):
            pass
        source.pause()
        run_until(app, taking(right, [], lambda: not source.buffered))
        settle(app)
        assert shown(seen) in (["drain"], [b"unread", "drain"])
        source.resume()
        settle(app)
        assert sorted(shown(seen), key=str) == [b"unread", "drain"]

    def test_threads_may_write_at_once(self, app: Dispatcher, ends: Ends) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))

        def write(letter: bytes) -> None:
            for _ in range(200):
                source.write(letter * 1000)

        threads = [threading.Thread(target=write, args=(c,)) for c in (b"a", b"b")]
        for thread in threads:
            thread.start()
        got: list[bytes] = []
        run_until(app, taking(reader, got, lambda: sum(map(len, got)) == 400_000))
        for thread in threads:
            thread.join()
        data = b"".join(got)
        pieces = {data[i : i + 1000] for i in range(0, len(data), 1000)}
        assert pieces == {b"a" * 1000, b"b" * 1000}, "each write stays in one piece"

    def test_a_write_that_waits_while_it_is_closed_reaches_nobody_else(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        waiting = threading.Event()

        class Slow(Pipe):
            @property
            def host(self) -> Any:
                host = super().host
                waiting.set()
                return host

        left, _ = ends.pair()
        source = Slow(ends.given(left))
        app.add(source)
        outcome: list[Any] = []

        def write() -> None:
            try:
                outcome.append(source.write(b"x"))
            except ClosedError as error:
                outcome.append(error)

        thread = threading.Thread(target=write)
        with app._roster.lock:
            waiting.clear()
            thread.start()
            assert waiting.wait(10)
            source.close()
            other, reader = ends.pair()
            assert other == left, "the test needs the number to be reused"
        thread.join()
        assert isinstance(outcome[0], ClosedError)
        assert drain(reader) == b""


class TestBrokenPipes:
    def test_when_the_readers_have_gone_a_write_end_hangs_up_once(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        """Even when nothing is to be written."""
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        seen = heard(source)
        settle(app)
        ends.close(reader)
        settle(app)
        assert shown(seen) == ["hangup"]
        assert seen[0].error is None
        assert seen[0].mask & ERROR
        assert source.closed

    def test_the_hangup_says_what_writing_failed_with(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        seen = heard(source)
        source.write(b"x" * 200_000)
        ends.close(reader)
        settle(app)
        assert shown(seen) == ["hangup"]
        assert isinstance(seen[0].error, BrokenPipeError)
        with pytest.raises(ClosedError):
            source.write(b"x")

    def test_a_write_into_a_broken_pipe_is_told_as_an_event(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        ends.close(reader)
        with contextlib.suppress(ClosedError):  # the IO thread may have seen it before
            source.write(b"x")
        seen = record(app, Hangup)
        settle(app)
        assert len(seen) == 1
        assert source.closed

    def test_what_the_other_side_sent_comes_before_the_hangup(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        left, right = ends.pair()
        source = Pipe(ends.given(left), framing="lines")
        os.write(right, b"one\ntwo\nlast words")
        with app._roster.lock:
            app.add(source)
            source.write(b"x" * 2_000_000)
            ends.close(right)
        seen = heard(source)
        settle(app)
        assert shown(seen) == [b"one", b"two", b"last words", "hangup"]
        assert isinstance(seen[-1].error, BrokenPipeError)
        assert source.buffered == 0

    def test_also_if_it_was_paused_meanwhile(self, app: Dispatcher, ends: Ends) -> None:
        left, right = ends.pair()
        source = Pipe(ends.given(left), framing="lines")
        source.pause()
        app.add(source)
        os.write(right, b"one\n")
        source.write(b"x" * 2_000_000)
        seen = heard(source)
        ends.close(right)
        settle(app)
        before = app.stats().polls
        app.step(0.02)
        assert app.stats().polls - before <= 3, "the hang-up does not spin"
        assert seen == []
        with pytest.raises(OSError, match="Broken pipe"):
            source.write(b"y")
        source.resume()
        settle(app)
        assert shown(seen) == [b"one", "hangup"]

    def test_a_side_that_reads_no_more_but_lives_hangs_up_too(
        self, app: Dispatcher
    ) -> None:
        left, right = socket.socketpair()
        source = app.add(Pipe(left))
        seen = heard(source)
        with right:
            right.send(b"bye")
            right.shutdown(socket.SHUT_RD)
            source.write(b"x")
            settle(app)
        assert shown(seen) == [b"bye", "hangup"]

    def test_a_reset_connection_tells_the_data_and_then_the_end(
        self, app: Dispatcher
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = socket.create_connection(server.getsockname())
            peer, _ = server.accept()
        source = app.add(Pipe(client, framing="lines"))
        seen: list[Any] = []
        app.on(Event)(lambda e: seen.append(e) if e.source is source else None)
        app.on(Error)(lambda: None)
        peer.send(b"hello\n")
        run_until(app, lambda: seen)
        source.write(b"unread")
        peer.close()  # with data unread: a reset
        run_until(app, lambda: source.closed)
        settle(app)
        assert shown(seen)[0] == b"hello"
        assert shown(seen)[1:] in (["eof"], ["hangup"], ["error"])
        assert app.sources == ()


class TestWriteBuffer:
    @pytest.mark.parametrize("marks", [(10, 11, 20), (10, 5, 9), (10, -1, 20)])
    def test_the_marks_must_be_in_order(self, marks: tuple[int, int, int]) -> None:
        with pytest.raises(ValueError, match="low <= high <= limit"):
            WriteBuffer(*marks)

    @given(st.lists(st.binary(max_size=50), max_size=200), st.integers(1, 100))
    def test_bytes_leave_in_order_whatever_the_pieces(
        self, pieces: list[bytes], size: int
    ) -> None:
        reader, writer = os.pipe()
        buffer = WriteBuffer(100, 50, 10**6)
        for piece in pieces:
            buffer.add(piece)
        assert buffer.size == len(b"".join(pieces))
        got = b""
        while buffer.size:
            buffer.send(writer, size)
            piece = os.read(reader, 1000)
            assert 0 < len(piece) <= size
            got += piece
        os.close(reader)
        os.close(writer)
        assert got == b"".join(pieces)

    def test_it_begins_to_flow_again_once(self) -> None:
        buffer = WriteBuffer(10, 5, 100)
        buffer.add(b"x" * 11)
        assert not buffer.flowing
        fd = os.open("/dev/null", os.O_WRONLY)
        try:
            assert [buffer.send(fd, size) for size in (5, 1, 1)] == [False, True, False]
        finally:
            os.close(fd)

    def test_at_the_high_mark_it_flows_still(self) -> None:
        buffer = WriteBuffer(10, 5, 100)
        buffer.add(b"x" * 10)
        assert buffer.flowing

    def test_what_was_refused_leaves_it_as_it_was(self) -> None:
        buffer = WriteBuffer(10, 5, 20)
        buffer.add(b"x" * 15)
        with pytest.raises(OSError, match="15 bytes wait and 6 more exceed 20"):
            buffer.check(6)
        buffer.check(5)


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
def test_bad_options_are_refused_and_the_file_left_alone(
    ends: Ends, options: dict[str, Any], kind: type[Exception]
) -> None:
    reader, _ = ends.pipe()
    make: Callable[..., Pipe] = Pipe
    with pytest.raises(kind):
        make(reader, **options)
    os.fstat(reader)


def test_a_refused_pipe_is_left_as_it_was(app: Dispatcher) -> None:
    read, write = os.pipe()
    app.add(Fd(read))
    with pytest.raises(StateError, match="watched already"):
        app.add(Pipe(read))
    assert os.get_blocking(read)
    for fd in (read, write):
        os.close(fd)
