"""What ``on("key", key=...)`` and ``on("press", button=...)`` let through."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from evdispatch._errors import FilterError
from evdispatch._events import Event
from evdispatch.terminal import Focus, Key, Mouse, Press

CTRL = frozenset({"ctrl"})


def all_of(cls: type[Event], **fields: Any) -> Callable[[Event], bool]:
    """Return the test that all fields of a filter make together."""
    tests = [cls.compile_filter(name, value, fields) for name, value in fields.items()]
    assert tests
    return lambda event: all(test is not None and test(event) for test in tests)


@pytest.mark.parametrize("field", ["key", "combo"])
def test_key_filter_passes_presses_and_repeats(field: str) -> None:
    passes = all_of(Key, **{field: "ctrl+s"})
    assert passes(Key("s", CTRL))
    assert passes(Key("s", CTRL | {"num_lock"}, action="repeat"))
    assert not passes(Key("s"))
    assert not passes(Key("s", CTRL, action="release"))


@pytest.mark.parametrize("kind", [set, frozenset, list, tuple])
def test_key_filter_with_several_passes_any(kind: Callable[[Any], Any]) -> None:
    passes = all_of(Key, key=kind(["esc", "ctrl+c"]))
    assert passes(Key("escape"))
    assert passes(Key("c", CTRL))
    assert not passes(Key("c"))


def test_key_filter_with_action_passes_releases() -> None:
    passes = all_of(Key, key="a", action="release")
    assert passes(Key("a", action="release"))
    assert not passes(Key("a"))
    passes = all_of(Key, key="a", action={"press", "release"})
    assert passes(Key("a", action="release"))
    assert not passes(Key("a", action="repeat"))


def test_key_and_mods_filters_combine() -> None:
    passes = all_of(Key, key="s", mods="ctrl")
    assert passes(Key("s", CTRL))
    assert not passes(Key("s"))
    assert not passes(Key("s", CTRL | {"alt"}))


@pytest.mark.parametrize("mods", ["control+alt", ["ctrl", "alt"], {"alt", "ctrl"}])
def test_mods_filter_passes_exactly_these(mods: Any) -> None:
    passes = all_of(Key, mods=mods)
    assert passes(Key("a", CTRL | {"alt", "caps_lock"}))
    assert not passes(Key("a", CTRL))
    assert not passes(Key("a", CTRL | {"alt", "shift"}))


def test_empty_mods_filter_passes_no_modifiers() -> None:
    passes = all_of(Key, mods=())
    assert passes(Key("a", frozenset({"num_lock"})))
    assert not passes(Key("a", CTRL))


def test_button_and_mods_filters_combine() -> None:
    passes = all_of(Press, button={"left", "right"}, mods="ctrl")
    assert passes(Press(0, 0, "left", CTRL))
    assert not passes(Press(0, 0, "middle", CTRL))
    assert not passes(Press(0, 0, "left"))


@pytest.mark.parametrize(
    ("cls", "field", "value", "message"),
    [
        (Key, "key", "escpe", "did you mean 'escape'"),
        (Key, "key", {"a", "nokey"}, "no key 'nokey'"),
        (Key, "key", set(), "must be one name or several"),
        (Key, "key", ["a", 1], "must be one name or several"),
        (Key, "combo", "foo+a", "no modifier 'foo'"),
        (Key, "mods", "contrl", "did you mean 'control'"),
        (Key, "mods", {"caps_lock"}, "no modifier 'caps_lock'"),
        (Key, "mods", [1], "no modifier 1"),
        (Key, "action", "relase", "did you mean 'release'"),
        (Key, "action", {"press", "up"}, "no action 'up'"),
        (Mouse, "button", "lft", "did you mean 'left'"),
        (Mouse, "mods", "super", "no modifier 'super'"),  # a mouse can't report it
    ],
)
def test_impossible_value_raises_with_a_suggestion(
    cls: type[Event], field: str, value: Any, message: str
) -> None:
    with pytest.raises(FilterError, match=message):
        cls.compile_filter(field, value, {field: value})


@pytest.mark.parametrize("value", [re.compile("a"), str.isalpha, None])
def test_patterns_and_callables_get_the_usual_test(value: Any) -> None:
    for field in ("key", "combo", "mods", "action", "text"):
        assert Key.compile_filter(field, value, {field: value}) is None
    for field in ("button", "mods", "x"):
        assert Mouse.compile_filter(field, value, {field: value}) is None
    assert Focus.compile_filter("gained", value, {"gained": value}) is None


def test_key_filter_ignores_a_callable_for_mods() -> None:
    fields = {"key": "s", "mods": lambda mods: "ctrl" in mods}
    passes = Key.compile_filter("key", "s", fields)
    assert passes is not None
    assert passes(Key("s"))


def test_combo_is_in_canonical_order() -> None:
    mods = frozenset({"shift", "super", "ctrl", "meta", "alt", "hyper", "caps_lock"})
    assert Key("up", mods).combo == "ctrl+alt+shift+super+hyper+meta+up"
    assert Key("up").combo == "up"
