"""Reports: the mouse, focus and size, and what the terminal answers to queries.

All mouse reports (SGR 1006, urxvt 1015, X10, UTF-8 1005) carry one number for button,
modifiers and motion, and a cell counted from 1. Bits 2-4 are modifiers, bit 5 is motion;
the rest, bits 0, 1, 6 and 7, is the button.

Sources: ctlseqs "Mouse Tracking", "Device Control functions", "Window manipulation",
"FocusIn/FocusOut"; in-band resize (2048), colour scheme (997) and kitty's flags.
"""

import re
from collections.abc import Callable

from evdispatch._events import Event
from evdispatch.terminal._events import (
    Drag,
    Focus,
    Mouse,
    Move,
    Press,
    Release,
    Reply,
    Resize,
    Scroll,
    Unknown,
)
from evdispatch.terminal._grammar import MalformedError, Sequence

_MOTION = 32
_BUTTONS = {
    0: "left",
    1: "middle",
    2: "right",
    3: "none",  # motion without a button, or a release that does not name it
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
_OFFSET = 32  # X10 avoids the C0 controls; urxvt copied that for the button

_STATUS = range(5)  # 0 ready ... 4; 5 and 6 are queries, echoed
_COLOR_SCHEME = 997
_SCHEMES = {1: "dark", 2: "light"}
_MODE_STATES = range(5)
_IN_BAND_RESIZE = 48
_WINDOW_REPORTS = frozenset({1, 2, 3, 4, 5, 6, 8, 9})
_STRINGS = {"]": "osc", "P": "dcs", "_": "apc", "^": "pm", "X": "sos"}


def _meaning(code: int) -> tuple[type[Mouse], str, frozenset[str]] | None:
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


def _mouse(code: int, column: int, row: int, raw: bytes) -> Mouse | Unknown:
    meaning = _MEANINGS.get(code)
    if meaning is None or column < 1 or row < 1:
        return Unknown(raw)
    cls, button, mods = meaning
    return cls(column - 1, row - 1, button, mods, 0, None, raw)


def sgr(match: re.Match[bytes]) -> Mouse | Unknown | None:
    """Return the event of ``CSI < code ; column ; row M`` or ``m``, the release.

    A wheel has no release, yet some terminals send one: it is no event.

    Args:
        match: Of `Grammar.token`, whose groups these four are.
    """
    code, column, row, final = match.group(3, 4, 5, 6)
    event = _mouse(int(code), int(column), int(row), match[0])
    if final == b"m":
        if isinstance(event, Scroll):
            return None
        if isinstance(event, Press):
            x, y, button, mods = event.x, event.y, event.button, event.mods
            return Release(x, y, button, mods, 0, None, match[0])
    return event


def x10(raw: bytes, *, utf8: bool) -> Mouse | Unknown:
    """Return the event of ``CSI M`` and three bytes, or three UTF-8 characters.

    A cell that can't be encoded comes as NUL.
    """
    payload = raw[3:]
    code, column, row = map(ord, payload.decode()) if utf8 else payload
    return _mouse(code - _OFFSET, column - _OFFSET, row - _OFFSET, raw)


def _urxvt(sequence: Sequence) -> Mouse | Unknown:
    """``CSI code ; column ; row M``."""
    if [len(field) for field in sequence.fields] != [1, 1, 1]:
        raise MalformedError
    code, column, row = sequence.numbers
    return _mouse(code - _OFFSET, column, row, sequence.raw)


def _focus(sequence: Sequence) -> Focus:
    """``CSI I`` and ``CSI O``, without parameters."""
    sequence.at_most(0)
    return Focus(sequence.form == "I", sequence.raw)


def _window(sequence: Sequence) -> Resize | Reply:
    """``CSI 48;rows;columns;height;width t``, or a report of the window."""
    numbers = sequence.numbers  # 2048's sub-parameters are to be ignored
    if numbers[:1] == (_IN_BAND_RESIZE,):
        if len(numbers) < 5 or 0 in numbers[1:3]:  # noqa: PLR2004
            raise MalformedError
        rows, columns, height, width = numbers[1:5]
        return Resize(columns, rows, width, height, sequence.raw)
    if not numbers or numbers[0] not in _WINDOW_REPORTS:
        raise MalformedError
    return Reply("window", numbers, raw=sequence.raw)


def _attributes(sequence: Sequence) -> Reply:
    """DA1 ``CSI ? ... c`` and DA2 ``CSI > ... c``; without parameters it is the query."""
    if not sequence.fields:
        raise MalformedError
    kind = "da1" if sequence.form[0] == "?" else "da2"
    return Reply(kind, sequence.numbers, raw=sequence.raw)


def _status(sequence: Sequence) -> Reply:
    """``CSI code n``: the state of the terminal; with ``?`` of its devices."""
    numbers = sequence.numbers
    if sequence.form == "n":
        if len(numbers) != 1 or numbers[0] not in _STATUS:
            raise MalformedError
        return Reply("dsr", numbers, raw=sequence.raw)
    if not numbers:
        raise MalformedError
    if numbers[0] == _COLOR_SCHEME:
        if len(numbers) != 2 or numbers[1] not in _SCHEMES:  # noqa: PLR2004
            raise MalformedError
        return Reply("color_scheme", numbers, _SCHEMES[numbers[1]], raw=sequence.raw)
    return Reply("dsr", numbers, private=True, raw=sequence.raw)


def position(sequence: Sequence) -> Reply:
    """CPR ``CSI row;column R``; DECXCPR ``CSI ? row;column R``, or with a page."""
    numbers, private = sequence.numbers, sequence.form == "?R"
    sequence.at_most(3 if private else 2)
    if len(numbers) < 2 or 0 in numbers:  # noqa: PLR2004
        raise MalformedError
    return Reply("cpr", numbers, private=private, raw=sequence.raw)


def _mode(sequence: Sequence) -> Reply:
    """DECRPM ``CSI mode;state $y``, with ``?`` for DEC's own modes."""
    numbers, private = sequence.numbers, sequence.form.startswith("?")
    if len(numbers) != 2 or numbers[1] not in _MODE_STATES:  # noqa: PLR2004
        raise MalformedError
    return Reply("decrpm", numbers, private=private, raw=sequence.raw)


def _kitty_flags(sequence: Sequence) -> Reply:
    """``CSI ? flags u``; without flags it is the query."""
    if len(sequence.fields) != 1:
        raise MalformedError
    return Reply("kitty_flags", sequence.numbers, raw=sequence.raw)


def _modify_keys(sequence: Sequence) -> Reply:
    """XTQMODKEYS ``CSI > resource;value m``."""
    sequence.at_most(2)
    if not sequence.fields:
        raise MalformedError
    return Reply("modify_keys", sequence.numbers, raw=sequence.raw)


def string(raw: bytes) -> Reply:
    """Return the reply of an OSC, DCS, APC, PM or SOS, with its end (BEL or ST)."""
    kind = _STRINGS[chr(raw[1])]
    end = -1 if raw.endswith(b"\x07") else -2
    return Reply(kind, data=raw[2:end].decode(errors="replace"), raw=raw)


CSI_REPORTS: dict[str, Callable[[Sequence], Event]] = {
    "M": _urxvt,
    "I": _focus,
    "O": _focus,
    "t": _window,
    "?c": _attributes,
    ">c": _attributes,
    "n": _status,
    "?n": _status,
    "?R": position,
    "$y": _mode,
    "?$y": _mode,
    "?u": _kitty_flags,
    ">m": _modify_keys,
}
"""By a sequence's form; each raises MalformedError for numbers that mean nothing."""
