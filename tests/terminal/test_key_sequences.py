"""``on("key", keys=("g", "g"))``: several keys in a row."""

from typing import Any

import pytest

from evdispatch import HANDLED, Dispatcher, Event, FilterError, Key, Paste
from evdispatch.terminal import Decoder
from evdispatch.testing import ManualSource, VirtualClock, settle

pytestmark = pytest.mark.cross


class Typist:
    """Types at a source, at its own pace, and counts the sequences that were heard."""

    def __init__(self, app: Dispatcher, clock: VirtualClock) -> None:
        self.app = app
        self.clock = clock
        self.source = app.add(ManualSource())
        self.heard = 0

    def hear(self, **options: Any) -> None:
        @self.app.on("key", **options)
        def count() -> None:
            self.heard += 1

    def type(self, data: bytes, pause: float = 0.0) -> int:
        """Type, and return how often the sequence was heard by now."""
        for event in Decoder().feed(data):
            self.emit(event, pause)
        return self.heard

    def emit(self, event: Event, pause: float = 0.0) -> None:
        self.clock.advance(pause)
        self.source.emit(event)
        settle(self.app)


@pytest.fixture
def typist(timed: Dispatcher, clock: VirtualClock) -> Typist:
    return Typist(timed, clock)


def test_a_chord(typist: Typist) -> None:
    typist.hear(keys=("ctrl+x", "ctrl+s"))
    assert typist.type(b"\x18\x13") == 1
    assert typist.type(b"\x13\x18") == 1
    assert typist.type(b"\x13") == 2


def test_another_key_breaks_it(typist: Typist) -> None:
    typist.hear(keys=("g", "g"))
    assert typist.type(b"gxg") == 0


def test_it_begins_afresh_when_it_is_complete(typist: Typist) -> None:
    typist.hear(keys=("g", "g"))
    assert typist.type(b"ggg") == 1
    assert typist.type(b"g") == 2


def test_it_is_found_wherever_it_begins(typist: Typist) -> None:
    typist.hear(keys=["a", "a", "b"])
    assert typist.type(b"aaaab") == 1


@pytest.mark.parametrize(
    ("options", "pause", "heard"),
    [
        ({}, 1.0, 1),
        ({}, 1.5, 0),
        ({"within": 0.25}, 0.25, 1),
        ({"within": 0.25}, 0.5, 0),
    ],
)
def test_each_key_has_its_time(
    typist: Typist, options: dict[str, Any], pause: float, heard: int
) -> None:
    typist.hear(keys=("a", "b", "c"), **options)
    assert typist.type(b"abc", pause) == heard


def test_a_key_that_comes_too_late_may_be_the_first_of_the_next(typist: Typist) -> None:
    typist.hear(keys=("g", "g"))
    typist.type(b"g")
    assert typist.type(b"g", pause=5.0) == 0
    assert typist.type(b"g", pause=0.5) == 1


def test_releases_and_modifiers_alone_do_not_break_it(typist: Typist) -> None:
    typist.hear(keys=("ctrl+x", "ctrl+s"))
    ctrl = frozenset({"ctrl"})
    typist.emit(Key("left_control", ctrl))
    typist.emit(Key("x", ctrl))
    typist.emit(Key("x", ctrl, action="release"))
    typist.emit(Key("left_control", action="release"))
    typist.emit(Key("left_control", ctrl))
    typist.emit(Key("s", ctrl))
    assert typist.heard == 1


def test_names_are_those_of_bindings(typist: Typist) -> None:
    typist.hear(keys=("esc", "A", "pgup"))
    typist.emit(Key("escape"))
    assert typist.type(b"A\x1b[5~") == 1


def test_what_is_no_key_is_no_part_of_it(typist: Typist) -> None:
    typist.hear(keys=("g", "g"))
    typist.type(b"g")
    typist.emit(Paste("g"))
    assert typist.type(b"g") == 1


def test_two_terminals_do_not_complete_each_others(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    one, other = Typist(timed, clock), Typist(timed, clock)
    one.hear(keys=("g", "g"))
    other.type(b"g")
    one.type(b"g")
    assert one.heard == 0
    other.type(b"g")
    assert one.heard == 1
    timed.post(Key("g"))
    timed.post(Key("g"))
    settle(timed)
    assert one.heard == 2


def test_a_source_alone_may_be_heard(timed: Dispatcher, clock: VirtualClock) -> None:
    one, other = Typist(timed, clock), Typist(timed, clock)
    heard = []
    one.source.on("key", keys=("a", "b"))(lambda: heard.append(1))
    other.type(b"ab")
    assert not heard
    one.type(b"ab")
    assert heard == [1]


def test_once_is_for_the_whole_sequence(typist: Typist) -> None:
    typist.hear(keys=("g", "g"), once=True)
    assert typist.type(b"gggg") == 1


def test_a_key_that_was_taken_is_not_seen(typist: Typist) -> None:
    typist.app.on("key", key="x", priority=1)(lambda: HANDLED)
    typist.hear(keys=("g", "g"))
    assert typist.type(b"gxg") == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"keys": "gg"},
        {"keys": ("g",)},
        {"keys": ()},
        {"keys": {"gg"}},
        {"keys": ("g", 3)},
        {"keys": ("g", "hyperspace")},
        {"keys": ("g", "g"), "key": "g"},
        {"keys": ("g", "g"), "action": "release"},
        {"keys": ("g", "g"), "within": 0},
        {"keys": ("g", "g"), "within": "soon"},
        {"keys": ("g", "g"), "within": float("nan")},
        {"within": 1.0},
    ],
    ids=str,
)
def test_what_is_no_sequence_is_an_error(
    timed: Dispatcher, fields: dict[str, Any]
) -> None:
    with pytest.raises(FilterError):
        timed.on("key", **fields)(print)


def test_other_events_have_no_sequences(timed: Dispatcher) -> None:
    with pytest.raises(FilterError, match="no field 'keys'"):
        timed.on("paste", keys=("g", "g"))(print)
