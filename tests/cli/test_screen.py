"""The picture, on a terminal: at every size, and whatever is pasted."""

import pytest
from cli.desk import Desk
from cli.pictures import EVENTS, Glass, glass_of, picture
from helpers.parameters import TEXT
from hypothesis import given, settings
from hypothesis import strategies as st

from evdispatch import Event, Key, Move, Paste, Press, Unknown
from evdispatch.cli._screen import KINDS, Canvas, Painter, render
from evdispatch.cli._state import State, layout
from evdispatch.terminal import BEGIN_SYNCHRONIZED, END_SYNCHRONIZED

SIZES = [
    *((1, 1), (5, 2), (20, 6), (40, 12), (56, 16), (80, 24), (120, 30), (300, 100)),
]


def state(*events: Event, columns: int = 80, rows: int = 24) -> State:
    shown = State(io="inline", started=1000.0, clock="12:34:56")
    desk = Desk(shown, layout(columns, rows))
    for event in events:
        event.time = 1001.5
        desk.take(event)
    return shown


def everything() -> list[Event]:
    return [event for event, _ in EVENTS]


class TestSizes:
    """It fits."""

    @pytest.mark.parametrize(("columns", "rows"), SIZES)
    def test_full_state_at_any_size_stays_on_the_screen(
        self, columns: int, rows: int
    ) -> None:
        shown = state(*everything(), Paste("日本語" * 100), columns=columns, rows=rows)
        glass = glass_of(shown, columns, rows)
        for x in range(columns):
            for y in range(rows):
                assert glass.ground(x, y) != "default", (x, y)

    @pytest.mark.parametrize(("columns", "rows"), [s for s in SIZES if s >= (20, 6)])
    def test_title_buttons_and_log_show_from_20_by_6_on(
        self, columns: int, rows: int
    ) -> None:
        shown = picture(state(Key("f12")), columns, rows)
        assert "evdispatch" in shown[0]
        assert all(name in shown[1] + shown[2] for name in ("Quit", "Clear", "Pause"))
        assert any("f12" in row for row in shown)

    def test_picture_at_80_by_24_shows_all_parts(self) -> None:
        shown = picture(state(Key("up", frozenset({"shift"}), raw=b"\x1b[1;2A")))
        text = "\n".join(shown)
        assert shown[0].rstrip().endswith("inline  ·  80x24  ·  12:34:56")
        assert "╭─ last event ─" in shown[4]
        assert "╭─ drag here ─" in shown[4]
        assert "key  shift+up" in shown[5]
        assert r"bytes \e[1;2A" in shown[6]
        assert "hex   1b 5b 31 3b 32 41" in shown[7]
        assert "key 'up'   mods shift   text -   action 'press'" in shown[8]
        assert "key 1" in shown[12]
        assert shown[13].split() == ["1.500", "key", "shift+up", r"\e[1;2A"]
        assert "q or ctrl+c quits" in text

    def test_picture_without_events_says_what_to_do(self) -> None:
        assert "Press keys" in "\n".join(picture(state()))

    def test_long_log_shows_its_newest_rows(self) -> None:
        names = [Key(f"f{number}") for number in range(1, 36)]
        text = "\n".join(picture(state(*names)))
        assert "f35" in text
        assert "f2 " not in text

    def test_wide_screen_shows_bytes_in_hexadecimal(self) -> None:
        shown = picture(state(Unknown(b"\x1b[<")), 120, 30)
        assert any(row.split()[-2:] == ["5b", "3c"] for row in shown if "1.500" in row)


class TestKinds:
    """Each kind of event."""

    @pytest.mark.parametrize(("event", "line"), EVENTS, ids=[e for _, e in EVENTS])
    def test_every_event_shows_its_line_and_has_a_colour(
        self, event: Event, line: str
    ) -> None:
        shown = picture(state(event), 160, 24)
        (row,) = [row for row in shown if "1.500" in row]
        assert " ".join(row.split())[6:].startswith(line)
        assert event.name in KINDS

    def test_movement_shows_its_number_of_events(self) -> None:
        text = "\n".join(picture(state(Move(1, 22), Move(2, 22), Move(3, 22))))
        assert "3,22  (3 times)" in text

    def test_counters_show_numbers_and_rate(self) -> None:
        shown = state(Key("a"), Key("b"), Move(1, 22))
        shown.second()
        row = picture(shown)[12]
        assert "key 2  move 1" in row
        assert row.rstrip().endswith("█  3/s")

    def test_sparkline_is_drawn_to_scale(self) -> None:
        shown = state()
        shown.rates.extend([0, 1, 4, 8])
        assert " ▁▄█  8/s" in picture(shown)[12]


class TestLights:
    """What the mouse is on lights up."""

    def ground(self, shown: State, x: int, y: int) -> str:
        return glass_of(shown).ground(x, y)

    def test_button_under_the_mouse_lights_up(self) -> None:
        x, y, _, _ = layout(80, 24).buttons["clear"]
        grounds = [
            self.ground(state(), x, y),
            self.ground(state(Move(x, y)), x, y),
            self.ground(state(Press(x, y, "left")), x, y),
        ]
        assert len(set(grounds)) == 3
        elsewhere = state(Move(0, 20))
        assert self.ground(elsewhere, x, y) == grounds[0]

    def test_pause_stays_lit_and_shows_in_the_footer(self) -> None:
        x, y, _, _ = layout(80, 24).buttons["pause"]
        shown = state()
        shown.paused = True
        assert self.ground(shown, x, y) != self.ground(state(), x, y)
        assert "paused" in picture(shown)[-1]

    def test_pad_lights_up_and_shows_the_dots(self) -> None:
        places = layout(80, 24)
        assert places.pad is not None
        x, y = places.pad.inner[:2]
        frames = [
            Painter().paint(render(shown, places))
            for shown in (state(), state(Move(x, y)), state(Press(x, y, "left")))
        ]
        assert len(set(frames)) == 3
        drawn = picture(state(Press(x, y, "left")))
        assert drawn[y][x] == "●"

    def test_dots_beyond_a_smaller_pad_are_left_out(self) -> None:
        shown = state()
        shown.dots[500, 500] = "left"
        assert "●" not in "\n".join(picture(shown))


class TestSafety:
    """Nothing that came in controls the screen."""

    HOSTILE = "\x1b]0;owned\x07\x1b[2J\x1b[31m\x9b31m\r\n\u202e\x00\ud800\ue000"

    def test_hostile_text_shows_as_text(self) -> None:
        hostile = self.HOSTILE
        events = [
            Paste(hostile, raw=hostile.encode("utf-8", "replace")),
            Key("\x1b", text=hostile),
            Unknown(b"\x1b]0;owned\x07"),
        ]
        glass = glass_of(state(*events), 160)
        assert glass.title == ""
        assert "evdispatch" in glass.rows[0]
        assert any(r"\x1b]0;owned\x07\x1b[2J" in row for row in glass.rows)

    @settings(deadline=None)
    @given(TEXT, st.binary(max_size=80))
    def test_rows_of_any_text_are_printable(self, text: str, raw: bytes) -> None:
        shown = state(Paste(text, raw=raw), Key("a", text=text), Unknown(raw))
        for row in render(shown, layout(100, 30)).rows:
            assert all(piece.isprintable() for _, piece, _ in row)
        Painter().paint(render(shown, layout(100, 30)))  # it can be encoded

    def test_wide_text_leaves_its_neighbours_in_place(self) -> None:
        plain = picture(state(Paste("ab", raw=b"\x1b[Z")))
        wide = picture(state(Paste("日", raw=b"\x1b[Z")))
        assert [row.replace("日", "ab") for row in wide] == plain


class TestPainter:
    """Only what differs is written."""

    def test_same_picture_writes_nothing(self) -> None:
        painter = Painter()
        painter.paint(render(state(), layout(80, 24)))
        assert painter.paint(render(state(), layout(80, 24))) == b""

    def test_new_clock_writes_one_row(self) -> None:
        painter, glass = Painter(), Glass(80, 24)
        shown = state(Key("a"))
        glass.show(painter.paint(render(shown, layout(80, 24))))
        shown.clock = "12:34:57"
        frame = painter.paint(render(shown, layout(80, 24)))
        assert frame.count(b"H") == 1
        assert frame.startswith(BEGIN_SYNCHRONIZED)
        assert frame.endswith(END_SYNCHRONIZED)
        assert glass.show(frame) == picture(shown)

    def test_invalidated_picture_is_written_again(self) -> None:
        painter = Painter()
        first = painter.paint(render(state(), layout(80, 24)))
        painter.invalidate()
        assert painter.paint(render(state(), layout(80, 24))) == first

    @settings(max_examples=20, deadline=None)  # a busy machine is no failure
    @given(st.lists(st.sampled_from(EVENTS).map(lambda pair: pair[0]), max_size=8))
    def test_frames_in_a_row_show_the_last_picture(self, events: list[Event]) -> None:
        painter, glass, shown = Painter(), Glass(60, 18), state(columns=60, rows=18)
        for event in events:
            shown.take(event, layout(60, 18))
            glass.show(painter.paint(render(shown, layout(60, 18))))
        glass.show(painter.paint(render(shown, layout(60, 18))))
        assert glass.rows == picture(shown, 60, 18)

    def test_text_beyond_the_edges_is_cut_off(self) -> None:
        canvas = Canvas(5, 2)
        assert canvas.put(3, 1, "abc") == 5
        assert canvas.put(9, 1, "abc") == 9
        assert canvas.put(0, 2, "abc") == 3
        assert canvas.rows == [[], [(3, "a…", "")]]
