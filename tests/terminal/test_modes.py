"""Modes: what is written to the terminal, and taken back."""

from typing import Any

import pytest

from evdispatch.terminal import BEGIN_SYNCHRONIZED, END_SYNCHRONIZED, Modes


def on(*modes: int) -> bytes:
    return b"".join(b"\x1b[?%dh" % mode for mode in modes)


def off(*modes: int) -> bytes:
    return b"".join(b"\x1b[?%dl" % mode for mode in modes)


@pytest.mark.parametrize(
    ("options", "enable", "disable"),
    [
        ({}, b"", b""),
        ({"mouse": False}, b"", b""),
        ({"mouse": "click"}, on(1000, 1006), off(1006, 1000)),
        ({"mouse": "drag"}, on(1000, 1002, 1006), off(1006, 1002, 1000)),
        (
            {"mouse": "move"},
            on(1000, 1002, 1003, 1006),
            off(1006, 1003, 1002, 1000),
        ),
        ({"paste": True}, on(2004), off(2004)),
        ({"focus": True}, on(1004), off(1004)),
        ({"resize": True}, on(2048), off(2048)),
        ({"alternate_screen": True}, on(1049), off(1049)),
        ({"hide_cursor": True}, off(25), on(25)),
        ({"keyboard": 9}, b"\x1b[>9u", b"\x1b[<u"),
    ],
)
def test_mode_is_switched_on_and_off(
    options: dict[str, Any], enable: bytes, disable: bytes
) -> None:
    modes = Modes(**options)
    assert modes.enable() == enable
    assert modes.disable() == disable


def test_all_modes_are_switched_off_in_reverse() -> None:
    modes = Modes(
        mouse="click",
        paste=True,
        focus=True,
        alternate_screen=True,
        hide_cursor=True,
        resize=True,
        keyboard=1,
    )
    assert modes.enable() == (
        on(1049) + off(25) + b"\x1b[>1u" + on(1000, 1006, 2004, 1004, 2048)
    )
    assert modes.disable() == (
        off(2048, 1004, 2004, 1006, 1000) + b"\x1b[<u" + on(25) + off(1049)
    )


@pytest.mark.parametrize("mouse", ["hover", True, None, 0, 1])
def test_unknown_mouse_mode_raises(mouse: Any) -> None:
    with pytest.raises(ValueError, match="mouse must be"):
        Modes(mouse=mouse)


@pytest.mark.parametrize("keyboard", [-1, 32])
def test_unknown_keyboard_flags_raise(keyboard: int) -> None:
    with pytest.raises(ValueError, match="keyboard must be"):
        Modes(keyboard=keyboard)


def test_synchronized_output_is_mode_2026() -> None:
    frame = BEGIN_SYNCHRONIZED + END_SYNCHRONIZED
    assert frame == on(2026) + off(2026)
