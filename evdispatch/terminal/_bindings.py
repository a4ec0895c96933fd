"""Bindings: keys as people write them, ``ctrl+shift+a``, and which events they mean.

A binding is modifiers and a key, joined by ``+``; case matters only for a single
letter, where ``A`` is the text A, typed with shift. `Binding.matches` follows kitty's
``KeyEvent.matches``: one binding works whether the terminal reports keys (kitty) or
characters, and whatever the layout.

A key of the keypad is taken for its twin too: ``enter`` hears kp_enter. A binding can't
know whether another one names kp_enter itself; whoever has both handles kp_enter with a
higher priority and returns HANDLED.
"""

import difflib
from collections.abc import Iterable
from typing import Protocol

import attrs

from evdispatch._errors import FilterError
from evdispatch.terminal._keys import (
    KEY_ALIASES,
    KEY_NAMES,
    KEYPAD_TWINS,
    LOCKS,
    MODIFIER_ALIASES,
    MODIFIERS,
    NO_MODS,
    SHIFT,
    fold,
    is_character,
)

_MODIFY_OTHER_KEYS = b"\x1b[27;"
BINDABLE_MODIFIERS = tuple(name for name in MODIFIERS if name not in LOCKS)


class KeyLike(Protocol):
    """What a binding looks at: a `Key` event."""

    key: str
    mods: frozenset[str]
    text: str | None
    action: str
    shifted: str | None
    base: str | None
    raw: bytes


@attrs.frozen
class Binding:
    """A key and its modifiers, as `parse_binding` reads them.

    Attributes:
        key: The key's name, unshifted where its letter was given.
        mods: The modifiers; never the locks.
        text: The character that was given: it may be typed with or without shift. None
            for a named key, and where shift was asked for.
    """

    key: str
    mods: frozenset[str]
    text: str | None

    def matches(self, event: KeyLike) -> bool:
        """Return whether an event is a press or repeat of this binding."""
        if event.action == "release":
            return False
        # Most keys that match have no locks: answer for them without another call.
        if event.key == self.key and event.mods == self.mods:
            return True
        return self.is_for(event)

    def is_for(self, event: KeyLike) -> bool:
        """Return whether an event is of this key and modifiers, whatever its action."""
        mods = event.mods - LOCKS
        if mods == self.mods:
            key = event.key
            if self.key in (key, KEYPAD_TWINS.get(key)):
                return True
            if event.base == self.key and not key.isascii():
                return True
        if self.text is None or mods - SHIFT != self.mods - SHIFT:
            return False
        # xterm's modifyOtherKeys reports as the key what the key types: ctrl+shift+= is
        # ``+`` with both modifiers.
        if event.raw.startswith(_MODIFY_OTHER_KEYS) and not event.key.isalpha():
            return event.key == self.text
        return (event.shifted or event.text) == self.text


def parse_binding(binding: str) -> Binding:
    """Return the key and modifiers that a text like ``ctrl+shift+a`` names.

    Names and their aliases may be in any case; ``ctrl++`` and ``ctrl+plus`` are the same.

    Raises:
        FilterError: It names no key, or a modifier that does not exist.
    """
    if binding == "+":
        head, separator, name = "", "", "+"
    elif binding.endswith("++"):
        head, separator, name = binding[:-2], "+", "+"
    else:
        head, separator, name = binding.rpartition("+")
    given = parse_mods(head, BINDABLE_MODIFIERS) if separator else NO_MODS
    key, implied, text = _parse_key(name if name.isspace() else name.strip())
    # Who asks for shift+1 does not mean what types a 1.
    return Binding(key, given | implied, None if "shift" in given else text)


def parse_mods(mods: str | Iterable[str], allowed: tuple[str, ...]) -> frozenset[str]:
    """Return the modifiers of ``ctrl+alt`` or of several names, aliases resolved.

    Raises:
        FilterError: One is not a modifier, or not among the allowed.
    """
    names = mods.split("+") if isinstance(mods, str) else mods
    return frozenset(_parse_modifier(name, allowed) for name in names)


def unknown(what: str, name: object, names: Iterable[str]) -> FilterError:
    """Return the error for a name that is not among the names."""
    close = difflib.get_close_matches(str(name).lower(), names, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return FilterError(f"there is no {what} {name!r}{hint}")


def _parse_modifier(name: object, allowed: tuple[str, ...]) -> str:
    word = name.strip().lower() if isinstance(name, str) else ""
    word = MODIFIER_ALIASES.get(word, word)
    if word not in allowed:
        raise unknown("modifier", name, [*allowed, *MODIFIER_ALIASES])
    return word


def _parse_key(name: str) -> tuple[str, frozenset[str], str | None]:
    word = KEY_ALIASES.get(name.lower(), name.lower())
    if word in KEY_NAMES:
        return word, NO_MODS, None
    char = word if len(name) > 1 else name
    if len(char) != 1 or not is_character(ord(char)):
        raise unknown("key", name, [*KEY_NAMES, *KEY_ALIASES])
    key, mods = fold(char)
    return key, mods, char
