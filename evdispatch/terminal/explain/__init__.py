"""What made an event: by which protocol, in which mode, and what each byte means.

Here are any event, and bytes that mean nothing; `_keys` has the keys and `_reports` all
else. The decoder does not need this package: it is for people who ask why a key is what
it is. So it parses the bytes once more, and gets the event that was decoded from them.
"""

from collections.abc import Callable
from typing import Any, Final

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
from evdispatch.terminal._grammar import LONG, MalformedError, grammar, parse_csi
from evdispatch.terminal._paste import END
from evdispatch.terminal.explain._explanation import ALWAYS, FALLBACK, Explanation
from evdispatch.terminal.explain._keys import explain_key
from evdispatch.terminal.explain._reports import (
    explain_focus,
    explain_mouse,
    explain_paste,
    explain_reply,
    explain_resize,
)

_NO_BYTES: dict[type[Event], tuple[str, str]] = {
    Suspend: ("job control", "ctrl+z: the program gives the terminal back, and stops"),
    Resume: ("job control", "SIGCONT: the program has the terminal again"),
    Hangup: ("hangup", "the terminal has gone"),
}
# Why a sequence means nothing, by its beginning.
_WHY = {
    END: "the end of a paste that has not begun",
    b"\x1b[<": "a mouse report with impossible numbers",
    b"\x1b[M": "a mouse report with impossible numbers",
    b"\x1bO": "SS3 with a letter or a modifier of no key",
}

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
    for cls, explainer in _EXPLAINERS.items():
        if isinstance(event, cls):
            return explainer(raw, event) or FALLBACK
    if type(event) not in _NO_BYTES:
        return FALLBACK
    protocol, note = _NO_BYTES[type(event)]
    return Explanation(protocol, ALWAYS, "no bytes", (note,))


def _explain_unknown(raw: bytes, event: Unknown) -> Explanation | None:
    if not raw:
        return None
    form, why = _broken(raw) or _meaningless(raw)
    return Explanation("unknown", "none that is known", form, (why,))


def _broken(raw: bytes) -> tuple[str, str] | None:
    """Return form and reason if the bytes are no complete sequence."""
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
    """Return form and reason of a complete sequence that is not known."""
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


_EXPLAINERS: Final[dict[type[Event], Callable[[bytes, Any], Explanation | None]]] = {
    Key: explain_key,
    Mouse: explain_mouse,
    Paste: explain_paste,
    Focus: explain_focus,
    Resize: explain_resize,
    Reply: explain_reply,
    Unknown: _explain_unknown,
}
