"""Framing without IO: each one whole, byte by byte, cut anywhere, with trailing bytes."""

import itertools
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evdispatch import Data, FrameError, Length, Line
from evdispatch.sources.stream._framing import Framing, framer_factory


def netstring(buffer: bytearray) -> bytes | None:
    """A framing of a user's own: ``3:abc,``."""
    head, colon, _ = buffer.partition(b":")
    if not colon:
        return None
    end = len(head) + 1 + int(head)
    if len(buffer) <= end:
        return None
    frame = bytes(buffer[len(head) + 1 : end])
    del buffer[: end + 1]
    return frame


def shown(found: Iterable[bytes | FrameError]) -> list[Any]:
    """Frames as they are, errors as "error"."""
    return ["error" if isinstance(frame, FrameError) else frame for frame in found]


def frames(
    framing: Framing, pieces: Iterable[bytes], limit: int = 1000, *, end: bool = True
) -> list[Any]:
    a_framer = framer_factory(framing, limit)()
    found: list[Any] = []
    for piece in pieces:
        found += a_framer.feed(piece)
        if a_framer.broken:
            break
    if end:
        found += a_framer.end()
    return shown(found)


def pack(size: int, *payloads: bytes) -> bytes:
    return b"".join(len(data).to_bytes(size) + data for data in payloads)


def each_byte(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


CASES: list[Any] = [
    pytest.param("lines", b"a\nbc\n", [b"a", b"bc"], id="LF"),
    pytest.param("lines", b"a\r\nbc\r\n", [b"a", b"bc"], id="CR LF"),
    pytest.param("lines", b"\n\r\n\n", [b"", b"", b""], id="empty lines"),
    pytest.param("lines", b"a\r\r\n", [b"a\r"], id="one CR belongs to the end"),
    pytest.param("lines", b"a\rb\n", [b"a\rb"], id="a CR within"),
    pytest.param("lines", b"\0\xff\xc3\n", [b"\0\xff\xc3"], id="any bytes"),
    pytest.param(Length(1), pack(1, b"a", b"", b"bc"), [b"a", b"", b"bc"], id="L1"),
    pytest.param(Length(2), pack(2, b"a", b"", b"bc"), [b"a", b"", b"bc"], id="L2"),
    pytest.param(Length(4), pack(4, b"a", b"", b"bc"), [b"a", b"", b"bc"], id="L4"),
    pytest.param(Length(8), pack(8, b"a", b"", b"bc"), [b"a", b"", b"bc"], id="L8"),
    pytest.param(Length(), pack(4, b"x" * 300), [b"x" * 300], id="default"),
    pytest.param(netstring, b"1:a,0:,2:bc,", [b"a", b"", b"bc"], id="own"),
]


class TestEveryFraming:
    @pytest.mark.parametrize(("framing", "data", "expected"), CASES)
    def test_framing_input_in_one_piece_gives_its_frames(
        self, framing: Framing, data: bytes, expected: list[bytes]
    ) -> None:
        assert frames(framing, [data]) == expected

    @pytest.mark.parametrize(("framing", "data", "expected"), CASES)
    def test_framing_input_byte_by_byte_gives_its_frames(
        self, framing: Framing, data: bytes, expected: list[bytes]
    ) -> None:
        assert frames(framing, each_byte(data)) == expected

    @pytest.mark.parametrize(("framing", "data", "expected"), CASES)
    def test_framing_trailing_bytes_wait_for_their_frame(
        self, framing: Framing, data: bytes, expected: list[bytes]
    ) -> None:
        for cut in range(1, len(data)):
            more = data + data[:cut]
            found = frames(framing, [more], end=False)
            assert found[: len(expected)] == expected
            assert found == frames(framing, each_byte(more), end=False)
            assert frames(framing, [more, data[cut:]]) == expected * 2

    @pytest.mark.parametrize(("framing", "data", "expected"), CASES)
    def test_framing_empty_pieces_give_nothing(
        self, framing: Framing, data: bytes, expected: list[bytes]
    ) -> None:
        assert frames(framing, []) == []
        pieces = itertools.chain.from_iterable(
            (b"", piece) for piece in each_byte(data)
        )
        assert frames(framing, pieces) == expected


class TestRaw:
    def test_raw_pieces_are_frames(self) -> None:
        assert frames("raw", [b"a\n", b"b"]) == [b"a\n", b"b"]

    def test_raw_has_no_limit_and_no_end(self) -> None:
        assert frames("raw", [b"x" * 5000], limit=1) == [b"x" * 5000]


class TestLines:
    @pytest.mark.parametrize("data", [b"abc", b"abc\r"])
    def test_lines_unfinished_last_line_is_a_frame(self, data: bytes) -> None:
        assert frames("lines", [b"x\n" + data]) == [b"x", data]
        assert frames("lines", each_byte(b"x\n" + data)) == [b"x", data]

    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            (b"abc\nx\n", [b"abc", b"x"]),
            (b"abc\r\nx\n", [b"abc", b"x"]),
            (b"x\nabc\r\n", [b"x", b"abc"]),
            (b"abcd\nx\n", ["error", b"x"]),
            (b"x\nabcd\r\ny\n", [b"x", "error", b"y"]),
            (b"x\nabcdefghijkl\ny\n", [b"x", "error", b"y"]),
            (b"x\nabcdefghijkl", [b"x", "error"]),
            (b"x\nabcd", [b"x", "error"]),
            (b"abc\r\r\nx\n", ["error", b"x"]),
            (b"abcdefgh\n\nabcdefgh\n", ["error", b"", "error"]),
        ],
    )
    def test_lines_above_the_limit_are_errors_in_their_place(
        self, data: bytes, expected: list[Any]
    ) -> None:
        assert frames("lines", [data], limit=3) == expected
        assert frames("lines", each_byte(data), limit=3) == expected

    def test_lines_without_an_end_take_no_memory(self) -> None:
        lines: Any = framer_factory("lines", 1000)()
        found = []
        for _ in range(200):
            found += lines.feed(b"x" * 900)
            assert len(lines._rest) <= 1001
        assert shown(found) == ["error"]
        assert list(lines.feed(b"x\nnext\n")) == [b"next"]

    def test_lines_error_names_the_limit(self) -> None:
        (error,) = framer_factory("lines", 3)().feed(b"abcdef\n")
        assert isinstance(error, FrameError)
        assert "3 bytes" in str(error)


class TestLength:
    def test_length_above_the_limit_ends_the_input_before_its_data(self) -> None:
        a_framer = framer_factory(Length(2), 3)()
        found = shown(a_framer.feed(pack(2, b"abc") + b"\0\4"))
        assert found == [b"abc", "error"]
        assert a_framer.broken
        assert list(a_framer.end()) == []
        assert list(a_framer.feed(b"abcd")) == []

    def test_length_frame_cut_by_the_end_is_an_error(self) -> None:
        for cut in range(1, 5):
            data = pack(2, b"abc")[:cut]
            assert frames(Length(2), [data]) == ["error"]
            assert frames(Length(2), each_byte(data)) == ["error"]

    @pytest.mark.parametrize("size", [0, 3, 16, -1, "4", None, 4.0, True])
    def test_length_size_other_than_1_2_4_8_raises(self, size: Any) -> None:
        with pytest.raises(ValueError, match="size"):
            Length(size)


class TestOwn:
    def test_own_framing_frame_above_the_limit_ends_the_input(self) -> None:
        data = b"3:abc,5:abcde,1:x,"
        assert frames(netstring, [data], limit=4) == [b"abc", "error"]
        assert frames(netstring, each_byte(data), limit=4) == [b"abc", "error"]

    def test_own_framing_without_a_frame_takes_no_memory(self) -> None:
        endless: Any = framer_factory(lambda _: None, 100)()
        found: list[Any] = []
        while not endless.broken:
            found += endless.feed(b"x" * 50)
            assert len(endless._buffer) <= 100 + 64 + 50
        assert shown(found) == ["error"]

    def test_own_framing_that_takes_nothing_ends_the_input(self) -> None:
        assert frames(lambda _: b"again", [b"x"]) == ["error"]

    def test_own_framing_exception_is_raised(self) -> None:
        with pytest.raises(ValueError, match="invalid literal"):
            frames(netstring, [b"x:"])


class TestOptions:
    @pytest.mark.parametrize("framing", ["RAW", "line", "", 4, None])
    def test_framing_unknown_raises(self, framing: Any) -> None:
        with pytest.raises(ValueError, match="framing must be"):
            framer_factory(framing, 10)()

    @pytest.mark.parametrize("limit", [0, -1])
    def test_framing_limit_below_1_raises(self, limit: int) -> None:
        with pytest.raises(ValueError, match="at least 1"):
            framer_factory("lines", limit)()

    @pytest.mark.parametrize("limit", [1.5, "10", None, True])
    def test_framing_limit_of_another_type_raises(self, limit: Any) -> None:
        with pytest.raises(TypeError, match="whole number"):
            framer_factory("lines", limit)()

    def test_framing_event_class_is_line_or_data(self) -> None:
        assert framer_factory("lines", 10)().event is Line
        assert framer_factory("raw", 10)().event is Data
        assert framer_factory(Length(4), 10)().event is Data


INPUTS = st.lists(st.sampled_from([b"a", b"bc", b"\r", b"\n", b"\0\2", b"2:", b","]))
LIMITS = st.integers(1, 12)
CUTS = st.lists(st.integers(0, 60))


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted(places), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(ends)]


@given(INPUTS, LIMITS, CUTS)
def test_lines_cut_anywhere_give_the_same_frames(
    parts: list[bytes], limit: int, cuts: list[int]
) -> None:
    data = b"".join(parts)
    expected = frames("lines", [data], limit)
    assert frames("lines", cut(data, cuts), limit) == expected
    assert frames("lines", each_byte(data), limit) == expected
    *whole, rest = data.split(b"\n")
    lines = [line.removesuffix(b"\r") for line in whole] + ([rest] if rest else [])
    assert expected == [line if len(line) <= limit else "error" for line in lines]


@given(st.binary(max_size=60), LIMITS, CUTS, st.sampled_from([1, 2]))
def test_length_cut_anywhere_gives_the_same_frames(
    data: bytes, limit: int, cuts: list[int], size: int
) -> None:
    expected = frames(Length(size), [data], limit)
    assert frames(Length(size), cut(data, cuts), limit) == expected
    assert frames(Length(size), each_byte(data), limit) == expected


@given(st.lists(st.binary(max_size=12)), LIMITS, CUTS)
def test_own_framing_cut_anywhere_gives_the_same_frames(
    payloads: list[bytes], limit: int, cuts: list[int]
) -> None:
    data = b"".join(b"%d:%s," % (len(p), p) for p in payloads)
    expected: list[Any] = list(payloads)
    for index, payload in enumerate(payloads):
        if len(payload) > limit:
            expected[index:] = ["error"]
            break
    assert frames(netstring, [data], limit) == expected
    assert frames(netstring, cut(data, cuts), limit) == expected
