"""What made an event: every vector has an explanation, and no bytes raise."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from terminal.test_vectors import VECTORS, Vector, each_vector

from evdispatch._events import Event, Hangup
from evdispatch.terminal import (
    Click,
    Decoder,
    Drag,
    Focus,
    Key,
    Move,
    Paste,
    Press,
    Release,
    Reply,
    Resize,
    Resume,
    Suspend,
    Unknown,
)
from evdispatch.terminal._grammar import CSI_LIMIT
from evdispatch.terminal.explain import explain
from evdispatch.terminal.explain._explanation import FALLBACK, Explanation


def decode(data: bytes, **options: Any) -> Any:
    decoder = Decoder(**options)
    return [*decoder.feed(data), *decoder.flush()][0]


def of(data: bytes, **options: Any) -> Explanation:
    return explain(data, decode(data, **options))


@each_vector
def test_every_vector_has_an_explanation(vector: Vector) -> None:
    decoder = Decoder(**vector.options)
    events: list[Any] = [*decoder.feed(vector.data), *decoder.flush()]
    for event in events:
        found = explain(event.raw, event)
        assert found != FALLBACK
        assert (found.protocol == "unknown") == isinstance(event, Unknown)
        assert all([found.protocol, found.mode, found.form])


WHOLE = [
    (
        b"\x1b[97;5u",
        *("kitty keyboard", "CSI > 1 u (disambiguate)", "CSI code ; modifiers u"),
        "97 = a, 5 = 1 + ctrl(4), xterm sends the same with formatOtherKeys 1",
    ),
    (
        b"\x1b[97:65;2:3u",
        "kitty keyboard",
        "CSI > 7 u (disambiguate + event types + alternate keys)",
        "CSI code:shifted ; modifiers:action u",
        "97 = a, 65 = A, shifted, 2 = 1 + shift(1), 3 = release",
    ),
    (
        b"\x1b[<20;5;3M",
        *("SGR mouse", "1006 with 1000, 1002 or 1003"),
        "CSI < button ; column ; row M",
        "20 = left button + shift(4) + ctrl(16), 5;3 = column 5, row 3 from 1, M = press",
    ),
    (
        b"\x1b[1;5A",
        *("xterm/PC-style", "always", "CSI 1 ; modifiers letter"),
        "A = up, 5 = 1 + ctrl(4)",
    ),
    (
        b"\x1b[A",
        *("xterm/PC-style", "DECCKM 0 (CSI ? 1 l), which is the default"),
        *("CSI letter", "A = up"),
    ),
    (b"\x1b[3$", "rxvt", "always", "CSI number $", "3 = delete, $ = shift"),
    (b"\x1bOa", "rxvt", "always", "SS3 letter", "a = ctrl+up"),
    (b"\x1b[[A", "Linux console", "always", "CSI [ letter", "A = f1"),
    (
        b"\x1bOA",
        *("application cursor keys", "DECCKM 1 (CSI ? 1 h)", "SS3 letter", "A = up"),
    ),
    (
        b"\x1bOp",
        *("application keypad", "DECKPAM (ESC =)", "SS3 letter", "p = kp_0"),
    ),
    (
        b"\x1b[27;5;109~",
        *("xterm modifyOtherKeys", "CSI > 4 ; 1 m, or 2"),
        *("CSI 27 ; modifiers ; code ~", "5 = 1 + ctrl(4), 109 = m"),
    ),
    (
        b"\x1b[M !!",
        *("X10 mouse", "1000, 1002 or 1003 alone", "CSI M and three bytes"),
        "20 21 21 = 32 and each of 0, 1, 1, 0 = left button, "
        "1;1 = column 1, row 1 from 1",
    ),
    (
        b"\x1b[33;10;5M",
        *("urxvt mouse", "1015 with 1000, 1002 or 1003"),
        "CSI button ; column ; row M",
        "33 = 32 and 1, 1 = middle button, 10;5 = column 10, row 5 from 1",
    ),
    (
        b"\x1b[200~a\x1b[201~",
        *("bracketed paste", "2004", "CSI 200 ~ text CSI 201 ~"),
        "200 = begin, 1 byte of text, 201 = end",
    ),
    (b"\x1b[I", "focus", "1004", "CSI I", "I = gained"),
    (
        b"\x1b[48;24;80;480;800t",
        *("in-band resize", "2048"),
        "CSI 48 ; rows ; columns ; height ; width t",
        "24;80 = rows and columns, 480;800 = height and width in pixels",
    ),
    (
        b"\x1b[?62;22c",
        *("reply DA1", "asked for by CSI c", "CSI ? attributes c"),
        "62;22 = the numbers of the answer",
    ),
    (
        b"\x1bP>|kitty(0.32.2)\x1b\\",
        *("reply XTVERSION", "asked for by CSI > q", "DCS >| data ST"),
        "15 characters of data",
    ),
    (
        b"\x01",
        *("C0 control", "always", "one control character"),
        "01 = ctrl and A (41 - 40)",
    ),
    ("é".encode(), "UTF-8 text", "always", "the character", "c3 a9 = U+00E9, é"),
    (
        b"\x1bz",
        *("ESC prefix, ASCII text", "alt sends ESC (CSI ? 1036 h in xterm)"),
        *("ESC the character", "ESC = alt, 7a = U+007A, z"),
    ),
    (
        b"\x1b",
        *("lone escape", "always", "ESC, and a timeout"),
        "1b = escape: no sequence that it begins followed in time",
    ),
]


@pytest.mark.parametrize(
    ("data", "protocol", "mode", "form", "parts"),
    WHOLE,
    ids=[repr(w[0]) for w in WHOLE],
)
def test_sequence_has_its_whole_explanation(
    data: bytes, protocol: str, mode: str, form: str, parts: str
) -> None:
    found = of(data)
    assert (found.protocol, found.mode, found.form) == (protocol, mode, form)
    assert ", ".join(found.parts) == parts


@pytest.mark.parametrize(
    ("data", "options", "expected"),
    [
        (b"\b", {"erase": 8}, "08 = BS, which is the tty's erase character"),
        (b"\b", {}, "08 = ctrl and H (48 - 40)"),
        (b"\x1b\t", {"term": "linux"}, "1b 09 = shift+tab, as terminfo's kcbt has it"),
        (b"\x1b[1;9A", {"mod8": "meta"}, "9 = 1 + meta(8)"),
        (b"\x1b[1;9A", {"mod8": "alt"}, "9 = 1 + alt(8)"),
        (b"\x1b[1;9A", {}, "9 = 1 + super(8)"),
        (b"\x1b[1;2R", {}, "a position report has the same bytes; none was awaited"),
        (b"\x1b[1;2R", {"expect_cpr": 1}, "1;2 = the numbers of the answer"),
        (b"\x1bO5A", {}, "5 = 1 + ctrl(4)"),
        (b"\x1b[M#!!", {}, "3 = a release, which does not name the button"),
        (b"\x1b[<67;1;1M", {}, "67 = wheel right"),
    ],
)
def test_explanation_has_the_meaning_of_a_part(
    data: bytes, options: dict[str, Any], expected: str
) -> None:
    assert expected in of(data, **options).parts


@pytest.mark.parametrize(
    ("data", "options", "expected"),
    [
        (b"\x1b[M !\xc4\xbf", {"mouse_utf8": True}, "1005 with 1000, 1002 or 1003"),
        (b"\x1b[<35;1;1M", {}, "1006 with 1003"),
        (b"\x1b[<32;1;1M", {}, "1006 with 1002 or 1003"),
        (b"\x1b[>1;5C", {}, "CSI > 1 ; 3 m (modifyCursorKeys)"),
        (b"\x1b[>3;5~", {}, "CSI > 2 ; 3 m (modifyFunctionKeys)"),
        (b"\x1b[65;2u", {}, "CSI > 4 ; 1 m with formatOtherKeys 1"),
        (b"\x1b[97u", {}, "CSI > 9 u (disambiguate + all keys)"),
        (b"\x1b[0;;229u", {}, "CSI > 25 u (disambiguate + all keys + text)"),
        (b"\x1b[1;1:2A", {}, "CSI > 3 u (disambiguate + event types)"),
        (b"\x1b[57427~", {}, "CSI > 1 u (disambiguate)"),
        (b"\x1b[57441u", {}, "CSI > 9 u (disambiguate + all keys)"),
        (b"\x1b[13u", {}, "CSI > 9 u (disambiguate + all keys)"),
        (b"\x1b[13;2u", {}, "CSI > 1 u (disambiguate)"),
        (b"\x1b[>41;389;0c", {}, "asked for by CSI > c"),
        (b"\x1b[?5;10R", {}, "asked for by CSI ? 6 n"),
        (b"\x1b[?2026;2$y", {}, "asked for by CSI ? mode $ p"),
        (b"\x1b[8;24;80t", {}, "asked for by CSI 18 t"),
        (b"\x1b]11;rgb:0/0/0\x07", {}, "asked for by OSC 11 ; ? ST"),
        (b"\x1b]4;1;rgb:0/0/0\x07", {}, "asked for by OSC 4 ; number ; ? ST"),
        (b"\x1b]lt\x07", {}, "asked for by CSI 21 t"),
        (b"\x1b]0;t\x07", {}, "asked for by a query that is not known"),
        (b"\x1b]x\x07", {}, "asked for by a query that is not known"),
        (b"\x1bP1$r0m\x1b\\", {}, "asked for by DCS $ q setting ST"),
        (b"\x1b^x\x1b\\", {}, "asked for by a query that is not known"),
    ],
)
def test_explanation_has_the_mode_that_is_needed(
    data: bytes, options: dict[str, Any], expected: str
) -> None:
    assert of(data, **options).mode == expected


@pytest.mark.parametrize(
    ("data", "form", "why"),
    [
        (b"\x1b[1;5", "aborted sequence", "another key, or silence, came before"),
        (b"\x1b]0;abc", "aborted sequence", "another key, or silence, came before"),
        (b"\x80", "invalid UTF-8", "80: no character"),
        (b"\xe2\x82", "invalid UTF-8", "the rest of the character is missing"),
        (b"\xc2\x9b", "C1 control", "U+009B as UTF-8"),
        (b"\x1b[99~", "unknown sequence", "CSI ... ~ with these numbers"),
        (b"\x1b[1?A", "unknown sequence", "it breaks the grammar of CSI"),
        (b"\x1b[<0;0;1M", "unknown sequence", "a mouse report with impossible"),
        (b"\x1b[201~", "unknown sequence", "the end of a paste that has not begun"),
        (b"\x1bOz", "unknown sequence", "SS3 with a letter or a modifier"),
        (b"\x1b[" + b"1" * (CSI_LIMIT + 1), "overlong sequence", "longer than 4096"),
    ],
)
def test_unknown_bytes_are_explained_by_a_reason(
    data: bytes, form: str, why: str
) -> None:
    event = decode(data)
    found = explain(event.raw, event)
    assert (found.protocol, found.form) == ("unknown", form)
    assert why in found.parts[0]


def test_events_without_bytes_have_an_explanation() -> None:
    assert explain(b"", Resize(80, 24)).protocol == "SIGWINCH"
    assert explain(b"", Suspend()).protocol == "job control"
    assert explain(b"", Resume()).protocol == "job control"
    assert explain(b"", Hangup()).protocol == "hangup"
    click = explain(b"\x1b[<0;1;1m", Click(0, 0, "left"))
    assert click.mode == "made by the library"
    assert click.form == "no bytes of its own"


def test_release_with_a_found_button_is_explained_by_its_bytes() -> None:
    found = explain(b"\x1b[M#!!", Release(0, 0, "left"))
    assert "3 = a release, which does not name the button" in found.parts


def test_paste_piece_is_explained_without_its_ends() -> None:
    found = explain(b"abc", Paste("abc", truncated=True))
    assert found.parts == (
        *("the beginning came before", "3 bytes of text", "the end is missing"),
    )


OTHERS: list[Event] = [
    *(Key("a"), Key("tab", frozenset({"shift"})), Key("up", frozenset({"meta"}))),
    *(Press(0, 0, "left"), Release(0, 0), Click(0, 0), Move(0, 0), Drag(0, 0, "left")),
    *(Paste("a"), Focus(gained=True), Resize(1, 1), Unknown(b"a"), Event()),
    *(Reply("da1"), Reply("osc"), Reply("dcs"), Reply("window"), Reply("new")),
    *(Reply("cpr", (1, 2), private=True), Suspend(), Hangup()),
]
PIECES = st.sampled_from(
    [b"\x1b", b"[", b"O", b"<", b"M", b"m", b";", b":", b"1", b"27", b"u", b"~", b"A"]
)


@settings(deadline=None)
@given(
    st.one_of(st.binary(max_size=20), st.lists(PIECES, max_size=12).map(b"".join)),
    st.sampled_from(OTHERS),
)
def test_any_bytes_with_any_event_do_not_raise(raw: bytes, event: Event) -> None:
    assert isinstance(explain(raw, event), Explanation)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=12).map(b"".join))
def test_decoded_events_have_an_explanation(data: bytes) -> None:
    decoder = Decoder()
    events: list[Any] = [*decoder.feed(data), *decoder.flush()]
    for event in events:
        assert explain(event.raw, event) != FALLBACK


@pytest.mark.parametrize("raw", [b"\x1b" * 100_000, b"\x1b[" + b"9" * 100_000, b""])
@pytest.mark.parametrize("event", OTHERS, ids=repr)
def test_long_or_no_bytes_do_not_raise(raw: bytes, event: Event) -> None:
    assert isinstance(explain(raw, event), Explanation)


def test_vectors_include_unknown_bytes() -> None:
    assert any(event["type"] == "unknown" for v in VECTORS for event in v.events)
