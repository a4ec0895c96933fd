"""What must hold for any bytes at all.

The examples are the same in each run: a red test is red for everybody.
"""

import time
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from terminal.describe import values
from terminal.test_vectors import VECTORS

from evdispatch._events import Event
from evdispatch.terminal import Decoder, Key, Reply, Unknown
from evdispatch.terminal._decoder import KNOWN_LIMIT
from evdispatch.terminal._grammar import CSI_LIMIT, STRING_LIMIT

ESC = b"\x1b"

PIECES = [
    *(b"\x1b", b"\x1b\x1b", b"\x1b[", b"\x1b[[", b"\x1b[<0;1;", b"\x1b[M", b"\x1bO"),
    *(b"\x1b]", b"\x1b]0;a", b"\x1bP", b"\x1bPq", b"\x1b_", b"\x1b^", b"\x1bX"),
    *(b"\x1b[200~", b"\x1b[201~", b"\x1b[20", b"1~", b"\x1b\\", b"\x07", b"\x18"),
    *(b"$", b"M", b"1;5", b"A", b"\xc3", b"\xc3\xa9", b"\xe2\x82", b"\xf0\x9f"),
    *(b"\xc2\x9b", b"\r", b"\x7f", b"\x00", b"\xff", b"\x1b[1;2R", b"\x1b[3"),
]
fragments = st.one_of(
    st.sampled_from([vector.data for vector in VECTORS if len(vector.data) < 100]),
    st.sampled_from(PIECES),
    st.binary(max_size=4),
)
streams = st.lists(fragments, max_size=12).map(b"".join)
options = st.fixed_dictionaries(
    {},
    optional={
        "mouse_utf8": st.booleans(),
        "expect_cpr": st.integers(0, 2),
        "paste_newlines": st.sampled_from(["raw", "lf"]),
        "paste_limit": st.integers(16, 24),
        "erase": st.sampled_from([0x7F, 8]),
        "term": st.sampled_from([None, "linux"]),
    },
)
fuzz = settings(deadline=None, derandomize=True, max_examples=200)


def decode(chunks: list[bytes], **options: Any) -> list[tuple[Any, ...]]:
    decoder = Decoder(**options)
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return [values(event) for event in [*events, *decoder.flush()]]


@given(streams, st.lists(st.integers(0, 200)), options)
@fuzz
def test_events_do_not_depend_on_cuts(
    data: bytes, cuts: list[int], opts: dict[str, Any]
) -> None:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[start:end] for start, end in pairwise(places)]
    whole = decode([data], **opts)
    assert decode(chunks, **opts) == whole
    assert decode([data[i : i + 1] for i in range(len(data))], **opts) == whole


@given(st.lists(fragments), options)
@fuzz
def test_flush_leaves_nothing_pending(
    chunks: list[bytes], opts: dict[str, Any]
) -> None:
    decoder = Decoder(**opts)
    for chunk in chunks:
        decoder.feed(chunk)
        if decoder.pending is None:
            assert decoder.flush() == []
    decoder.flush()
    assert decoder.pending is None
    assert [key.text for key in decoder.feed(b"q") if isinstance(key, Key)] == ["q"]


@given(streams.filter(lambda data: b"\x1b[<" not in data), options)
@fuzz
def test_every_byte_is_in_one_event(data: bytes, opts: dict[str, Any]) -> None:
    # SGR reports are left out: the release of a wheel is no event.
    decoder = Decoder(**opts)
    events: list[Any] = [*decoder.feed(data), *decoder.flush()]
    assert b"".join(event.raw for event in events) == data


@given(st.binary(), options)
@fuzz
def test_any_bytes_decode_without_error(data: bytes, opts: dict[str, Any]) -> None:
    decoder = Decoder(**opts)
    assert all(isinstance(event, Event) for event in decoder.feed(data))
    decoder.flush()
    assert decoder.pending is None


def ascii_bytes(first: str, last: str, **sizes: int) -> st.SearchStrategy[bytes]:
    alphabet = st.integers(ord(first), ord(last))
    return st.lists(alphabet, **sizes).map(bytes)  # type: ignore[arg-type]


def complete_sequences() -> st.SearchStrategy[bytes]:
    """CSI, SS3 and strings, known or not; without those that break ECMA-48's rules."""
    csi = st.builds(
        lambda parameters, between, final: ESC + b"[" + parameters + between + final,
        ascii_bytes("0", "?", min_size=1, max_size=8).filter(
            lambda parameters: not parameters.startswith(b"<")
        ),
        ascii_bytes("%", "/", max_size=2),
        ascii_bytes("@", "~", min_size=1, max_size=1),
    ).filter(lambda csi: csi != b"\x1b[200~")
    ss3 = ascii_bytes("@", "~", min_size=1, max_size=1).map(lambda end: b"\x1bO" + end)
    payload = st.binary(max_size=20).filter(
        lambda data: (
            data[:1] > b"\x1f"
            and data[:1] != b"\x7f"
            and not set(data) & {0x07, 0x18, 0x1A, 0x1B}
        )
    )
    string = st.builds(
        lambda start, data, end: start + data + end,
        st.sampled_from([b"\x1b]", b"\x1bP", b"\x1b_", b"\x1b^", b"\x1bX"]),
        payload,
        st.just(b"\x1b\\"),
    )
    return st.one_of(csi, ss3, string)


@given(st.lists(complete_sequences(), max_size=8))
@fuzz
def test_complete_sequence_is_one_event(sequences: list[bytes]) -> None:
    events: list[Any] = Decoder().feed(b"".join(sequences))
    assert [event.raw for event in events] == sequences


@given(st.lists(complete_sequences(), min_size=1, max_size=3), st.data())
@fuzz
def test_cut_sequence_makes_no_text(
    sequences: list[bytes], data: st.DataObject
) -> None:
    last = sequences.pop()
    last = last[: data.draw(st.integers(3, max(len(last) - 1, 3)))]
    decoder = Decoder()
    events: list[Any] = [*decoder.feed(b"".join([*sequences, last])), *decoder.flush()]
    assert all(event.raw.startswith(ESC) for event in events)


ENDLESS = {
    "csi": (b"\x1b[", b"1"),
    "csi with intermediates": (b"\x1b[1", b"$"),
    "csi after escape": (b"\x1b\x1b[", b";"),
    "ss3": (b"\x1bO", b"1"),
    "osc": (b"\x1b]", b"x"),
    "dcs": (b"\x1bPq", b"\x07"),
    "paste": (b"\x1b[200~", b"x"),
    "paste of escapes": (b"\x1b[200~", b"\x1b"),
    "paste of half markers": (b"\x1b[200~", b"\x1b[20"),
    "escapes": (b"", b"\x1b"),
    "introducers": (b"", b"\x1b]"),
    "restarts": (b"", b"\x1b[1;"),
    "broken utf-8": (b"", b"\xf0\x9f\x98"),
    "mouse": (b"", b"\x1b[M"),
}


def stream(kind: str, size: int) -> bytes:
    start, filling = ENDLESS[kind]
    return start + filling * (size // len(filling))


def seconds(data: bytes, chunk: int) -> float:
    """The less of two, of this process alone."""
    times = []
    for _ in range(2):
        decoder = Decoder()
        begin = time.process_time()
        for start in range(0, len(data), chunk):
            decoder.feed(data[start : start + chunk])
        decoder.flush()
        times.append(time.process_time() - begin)
    return min(times)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ENDLESS)
def test_time_byte_by_byte_is_linear(kind: str) -> None:
    # Eight times the bytes: 8 where it is linear, 64 where it is quadratic.
    short, long = (seconds(stream(kind, size), 1) for size in (1_500, 12_000))
    assert long < 24 * short + 0.005


@pytest.mark.slow
@pytest.mark.parametrize("kind", ENDLESS)
def test_time_at_once_is_linear(kind: str) -> None:
    short, long = (
        seconds(stream(kind, size), chunk=1 << 30) for size in (3_000, 24_000)
    )
    assert long < 24 * short + 0.005


def endless(kind: str, total: int) -> Iterator[bytes]:
    chunk = stream(kind, 1 << 16)
    yield chunk
    for _ in range(total >> 16):
        yield ENDLESS[kind][1] * ((1 << 16) // len(ENDLESS[kind][1]))


@pytest.mark.parametrize("kind", ["csi", "ss3", "osc", "dcs", "paste"])
def test_memory_of_endless_input_is_bounded(kind: str) -> None:
    decoder = Decoder(paste_limit=1 << 20)
    tracemalloc.start()
    try:
        for chunk in endless(kind, 6 << 20):
            decoder.feed(chunk)  # the events are dropped
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert decoder.pending is not None
    assert held < 3 << 20


@pytest.mark.parametrize("zeros", [4, 4000])
def test_memory_of_known_sequences_is_bounded(zeros: int) -> None:
    def learn(codes: range) -> int:
        for code in codes:
            decoder.feed(b"\x1b[?%0*d;1c" % (zeros, code))
        return tracemalloc.get_traced_memory()[0]

    decoder = Decoder()
    tracemalloc.start()
    try:
        some = learn(range(500))
        many = learn(range(1000, 1000 + 2 * KNOWN_LIMIT))
    finally:
        tracemalloc.stop()
    assert many - some < 1 << 20


@pytest.mark.parametrize(
    ("start", "filling", "limit", "end"),
    [
        (b"\x1b[", b"1", CSI_LIMIT, b"A"),
        (b"\x1bO", b"1", CSI_LIMIT, b"A"),
        (b"\x1b]", b"x", STRING_LIMIT, b"\x07"),
        (b"\x1b]", b"x", STRING_LIMIT, b"\x1b\\"),
        (b"\x1bP", b"x", STRING_LIMIT, b"\x1b\\"),
    ],
    ids=["csi", "ss3", "osc-bel", "osc-st", "dcs"],
)
def test_sequence_above_its_limit_is_one_unknown(
    start: bytes, filling: bytes, limit: int, end: bytes
) -> None:
    def events(size: int, *chunks: int) -> list[Event]:
        data, decoder = start + filling * size + end + b"q", Decoder()
        places = [0, *chunks, len(data)]
        return [
            event
            for begin, stop in pairwise(places)
            for event in decoder.feed(data[begin:stop])
        ]

    whole, key = events(limit)
    assert isinstance(key, Key)
    assert isinstance(whole, Reply) == (limit == STRING_LIMIT)
    size = limit + 10
    for chunks in [(), (5,), (limit + 2,), (limit + 5,), (size + len(start) + 1,)]:
        unknown, key = events(size, *chunks)
        assert isinstance(key, Key)
        assert key.text == "q"
        assert isinstance(unknown, Unknown)
        assert unknown.raw == start + filling * limit
