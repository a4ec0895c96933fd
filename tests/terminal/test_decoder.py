"""What vectors.jsonl leaves out: what is pending, and rare bytes."""

from typing import Any

import pytest
from terminal.describe import as_vector, names, values

from evdispatch.terminal import Decoder


@pytest.mark.parametrize(
    ("data", "pending"),
    [
        (b"", None),
        (b"a", None),
        (b"\x1b", "esc"),
        (b"\x1b\x1b", "esc"),
        (b"\x1b\x1b\x1b", "esc"),
        (b"\x1b[", "esc"),
        (b"\x1b\x1b[", "esc"),
        (b"\x1bO", "esc"),
        (b"\x1b\x1bO", "esc"),
        (b"\x1b]", "esc"),
        (b"\x1b]\x1b", "esc"),
        (b"\x1bP", "esc"),
        (b"\x1b_", "esc"),
        (b"\x1b^", "esc"),
        (b"\x1bX", "esc"),
        (b"\x1b[1", "seq"),
        (b"\x1b[?", "seq"),
        (b"\x1b\x1b[1;", "seq"),
        (b"\x1b[<0;1;1", "seq"),
        (b"\x1bO2", "seq"),
        (b"\x1b[[", "seq"),
        (b"\x1b[M", "seq"),
        (b"\x1b[M !", "seq"),
        (b"\xc3", "seq"),
        (b"\x1b\xc3", "seq"),
        (b"\xf0\x9f\x98", "seq"),
        (b"\x1b]0", "string"),
        (b"\x1b]0\x1b", "string"),
        (b"\x1bP1", "string"),
        (b"\x1b_G", "string"),
        (b"\x1b[200~", "paste"),
        (b"\x1b[200~a\x1b[2", "paste"),
    ],
)
def test_incomplete_input_sets_pending_until_a_flush(
    data: bytes, pending: str | None
) -> None:
    for chunks in [[data], [data[i : i + 1] for i in range(len(data))]]:
        decoder = Decoder()
        for chunk in chunks:
            decoder.feed(chunk)
        assert decoder.pending == pending
        decoder.flush()
        assert decoder.pending is None


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"\x1b\x1b[", ["escape", "alt+["]),
        (b"\x1b\x1bO", ["escape", "alt+shift+o"]),
        (b"\x1b]\x1b", ["alt+]", "escape"]),
        (b"\x1b]0;a\x1b", ["unknown b'\\x1b]0;a'", "escape"]),
        (b"\x1b\xc3", ["escape", "unknown b'\\xc3'"]),
        (b"\x1b\x1b[[", ["escape", "unknown b'\\x1b[['"]),
        (b"\x1b\x1b[1", ["escape", "unknown b'\\x1b[1'"]),
        (b"\x1b[1", ["unknown b'\\x1b[1'"]),
    ],
)
def test_flush_decodes_incomplete_input(data: bytes, events: list[str]) -> None:
    assert names(data) == []
    assert names(data, flush=True) == events


@pytest.mark.parametrize(
    ("data", "events"),
    [
        # A control after a string's introducer is a key; later it is part of the string.
        (b"\x1b]\r", ["alt+]", "enter"]),
        (b"\x1bP\x07", ["alt+shift+p", "ctrl+g"]),
        (b"\x1b]\x7f", ["alt+]", "backspace"]),
        (b"\x1b]0\r\x07", ["reply b'\\x1b]0\\r\\x07'"]),
        (b"\x1b]\x07", ["reply b'\\x1b]\\x07'"]),
        # ESC is alt for keys alone.
        (b"\x1b\x1b[[A", ["alt+f1"]),
        (b"\x1b\x1b[97;5u", ["ctrl+alt+a"]),
        (b"\x1b\x1b[3$", ["alt+shift+delete"]),
        (b"\x1b\x1b[I", ["escape", "focus b'\\x1b[I'"]),
        (b"\x1b\x1b[99~", ["escape", "unknown b'\\x1b[99~'"]),
        (b"\x1b\x1b[M !!", ["escape", "press b'\\x1b[M !!'"]),
        (b"\x1b\x1b]1\x07", ["escape", "reply b'\\x1b]1\\x07'"]),
        (b"\x1b\x1b\x1b[A", ["escape", "alt+up"]),
        (b"\x1b\xc2\x9b", ["escape", "unknown b'\\xc2\\x9b'"]),
        (b"\x1b\xc3\xa9", ["alt+é"]),
        (b"\x1b\t", ["alt+tab"]),
        # Bytes that break a sequence off.
        (b"\x1b[M!\x1b[A", ["unknown b'\\x1b[M!'", "up"]),
        (b"\x1bO2\r", ["unknown b'\\x1bO2'", "enter"]),
        (b"\x1bO\xc3\xa9", ["alt+shift+o", "é"]),
        (b"\x1b[[5", ["unknown b'\\x1b[['", "5"]),
        # SS3: the keypad's space and tab, and what is no key.
        (b"\x1bO ", ["space"]),
        (b"\x1bOI", ["tab"]),
        (b"\x1bOz", ["unknown b'\\x1bOz'"]),
        (b"\x1bO1;5P", ["ctrl+f1"]),
        (b"\x1bO2;5P", ["unknown b'\\x1bO2;5P'"]),
        (b"\x1bO257P", ["unknown b'\\x1bO257P'"]),
        # $ ends a key of rxvt, and is elsewhere a byte among others.
        (b"\x1b[9$y", ["unknown b'\\x1b[9$y'"]),
        (b"\x1b[4;1$y", ["reply b'\\x1b[4;1$y'"]),
    ],
)
def test_rare_sequences_are_decoded_whole_and_byte_by_byte(
    data: bytes, events: list[str]
) -> None:
    assert names(data, flush=True) == events
    decoder = Decoder()
    pieces: list[Any] = []
    for byte in data:
        pieces += decoder.feed(bytes([byte]))
    pieces += decoder.flush()
    whole = [*Decoder().feed(data), *Decoder().flush()]
    assert [values(event) for event in pieces] == [values(event) for event in whole]


@pytest.mark.parametrize(
    "csi",
    [
        "~",
        "16~",
        "1;2:5~",
        "1;2:1:1~",
        "1;2;3;4~",
        "u",
        "0u",
        "0;2u",
        "31u",
        "129u",
        "55296u",
        "57455u",
        "63743u",
        "1114112u",
        "97:1114112u",
        "97:7u",
        "97::55296u",
        "97:1:1:1u",
        "97;257u",
        "97;1;55296u",
        "97;1;97:7u",
        "97;1;97;1u",
        "27;257;97~",
        "27;5:1;97~",
        "27;5;7~",
        "2;5A",
        "1:1;5A",
        "1;5:4A",
        "3;5^",
        "99@",
        "5;0R",
        "2;5:1R",
        "?5R",
        "?5;0R",
        "?5;5;5;5R",
        "?c",
        ">c",
        "6n",
        "0;0n",
        "?n",
        "?997;3n",
        "?997n",
        "?2026$y",
        "2026;5$y",
        "?1;2u",
        "?u",
        ">m",
        ">4;2;1m",
        "7t",
        "t",
        "48;24;80t",
        "48;24;0;1;1t",
        "1O",
        "255;1;1M",
        "32;0;1M",
        "32;1:1;1M",
        "<96;1;1M",
        "<192;1;1M",
        "<256;1;1M",
        "<0;1:1;1M",
        "1234567890A",
    ],
)
def test_meaningless_control_sequence_is_unknown(csi: str) -> None:
    raw = b"\x1b[" + csi.encode()
    assert [as_vector(event) for event in Decoder().feed(raw)] == [
        {"type": "unknown", "hex": raw.hex()}
    ]
