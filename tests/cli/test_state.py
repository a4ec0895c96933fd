"""What an event does to the view."""

import pytest
from cli.desk import Desk

from evdispatch import Drag, Event, Focus, Key, Move, Paste, Press, Release
from evdispatch.cli._state import PAD, Layout, LogEntry, State, layout

PLACES = layout(80, 24)


@pytest.fixture
def state() -> State:
    return State(io="thread", started=1000.0)


def at(name: str, places: Layout = PLACES) -> tuple[int, int]:
    rect = places.buttons[name]
    return rect.x + 1, rect.y


def pad(x: int = 0, y: int = 0) -> tuple[int, int]:
    assert PLACES.pad is not None
    return PLACES.pad.inner.x + x, PLACES.pad.inner.y + y


def take(state: State, *events: Event) -> list[str | None]:
    desk = Desk(state, PLACES)
    return [desk.take(event) for event in events]


class TestButtons:
    """A press and a release on one button push it."""

    @pytest.mark.parametrize("name", ["quit", "clear", "pause"])
    def test_press_and_release_on_a_button_push_it(
        self, state: State, name: str
    ) -> None:
        press, release = Press(*at(name), "left"), Release(*at(name), "left")
        desk = Desk(state, PLACES)
        assert desk.take(press) is None
        assert state.held == name
        assert desk.take(release) == name
        assert state.held is None

    def test_release_elsewhere_pushes_nothing(self, state: State) -> None:
        events = Press(*at("quit"), "left"), Release(*at("clear"), "left")
        assert take(state, *events) == [None, None]

    def test_press_elsewhere_pushes_nothing(self, state: State) -> None:
        events = Press(70, 20, "left"), Release(*at("quit"), "left")
        assert take(state, *events) == [None, None]

    def test_right_mouse_button_pushes_nothing(self, state: State) -> None:
        events = Press(*at("quit"), "right"), Release(*at("quit"), "right")
        assert take(state, *events) == [None, None]

    def test_release_on_another_cell_of_the_button_pushes_it(
        self, state: State
    ) -> None:
        x, y = at("clear")
        assert take(
            state,
            Press(x, y, "left"),
            Drag(x + 1, y, "left"),
            Release(x + 1, y, "left"),
        ) == [None, None, "clear"]

    def test_mouse_sets_hover_to_what_it_is_on(self, state: State) -> None:
        seen = []
        desk = Desk(state, PLACES)
        for x, y in at("quit"), at("pause"), pad(), (70, 23):
            desk.take(Move(x, y))
            seen.append(state.hover)
        assert seen == ["quit", "pause", PAD, None]

    def test_lost_focus_ends_hover(self, state: State) -> None:
        desk = Desk(state, PLACES)
        desk.take(Move(*at("quit")))
        desk.take(Focus(gained=True))
        assert state.hover == "quit"
        desk.take(Focus(gained=False))
        assert state.hover is None


class TestPad:
    """Dragging draws."""

    def test_drag_on_the_pad_leaves_dots(self, state: State) -> None:
        take(state, Press(*pad(1, 1), "left"), Drag(*pad(2, 1), "left"))
        assert state.dots == {(1, 1): "left", (2, 1): "left"}

    def test_drag_from_elsewhere_leaves_no_dots(self, state: State) -> None:
        take(state, Press(0, 20, "left"), Drag(*pad(2, 1), "left"))
        assert state.dots == {}

    def test_drag_beyond_the_pad_leaves_no_dots_there(self, state: State) -> None:
        take(state, Press(*pad(), "right"), Drag(0, 0, "right"), Move(*pad(3, 0)))
        assert state.dots.keys() == {(0, 0), (3, 0)}


class TestLog:
    """The log, its runs and its memory."""

    def test_moves_in_a_row_share_an_entry(self, state: State) -> None:
        take(state, *[Move(x, 20) for x in range(5)], Key("a"), Move(9, 20))
        assert [(e.name, e.repeats) for e in state.log] == [
            ("move", 5),
            ("key", 1),
            ("move", 1),
        ]
        assert state.log[0].headline == "4,20"
        assert state.counts == {"move": 6, "key": 1}

    def test_pause_stops_the_log_but_not_the_counters(self, state: State) -> None:
        take(state, Key("a"))
        state.paused = True
        take(state, Key("b"))
        assert [entry.headline for entry in state.log] == ["a"]
        assert state.last is not None
        assert state.last.headline == "a"
        assert state.counts["key"] == 2

    def test_clear_discards_everything(self, state: State) -> None:
        take(state, Key("a"), Press(*pad(), "left"))
        state.clear()
        assert (len(state.log), state.last, state.dots) == (0, None, {})
        assert state.counts.total() == 0

    def test_large_paste_is_kept_in_part(self, state: State) -> None:
        text = "x" * 1_000_000
        take(state, Paste(text, raw=text.encode()))
        entry = state.log[0]
        kept = [entry.headline, entry.raw, *(field.value for field in entry.fields)]
        assert max(map(len, kept)) <= 1000

    def test_log_is_bounded(self, state: State) -> None:
        take(state, *[Key("a") for _ in range(1000)])
        assert len(state.log) <= 500


class TestRate:
    """Events a second."""

    def test_second_counts_the_events_in_it(self, state: State) -> None:
        take(state, Key("a"), Key("b"))
        state.second()
        state.second()
        assert list(state.rates) == [2, 0]

    def test_missed_seconds_count_nothing(self, state: State) -> None:
        take(state, Key("a"))
        state.second(missed=3)
        assert list(state.rates) == [0, 0, 0, 1]
        state.second(missed=10**9)
        assert set(state.rates) == {0}


def test_log_entry_has_all_fields() -> None:
    entry = LogEntry.of(
        Key("A", frozenset({"shift", "ctrl"}), "\x1b", time=2.0, raw=b"x")
    )
    assert {field.name: (field.value, field.notable) for field in entry.fields} == {
        "key": ("'A'", True),
        "mods": ("ctrl+shift", True),
        "text": (r"'\x1b'", True),
        "action": ("'press'", False),
        "shifted": ("-", False),
        "base": ("-", False),
    }
    assert (entry.raw, entry.time) == (b"x", 2.0)


def test_enter_and_leave_are_not_logged(state: State) -> None:
    take(state, Move(*at("quit")), Move(0, 20))
    assert state.counts == {"move": 2}
    assert [entry.name for entry in state.log] == ["move"]
