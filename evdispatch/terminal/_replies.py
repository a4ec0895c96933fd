"""What the terminal answers to queries, and what it tells unasked: focus and size.

Each function takes a control sequence that its form has led here; one that says nothing
raises `MalformedError`.

Sources: ctlseqs "Device Control functions", "Window manipulation", "FocusIn/FocusOut";
the in-band resize notification (2048), colour scheme (997) and kitty's flags.
"""

from evdispatch.terminal._events import Focus, Reply, Resize
from evdispatch.terminal._params import MalformedError, Sequence

_STATUS = range(5)  # 0 ready ... 4; 5 and 6 are queries, echoed
_COLOR_SCHEME = 997
_SCHEMES = {1: "dark", 2: "light"}
_MODE_STATES = range(5)
_IN_BAND_RESIZE = 48
_WINDOW_REPORTS = frozenset({1, 2, 3, 4, 5, 6, 8, 9})
_STRINGS = {"]": "osc", "P": "dcs", "_": "apc", "^": "pm", "X": "sos"}


def focus(sequence: Sequence) -> Focus:
    """``CSI I`` and ``CSI O``, without parameters."""
    sequence.at_most(0)
    return Focus(sequence.form == "I", sequence.raw)


def window(sequence: Sequence) -> Resize | Reply:
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


def attributes(sequence: Sequence) -> Reply:
    """DA1 ``CSI ? ... c`` and DA2 ``CSI > ... c``; without parameters it is the query."""
    if not sequence.fields:
        raise MalformedError
    kind = "da1" if sequence.form[0] == "?" else "da2"
    return Reply(kind, sequence.numbers, raw=sequence.raw)


def status(sequence: Sequence) -> Reply:
    """``CSI code n``: the terminal's health; with ``?`` of its devices."""
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


def mode(sequence: Sequence) -> Reply:
    """DECRPM ``CSI mode;state $y``, with ``?`` for DEC's own modes."""
    numbers = sequence.numbers
    if len(numbers) != 2 or numbers[1] not in _MODE_STATES:  # noqa: PLR2004
        raise MalformedError
    return Reply(
        "decrpm", numbers, private=sequence.form.startswith("?"), raw=sequence.raw
    )


def kitty_flags(sequence: Sequence) -> Reply:
    """``CSI ? flags u``; without flags it is the query."""
    if len(sequence.fields) != 1:
        raise MalformedError
    return Reply("kitty_flags", sequence.numbers, raw=sequence.raw)


def modify_keys(sequence: Sequence) -> Reply:
    """XTQMODKEYS ``CSI > resource;value m``."""
    sequence.at_most(2)
    if not sequence.fields:
        raise MalformedError
    return Reply("modify_keys", sequence.numbers, raw=sequence.raw)


def string(raw: bytes) -> Reply:
    """OSC, DCS, APC, PM or SOS, with its end (BEL or ST)."""
    kind = _STRINGS[chr(raw[1])]
    end = -1 if raw.endswith(b"\x07") else -2
    return Reply(kind, data=raw[2:end].decode(errors="replace"), raw=raw)
