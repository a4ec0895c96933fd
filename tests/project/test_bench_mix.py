"""The input of the terminal benchmark."""

import re
from collections import Counter
from itertools import accumulate

import pytest
from bench.terminal_mix import PASTE_END, PASTE_START, READ, SHARES, cut, mix, paste

from evdispatch.terminal import Decoder, Key, Mouse, Paste

SIZE = 40_000


def kind(sequence: bytes) -> str:
    if re.fullmatch(rb"\x1b\[<[0-9]+;[0-9]+;[0-9]+[Mm]", sequence):
        return "mouse"
    if sequence.startswith(b"\x1b"):
        return "keys"
    return "text" if sequence.isascii() else "unicode"


def test_mix_has_the_documented_shares() -> None:
    sequences = mix(SIZE)
    assert SIZE <= sum(map(len, sequences)) < SIZE + 20
    counts = Counter(map(kind, sequences))
    shares = {name: 100 * counts[name] / len(sequences) for name in SHARES}
    assert shares == pytest.approx(SHARES, abs=2)


def test_mix_same_seed_is_equal_and_a_shorter_one_is_a_prefix() -> None:
    sequences = mix(SIZE, seed=7)
    shorter = mix(SIZE // 10, seed=7)
    assert sequences == mix(SIZE, seed=7)
    assert sequences != mix(SIZE, seed=8)
    assert shorter == sequences[: len(shorter)]


def test_mix_each_sequence_gives_one_event() -> None:
    sequences = mix(SIZE)
    decoder = Decoder()
    for sequence in sequences:
        (event,) = decoder.feed(sequence)
        assert isinstance(event, Key | Mouse)


@pytest.mark.parametrize("limit", [20, 1000, READ])
def test_mix_reads_are_cut_between_sequences(limit: int) -> None:
    sequences = mix(SIZE)
    reads = cut(sequences, limit)
    assert b"".join(reads) == b"".join(sequences)
    assert max(map(len, reads)) <= limit
    ends = set(accumulate(map(len, sequences)))
    assert set(accumulate(map(len, reads))) <= ends
    decoder = Decoder()
    assert sum(len(decoder.feed(read)) for read in reads) == len(sequences)
    assert decoder.pending is None


def test_paste_is_plain_text_between_its_markers() -> None:
    first, *words, last = paste(SIZE)
    text = b"".join(words)
    assert (first, last, len(text)) == (PASTE_START, PASTE_END, SIZE)
    assert re.fullmatch(rb"[a-z \r]+", text)
    decoder = Decoder()
    reads = cut(paste(SIZE))
    (event,) = [event for read in reads for event in decoder.feed(read)]
    assert isinstance(event, Paste)
    assert event.text == text.decode()
