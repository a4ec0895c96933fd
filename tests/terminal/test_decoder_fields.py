"""What vectors.jsonl leaves out: replies, the text of keys, and options."""

from typing import Any

import pytest
from terminal.describe import as_vector, names

from evdispatch.terminal import Decoder, Key, Reply, Resize


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
def test_replies_have_kind_and_numbers(
    csi: str, kind: str, params: tuple[int, ...], private: bool
) -> None:
    (reply,) = Decoder().feed(b"\x1b[" + csi.encode())
    assert isinstance(reply, Reply)
    assert (reply.kind, reply.params, reply.private) == (kind, params, private)


def test_resize_with_extra_fields_is_decoded() -> None:
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
def test_kitty_key_has_the_text_that_it_types(
    data: str, key: str, mods: set[str], text: str
) -> None:
    (event,) = Decoder().feed(f"\x1b[{data}u".encode())
    assert isinstance(event, Key)
    assert (event.key, set(event.mods), event.text) == (key, mods, text)


def test_letter_that_lowers_to_two_is_not_folded() -> None:
    (event,) = Decoder().feed("İ".encode())
    assert isinstance(event, Key)
    assert (event.key, event.mods, event.text) == ("İ", frozenset(), "İ")


@pytest.mark.parametrize(
    ("data", "key", "text"),
    [(b"27;2;97~", "a", "A"), (b"27;2;32~", "space", " "), (b"27;0;97~", "a", "a")],
)
def test_modified_other_key_has_the_text_that_it_types(
    data: bytes, key: str, text: str
) -> None:
    (event,) = Decoder().feed(b"\x1b[" + data)
    assert isinstance(event, Key)
    assert (event.key, event.text) == (key, text)


def test_tilde_key_with_a_text_field_has_that_text() -> None:
    (event,) = Decoder().feed(b"\x1b[57427;2;53~")
    assert isinstance(event, Key)
    assert (event.key, event.text) == ("kp_begin", "5")


def test_motion_with_a_further_button_is_a_drag() -> None:
    (event,) = Decoder().feed(b"\x1b[<160;2;3M")
    assert (event.name, as_vector(event)["button"]) == ("drag", "back")


def test_utf8_mouse_report_is_decoded_as_characters() -> None:
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


def test_position_reports_are_decoded_only_while_awaited() -> None:
    decoder = Decoder(expect_cpr=1)
    assert names(b"\x1b\x1b[1;2R", expect_cpr=1) == ["escape", "reply b'\\x1b[1;2R'"]
    assert [e.name for e in decoder.feed(b"\x1b[1;2R\x1b[1;2R")] == ["reply", "key"]
    assert decoder.expect_cpr == 0
    decoder.expect_cpr += 1  # a known sequence is decoded again
    assert [e.name for e in decoder.feed(b"\x1b[1;2R")] == ["reply"]
    decoder.expect_cpr += 1
    assert [e.name for e in decoder.feed(b"\x1b[7;2R")] == ["reply"]
    assert decoder.expect_cpr == 0
    decoder.expect_cpr += 1
    assert [e.name for e in decoder.feed(b"\x1b[0;0R")] == ["unknown"]
    assert names(b"\x1b[1;2:1R", expect_cpr=1) == ["shift+f3"]


def test_own_keys_of_a_terminal_survive_a_full_cache() -> None:
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
def test_invalid_option_raises_with_its_name(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Decoder(**options)
