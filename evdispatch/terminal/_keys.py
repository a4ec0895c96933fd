"""The names of keys and modifiers, and the numbers and letters that stand for them.

Names are those of the kitty keyboard protocol in lower case; a key that types something
is named after its unshifted character, the space bar ``space``. `_keyboard` uses the
tables.

Sources: "XTerm Control Sequences" (ctlseqs), "Comprehensive keyboard handling in
terminals" (kitty), and the terminfo entries rxvt, linux and konsole of ncurses.
"""

from collections.abc import Mapping
from functools import cache

MODIFIERS = ("shift", "alt", "ctrl", "super", "hyper", "meta", "caps_lock", "num_lock")
"""In the order of their bits: a sequence carries 1 + the sum of ``1 << index``."""

NO_MODS: frozenset[str] = frozenset()
LOCKS = frozenset({"caps_lock", "num_lock"})
SHIFT = frozenset({"shift"})
ALT = frozenset({"alt"})
CTRL = frozenset({"ctrl"})
NO_TEXT = frozenset({"ctrl", "alt", "super", "hyper", "meta"})
"""With one of these held, a key types nothing."""

MODIFIER_ALIASES: Mapping[str, str] = {
    "control": "ctrl",
    "option": "alt",
    "opt": "alt",
    "cmd": "super",
    "command": "super",
    "win": "super",
    "windows": "super",
}
KEY_ALIASES: Mapping[str, str] = {
    "esc": "escape",
    "return": "enter",
    "bs": "backspace",
    "del": "delete",
    "ins": "insert",
    "pgup": "page_up",
    "pageup": "page_up",
    "pgdn": "page_down",
    "pagedown": "page_down",
    "plus": "+",
    "minus": "-",
    " ": "space",
}

# kitty numbers its functional keys in the Unicode private use area from U+E000 on.
_KITTY_FIRST = 57344
_KITTY_ORDER = """
escape enter tab backspace insert delete left right up down page_up page_down home end
caps_lock scroll_lock num_lock print_screen pause menu
f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12 f13 f14 f15 f16 f17 f18 f19 f20
f21 f22 f23 f24 f25 f26 f27 f28 f29 f30 f31 f32 f33 f34 f35
kp_0 kp_1 kp_2 kp_3 kp_4 kp_5 kp_6 kp_7 kp_8 kp_9
kp_decimal kp_divide kp_multiply kp_subtract kp_add kp_enter kp_equal kp_separator
kp_left kp_right kp_up kp_down kp_page_up kp_page_down kp_home kp_end
kp_insert kp_delete kp_begin
media_play media_pause media_play_pause media_reverse media_stop media_fast_forward
media_rewind media_track_next media_track_previous media_record
lower_volume raise_volume mute_volume
left_shift left_control left_alt left_super left_hyper left_meta
right_shift right_control right_alt right_super right_hyper right_meta
iso_level3_shift iso_level5_shift
"""
_KITTY_NAMES = _KITTY_ORDER.split()

FUNCTIONAL: Mapping[int, str] = dict(enumerate(_KITTY_NAMES, _KITTY_FIRST))
"""``CSI number u``: keys that have no character."""

CONTROL_CODES: Mapping[int, str] = {
    8: "backspace",
    9: "tab",
    13: "enter",
    27: "escape",
    32: "space",
    127: "backspace",
}
"""``CSI code u`` and ``CSI 27;m;code~``: keys whose code is no visible character."""

MODIFIER_KEYS = frozenset(_KITTY_NAMES[_KITTY_NAMES.index("left_shift") :])
"""The keys that are held while another one is typed."""

KEY_NAMES: frozenset[str] = frozenset({*_KITTY_NAMES, "space"})
"""All names that are not the key's character."""

TILDE: Mapping[int, str] = {
    1: "home",
    2: "insert",
    3: "delete",
    4: "end",
    5: "page_up",
    6: "page_down",
    7: "home",  # rxvt
    8: "end",  # rxvt
    # The VT220 numbers leave out 16, 22, 27 and 30. 29 is its F16 (or Do), though
    # xterm's menu key sends it too.
    **{number: f"f{number - 10}" for number in range(11, 16)},
    **{number: f"f{number - 11}" for number in range(17, 22)},
    **{number: f"f{number - 12}" for number in range(23, 27)},
    **{number: f"f{number - 13}" for number in range(28, 30)},
    **{number: f"f{number - 14}" for number in range(31, 35)},
    57427: "kp_begin",  # kitty
}
"""``CSI number ~``."""

_ARROWS = {"A": "up", "B": "down", "C": "right", "D": "left"}
_VT_LETTERS = {
    **_ARROWS,
    "E": "kp_begin",  # the 5 of the keypad without num lock
    "F": "end",
    "H": "home",
    "P": "f1",
    "Q": "f2",
    "R": "f3",
    "S": "f4",
}

CSI_LETTERS: Mapping[str, tuple[str, frozenset[str]]] = {
    **{letter: (name, NO_MODS) for letter, name in _VT_LETTERS.items()},
    "G": ("kp_begin", NO_MODS),  # terminfo linux: kb2
    "Z": ("tab", SHIFT),  # CBT, terminfo kcbt
    **{letter.lower(): (name, SHIFT) for letter, name in _ARROWS.items()},  # rxvt
}
"""``CSI letter``: the key, and the modifiers that the letter implies."""

SS3_LETTERS: Mapping[str, tuple[str, frozenset[str]]] = {
    **{letter: (name, NO_MODS) for letter, name in _VT_LETTERS.items()},
    **{letter.lower(): (name, CTRL) for letter, name in _ARROWS.items()},  # rxvt
    # The application keypad, ctlseqs "VT220-Style Function Keys".
    " ": ("space", NO_MODS),
    "I": ("tab", NO_MODS),
    "M": ("kp_enter", NO_MODS),
    "X": ("kp_equal", NO_MODS),
    "j": ("kp_multiply", NO_MODS),
    "k": ("kp_add", NO_MODS),
    "l": ("kp_separator", NO_MODS),
    "m": ("kp_subtract", NO_MODS),
    "n": ("kp_decimal", NO_MODS),
    "o": ("kp_divide", NO_MODS),
    **{chr(ord("p") + digit): (f"kp_{digit}", NO_MODS) for digit in range(10)},
}
"""``SS3 letter``: the key, and the modifiers that the letter implies."""

LINUX_LETTERS: Mapping[str, str] = {
    "A": "f1",
    "B": "f2",
    "C": "f3",
    "D": "f4",
    "E": "f5",
}
"""``CSI [ letter``: the Linux console's first function keys."""

KEYPAD_TEXT: Mapping[str, str] = {
    **{f"kp_{digit}": digit for digit in "0123456789"},
    "kp_decimal": ".",
    "kp_divide": "/",
    "kp_multiply": "*",
    "kp_subtract": "-",
    "kp_add": "+",
    "kp_equal": "=",
    "kp_separator": ",",
}
"""What the keys of the keypad type, on any layout."""

KEYPAD_TWINS: Mapping[str, str] = {
    **KEYPAD_TEXT,
    **{
        name: name.removeprefix("kp_")
        for name in _KITTY_NAMES
        if name.startswith("kp_") and name.removeprefix("kp_") in KEY_NAMES
    },
}
"""The key elsewhere on the keyboard that does the same as a key of the keypad."""


def is_character(code: int) -> bool:
    """Return whether a code point can be text: it is no control and no surrogate."""
    return (
        32 <= code < 0x7F or 0xA0 <= code < 0xD800 or 0xE000 <= code <= 0x10FFFF  # noqa: PLR2004
    )


def is_key_name(name: str) -> bool:
    """Return whether there can be a `Key` event with this key.

    A name of the tables, or one character, unshifted: ``a``, ``!``, ``é``, not ``A``.
    """
    if len(name) != 1:
        return name in KEY_NAMES
    return name != " " and is_character(ord(name)) and fold(name) == (name, NO_MODS)


def fold(character: str) -> tuple[str, frozenset[str]]:
    """Return the key that types a character, and shift for an upper-case letter."""
    if character == " ":
        return "space", NO_MODS
    lower = character.lower()
    if lower == character or len(lower) != 1:  # U+0130 lowers to two code points
        return character, NO_MODS
    return lower, SHIFT


@cache
def modifier_sets(mod8: str = "super") -> tuple[frozenset[str], ...]:
    """Return the modifiers for each sum of bits, 0 to 255.

    Args:
        mod8: What the bit of value 8 means to the terminal: ``super`` (kitty and most),
            ``meta`` (xterm) or ``alt`` (iTerm2).

    Raises:
        ValueError: It is none of these.
    """
    if mod8 not in ("super", "meta", "alt"):
        raise ValueError(f"mod8 must be 'super', 'meta' or 'alt', got {mod8!r}")
    names = [mod8 if name == "super" else name for name in MODIFIERS]
    return tuple(
        frozenset(name for bit, name in enumerate(names) if bits >> bit & 1)
        for bits in range(1 << len(names))
    )
