"""Which protocol a key came by: the counterpart of `_keyboard`.

Where several protocols could have sent the same bytes, the explanation is the one that
needs least: of kitty's flags only the necessary ones, of xterm's modes none if possible.
"""

import re
from collections.abc import Callable

from evdispatch.terminal._events import Key
from evdispatch.terminal._grammar import MalformedError, Sequence, parse_csi
from evdispatch.terminal._keys import (
    CSI_LETTERS,
    FUNCTIONAL,
    LINUX_LETTERS,
    MODIFIER_KEYS,
    SS3_LETTERS,
    is_character,
)
from evdispatch.terminal.explain._explanation import ALWAYS, Explanation, modifiers

_ESC = b"\x1b"
_SS3 = re.compile(rb"\x1bO(?:[01]?;)?([0-9]{0,9})([ -~])")
_DISAMBIGUATE, _ACTIONS, _ALTERNATES, _ALL, _TEXT = (1 << bit for bit in range(5))
_FLAGS = {
    _DISAMBIGUATE: "disambiguate",
    _ACTIONS: "event types",
    _ALTERNATES: "alternate keys",
    _ALL: "all keys",
    _TEXT: "text",
}
_ACTION_NAMES = ("press", "press", "repeat", "release")
_PC_MODIFIERS = range(17)  # up to 1 + all of shift, alt, ctrl and meta
_OTHER_KEYS, _OTHER_KEYS_FIELDS = 27, 3
_PC_STYLE, _RXVT, _LINUX = "xterm/PC-style", "rxvt", "Linux console"
_RXVT_FINALS = {"$": "shift", "^": "ctrl", "@": "ctrl and shift"}
_BACKSPACE = 0x08
_CONTROLS = {
    _BACKSPACE: "BS, which is the tty's erase character",
    0x09: "HT",
    0x0D: "CR",
    0x7F: "DEL",
}
_LETTER_BIT = 0x40
_ASCII = range(0x80)
_ALT_SENDS_ESC = "alt sends ESC (CSI ? 1036 h in xterm)"


def explain_key(raw: bytes, key: Key) -> Explanation | None:
    """Explain a key; None if these are not its bytes."""
    if raw == _ESC:
        note = "1b = escape: no sequence that it begins followed in time"
        return Explanation("lone escape", ALWAYS, "ESC, and a timeout", (note,))
    if raw == b"\x1b\t" and "shift" in key.mods:
        note = "1b 09 = shift+tab, as terminfo's kcbt has it"
        return Explanation(_LINUX, "TERM=linux", "ESC TAB", (note,))
    sequence = raw[1:] if raw.startswith(_ESC * 2) else raw
    if sequence.startswith((b"\x1b[", b"\x1bO")) and len(sequence) > 2:  # noqa: PLR2004
        found = _csi(sequence, key) if sequence[1:2] == b"[" else _ss3(sequence, key)
        return found if sequence is raw else _after_escape(found)
    if raw.startswith(_ESC):
        return _after_escape(_plain(raw[1:], key))
    return _plain(raw, key)


def _after_escape(found: Explanation | None) -> Explanation | None:
    if found is None:
        return None
    return Explanation(
        f"ESC prefix, {found.protocol}",
        _ALT_SENDS_ESC if found.mode == ALWAYS else found.mode,
        f"ESC {found.form}",
        ("ESC = alt", *found.parts),
    )


def _plain(raw: bytes, key: Key) -> Explanation | None:
    """Explain a control, or a character that was sent as itself."""
    try:
        char = raw.decode()
    except UnicodeDecodeError:
        return None
    if len(char) != 1:
        return None
    if not is_character(ord(char)):
        return _control(ord(char), key)
    code = f"{raw.hex(' ')} = U+{ord(char):04X}"
    typed = f"{char} = shift+{key.key}" if char not in (key.key, " ") else key.key
    name = "ASCII text" if char.isascii() else "UTF-8 text"
    return Explanation(name, ALWAYS, "the character", (code, typed))


def _control(code: int, key: Key) -> Explanation | None:
    if code not in _ASCII:  # C1
        return None
    letter = code ^ _LETTER_BIT
    meaning = _CONTROLS.get(code)
    if meaning is None or (code == _BACKSPACE and key.key != "backspace"):
        meaning = f"ctrl and {chr(letter)} ({letter:02x} - 40)"
    return Explanation(
        "C0 control", ALWAYS, "one control character", (f"{code:02x} = {meaning}",)
    )


def _ss3(raw: bytes, key: Key) -> Explanation | None:
    match = _SS3.fullmatch(raw)
    if match is None or match[2].decode() not in SS3_LETTERS:
        return None
    letter = match[2].decode()
    name, implied = SS3_LETTERS[letter]
    form, parts = "SS3 letter", [f"{letter} = {'+'.join([*implied, name])}"]
    protocol, mode = _PC_STYLE, ALWAYS
    if implied:
        protocol = _RXVT
    elif name.startswith("f"):
        pass  # PF1 to PF4 have no other form
    elif letter in CSI_LETTERS and letter.isupper():
        protocol, mode = "application cursor keys", "DECCKM 1 (CSI ? 1 h)"
    else:
        protocol, mode = "application keypad", "DECKPAM (ESC =)"
    if match[1]:
        protocol, form = "Konsole", "SS3 modifiers letter"
        parts.insert(0, modifiers(int(match[1]), key.mods))
    return Explanation(protocol, mode, form, tuple(parts))


def _csi(raw: bytes, key: Key) -> Explanation | None:
    if raw.startswith(b"\x1b[["):
        letter = raw[3:].decode("latin-1")
        name = LINUX_LETTERS.get(letter)
        if name is None:
            return None
        return Explanation(_LINUX, ALWAYS, "CSI [ letter", (f"{letter} = {name}",))
    try:
        sequence = parse_csi(raw)
    except MalformedError:
        return None
    explained = _BY_FORM.get(sequence.form)
    return None if explained is None else explained(sequence, key)


def _kitty(sequence: Sequence, key: Key) -> Explanation:
    """``CSI code:shifted:base ; modifiers:action ; text u``."""
    first = sequence.fields[0] if sequence.fields else (0,)
    parts = [f"{first[0]} = {_shown(first[0], key)}"]
    form, flags = "CSI code", _DISAMBIGUATE
    labels = ("shifted", "base")
    for label, code in zip(labels, first[1:], strict=False):
        form += f":{label}"
        flags |= _ALTERNATES
        if code:
            parts.append(f"{code} = {_shown(code, key)}, {label}")
    tail, more, wanted = _how(sequence, 1, key)
    parts += more
    if first[0] == 0 or _is_sent_plain(key):
        flags |= _ALL
    if is_character(first[0]) and chr(first[0]).isupper():  # kitty has no such code
        mode = "CSI > 4 ; 1 m with formatOtherKeys 1"
        return Explanation(
            "xterm modifyOtherKeys", mode, f"{form}{tail} u", tuple(parts)
        )
    mode = _kitty_mode(flags | wanted)
    if flags | wanted == _DISAMBIGUATE and key.mods and first[0] in _ASCII:
        parts.append("xterm sends the same with formatOtherKeys 1")
    return Explanation("kitty keyboard", mode, f"{form}{tail} u", tuple(parts))


def _is_sent_plain(key: Key) -> bool:
    """Return whether kitty sends an escape code for this key only with `_ALL`."""
    held = key.mods & {"ctrl", "alt", "super", "hyper", "meta"}
    if key.key in MODIFIER_KEYS:
        return True
    if key.key in ("enter", "tab", "backspace"):
        return not held and "shift" not in key.mods
    types = len(key.key) == 1 or key.key == "space"
    return types and not held and key.action == "press"


def _shown(code: int, key: Key) -> str:
    if code == 0:
        return "no key, text only"
    return chr(code) if is_character(code) and len(key.key) == 1 else key.key


def _kitty_mode(flags: int) -> str:
    names = " + ".join(name for flag, name in _FLAGS.items() if flags & flag)
    return f"CSI > {flags} u ({names})"


def _how(sequence: Sequence, index: int, key: Key) -> tuple[str, list[str], int]:
    """Explain ``; modifiers:action ; text``: its form, parts, and kitty's flags for it."""
    form, parts, flags = "", [], 0
    if index < len(sequence.fields):
        bits, *rest = sequence.fields[index]
        form += " ; modifiers"
        parts.append(modifiers(bits, key.mods))
        flags |= 0 if bits in _PC_MODIFIERS else _DISAMBIGUATE
        if rest:
            form += ":action"
            flags |= _DISAMBIGUATE | _ACTIONS
            known = rest[0] < len(_ACTION_NAMES)
            parts.append(f"{rest[0]} = {_ACTION_NAMES[rest[0]] if known else '?'}")
    if index + 1 < len(sequence.fields):
        codes = sequence.fields[index + 1]
        form += " ; text"
        flags |= _DISAMBIGUATE | _ALL | _TEXT
        if codes != (0,):
            parts.append(f"{':'.join(map(str, codes))} = types {key.text or 'nothing'}")
    return form, parts, flags


def _tilde(sequence: Sequence, key: Key) -> Explanation:
    """``CSI number ; modifiers ~``, and xterm's ``CSI 27 ; modifiers ; code ~``."""
    numbers = sequence.numbers or (0,)
    if numbers[0] == _OTHER_KEYS and len(numbers) == _OTHER_KEYS_FIELDS:
        _, bits, code = numbers
        parts = (modifiers(bits, key.mods), f"{code} = {_shown(code, key)}")
        mode, form = "CSI > 4 ; 1 m, or 2", "CSI 27 ; modifiers ; code ~"
        return Explanation("xterm modifyOtherKeys", mode, form, parts)
    tail, parts_of, flags = _how(sequence, 1, key)
    flags |= _DISAMBIGUATE if numbers[0] in FUNCTIONAL else 0
    marker = sequence.form[:-1]
    form = f"CSI {marker + ' ' if marker else ''}number{tail} ~"
    return _functional(
        sequence, flags, form, (f"{numbers[0]} = {key.key}", *parts_of), 2
    )


def _letter(sequence: Sequence, key: Key) -> Explanation:
    """``CSI letter``, ``CSI modifiers letter``, ``CSI 1 ; modifiers letter``."""
    letter = sequence.form[-1]
    name, implied = CSI_LETTERS[letter]
    several = len(sequence.fields) > 1
    tail, parts, flags = _how(sequence, 1 if several else 0, key)
    tail = tail if several else tail.replace(" ;", "", 1)
    marker = " >" if sequence.form[:-1] else ""
    form = f"CSI{marker}{' 1' if several else ''}{tail} letter"
    parts = [f"{letter} = {'+'.join([*sorted(implied), name])}", *parts]
    if letter.islower():
        return Explanation(_RXVT, ALWAYS, form, tuple(parts))
    if letter == "G":
        return Explanation(_LINUX, ALWAYS, form, tuple(parts))
    if letter == "R" and several:
        parts.append("a position report has the same bytes; none was awaited")
    if not sequence.fields and letter in "ABCDEFH":
        mode = "DECCKM 0 (CSI ? 1 l), which is the default"
        return Explanation(_PC_STYLE, mode, form, tuple(parts))
    return _functional(sequence, flags, form, tuple(parts), 1)


def _functional(
    sequence: Sequence, flags: int, form: str, parts: tuple[str, ...], resource: int
) -> Explanation:
    """Explain a key that has no character; ``resource`` is xterm's, for the marker."""
    if flags:
        return Explanation("kitty keyboard", _kitty_mode(flags), form, parts)
    if sequence.form.startswith(">"):
        name = ("", "modifyCursorKeys", "modifyFunctionKeys")[resource]
        return Explanation(_PC_STYLE, f"CSI > {resource} ; 3 m ({name})", form, parts)
    return Explanation(_PC_STYLE, ALWAYS, form, parts)


def _rxvt(sequence: Sequence, key: Key) -> Explanation:
    """``CSI number`` and one of ``$ ^ @``."""
    number, final = (sequence.numbers or (0,))[0], sequence.form
    parts = (f"{number} = {key.key}", f"{final} = {_RXVT_FINALS[final]}")
    return Explanation(_RXVT, ALWAYS, f"CSI number {final}", parts)


_BY_FORM: dict[str, Callable[[Sequence, Key], Explanation]] = {
    "u": _kitty,
    "~": _tilde,
    ">~": _tilde,
    **dict.fromkeys(CSI_LETTERS, _letter),
    **{f">{letter}": _letter for letter in CSI_LETTERS},
    **dict.fromkeys(_RXVT_FINALS, _rxvt),
}
