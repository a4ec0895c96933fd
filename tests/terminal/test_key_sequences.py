"""``on("key", keys=("g", "g"))``: several keys in a row."""

from typing import Any

import pytest

from evdispatch import HANDLED, Dispatcher, Event, FilterError, Key, Paste
from evdispatch.terminal import Decoder
from evdispatch.testing import ManualSource, VirtualClock, settle

pytestmark = pytest.mark.cross


class Typist:
    """Types at a source, at its own pace, and counts the sequences that were found."""

    def __init__(self, app: Dispatcher, clock: VirtualClock) -> None:
        self.app = app
        self.clock = clock
        self.source = app.add(ManualSource())
        self.found = 0

    def expect(self, **options: Any) -> None:
        @self.app.on("key", **options)
        def count() -> None:
            self.found += 1

    def type(self, data: bytes, pause: float = 0.0) -> int:
        """Type, and return how often the sequence was found so far."""
        for event in Decoder().feed(data):
            self.emit(event, pause)
        return self.found

    def emit(self, event: Event, pause: float = 0.0) -> None:
        self.clock.advance(pause)
        self.source.emit(event)
        settle(self.app)


@pytest.fixture
def typist(timed: Dispatcher, clock: VirtualClock) -> Typist:
    return Typist(timed, clock)


def test_chord_is_found_each_time(typist: Typist) -> None:
    typist.expect(keys=("ctrl+x", "ctrl+s"))
    assert typist.type(b"\x18\x13") == 1
    assert typist.type(b"\x13\x18") == 1
    assert typist.type(b"\x13") == 2


def test_other_key_in_between_breaks_the_sequence(typist: Typist) -> None:
    typist.expect(keys=("g", "g"))
    assert typist.type(b"gxg") == 0


def test_complete_sequence_starts_again(typist: Typist) -> None:
    typist.expect(keys=("g", "g"))
    assert typist.type(b"ggg") == 1
    assert typist.type(b"g") == 2


def test_sequence_is_found_wherever_it_begins(typist: Typist) -> None:
    typist.expect(keys=["a", "a", "b"])
    assert typist.type(b"aaaab") == 1


@pytest.mark.parametrize(
    ("options", "pause", "found"),
    [
        ({}, 1.0, 1),
        ({}, 1.5, 0),
        ({"within": 0.25}, 0.25, 1),
        ({"within": 0.25}, 0.5, 0),
    ],
)
def test_slow_key_breaks_the_sequence(
    typist: Typist, options: dict[str, Any], pause: float, found: int
) -> None:
    typist.expect(keys=("a", "b", "c"), **options)
    assert typist.type(b"abc", pause) == found


def test_late_key_begins_the_next_sequence(typist: Typist) -> None:
    typist.expect(keys=("g", "g"))
    typist.type(b"g")
    assert typist.type(b"g", pause=5.0) == 0
    assert typist.type(b"g", pause=0.5) == 1


def test_releases_and_modifier_keys_do_not_break_the_sequence(typist: Typist) -> None:
    typist.expect(keys=("ctrl+x", "ctrl+s"))
    ctrl = frozenset({"ctrl"})
    typist.emit(Key("left_control", ctrl))
    typist.emit(Key("x", ctrl))
    typist.emit(Key("x", ctrl, action="release"))
    typist.emit(Key("left_control", action="release"))
    typist.emit(Key("left_control", ctrl))
    typist.emit(Key("s", ctrl))
    assert typist.found == 1


def test_names_in_a_sequence_are_those_of_bindings(typist: Typist) -> None:
    typist.expect(keys=("esc", "A", "pgup"))
    typist.emit(Key("escape"))
    assert typist.type(b"A\x1b[5~") == 1


def test_paste_in_between_does_not_break_the_sequence(typist: Typist) -> None:
    typist.expect(keys=("g", "g"))
    typist.type(b"g")
    typist.emit(Paste("g"))
    assert typist.type(b"g") == 1


def test_keys_of_two_terminals_make_no_common_sequence(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    one, other = Typist(timed, clock), Typist(timed, clock)
    one.expect(keys=("g", "g"))
    other.type(b"g")
    one.type(b"g")
    assert one.found == 0
    other.type(b"g")
    assert one.found == 1
    timed.post(Key("g"))
    timed.post(Key("g"))
    settle(timed)
    assert one.found == 2


def test_sequence_of_one_source_ignores_others(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    one, other = Typist(timed, clock), Typist(timed, clock)
    found = []
    one.source.on("key", keys=("a", "b"))(lambda: found.append(1))
    other.type(b"ab")
    assert not found
    one.type(b"ab")
    assert found == [1]


def test_once_counts_whole_sequences(typist: Typist) -> None:
    typist.expect(keys=("g", "g"), once=True)
    assert typist.type(b"gggg") == 1


def test_handled_key_does_not_break_the_sequence(typist: Typist) -> None:
    typist.app.on("key", key="x", priority=1)(lambda: HANDLED)
    typist.expect(keys=("g", "g"))
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
def test_invalid_sequence_raises(timed: Dispatcher, fields: dict[str, Any]) -> None:
    with pytest.raises(FilterError):
        timed.on("key", **fields)(print)


def test_keys_filter_of_another_event_raises(timed: Dispatcher) -> None:
    with pytest.raises(FilterError, match="no field 'keys'"):
        timed.on("paste", keys=("g", "g"))(print)
