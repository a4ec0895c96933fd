"""What is written to a pipe: at once, later, above its marks, and by many threads."""

import errno
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from helpers.descriptors import Ends, drain
from helpers.events import record_all, shown
from helpers.waiting import PATIENCE

from evdispatch import ClosedError, Dispatcher, Drain, Pipe, StateError
from evdispatch.testing import record, run_until, settle

pytestmark = pytest.mark.pollers


def taking(fd: int, got: list[bytes], condition: Callable[[], Any]) -> Any:
    """Return a condition that also reads what is there, each time it is asked."""

    def ask() -> Any:
        got.append(drain(fd))
        return condition()

    return ask


class TestWriting:
    def test_pipe_write_that_fits_is_written_at_once(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        assert source.write(b"now")
        assert source.buffered == 0
        assert os.read(reader, 100) == b"now"

    def test_pipe_write_that_does_not_fit_is_buffered_in_order(
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

    def test_pipe_many_small_writes_are_joined(
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

    def test_pipe_write_above_the_high_mark_returns_false_until_drain(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer), high=1000, low=100))
        nonblocking = record(app, Drain)
        while source.buffered == 0:
            assert source.write(b"x" * 10_000) is (source.buffered <= 1000)
        assert source.write(b"x" * 1001) is False
        settle(app)
        assert nonblocking == []
        run_until(app, taking(reader, [], lambda: nonblocking))
        settle(app)
        assert len(nonblocking) == 1
        assert source.buffered <= 100
        assert source.write(b"x") is True

    def test_pipe_write_below_the_high_mark_gives_no_drain(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        nonblocking = record(app, Drain)
        source.write(b"x" * 100_000)
        source.write(b"x")
        assert 0 < source.buffered <= 65_536
        run_until(app, taking(reader, [], lambda: not source.buffered))
        settle(app)
        assert nonblocking == []

    def test_pipe_write_above_the_limit_raises_and_takes_nothing(
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

    def test_pipe_write_copies_the_callers_buffer(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        data = bytearray(b"a" * 200_000)
        source.write(data)
        data[:] = b"b" * len(data)
        got: list[bytes] = []
        run_until(app, taking(reader, got, lambda: not source.buffered))
        assert set(b"".join(got) + drain(reader)) == {ord("a")}

    @pytest.mark.parametrize("data", [b"", bytearray(), memoryview(b"")])
    def test_pipe_write_of_nothing_is_allowed(
        self, app: Dispatcher, ends: Ends, data: Any
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        assert source.write(data)
        settle(app)
        assert drain(reader) == b""
        assert not source.closed

    @pytest.mark.parametrize("data", ["text", 5, None, [1]])
    def test_pipe_write_of_no_bytes_object_raises(
        self, app: Dispatcher, ends: Ends, data: Any
    ) -> None:
        source = app.add(Pipe(ends.given(ends.pipe()[1])))
        with pytest.raises(TypeError, match="memoryview"):
            source.write(data)

    def test_pipe_write_to_a_read_end_raises(self, app: Dispatcher, ends: Ends) -> None:
        source = app.add(Pipe(ends.given(ends.pipe()[0])))
        with pytest.raises(OSError, match="not opened for writing") as caught:
            source.write(b"x")
        assert caught.value.errno == errno.EBADF

    def test_pipe_write_before_adding_or_after_the_end_raises(
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

    def test_pipe_write_eof_closes_it_when_all_is_written(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        source.write(b"x" * 300_000)
        source.write_eof()
        source.write_eof()
        with pytest.raises(ClosedError, match="closed for writing"):
            source.write(b"y")
        assert not source.closed
        got: list[bytes] = []
        run_until(app, taking(reader, got, lambda: source.closed))
        assert len(b"".join(got) + drain(reader)) == 300_000
        assert os.read(reader, 1) == b""

    def test_pipe_write_eof_without_buffered_data_closes_it_at_once(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(writer)))
        source.write(b"x")
        source.write_eof()
        assert source.closed
        assert (os.read(reader, 10), os.read(reader, 10)) == (b"x", b"")

    def test_pipe_paused_still_writes(self, app: Dispatcher, ends: Ends) -> None:
        """Or an echo that pauses until `drain` would wait for ever."""
        left, right = ends.pair()
        source = app.add(Pipe(ends.given(left)))
        seen = record_all(source)
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

    def test_pipe_write_from_threads_keeps_pieces_whole(
        self, app: Dispatcher, ends: Ends
    ) -> None:
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

    def test_pipe_write_waiting_while_it_is_closed_reaches_no_other_file(
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
        with app._registrations.lock:
            waiting.clear()
            thread.start()
            assert waiting.wait(PATIENCE)
            source.close()
            other, reader = ends.pair()
            assert other == left, "the test needs the number to be reused"
        thread.join()
        assert isinstance(outcome[0], ClosedError)
        assert drain(reader) == b""


def test_pipe_with_sigpipe_at_default_warns(ends: Ends) -> None:
    """Of pipes: nothing but the signal's disposition helps there."""
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        with Dispatcher() as app:
            with pytest.warns(RuntimeWarning, match="SIGPIPE is not ignored"):
                app.add(Pipe(ends.given(ends.pipe()[1])))
            app.add(Pipe(ends.given(ends.pipe()[0])))
    finally:
        signal.signal(signal.SIGPIPE, before)
