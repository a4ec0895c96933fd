"""Keys as terminals have sent them since the VT100: characters, C0 controls, ESC, SS3.

Each function takes one complete sequence and returns a `Key` (or `Unknown`). ESC before
a key means alt; upper-case letters fold to the letter and shift. Text is what the key
types: nothing with ctrl, alt and the like.

Sources: ctlseqs "Alt and Meta Keys", "VT220-Style Function Keys"; terminfo entries
xterm, rxvt, konsole and linux.
"""

import re

from evdispatch.terminal._events import Key, Unknown
from evdispatch.terminal._keys import (
    ALT,
    CTRL,
    KEYPAD_TEXT,
    LINUX_LETTERS,
    NO_MODS,
    SHIFT,
    SHUT_UP,
    SS3_LETTERS,
    fold,
)

ESC = b"\x1b"
_BACKSPACE = 0x08

# A modifier stands alone, or after a 1 as in CSI; none of the two is common.
_SS3 = re.compile(rb"\x1bO(?:(?:[01]?;)?([0-9]{1,9}))?([ -~])")

_C0_KEYS = {
    0x00: ("space", CTRL),
    0x09: ("tab", NO_MODS),
    0x0D: ("enter", NO_MODS),
    0x1B: ("escape", NO_MODS),
    0x7F: ("backspace", NO_MODS),
}


def escape() -> Key:
    """Return the key escape, from an ESC that begins nothing."""
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


def ss3(sequence: bytes, modifiers: tuple[frozenset[str], ...]) -> Key | Unknown:
    """Return the key of ``ESC O letter``, or ``ESC O modifier letter`` (Konsole)."""
    match = _SS3.fullmatch(sequence)
    if match is None or match[2].decode() not in SS3_LETTERS:
        return Unknown(sequence)
    bits = max(int(match[1] or 1), 1) - 1
    if bits >= len(modifiers):
        return Unknown(sequence)
    key, implied = SS3_LETTERS[match[2].decode()]
    mods = modifiers[bits] | implied
    return Key(key, mods, fixed_text(key, mods), raw=sequence)


def linux(sequence: bytes) -> Key | Unknown:
    """Return the key of ``ESC [ [ letter``, which the Linux console sends."""
    name = LINUX_LETTERS.get(chr(sequence[-1]))
    return Unknown(sequence) if name is None else Key(name, raw=sequence)


def fixed_text(key: str, mods: frozenset[str]) -> str | None:
    """Return what a key of the keypad, or the space bar, types on any layout."""
    if mods & SHUT_UP:
        return None
    return " " if key == "space" else KEYPAD_TEXT.get(key)


def own_keys(erase: int, term: str | None) -> dict[bytes, Key]:
    """Return what this terminal sends that means something else elsewhere.

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
