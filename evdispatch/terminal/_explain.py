"""What made an event: which protocol, in which mode, by which bytes.

::

    _explain            any event, and bytes that mean nothing
    _explain_keys       keys          _explain_reports    mouse, paste, size, answers
    _explanation        the form that all explanations have

The decoder does not need it: it is for people who ask why a key is what it is. So it
takes the bytes apart once more, by itself, and knows the event that came of them.
"""

from evdispatch._events import Event, Hangup
from evdispatch.terminal._events import (
    Focus,
    Key,
    Mouse,
    Paste,
    Reply,
    Resize,
    Resume,
    Suspend,
    Unknown,
)
from evdispatch.terminal._explain_keys import explain_key
from evdispatch.terminal._explain_reports import (
    explain_focus,
    explain_mouse,
    explain_paste,
    explain_reply,
    explain_resize,
)
from evdispatch.terminal._explanation import ALWAYS, FALLBACK, Explanation
from evdispatch.terminal._params import MalformedError, parse_csi
from evdispatch.terminal._paste import END
from evdispatch.terminal._tokens import LONG, grammar

_NO_BYTES: dict[type[Event], tuple[str, str]] = {
    Suspend: ("job control", "ctrl+z: the program gives the terminal back, and stops"),
    Resume: ("job control", "SIGCONT: the program has the terminal again"),
    Hangup: ("hangup", "the terminal has gone"),
}
_WHY = {
    END: "the end of a paste that has not begun",
    b"\x1b[<": "a mouse report with impossible numbers",
    b"\x1b[M": "a mouse report with impossible numbers",
    b"\x1bO": "SS3 with a letter or a modifier of no key",
}
"""Why a sequence means nothing, by its beginning."""

_INTRODUCER = 2  # bytes before the body of a sequence
_FIRST_NON_ASCII = 0x80


def explain(raw: bytes, event: Event) -> Explanation:
    """Return what made an event.

    Args:
        raw: The bytes it was decoded from; none for what comes of a signal.
        event: The event. It decides where bytes alone are ambiguous.

    Returns:
        `FALLBACK` if the bytes are not those of such an event. It never raises.
    """
    return _explained(raw, event) or FALLBACK


def _explained(raw: bytes, event: Event) -> Explanation | None:  # noqa: PLR0911
    match event:
        case Key():
            return explain_key(raw, event)
        case Mouse():
            return explain_mouse(raw, event)
        case Paste():
            return explain_paste(raw, event)
        case Focus():
            return explain_focus(raw, event)
        case Resize():
            return explain_resize(raw, event)
        case Reply():
            return explain_reply(raw, event)
        case Unknown():
            return _unknown(raw) if raw else None
        case _:
            return _without_bytes(event)


def _without_bytes(event: Event) -> Explanation | None:
    told = _NO_BYTES.get(type(event))
    if told is None:
        return None
    return Explanation(told[0], ALWAYS, "no bytes", (told[1],))


def _unknown(raw: bytes) -> Explanation:
    form, why = _broken(raw) or _meaningless(raw)
    return Explanation("unknown", "none that is known", form, (why,))


def _broken(raw: bytes) -> tuple[str, str] | None:
    """Tell of bytes that are no complete sequence."""
    match = grammar(mouse_utf8=False).prefix.match(raw)
    kind = None if match is None else match.lastgroup
    whole = match is not None and kind is not None and match.end(kind) == len(raw)
    if raw[0] >= _FIRST_NON_ASCII:
        if len(raw) > 1 and not whole:
            return None
        why = "the rest of the character is missing" if whole else "no character"
        return "invalid UTF-8", f"{raw.hex(' ')}: {why}"
    if not whole or kind is None:
        return None
    long = LONG.get(kind)
    if long is not None and len(raw) >= long.limit + _INTRODUCER:
        why = f"longer than {long.limit} bytes: the rest was passed over"
        return "overlong sequence", why
    why = "another key, or silence, came before its end"
    return "aborted sequence", why


def _meaningless(raw: bytes) -> tuple[str, str]:
    """Tell of a complete sequence that nothing is known of."""
    if raw[0] >= _FIRST_NON_ASCII:
        return "C1 control", f"U+{raw[-1]:04X} as UTF-8: no key sends it"
    for start, why in _WHY.items():
        if raw.startswith(start):
            return "unknown sequence", why
    if not raw.startswith(b"\x1b["):
        return "unknown bytes", "they begin no sequence"
    try:
        form = parse_csi(raw).form
    except MalformedError:
        return "unknown sequence", "it breaks the grammar of CSI"
    return "unknown sequence", f"CSI ... {form} with these numbers: no key, no report"
