"""Bad input, and much of it: bounded memory, linear time, and no key lost afterwards."""

import time
import tracemalloc
from collections.abc import Iterator

import pytest

from evdispatch import Event, Key, Paste, Unknown
from evdispatch.terminal import Decoder

MEGABYTE = 1 << 20


def chunks(head: bytes, body: bytes, size: int) -> Iterator[bytes]:
    """A stream of so many bytes, as a tty would give it."""
    yield head
    piece = (body * (4096 // len(body) + 1))[: 4096 - 4096 % len(body)]
    for _ in range(size // len(piece)):
        yield piece


def peak(decoder: Decoder, stream: Iterator[bytes]) -> tuple[int, int]:
    """Feed it all, keep nothing; return the most memory and how many events came."""
    tracemalloc.start()
    try:
        count = sum(len(decoder.feed(chunk)) for chunk in stream)
        return tracemalloc.get_traced_memory()[1], count
    finally:
        tracemalloc.stop()


def last(decoder: Decoder, data: bytes) -> Event:
    """What comes last of some bytes."""
    events = decoder.feed(data)
    return events[-1]


@pytest.mark.parametrize(
    ("head", "body", "size"),
    [
        (b"\x1b[1", b";1", 8 * MEGABYTE),
        (b"\x1b[", b"0", 8 * MEGABYTE),
        (b"\x1bP", b"q", 8 * MEGABYTE),
        (b"\x1b]52;c;", b"QUJD", 8 * MEGABYTE),
        (b"\x1b_", b"\x1b", MEGABYTE // 16),  # these make an event of each byte or two
        (b"", b"\x00", MEGABYTE // 16),
        (b"", b"\x1b", MEGABYTE // 16),
        (b"", b"\xff\xc3", MEGABYTE // 16),
        (b"\x1b[M", b"\x1b[M", MEGABYTE // 16),
    ],
    ids=["csi", "digits", "dcs", "osc", "apc", "nul", "esc", "utf8", "x10"],
)
def test_endless_stream_takes_bounded_memory_and_loses_no_key(
    head: bytes, body: bytes, size: int
) -> None:
    decoder = Decoder()
    most, _ = peak(decoder, chunks(head, body, size))
    assert most < 6 * MEGABYTE
    decoder.flush()
    assert decoder.pending is None
    key = last(decoder, b"a")
    assert isinstance(key, Key)
    assert key.key == "a"


def test_paste_of_100_megabytes_comes_in_pieces() -> None:
    decoder = Decoder(paste_limit=MEGABYTE)
    size = 0
    pieces: list[bool] = []
    for chunk in (*chunks(b"\x1b[200~", b"x", 100 * MEGABYTE), b"\x1b[201~q"):
        for event in decoder.feed(chunk):
            if isinstance(event, Paste):
                size += len(event.text)
                pieces.append(event.truncated)
            else:
                assert isinstance(event, Key)
                assert event.key == "q"
    assert size == 100 * MEGABYTE
    assert pieces == [True] * (len(pieces) - 1) + [False]
    assert len(pieces) in (100, 101)


def test_endless_paste_takes_bounded_memory() -> None:
    decoder = Decoder(paste_limit=MEGABYTE)
    most, count = peak(decoder, chunks(b"\x1b[200~", b"x\x1b[20", 8 * MEGABYTE))
    assert most < 6 * MEGABYTE
    assert count >= 7
    (rest,) = decoder.flush()
    assert isinstance(rest, Paste)
    assert rest.truncated
    assert isinstance(last(decoder, b"a"), Key)


@pytest.mark.parametrize("head", [b"\x1b[1", b"\x1b]0;", b"\x1b[200~"])
def test_bytes_one_at_a_time_take_linear_time(head: bytes) -> None:
    """Twice the bytes take about twice the time; four times would be quadratic."""

    def cost(size: int) -> float:
        decoder = Decoder()
        decoder.feed(head)
        begun = time.process_time()
        for _ in range(size):
            decoder.feed(b"1")
        return time.process_time() - begun

    ratios = sorted(cost(40_000) / cost(20_000) for _ in range(5))
    assert ratios[2] < 3


def test_sequence_above_the_limit_makes_one_unknown() -> None:
    decoder = Decoder()
    events = [
        event
        for chunk in chunks(b"\x1b[1", b";1", MEGABYTE)
        for event in decoder.feed(chunk)
    ]
    assert [type(event) for event in events] == [Unknown]
