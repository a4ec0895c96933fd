"""Bindings: how they are read, and which events they mean."""

import pytest

from evdispatch._errors import FilterError
from evdispatch.terminal import Decoder, Key, is_key_name, parse_binding
from evdispatch.terminal._bindings import Binding


def binding(*mods: str, key: str, text: str | None = None) -> Binding:
    return Binding(key, frozenset(mods), text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", binding(key="a", text="a")),
        ("A", binding("shift", key="a", text="A")),
        ("shift+a", binding("shift", key="a")),
        ("shift+A", binding("shift", key="a")),
        ("ctrl+A", binding("ctrl", "shift", key="a", text="A")),
        ("!", binding(key="!", text="!")),
        ("É", binding("shift", key="é", text="É")),
        ("ctrl+shift+a", binding("ctrl", "shift", key="a")),
        ("Ctrl + SHIFT + Up", binding("ctrl", "shift", key="up")),
        ("+", binding(key="+", text="+")),
        ("ctrl++", binding("ctrl", key="+", text="+")),
        ("ctrl+plus", binding("ctrl", key="+", text="+")),
        ("ctrl+minus", binding("ctrl", key="-", text="-")),
        ("ctrl+-", binding("ctrl", key="-", text="-")),
        ("cmd+opt+return", binding("super", "alt", key="enter")),
        ("Control+Esc", binding("ctrl", key="escape")),
        ("win+option+PgDn", binding("super", "alt", key="page_down")),
        ("PageUp", binding(key="page_up")),
        ("bs", binding(key="backspace")),
        ("del", binding(key="delete")),
        ("ins", binding(key="insert")),
        ("hyper+meta+f35", binding("hyper", "meta", key="f35")),
        ("space", binding(key="space")),
        (" ", binding(key="space")),
        ("ctrl+ ", binding("ctrl", key="space")),
        ("KP_Enter", binding(key="kp_enter")),
    ],
)
def test_binding_is_parsed_to_key_and_modifiers(text: str, expected: Binding) -> None:
    assert parse_binding(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no key ''"),
        ("ctrl+", "no key ''"),
        ("+a", "no modifier ''"),
        ("++", "no modifier ''"),
        ("contrl+a", "'contrl'; did you mean 'control'"),
        ("caps_lock+a", "no modifier 'caps_lock'"),
        ("pageupp", "'pageupp'; did you mean 'pageup'"),
        ("Escpe", "'Escpe'; did you mean 'escape'"),
        ("zzzzz", "no key 'zzzzz'$"),
        ("\x01", "no key"),
        ("\t", "no key"),
        ("ab", "no key 'ab'"),
    ],
)
def test_invalid_binding_raises_with_a_suggestion(text: str, message: str) -> None:
    with pytest.raises(FilterError, match=message):
        parse_binding(text)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        # Characters, as legacy terminals and as kitty report them.
        ("a", b"a"),
        ("A", b"A"),
        ("shift+a", b"A"),
        ("A", b"\x1b[97:65;2u"),
        ("A", b"\x1b[97;2u"),
        ("A", b"\x1b[97;65u"),  # typed with caps lock
        ("a", b"\x1b[97;66u"),  # shift undoes it
        ("!", b"!"),
        ("!", b"\x1b[49:33;2u"),
        ("!", b"\x1b[27;2;33~"),
        ("@", b"\x1b[113;1;64u"),  # AltGr+q
        ("ctrl+plus", b"\x1b[61:43;6u"),
        ("ctrl+plus", b"\x1b[43;5u"),
        ("ctrl+plus", b"\x1b[27;6;43~"),  # modifyOtherKeys reports what shift makes
        ("ctrl+?", b"\x1b[27;6;63~"),
        ("ctrl+shift+a", b"\x1b[27;6;65~"),
        ("ctrl+i", b"\x1b[27;5;105~"),
        # Modifiers, locks aside.
        ("ctrl+a", b"\x01"),
        ("ctrl+a", b"\x1b[97;133u"),
        ("ctrl+shift+a", b"\x1b[97;6u"),
        ("alt+enter", b"\x1b\r"),
        ("shift+tab", b"\x1b[Z"),
        # Other layouts.
        ("ctrl+c", b"\x1b[1089::99;5u"),
        ("ctrl+shift+c", b"\x1b[1089:1057:99;6u"),
        # The keypad.
        ("enter", b"\x1bOM"),
        ("5", b"\x1b[57404u"),
        ("ctrl+5", b"\x1b[57404;5u"),
        ("up", b"\x1b[57419u"),
        ("kp_up", b"\x1b[57419u"),
        ("space", b" "),
        ("up", b"\x1b[1;1:2A"),  # repeat
    ],
)
def test_binding_matches_key(text: str, data: bytes) -> None:
    (key,) = Decoder().feed(data)
    assert isinstance(key, Key)
    assert parse_binding(text).matches(key)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a", b"A"),
        ("a", b"\x01"),
        ("A", b"a"),
        ("ctrl+a", b"\x1b[97;6u"),
        ("ctrl+a", b"\x1b[27;6;65~"),
        ("ctrl+=", b"\x1b[27;6;43~"),
        ("tab", b"\x1b[27;5;105~"),
        ("shift+a", b"a"),
        ("shift+1", b"1"),
        ("1", b"\x1b[49;2u"),
        ("shift+space", b" "),
        ("ctrl+c", b"\x1b[106::99;5u"),  # Dvorak: the letter counts, not its place
        ("c", b"\x1b[1089::99;5u"),
        ("kp_5", b"5"),
        ("kp_enter", b"\r"),
        ("up", b"\x1b[1;1:3A"),  # release
        ("space", b"\x1b[32;5u"),
    ],
)
def test_binding_does_not_match_other_key(text: str, data: bytes) -> None:
    (key,) = Decoder().feed(data)
    assert isinstance(key, Key)
    assert not parse_binding(text).matches(key)


def test_release_is_for_its_binding_but_no_match() -> None:
    release = Key("up", action="release")
    assert parse_binding("up").is_for(release)
    assert not parse_binding("down").is_for(release)


@pytest.mark.parametrize("name", ["a", "é", "!", "+", "space", "f35", "kp_begin", "日"])
def test_valid_key_name_is_accepted(name: str) -> None:
    assert is_key_name(name)


@pytest.mark.parametrize("name", ["A", " ", "", "esc", "f36", "\x7f", "\x85", "ab"])
def test_invalid_key_name_is_refused(name: str) -> None:
    assert not is_key_name(name)
