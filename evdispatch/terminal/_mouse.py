"""Mouse reports: SGR (1006), urxvt (1015), X10 and UTF-8 (1005).

All four carry one number for button, modifiers and motion, and a cell counted from 1.
Bits 2-4 are modifiers, bit 5 is motion; the rest, bits 0, 1, 6 and 7, is the button.

Source: ctlseqs "Mouse Tracking".
"""

import re

from evdispatch.terminal._events import (
    Drag,
    Mouse,
    Move,
    Press,
    Release,
    Scroll,
    Unknown,
)

_MOTION = 32
_BUTTONS = {
    0: "left",
    1: "middle",
    2: "right",
    3: "none",  # motion without a button, or a release that does not tell
    64: "wheel_up",
    65: "wheel_down",
    66: "wheel_left",
    67: "wheel_right",
    128: "back",
    129: "forward",
    130: "button10",
    131: "button11",
}
_MODIFIERS = {4: "shift", 8: "alt", 16: "ctrl"}
_BYTE_OFFSET = (
    32  # X10 keeps clear of the C0 controls; urxvt copied that for the button
)

_Meaning = tuple[type[Mouse], str, frozenset[str]]


def _meaning(code: int) -> _Meaning | None:
    button = _BUTTONS.get(code & ~(_MOTION | sum(_MODIFIERS)))
    if button is None:
        return None
    mods = frozenset(name for bit, name in _MODIFIERS.items() if code & bit)
    wheel = button.startswith("wheel")
    if code & _MOTION:
        moved: type[Mouse] = Move if button == "none" else Drag
        return None if wheel else (moved, button, mods)
    if wheel:
        return Scroll, button, mods
    return Release if button == "none" else Press, button, mods


_MEANINGS = {
    code: meaning for code in range(256) if (meaning := _meaning(code)) is not None
}


def report(code: int, column: int, row: int, raw: bytes) -> Mouse | Unknown:
    """Return the event of one report; column and row count from 1."""
    meaning = _MEANINGS.get(code)
    if meaning is None or column < 1 or row < 1:
        return Unknown(raw)
    cls, button, mods = meaning
    return cls(column - 1, row - 1, button, mods, 0, None, raw)


def sgr(match: re.Match[bytes]) -> Mouse | Unknown | None:
    """Return the event of ``CSI < code ; column ; row M`` or ``m``, if it is one.

    ``m`` is the release. A wheel has none, yet some terminals send it: no event.

    Args:
        match: Of `Grammar.token`, whose groups these four are.
    """
    code, column, row, final = match.group(3, 4, 5, 6)
    event = report(int(code), int(column), int(row), match[0])
    if final == b"m":
        if isinstance(event, Scroll):
            return None
        if isinstance(event, Press):
            x, y, button, mods = event.x, event.y, event.button, event.mods
            return Release(x, y, button, mods, 0, None, match[0])
    return event


def urxvt(numbers: tuple[int, ...], raw: bytes) -> Mouse | Unknown:
    """Return the event of ``CSI code ; column ; row M``."""
    if len(numbers) != 3:  # noqa: PLR2004
        return Unknown(raw)
    code, column, row = numbers
    return report(code - _BYTE_OFFSET, column, row, raw)


def x10(raw: bytes, *, utf8: bool) -> Mouse | Unknown:
    """Return the event of ``CSI M`` and three bytes, or three UTF-8 characters.

    A cell that can't be encoded comes as NUL.
    """
    payload = raw[3:]
    code, column, row = map(ord, payload.decode()) if utf8 else payload
    return report(code - _BYTE_OFFSET, column - _BYTE_OFFSET, row - _BYTE_OFFSET, raw)
