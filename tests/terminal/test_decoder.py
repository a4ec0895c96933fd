"""What vectors.jsonl does not tell: what is pending, limits, options, rare bytes."""

from typing import Any

import pytest
from terminal.describe import as_vector, values

from evdispatch.terminal import Decoder, Key, Paste, Reply, Resize, Unknown


def names(data: bytes, *, flush: bool = False, **options: Any) -> list[str]:
    """Events in short: a key's combo and text, or the event's name and raw bytes."""
    decoder = Decoder(**options)
    events: list[Any] = decoder.feed(data)
    if flush:
        events += decoder.flush()
    return [
        event.combo if isinstance(event, Key) else f"{event.name} {event.raw!r}"
        for event in events
    ]


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
def test_pending(data: bytes, pending: str | None) -> None:
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
def test_flush(data: bytes, events: list[str]) -> None:
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
def test_sequences(data: bytes, events: list[str]) -> None:
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
def test_control_sequences_that_say_nothing(csi: str) -> None:
    raw = b"\x1b[" + csi.encode()
    assert [as_vector(event) for event in Decoder().feed(raw)] == [
        {"type": "unknown", "hex": raw.hex()}
    ]


@pytest.mark.parametrize(
    ("csi", "kind", "params", "private"),
    [
        ("?27;0n", "dsr", (27, 0), True),
        ("3n", "dsr", (3,), False),
        (">4;2m", "modify_keys", (4, 2), False),
        ("?5;10;1R", "cpr", (5, 10, 1), True),
        ("4;1$y", "decrpm", (4, 1), False),
        ("?31u", "kitty_flags", (31,), False),
        ("3;10;20t", "window", (3, 10, 20), False),
        ("?997;1n", "color_scheme", (997, 1), False),
    ],
)
def test_replies(csi: str, kind: str, params: tuple[int, ...], private: bool) -> None:
    (reply,) = Decoder().feed(b"\x1b[" + csi.encode())
    assert isinstance(reply, Reply)
    assert (reply.kind, reply.params, reply.private) == (kind, params, private)


def test_a_size_with_more_fields_than_known() -> None:
    (event,) = Decoder().feed(b"\x1b[48;24;80;480;800;1;2t")
    assert isinstance(event, Resize)
    assert (event.columns, event.rows) == (80, 24)
    assert (event.width_px, event.height_px) == (800, 480)


@pytest.mark.parametrize(
    ("data", "key", "mods", "text"),
    [
        ("97;65", "a", {"caps_lock"}, "A"),
        ("97:65;66", "a", {"shift", "caps_lock"}, "a"),
        ("97:65;65", "a", {"caps_lock"}, "A"),
        ("49;65", "1", {"caps_lock"}, "1"),
        ("49:33;2", "1", {"shift"}, "!"),
        ("223;2", "ß", {"shift"}, None),  # its capital is two letters
        ("105:304;2", "i", {"shift"}, "İ"),  # Turkish: shift makes no I of it
        ("1114111", "\U0010ffff", set(), "\U0010ffff"),
        ("32;2", "space", {"shift"}, " "),
        ("65", "a", set(), "A"),
        ("97;9", "a", {"super"}, None),
        ("97;17", "a", {"hyper"}, None),
        ("57399;2", "kp_0", {"shift"}, "0"),
        ("57344", "escape", set(), None),
        ("97;1:3;97", "a", set(), None),
        ("0;2;65", "A", {"shift"}, "A"),
    ],
)
def test_text_of_kitty_keys(data: str, key: str, mods: set[str], text: str) -> None:
    (event,) = Decoder().feed(f"\x1b[{data}u".encode())
    assert isinstance(event, Key)
    assert (event.key, set(event.mods), event.text) == (key, mods, text)


def test_a_letter_that_lowers_to_two_is_not_folded() -> None:
    (event,) = Decoder().feed("İ".encode())
    assert isinstance(event, Key)
    assert (event.key, event.mods, event.text) == ("İ", frozenset(), "İ")


@pytest.mark.parametrize(
    ("data", "key", "text"),
    [(b"27;2;97~", "a", "A"), (b"27;2;32~", "space", " "), (b"27;0;97~", "a", "a")],
)
def test_text_of_modified_other_keys(data: bytes, key: str, text: str) -> None:
    (event,) = Decoder().feed(b"\x1b[" + data)
    assert isinstance(event, Key)
    assert (event.key, event.text) == (key, text)


def test_a_reported_text_on_an_older_form() -> None:
    (event,) = Decoder().feed(b"\x1b[57427;2;53~")
    assert isinstance(event, Key)
    assert (event.key, event.text) == ("kp_begin", "5")


def test_motion_with_a_further_button_is_a_drag() -> None:
    (event,) = Decoder().feed(b"\x1b[<160;2;3M")
    assert (event.name, as_vector(event)["button"]) == ("drag", "back")


def test_utf8_mouse_is_decoded_as_characters() -> None:
    data = b"\x1b[M \xc2\x80\xdf\xbf"
    (event,) = Decoder(mouse_utf8=True).feed(data)
    assert (as_vector(event)["x"], as_vector(event)["y"]) == (0x80 - 33, 0x7FF - 33)
    decoder = Decoder(mouse_utf8=True)
    assert decoder.feed(data[:-1]) == []
    assert decoder.pending == "seq"
    assert names(data[:-1] + b"a", mouse_utf8=True) == [
        "unknown b'\\x1b[M \\xc2\\x80\\xdf'",
        "a",
    ]


def test_position_reports_are_counted() -> None:
    decoder = Decoder(expect_cpr=1)
    assert names(b"\x1b\x1b[1;2R", expect_cpr=1) == ["escape", "reply b'\\x1b[1;2R'"]
    assert [e.name for e in decoder.feed(b"\x1b[1;2R\x1b[1;2R")] == ["reply", "key"]
    assert decoder.expect_cpr == 0
    decoder.expect_cpr += 1  # a known sequence is looked at anew
    assert [e.name for e in decoder.feed(b"\x1b[1;2R")] == ["reply"]
    decoder.expect_cpr += 1
    assert [e.name for e in decoder.feed(b"\x1b[7;2R")] == ["reply"]
    assert decoder.expect_cpr == 0
    decoder.expect_cpr += 1
    assert [e.name for e in decoder.feed(b"\x1b[0;0R")] == ["unknown"]
    assert names(b"\x1b[1;2:1R", expect_cpr=1) == ["shift+f3"]


def test_this_terminals_own_keys_outlast_the_cache() -> None:
    decoder = Decoder(erase=8, term="linux")
    for code in range(5000):
        decoder.feed(b"\x1b[?%dc" % code)
    events: list[Any] = decoder.feed(b"\x08\x1b\x08\x1b\t")
    combos = [event.combo for event in events]
    assert combos == ["backspace", "alt+backspace", "shift+tab"]


@pytest.mark.parametrize(
    "options",
    [{"mod8": "hyper"}, {"paste_newlines": "cr"}, {"paste_limit": 15}],
    ids=["mod8", "paste_newlines", "paste_limit"],
)
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Decoder(**options)


def paste(body: bytes, **options: Any) -> list[tuple[str, bool]]:
    events = Decoder(**options).feed(b"\x1b[200~" + body + b"\x1b[201~")
    assert all(isinstance(event, Paste) for event in events)
    return [(e.text, e.truncated) for e in events if isinstance(e, Paste)]


def test_a_paste_above_the_limit_comes_in_pieces() -> None:
    assert paste(b"x" * 16, paste_limit=16) == [("x" * 16, False)]
    pieces = [("x" * 16, True), ("x" * 16, True), ("x", False)]
    assert paste(b"x" * 33, paste_limit=16) == pieces


def test_pieces_keep_characters_and_line_ends_whole() -> None:
    assert paste(b"x" * 14 + "😀y".encode(), paste_limit=16) == [
        ("x" * 14, True),
        ("😀y", False),
    ]
    assert paste(b"x" * 15 + b"\r\ny", paste_limit=16, paste_newlines="lf") == [
        ("x" * 15, True),
        ("\ny", False),
    ]
    assert paste(b"\x80" * 17, paste_limit=16)[0] == ("\ufffd" * 13, True)


def test_a_paste_without_an_end_holds_what_looked_like_one() -> None:
    decoder = Decoder()
    decoder.feed(b"\x1b[200~abc\x1b[20")
    (event,) = decoder.flush()
    assert isinstance(event, Paste)
    assert (event.text, event.truncated) == ("abc\x1b[20", True)
    assert event.raw == b"\x1b[200~abc\x1b[20"
    assert [type(e) for e in decoder.feed(b"\x1b[201~")] == [Unknown]


def keys(decoder: Decoder, data: bytes) -> list[str]:
    return [event.key for event in decoder.feed(data) if isinstance(event, Key)]


def pending_after(decoder: Decoder, data: bytes) -> str | None:
    decoder.feed(data)
    return decoder.pending


def test_the_rest_of_a_long_control_sequence_is_skipped() -> None:
    decoder = Decoder()
    (first,) = decoder.feed(b"\x1b[" + b"1" * 5000)
    assert isinstance(first, Unknown)
    assert decoder.feed(b"2" * 10) == []
    assert pending_after(decoder, b"2") == "seq"
    assert keys(decoder, b"\r") == ["enter"]
    decoder.feed(b"\x1b[" + b"1" * 5000)
    assert pending_after(decoder, b"\x1b") == "esc"
    assert keys(decoder, b"[A") == ["up"]


def test_the_rest_of_a_long_string_is_skipped() -> None:
    decoder = Decoder()
    decoder.feed(b"\x1b]" + b"x" * (1 << 21))
    assert decoder.feed(b"y\x1b") == []
    assert decoder.pending == "string"
    assert keys(decoder, b"\\q") == ["q"]
    decoder.feed(b"\x1b]" + b"x" * (1 << 21))
    assert keys(decoder, b"\x1b[A") == ["up"]


def test_flush_ends_the_skipping() -> None:
    decoder = Decoder()
    decoder.feed(b"\x1b]" + b"x" * (1 << 21) + b"\x1b")
    assert [event.name for event in decoder.flush()] == ["key"]
    assert decoder.pending is None
    assert keys(decoder, b"q") == ["q"]
