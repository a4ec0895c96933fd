"""From a complete sequence to its event; for CSI by one table of forms.

A form is the private marker, the intermediates and the final of a sequence. What no
function of the table makes sense of is one `Unknown`, never text.
"""

from collections.abc import Callable

from evdispatch._events import Event
from evdispatch.terminal import _legacy, _mouse, _replies
from evdispatch.terminal._events import Key, Unknown
from evdispatch.terminal._keys import CSI_LETTERS, CTRL, SHIFT, TILDE
from evdispatch.terminal._kitty import Modifiers, how, kitty_key, modify_other_key
from evdispatch.terminal._params import MalformedError, Sequence, parse_csi

_MODIFY_OTHER_KEYS = 27
_CPR_FIRST_ROW = 1
_XTERM_MODIFIERS = range(2, 17)


def sequence_event(raw: bytes, modifiers: Modifiers) -> Event:
    """Return the event of a complete sequence: a control, or what begins with ESC."""
    if raw.startswith(b"\x1b[["):
        return _legacy.linux(raw)
    if raw.startswith(b"\x1b["):
        return _csi_event(raw, modifiers)
    if raw.startswith(b"\x1bO"):
        return _legacy.ss3(raw, modifiers)
    if raw.startswith(b"\x1b"):
        return _legacy.escaped(raw)
    if len(raw) > 1:  # a C1 control in UTF-8
        return Unknown(raw)
    return _legacy.control(raw[0])


def position_event(raw: bytes) -> Event:
    """Return the event of ``CSI row;column R`` while a report is awaited."""
    try:
        return _replies.position(parse_csi(raw))
    except MalformedError:
        return Unknown(raw)


def _csi_event(raw: bytes, modifiers: Modifiers) -> Event:
    try:
        sequence = parse_csi(raw)
        if sequence.form in _KEYS:
            return _KEYS[sequence.form](sequence, modifiers)
        if sequence.form in _REPORTS:
            return _REPORTS[sequence.form](sequence)
    except MalformedError:
        pass
    return Unknown(raw)


def _letter(sequence: Sequence, modifiers: Modifiers) -> Key:
    """``CSI letter``, ``CSI modifiers letter``, ``CSI 1;modifiers letter``."""
    key, implied = CSI_LETTERS[sequence.form[-1]]
    index = 0
    if len(sequence.fields) > 1:
        index = 1
        if sequence.number(0) > 1:
            raise MalformedError
    pressed = how(sequence, index, modifiers)
    return Key(
        key, pressed.mods | implied, pressed.text, pressed.action, raw=sequence.raw
    )


def _tilde(sequence: Sequence, modifiers: Modifiers) -> Key:
    """``CSI number;modifiers ~``."""
    number = sequence.number(0)
    if number == _MODIFY_OTHER_KEYS and len(sequence.fields) == 3:  # noqa: PLR2004
        return modify_other_key(sequence, modifiers)
    pressed = how(sequence, 1, modifiers)
    return Key(
        _tilde_key(number), pressed.mods, pressed.text, pressed.action, raw=sequence.raw
    )


def _tilde_key(number: int) -> str:
    if number not in TILDE:
        raise MalformedError
    return TILDE[number]


def _rxvt(sequence: Sequence, modifiers: Modifiers) -> Key:
    """``CSI number`` and one of ``$ ^ @``: rxvt's shift, ctrl, and both."""
    sequence.at_most(1)
    mods = _RXVT_FINALS[sequence.form]
    return Key(_tilde_key(sequence.number(0)), mods, raw=sequence.raw)


def _letter_or_position(sequence: Sequence, modifiers: Modifiers) -> Event:
    """``CSI 1;modifiers R`` is F3, ``CSI row;column R`` a position: the same bytes.

    F3, if it can be one (ctlseqs, note at "Report Cursor Position"). Ask for the
    position with DECXCPR (``CSI ? 6 n``), whose answer is no key.
    """
    numbers = sequence.numbers
    if len(numbers) == 2 and all(len(field) == 1 for field in sequence.fields):  # noqa: PLR2004
        row, column = numbers
        if row > _CPR_FIRST_ROW or (row == 1 and column not in _XTERM_MODIFIERS):
            return _replies.position(sequence)
    return _letter(sequence, modifiers)


def _urxvt_mouse(sequence: Sequence) -> Event:
    if any(len(field) > 1 for field in sequence.fields):
        raise MalformedError
    return _mouse.urxvt(sequence.numbers, sequence.raw)


_RXVT_FINALS = {"$": SHIFT, "^": CTRL, "@": CTRL | SHIFT}

_KEYS: dict[str, Callable[[Sequence, Modifiers], Event]] = {
    "u": kitty_key,
    "~": _tilde,
    ">~": _tilde,  # modifyFunctionKeys=3 and modifyCursorKeys=3 add the marker
    **dict.fromkeys(CSI_LETTERS, _letter),
    **{f">{letter}": _letter for letter in CSI_LETTERS if letter.isupper()},
    "R": _letter_or_position,
    **dict.fromkeys(_RXVT_FINALS, _rxvt),
}

_REPORTS: dict[str, Callable[[Sequence], Event]] = {
    "M": _urxvt_mouse,
    "I": _replies.focus,
    "O": _replies.focus,
    "t": _replies.window,
    "?c": _replies.attributes,
    ">c": _replies.attributes,
    "n": _replies.status,
    "?n": _replies.status,
    "?R": _replies.position,
    "$y": _replies.mode,
    "?$y": _replies.mode,
    "?u": _replies.kitty_flags,
    ">m": _replies.modify_keys,
}
