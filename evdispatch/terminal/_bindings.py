"""What ``on()`` may ask of a terminal's events: key bindings, modifiers and buttons.

A binding is modifiers and a key, joined by ``+``: ``ctrl+shift+a``. Case matters only for
a single letter, where ``A`` is the text A, typed with shift. `Binding.matches` follows
kitty's ``KeyEvent.matches``: one binding works whether the terminal reports keys (kitty)
or characters, and whatever the layout. A key of the keypad counts as its twin too:
``enter`` matches kp_enter. A handler of ``kp_enter`` beside one of ``enter`` needs a
higher priority and returns HANDLED, since one binding does not know of the other.
"""

import difflib
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

import attrs

from evdispatch._errors import FilterError
from evdispatch.terminal._keys import (
    KEY_ALIASES,
    KEY_NAMES,
    KEYPAD_TWINS,
    LOCKS,
    MODIFIER_ALIASES,
    MODIFIER_KEYS,
    MODIFIERS,
    NO_MODS,
    SHIFT,
    fold,
    is_character,
)

_Test = Callable[[Any], bool]
_T = TypeVar("_T")

BINDABLE_MODIFIERS = tuple(name for name in MODIFIERS if name not in LOCKS)
_MODIFY_OTHER_KEYS = b"\x1b[27;"
_WITHIN = 1.0  # seconds from one key of a sequence to the next
_COLLECTIONS = (set, frozenset, list, tuple)


class KeyLike(Protocol):
    """What a binding reads of a `Key` event."""

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
    given = _parse_mods(head, BINDABLE_MODIFIERS) if separator else NO_MODS
    key, implied, text = _parse_key(name if name.isspace() else name.strip())
    # ``shift+1`` does not mean the key that types a 1.
    return Binding(key, given | implied, None if "shift" in given else text)


def _parse_key(name: str) -> tuple[str, frozenset[str], str | None]:
    word = KEY_ALIASES.get(name.lower(), name.lower())
    if word in KEY_NAMES:
        return word, NO_MODS, None
    char = word if len(name) > 1 else name
    if len(char) != 1 or not is_character(ord(char)):
        raise _unknown("key", name, [*KEY_NAMES, *KEY_ALIASES])
    key, mods = fold(char)
    return key, mods, char


def _parse_mods(mods: str | Iterable[str], allowed: tuple[str, ...]) -> frozenset[str]:
    """Return the modifiers of ``ctrl+alt`` or of several names, aliases resolved."""
    names = mods.split("+") if isinstance(mods, str) else mods
    return frozenset(_parse_modifier(name, allowed) for name in names)


def _parse_modifier(name: object, allowed: tuple[str, ...]) -> str:
    word = name.strip().lower() if isinstance(name, str) else ""
    word = MODIFIER_ALIASES.get(word, word)
    if word not in allowed:
        raise _unknown("modifier", name, [*allowed, *MODIFIER_ALIASES])
    return word


def _unknown(what: str, name: object, names: Iterable[str]) -> FilterError:
    close = difflib.get_close_matches(str(name).lower(), names, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return FilterError(f"there is no {what} {name!r}{hint}")


class _KeySequence:
    """A test of key events, true at the last key of ``keys=("ctrl+x", "ctrl+s")``.

    It keeps the last keys of each terminal and compares them when one comes, so it needs
    no timer, and finds a sequence wherever it begins: ``a a b`` in ``a a a b``. Time is
    that of the events.
    """

    def __init__(self, bindings: list[Binding], within: float) -> None:
        self._bindings = bindings
        self._within = within
        self._pressed: weakref.WeakKeyDictionary[Any, deque[Any]] = (
            weakref.WeakKeyDictionary()
        )
        self._posted: deque[Any] = deque(maxlen=len(bindings))  # keys without a source

    def __call__(self, event: Any) -> bool:
        if event.action == "release" or event.key in MODIFIER_KEYS:
            return False  # ctrl may be released and pressed again in between
        pressed = self._keys_of(event.source)
        if pressed and event.time - pressed[-1].time > self._within:
            pressed.clear()
        pressed.append(event)
        if len(pressed) < len(self._bindings):
            return False
        if not all(map(Binding.matches, self._bindings, pressed)):
            return False
        pressed.clear()  # the next sequence begins with a new key: g g g is one g g
        return True

    def _keys_of(self, source: Any) -> deque[Any]:
        if source is None:
            return self._posted
        pressed = self._pressed.get(source)
        if pressed is None:
            pressed = self._pressed[source] = deque(maxlen=len(self._bindings))
        return pressed


# Each of the following returns a test of events, or None where the value is none of its
# names (a pattern, a callable): then the usual comparison applies. A name that can never
# come is a `FilterError`.


def key_test(value: Any, fields: Mapping[str, Any]) -> _Test | None:
    """Return the test for any of several bindings.

    Args:
        value: A binding, or a collection of them.
        fields: All the fields of the filter. With ``mods``, ``key="c", mods="ctrl"`` is
            ``key="ctrl+c"``; with ``action``, releases are not refused here.
    """
    bindings = _each(value, parse_binding)
    if bindings is None:
        return None
    also = _mods(fields.get("mods"), BINDABLE_MODIFIERS) or NO_MODS
    bindings = [attrs.evolve(each, mods=each.mods | also) for each in bindings]
    tests = [each.is_for if "action" in fields else each.matches for each in bindings]
    if len(tests) == 1:
        return tests[0]

    def any_of(event: Any) -> bool:
        for test in tests:  # noqa: SIM110 (a generator costs a call for each test)
            if test(event):
                return True
        return False

    return any_of


def keys_test(value: Any, fields: Mapping[str, Any]) -> _Test:
    """Return the test for a sequence of keys.

    Raises:
        FilterError: It is no list or tuple of two bindings or more, ``within`` is no
            number of seconds above 0, or single keys are asked for as well.
    """
    if not isinstance(value, (list, tuple)) or len(value) < 2:  # noqa: PLR2004
        raise FilterError(f"keys must be a list or tuple of bindings, got {value!r}")
    for field in ("key", "combo", "mods", "action"):
        if field in fields:
            raise FilterError(f"keys and {field} can't be combined")
    within = fields.get("within", _WITHIN)
    if not isinstance(within, (int, float)) or not within > 0:  # NaN is not
        raise FilterError(f"within must be a number of seconds above 0, got {within!r}")
    return _KeySequence(_each(value, parse_binding) or [], within)


def within_test(fields: Mapping[str, Any]) -> _Test:
    """Check that ``within`` belongs to ``keys``, whose test applies it."""
    if "keys" not in fields:
        raise FilterError(
            "within needs keys=(...): it limits the time between its keys"
        )
    return lambda event: True


def mods_test(value: Any, allowed: tuple[str, ...]) -> _Test | None:
    """Return the test for exactly these modifiers, locks aside."""
    wanted = _mods(value, allowed)
    return None if wanted is None else lambda event: event.mods - LOCKS == wanted


def choice_test(field: str, value: Any, choices: tuple[str, ...]) -> _Test | None:
    """Return the test for one or several of the values that a field can have."""

    def check(name: Any) -> Any:
        if name not in choices:
            raise _unknown(field, name, choices)
        return name

    names = _each(value, check)
    return None if names is None else lambda event: getattr(event, field) in names


def _each(value: Any, parse: Callable[[Any], _T]) -> list[_T] | None:
    if isinstance(value, str):
        return [parse(value)]
    if not isinstance(value, _COLLECTIONS):
        return None
    if not value or not all(isinstance(name, str) for name in value):
        raise FilterError(f"a filter must be one name or several, got {value!r}")
    return [parse(name) for name in value]


def _mods(value: Any, allowed: tuple[str, ...]) -> frozenset[str] | None:
    if isinstance(value, (str, *_COLLECTIONS)):
        return _parse_mods(value, allowed)
    return None
