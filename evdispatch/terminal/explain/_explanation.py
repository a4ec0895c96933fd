"""The form of all explanations, and the modifier numbers that many protocols share."""

from typing import Final

import attrs

from evdispatch.terminal._keys import MODIFIERS

_MOD8 = "super"  # the bit of value 8, which some terminals use for another modifier


@attrs.frozen
class Explanation:
    """What made an event.

    Attributes:
        protocol: The convention that the bytes follow, such as ``SGR mouse``.
        mode: What must be on for a terminal to send them, or ``always``.
        form: What the bytes look like in general.
        parts: What each part of them means here.
    """

    protocol: str
    mode: str
    form: str
    parts: tuple[str, ...] = ()


FALLBACK: Final = Explanation(
    "not known", "not known", "these bytes do not make this event"
)
"""The explanation of what has none: an event that a program made, for instance."""

ALWAYS: Final = "always"


def modifiers(number: int, mods: frozenset[str]) -> str:
    """Return the parts of a modifier number: ``5 = 1 + ctrl(4)``.

    Args:
        number: As it was sent; 0 stands for 1.
        mods: The modifiers that were decoded, which show what the bit of value 8 means.
    """
    bits = max(number, 1) - 1
    names = [
        f"{_name(name, mods)}({1 << bit})"
        for bit, name in enumerate(MODIFIERS)
        if bits >> bit & 1
    ]
    return f"{number} = {' + '.join(['1', *names]) if names else 'no modifiers'}"


def _name(name: str, mods: frozenset[str]) -> str:
    if name != _MOD8 or _MOD8 in mods:
        return name
    return "meta" if "meta" in mods else "alt"
