"""What a pipe reads: frames, raw bytes, limits and pauses."""

import fcntl
import os
from typing import Any

import pytest
from helpers.descriptors import Ends
from helpers.events import record_all, shown
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evdispatch import (
    Data,
    Dispatcher,
    Eof,
    Event,
    FrameError,
    Length,
    Pipe,
    SourceError,
)
from evdispatch.testing import settle

pytestmark = [pytest.mark.pollers, pytest.mark.cross]

WAYS = ["whole", "byte by byte", "with trailing bytes"]


def send(app: Dispatcher, fd: int, data: bytes, way: str) -> None:
    if way == "byte by byte":
        for index in range(len(data)):
            os.write(fd, data[index : index + 1])
            settle(app)
    else:
        os.write(fd, data)
        settle(app)


class TestReading:
    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("framing", ["lines", Length(2)], ids=["lines", "length"])
    def test_pipe_frames_cut_anywhere_arrive_whole(
        self, app: Dispatcher, ends: Ends, way: str, framing: Any
    ) -> None:
        data = {
            "lines": b"one\ntwo\r\n\nfour\n",
            Length(2): b"\0\3one\0\3two\0\0\0\4four",
        }[framing]
        expected = [b"one", b"two", b"", b"four"]
        reader, writer = ends.pipe()
        seen = record_all(app.add(Pipe(ends.given(reader), framing=framing)))
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
    def test_pipe_raw_data_arrives_as_it_comes(
        self, app: Dispatcher, ends: Ends, way: str
    ) -> None:
        reader, writer = ends.pipe()
        seen = record_all(app.add(Pipe(ends.given(reader))))
        send(app, writer, b"a\0\nb", way)
        expected = [b"a\0\nb"] if way == "whole" else [b"a", b"\0", b"\n", b"b"]
        assert shown(seen) == expected
        assert app.stats().balanced

    def test_pipe_data_comes_before_its_eof(self, app: Dispatcher, ends: Ends) -> None:
        reader, writer = ends.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 1 << 20)
        os.write(writer, b"x" * (1 << 20))
        ends.close(writer)
        seen = record_all(app.add(Pipe(ends.given(reader))))
        settle(app)
        assert sum(len(e.data) for e in seen if isinstance(e, Data)) == 1 << 20
        assert shown(seen).count("eof") == 1
        assert isinstance(seen[-1], Eof)

    def test_pipe_end_without_data_is_an_eof_alone(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(reader), framing="lines"))
        seen = record_all(source)
        ends.close(writer)
        settle(app)
        assert shown(seen) == ["eof"]
        assert source.closed

    def test_pipe_line_above_the_limit_is_an_error_in_its_place(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        seen = record_all(
            app.add(Pipe(ends.given(reader), framing="lines", max_line=5))
        )
        app.on("error")(lambda: None)
        os.write(writer, b"one\ntoo long\ntwo\n")
        settle(app)
        assert shown(seen) == [b"one", "error", b"two"]
        assert isinstance(seen[1].exception, FrameError)

    def test_pipe_frame_above_the_limit_ends_it(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = Pipe(ends.given(reader), framing=Length(2), max_line=5)
        seen = record_all(app.add(source))
        os.write(writer, b"\0\3one\0\6too long")
        settle(app)
        assert shown(seen) == [b"one", "error", "eof"]
        assert source.closed
        with pytest.raises(BrokenPipeError):
            os.write(writer, b"x")

    def test_pipe_own_framing_that_raises_ends_it(
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

    def test_pipe_closed_in_its_handler_drops_later_events(
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

    def test_pipe_paused_leaves_the_data_in_the_kernel(
        self, app: Dispatcher, ends: Ends
    ) -> None:
        reader, writer = ends.pipe()
        source = app.add(Pipe(ends.given(reader)))
        seen = record_all(source)
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
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.differing_executors,  # one for each mode
        ],
    )
    @given(st.lists(st.sampled_from([b"a", b"bc\n", b"\r\n", b"\n", b"\xff"])))
    def test_pipe_lines_written_in_any_pieces_arrive(
        self, io: Any, pieces: list[bytes]
    ) -> None:
        reader, writer = os.pipe()
        with Dispatcher(io=io) as app:
            seen = record_all(app.add(Pipe(reader, framing="lines")))
            for piece in pieces:
                os.write(writer, piece)
                app.step(0)
            os.close(writer)
            settle(app)
        *lines, rest = b"".join(pieces).split(b"\n")
        expected: list[Any] = [line.removesuffix(b"\r") for line in lines]
        assert shown(seen) == [*expected, *([rest] if rest else []), "eof"]
