"""What ``on()`` may ask of a terminal's events: keys, modifiers and buttons by name.

Each function returns a test of events, or None where the value is none of its names (a
pattern, a callable): the usual comparison is right then. A name that can never come is
a `FilterError`.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

from evdispatch._errors import FilterError
from evdispatch.terminal._bindings import (
    BINDABLE_MODIFIERS,
    parse_binding,
    parse_mods,
    unknown,
)
from evdispatch.terminal._key_sequences import WITHIN, KeySequence
from evdispatch.terminal._keys import LOCKS, NO_MODS

_Test = Callable[[Any], bool]
_T = TypeVar("_T")

_COLLECTIONS = (set, frozenset, list, tuple)


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
        raise FilterError(f"keys takes two bindings or more, in order, not {value!r}")
    for field in ("key", "combo", "mods", "action"):
        if field in fields:
            raise FilterError(f"keys names whole bindings: it goes without {field}")
    within = fields.get("within", WITHIN)
    if not isinstance(within, (int, float)) or not within > 0:  # NaN is not
        raise FilterError(f"within is a number of seconds above 0, not {within!r}")
    return KeySequence(_each(value, parse_binding) or [], within)


def within_test(fields: Mapping[str, Any]) -> _Test:
    """Check that ``within`` belongs to a sequence, which looks at it itself."""
    if "keys" not in fields:
        raise FilterError("within is the time between the keys of keys=(...)")
    return lambda event: True


def mods_test(value: Any, allowed: tuple[str, ...]) -> _Test | None:
    """Return the test for exactly these modifiers, locks aside."""
    wanted = _mods(value, allowed)
    return None if wanted is None else lambda event: event.mods - LOCKS == wanted


def choice_test(field: str, value: Any, choices: tuple[str, ...]) -> _Test | None:
    """Return the test for one or several of the values that a field can have."""

    def check(name: Any) -> Any:
        if name not in choices:
            raise unknown(field, name, choices)
        return name

    names = _each(value, check)
    return None if names is None else lambda event: getattr(event, field) in names


def _each(value: Any, parse: Callable[[Any], _T]) -> list[_T] | None:
    if isinstance(value, str):
        return [parse(value)]
    if not isinstance(value, _COLLECTIONS):
        return None
    if not value or not all(isinstance(name, str) for name in value):
        raise FilterError(f"one or several names are asked for, not {value!r}")
    return [parse(name) for name in value]


def _mods(value: Any, allowed: tuple[str, ...]) -> frozenset[str] | None:
    if isinstance(value, (str, *_COLLECTIONS)):
        return parse_mods(value, allowed)
    return None
