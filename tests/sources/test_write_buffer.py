"""The buffer of what is not yet written: its order and its marks."""

import os
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evdispatch.sources.stream._writer import WriteBuffer


class TestWriteBuffer:
    @pytest.mark.parametrize("marks", [(10, 11, 20), (10, 5, 9), (10, -1, 20)])
    def test_write_buffer_marks_out_of_order_raise(
        self, marks: tuple[int, int, int]
    ) -> None:
        with pytest.raises(ValueError, match="low <= high <= limit"):
            WriteBuffer(*marks)

    @given(st.lists(st.binary(max_size=50), max_size=200), st.integers(1, 100))
    def test_write_buffer_bytes_leave_in_order(
        self, pieces: list[bytes], size: int
    ) -> None:
        reader, writer = os.pipe()
        buffer = WriteBuffer(100, 50, 10**6)
        for piece in pieces:
            buffer.add(piece)
        assert buffer.size == len(b"".join(pieces))
        got = b""
        while buffer.size:
            assert buffer.flush(partial(os.writev, writer), size, 1) == bool(
                buffer.size
            )
            piece = os.read(reader, 1000)
            assert 0 < len(piece) <= size
            got += piece
        os.close(reader)
        os.close(writer)
        assert got == b"".join(pieces)

    def test_write_buffer_flows_again_at_the_low_mark(self) -> None:
        buffer = WriteBuffer(10, 5, 100)
        buffer.add(b"x" * 11)
        assert not buffer.flowing
        fd = os.open("/dev/null", os.O_WRONLY)
        try:
            flows = []
            for size in (5, 1, 1):
                buffer.flush(partial(os.writev, fd), size, 1)
                flows.append(buffer.flowing)
            assert flows == [False, True, True]
        finally:
            os.close(fd)

    def test_write_buffer_at_the_high_mark_flows(self) -> None:
        buffer = WriteBuffer(10, 5, 100)
        buffer.add(b"x" * 10)
        assert buffer.flowing

    def test_write_buffer_above_the_limit_raises_and_is_unchanged(self) -> None:
        buffer = WriteBuffer(10, 5, 20)
        buffer.add(b"x" * 15)
        with pytest.raises(OSError, match="15 bytes wait and 6 more exceed 20"):
            buffer.check(6, buffer.size)
        buffer.check(5, buffer.size)
