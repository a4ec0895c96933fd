"""Which protocol a report came by, and what asks the terminal for it.

The counterpart of `_reports` and `_paste` of the decoder: mouse, paste, focus, size, and
the answers to queries.
"""

import re

from evdispatch.terminal._events import (
    Click,
    Drag,
    Focus,
    Mouse,
    Move,
    Paste,
    Release,
    Reply,
    Resize,
    Scroll,
)
from evdispatch.terminal._grammar import MalformedError, parse_csi
from evdispatch.terminal._paste import END, START
from evdispatch.terminal.explain._explanation import ALWAYS, Explanation

_SGR = re.compile(rb"\x1b\[<([0-9]{1,9});([0-9]{1,9});([0-9]{1,9})([Mm])")
_X10 = b"\x1b[M"
_OFFSET = 32  # X10 avoids the C0 controls; urxvt copied that for the button
_NUMBERS = 3  # button, column and row
_MODIFIERS = {4: "shift", 8: "alt", 16: "ctrl", 32: "motion"}
_NO_BUTTON = 3

_QUERIES = {
    "da1": ("DA1", "CSI c", "CSI ? attributes c"),
    "da2": ("DA2", "CSI > c", "CSI > type ; version ; ... c"),
    "dsr": ("DSR", "CSI 5 n", "CSI status n"),
    "cpr": ("CPR", "CSI 6 n", "CSI row ; column R"),
    "decrpm": ("DECRPM", "CSI mode $ p", "CSI mode ; state $ y"),
    "kitty_flags": ("kitty keyboard flags", "CSI ? u", "CSI ? flags u"),
    "modify_keys": (
        *("XTQMODKEYS", "CSI ? resource m"),
        "CSI > resource ; value m",
    ),
    "color_scheme": (
        *("colour scheme", "CSI ? 996 n, or unasked with 2031"),
        "CSI ? 997 ; scheme n",
    ),
}
_PRIVATE = {
    "dsr": ("DSR of a device", "CSI ? device n", "CSI ? status n"),
    "cpr": ("DECXCPR", "CSI ? 6 n", "CSI ? row ; column R"),
    "decrpm": ("DECRPM", "CSI ? mode $ p", "CSI ? mode ; state $ y"),
}
# The number of the ``CSI number t`` that asks for a report of the window.
_WINDOW = {1: 11, 2: 11, 3: 13, 4: 14, 5: 15, 6: 16, 8: 18, 9: 19}

_DCS = {
    ">|": ("XTVERSION", "CSI > q"),
    "!|": ("DA3", "CSI = c"),
    "0$r": ("DECRQSS, refused", "DCS $ q setting ST"),
    "1$r": ("DECRQSS", "DCS $ q setting ST"),
    "0+r": ("XTGETTCAP, refused", "DCS + q names ST"),
    "1+r": ("XTGETTCAP", "DCS + q names ST"),
}
_OSC = {
    **{number: f"OSC {number} ; number ; ? ST" for number in ("4", "5")},
    **{str(number): f"OSC {number} ; ? ST" for number in range(10, 20)},
    "52": "OSC 52 ; c ; ? ST",
    "L": "CSI 20 t",
    "l": "CSI 21 t",
}
_UNKNOWN_QUERY = "a query that is not known"
_STRINGS = {"apc": "APC", "pm": "PM", "sos": "SOS"}


def explain_mouse(raw: bytes, mouse: Mouse) -> Explanation | None:
    """Explain what the mouse did; None if these are not its bytes."""
    if isinstance(mouse, Click):
        note = "a press and a release on one cell, which came before it"
        return Explanation(
            "click", "made by the library", "no bytes of its own", (note,)
        )
    match = _SGR.fullmatch(raw)
    if match is not None:
        code, column, row = map(int, match.groups()[:3])
        final = match[4].decode()
        parts = _report(code, column, row, mouse)
        end = f"{final} = {_kind(mouse)}"
        form = f"CSI < button ; column ; row {final}"
        mode = f"1006 with {_wanted(mouse)}"
        return Explanation("SGR mouse", mode, form, (*parts, end))
    return _x10(raw, mouse) if raw.startswith(_X10) else _urxvt(raw, mouse)


def _kind(mouse: Mouse) -> str:
    if isinstance(mouse, Move | Drag):
        return "motion"
    return "wheel" if isinstance(mouse, Scroll) else mouse.name


def _x10(raw: bytes, mouse: Mouse) -> Explanation | None:
    payload = raw[len(_X10) :]
    codes = list(payload)
    form, mode, name = "CSI M and three bytes", f"{_wanted(mouse)} alone", "X10 mouse"
    if len(codes) != _NUMBERS:
        codes = [ord(char) for char in payload.decode(errors="replace")]
        form, mode = "CSI M and three characters", f"1005 with {_wanted(mouse)}"
        name = "UTF-8 mouse"
    if len(codes) != _NUMBERS:
        return None
    numbers = [code - _OFFSET for code in codes]
    offset = f"{payload.hex(' ')} = {_OFFSET} and each of {str(numbers)[1:-1]}"
    button, column, row = numbers
    return Explanation(name, mode, form, (offset, *_report(button, column, row, mouse)))


def _urxvt(raw: bytes, mouse: Mouse) -> Explanation | None:
    try:
        sequence = parse_csi(raw)
    except MalformedError:
        return None
    if sequence.form != "M" or len(sequence.numbers) != _NUMBERS:
        return None
    sent, column, row = sequence.numbers
    offset = f"{sent} = {_OFFSET} and {sent - _OFFSET}"
    parts = _report(sent - _OFFSET, column, row, mouse)
    mode, form = f"1015 with {_wanted(mouse)}", "CSI button ; column ; row M"
    return Explanation("urxvt mouse", mode, form, (offset, *parts))


def _wanted(mouse: Mouse) -> str:
    if isinstance(mouse, Move):
        return "1003"
    return "1002 or 1003" if isinstance(mouse, Drag) else "1000, 1002 or 1003"


def _report(code: int, column: int, row: int, mouse: Mouse) -> tuple[str, str]:
    bits = sum(_MODIFIERS)
    if code & ~bits == _NO_BUTTON:
        what = "no button"
        if isinstance(mouse, Release) and not code & _OFFSET:
            what = "a release, which does not name the button"
    elif mouse.button.startswith("wheel"):
        what = mouse.button.replace("_", " ")
    else:
        what = f"{mouse.button} button"
    names = [f"{name}({bit})" for bit, name in _MODIFIERS.items() if code & bit]
    return (
        f"{code} = {' + '.join([what, *names])}",
        f"{column};{row} = column {column}, row {row} from 1",
    )


def explain_paste(raw: bytes, paste: Paste) -> Explanation | None:
    """Explain a paste; None if it has no bytes."""
    if not raw:
        return None
    begins, ends = raw.startswith(START), raw.endswith(END)
    size = len(raw) - begins * len(START) - ends * len(END)
    parts = ["200 = begin" if begins else "the beginning came before"]
    parts.append(f"{size} byte{'s' if size != 1 else ''} of text")
    parts.append("201 = end" if ends and not paste.truncated else "the end is missing")
    form = "CSI 200 ~ text CSI 201 ~"
    return Explanation("bracketed paste", "2004", form, tuple(parts))


def explain_focus(raw: bytes, focus: Focus) -> Explanation | None:
    """Explain a report of the focus; None if these are not its bytes."""
    final = raw[2:].decode("latin-1")
    if raw[:2] != b"\x1b[" or final not in ("I", "O"):
        return None
    part = f"{final} = {'gained' if focus.gained else 'lost'}"
    return Explanation("focus", "1004", f"CSI {final}", (part,))


def explain_resize(raw: bytes, resize: Resize) -> Explanation | None:
    """Explain a new size; None if these are not its bytes."""
    if not raw:
        note = "the kernel was asked for the size (TIOCGWINSZ)"
        return Explanation("SIGWINCH", ALWAYS, "a signal, no bytes", (note,))
    if not raw.startswith(b"\x1b[48;"):
        return None
    cells = f"{resize.rows};{resize.columns} = rows and columns"
    pixels = f"{resize.height_px};{resize.width_px} = height and width in pixels"
    form = "CSI 48 ; rows ; columns ; height ; width t"
    return Explanation("in-band resize", "2048", form, (cells, pixels))


def explain_reply(raw: bytes, reply: Reply) -> Explanation | None:
    """Explain an answer; None if it has no bytes."""
    if not raw:
        return None
    known = _PRIVATE if reply.private else _QUERIES
    if reply.kind in known:
        name, query, form = known[reply.kind]
    else:
        name, query, form = _other(reply)
    numbers = ";".join(map(str, reply.params))
    parts = [f"{numbers} = the numbers of the answer"] if numbers else []
    if reply.data:
        parts.append(f"{len(reply.data)} characters of data")
    return Explanation(f"reply {name}", f"asked for by {query}", form, tuple(parts))


def _other(reply: Reply) -> tuple[str, str, str]:
    """Return the name, the query and the form of a string, or a window's report."""
    if reply.kind == "window":
        number = _WINDOW.get(reply.params[0] if reply.params else 0, "number")
        return "of the window", f"CSI {number} t", "CSI report ; numbers t"
    if reply.kind == "osc":
        return _osc(reply.data)
    if reply.kind == "dcs":
        for start, (name, query) in _DCS.items():
            if reply.data.startswith(start):
                return name, query, f"DCS {start} data ST"
        return "DCS", _UNKNOWN_QUERY, "DCS data ST"
    name = _STRINGS.get(reply.kind, reply.kind)
    if reply.kind == "apc" and reply.data.startswith("G"):
        return "kitty graphics", "APC G keys ; data ST", "APC G keys ; message ST"
    return name, _UNKNOWN_QUERY, f"{name} data ST"


def _osc(data: str) -> tuple[str, str, str]:
    if data[:1] in ("L", "l"):
        return "of a title", _OSC[data[0]], f"OSC {data[0]} text ST"
    number = data.partition(";")[0]
    if not (number.isascii() and number.isdecimal()):
        return "OSC", _UNKNOWN_QUERY, "OSC data ST"
    return f"OSC {number}", _OSC.get(number, _UNKNOWN_QUERY), f"OSC {number} ; data ST"
