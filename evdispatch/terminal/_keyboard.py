"""Keys: from one complete sequence to its `Key` (or `Unknown`).

What terminals have sent since the VT100 comes first: characters, C0 controls, ESC, SS3
and ``CSI letter``. Then what carries numbers: the kitty keyboard protocol and xterm's
modifyOtherKeys, whose fields may be added to the older forms. ESC before a key means
alt; an upper-case letter is its letter and shift. Text is what the terminal reports, or
else what the key types on every layout; with ctrl, alt and the like it types nothing.

Sources: ctlseqs "Alt and Meta Keys", "VT220-Style Function Keys", "modifyOtherKeys"; the
terminfo entries xterm, rxvt, konsole, linux; kitty "Comprehensive keyboard handling".
"""

import re
from collections.abc import Callable

from evdispatch.terminal._events import Key, Unknown
from evdispatch.terminal._grammar import MalformedError, Sequence
from evdispatch.terminal._keys import (
    ALT,
    CONTROL_CODES,
    CSI_LETTERS,
    CTRL,
    FUNCTIONAL,
    KEY_NAMES,
    KEYPAD_TEXT,
    LINUX_LETTERS,
    NO_MODS,
    NO_TEXT,
    SHIFT,
    SS3_LETTERS,
    TILDE,
    fold,
    is_character,
)

Modifiers = tuple[frozenset[str], ...]
"""The modifiers for each sum of bits (`modifier_sets`)."""

ESC = b"\x1b"
_BACKSPACE = 0x08
_C0_KEYS = {
    0x00: ("space", CTRL),
    0x09: ("tab", NO_MODS),
    0x0D: ("enter", NO_MODS),
    0x1B: ("escape", NO_MODS),
    0x7F: ("backspace", NO_MODS),
}

# A modifier stands alone, or after a 1 as in CSI; most keys have neither.
_SS3 = re.compile(rb"\x1bO(?:(?:[01]?;)?([0-9]{1,9}))?([ -~])")
_RXVT_FINALS = {"$": SHIFT, "^": CTRL, "@": CTRL | SHIFT}

_ACTIONS = ("press", "press", "repeat", "release")  # 0 is the default: press
_MODIFY_OTHER_KEYS = 27
_PRIVATE_USE = range(0xE000, 0xF900)  # kitty's functional keys are here


def escape() -> Key:
    """Return the key escape, from an ESC that begins no sequence."""
    return Key("escape", raw=ESC)


def character(char: str) -> Key:
    """Return the key of a character that was sent as itself."""
    key, mods = fold(char)
    return Key(key, mods, char, raw=char.encode())


def control(byte: int) -> Key:
    """Return the key of a C0 control or DEL: ctrl and the character 64 above."""
    key, mods = _C0_KEYS.get(byte) or (chr(byte + 0x40).lower(), CTRL)
    return Key(key, mods, raw=bytes([byte]))


def escaped(sequence: bytes) -> Key:
    """Return the key of ESC and one character or control: alt and that key."""
    char = sequence[1:].decode()
    plain = character(char) if char >= " " and char != "\x7f" else control(ord(char))
    return with_alt(plain)


def with_alt(key: Key) -> Key:
    """Return the key that an ESC before another key makes."""
    return Key(
        key.key,
        key.mods | ALT,
        action=key.action,
        shifted=key.shifted,
        base=key.base,
        raw=ESC + key.raw,
    )


def ss3(sequence: bytes, modifiers: Modifiers) -> Key | Unknown:
    """Return the key of ``ESC O letter``, or ``ESC O modifier letter`` (Konsole)."""
    match = _SS3.fullmatch(sequence)
    if match is None or match[2].decode() not in SS3_LETTERS:
        return Unknown(sequence)
    bits = max(int(match[1] or 1), 1) - 1
    if bits >= len(modifiers):
        return Unknown(sequence)
    key, implied = SS3_LETTERS[match[2].decode()]
    mods = modifiers[bits] | implied
    return Key(key, mods, _fixed_text(key, mods), raw=sequence)


def linux(sequence: bytes) -> Key | Unknown:
    """Return the key of ``ESC [ [ letter``, which the Linux console sends."""
    name = LINUX_LETTERS.get(chr(sequence[-1]))
    return Unknown(sequence) if name is None else Key(name, raw=sequence)


def own_keys(erase: int, term: str | None) -> dict[bytes, Key]:
    """Return the keys that only this terminal sends by these bytes.

    Args:
        erase: The tty's VERASE character. DEL is backspace in any case.
        term: TERM. The Linux console sends ESC TAB for shift+tab (terminfo: kcbt).
    """
    keys = []
    if erase == _BACKSPACE:
        backspace = Key("backspace", raw=bytes([erase]))
        keys += [backspace, with_alt(backspace)]
    if term == "linux":
        keys.append(Key("tab", SHIFT, raw=ESC + b"\t"))
    return {key.raw: key for key in keys}


def _letter_key(sequence: Sequence, modifiers: Modifiers) -> Key:
    """``CSI letter``, ``CSI modifiers letter``, ``CSI 1;modifiers letter``."""
    key, implied = CSI_LETTERS[sequence.form[-1]]
    index = 0
    if len(sequence.fields) > 1:
        index = 1
        if sequence.number(0) > 1:
            raise MalformedError
    mods, text, action = _how(sequence, index, modifiers)
    return Key(key, mods | implied, text, action, raw=sequence.raw)


def _tilde_key(sequence: Sequence, modifiers: Modifiers) -> Key:
    """``CSI number;modifiers ~``."""
    number = sequence.number(0)
    if number == _MODIFY_OTHER_KEYS and len(sequence.fields) == 3:  # noqa: PLR2004
        return _modify_other_key(sequence, modifiers)
    mods, text, action = _how(sequence, 1, modifiers)
    return Key(_tilde_name(number), mods, text, action, raw=sequence.raw)


def _rxvt_key(sequence: Sequence, modifiers: Modifiers) -> Key:
    """``CSI number`` and one of ``$ ^ @``: rxvt's shift, ctrl, and both."""
    sequence.at_most(1)
    name = _tilde_name(sequence.number(0))
    return Key(name, _RXVT_FINALS[sequence.form], raw=sequence.raw)


def _tilde_name(number: int) -> str:
    if number not in TILDE:
        raise MalformedError
    return TILDE[number]


def _kitty_key(sequence: Sequence, modifiers: Modifiers) -> Key:
    """``CSI code:shifted:base ; modifiers:action ; text:text:... u``."""
    code, shifted_code, base = sequence.parts(0, 3)
    shifted = _character(shifted_code) if shifted_code else None
    mods, text, action = _how(sequence, 1, modifiers)
    if code == 0:  # text without a key, as from an input method
        if text is None:
            raise MalformedError
        key = text
    else:
        key = _key_name(code)
        if text is None and action != "release":
            text = _typed(code, mods, shifted)
    base_key = _key_name(base) if base else None
    return Key(key, mods, text, action, shifted, base_key, sequence.raw)


def _modify_other_key(sequence: Sequence, modifiers: Modifiers) -> Key:
    """``CSI 27 ; modifiers ; code ~``. xterm reports shift and 1 as ``!``."""
    bits, code = sequence.number(1), sequence.number(2)
    if bits > len(modifiers):
        raise MalformedError
    mods = modifiers[max(bits, 1) - 1]
    key = _key_name(code)
    return Key(key, mods, _typed(code, mods, chr(code)), raw=sequence.raw)


def _how(
    sequence: Sequence, index: int, modifiers: Modifiers
) -> tuple[frozenset[str], str | None, str]:
    """Return modifiers, text and action: ``modifiers:action ; text`` from ``index`` on.

    Raises:
        MalformedError: A number that is not defined, or too many of them.
    """
    sequence.at_most(index + 2)
    bits, action = sequence.parts(index, 2)
    if bits > len(modifiers) or action >= len(_ACTIONS):
        raise MalformedError
    codes = sequence.fields[index + 1] if index + 1 < len(sequence.fields) else (0,)
    text = None if codes == (0,) else "".join(map(_character, codes))
    if _ACTIONS[action] == "release":  # a release types nothing
        text = None
    return modifiers[max(bits, 1) - 1], text, _ACTIONS[action]


def _key_name(code: int) -> str:
    """Return the key for kitty's number, or for the code point of its character."""
    name = FUNCTIONAL.get(code) or CONTROL_CODES.get(code)
    if name is not None:
        return name
    if code in _PRIVATE_USE:
        raise MalformedError
    return fold(_character(code))[0]


def _character(code: int) -> str:
    if not is_character(code):
        raise MalformedError
    return chr(code)


def _fixed_text(key: str, mods: frozenset[str]) -> str | None:
    """Return what a key of the keypad, or the space bar, types on any layout."""
    if mods & NO_TEXT:
        return None
    return " " if key == "space" else KEYPAD_TEXT.get(key)


def _typed(code: int, mods: frozenset[str], shifted: str | None) -> str | None:
    """Return what a key types where the terminal reports no text; None: unknown.

    The case of a letter can be derived; what shift makes of a ``1`` depends on the layout.
    """
    name = _key_name(code)
    if name in KEY_NAMES:
        return _fixed_text(name, mods)
    if mods & NO_TEXT:
        return None
    char = chr(code)
    if char != name:  # an upper-case letter was reported: that is what is typed
        return char
    upper = char.upper()
    if upper == char or len(upper) != 1:  # no case: caps lock does nothing
        return shifted if "shift" in mods else char
    if ("shift" in mods) == ("caps_lock" in mods):
        return char
    return upper if shifted in (None, char) else shifted


CSI_KEYS: dict[str, Callable[[Sequence, Modifiers], Key]] = {
    "u": _kitty_key,
    "~": _tilde_key,
    ">~": _tilde_key,  # modifyFunctionKeys=3 and modifyCursorKeys=3 add the marker
    **dict.fromkeys(CSI_LETTERS, _letter_key),
    **{f">{letter}": _letter_key for letter in CSI_LETTERS if letter.isupper()},
    **dict.fromkeys(_RXVT_FINALS, _rxvt_key),
}
"""By a sequence's form; each raises MalformedError for numbers that name no key."""
