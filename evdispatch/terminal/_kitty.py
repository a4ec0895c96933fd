"""Keys with numbers: the kitty keyboard protocol and xterm's modifyOtherKeys.

The full form is ``CSI code:shifted:base ; modifiers:action ; text:text:... u``. The two
later fields may go with the older ``CSI number ~`` and ``CSI 1 letter`` as well.

Text is what the terminal reports, else what the key types on every layout: the case of
a letter can be told, what shift makes of a ``1`` cannot.

Sources: kitty "Comprehensive keyboard handling in terminals"; ctlseqs "modifyOtherKeys".
"""

import attrs

from evdispatch.terminal._events import Key
from evdispatch.terminal._keys import (
    CONTROL_CODES,
    FUNCTIONAL,
    KEY_NAMES,
    SHUT_UP,
    fold,
    is_character,
)
from evdispatch.terminal._legacy import fixed_text
from evdispatch.terminal._params import MalformedError, Sequence

Modifiers = tuple[frozenset[str], ...]
"""The modifiers for each sum of bits (`modifier_sets`)."""

_ACTIONS = ("press", "press", "repeat", "release")  # 0 is the default: press
_PRIVATE_USE = range(0xE000, 0xF900)  # kitty's functional keys live here


@attrs.frozen
class How:
    """How a key was pressed: the fields after the first."""

    mods: frozenset[str]
    action: str
    text: str | None


def how(sequence: Sequence, index: int, modifiers: Modifiers) -> How:
    """Read ``modifiers:action ; text`` from parameter ``index`` on.

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
    return How(modifiers[max(bits, 1) - 1], _ACTIONS[action], text)


def kitty_key(sequence: Sequence, modifiers: Modifiers) -> Key:
    """Return the key of ``CSI ... u``.

    Raises:
        MalformedError: It names no key and has no text.
    """
    code, shifted_code, base = sequence.parts(0, 3)
    shifted = _character(shifted_code) if shifted_code else None
    pressed = how(sequence, 1, modifiers)
    if code == 0:  # text without a key, as from an input method
        if pressed.text is None:
            raise MalformedError
        key = pressed.text
    else:
        key = key_name(code)
        if pressed.text is None and pressed.action != "release":
            pressed = attrs.evolve(pressed, text=_typed(code, pressed.mods, shifted))
    return Key(
        key,
        pressed.mods,
        pressed.text,
        pressed.action,
        shifted,
        key_name(base) if base else None,
        sequence.raw,
    )


def modify_other_key(sequence: Sequence, modifiers: Modifiers) -> Key:
    """Return the key of ``CSI 27 ; modifiers ; code ~``.

    xterm reports the shifted character: shift and 1 as ``!``.

    Raises:
        MalformedError: It names no key.
    """
    bits, code = sequence.number(1), sequence.number(2)
    if bits > len(modifiers):
        raise MalformedError
    mods = modifiers[max(bits, 1) - 1]
    key = key_name(code)
    return Key(key, mods, _typed(code, mods, chr(code)), raw=sequence.raw)


def key_name(code: int) -> str:
    """Return the key for kitty's number, or for the code point of its character.

    Raises:
        MalformedError: No key has this number.
    """
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


def _typed(code: int, mods: frozenset[str], shifted: str | None) -> str | None:
    """What a key types, for terminals that report none; None where it is not known."""
    name = key_name(code)
    if name in KEY_NAMES:
        return fixed_text(name, mods)
    if mods & SHUT_UP:
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
