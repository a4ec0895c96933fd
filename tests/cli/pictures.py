"""What a terminal would show, as rows of text; and events to show."""

from typing import Any

import pyte

from evdispatch import (
    Answer,
    Click,
    Drag,
    Event,
    Focus,
    Hangup,
    Key,
    Move,
    Paste,
    Press,
    Release,
    Reply,
    Resize,
    Resume,
    Scroll,
    Suspend,
    Unknown,
)
from evdispatch.cli._screen import Painter, render
from evdispatch.cli._state import State, layout

CTRL = frozenset({"ctrl"})
SHIFT = frozenset({"shift"})
ALL = frozenset({"shift", "alt", "ctrl"})

EVENTS: list[tuple[Event, str]] = [
    (Key("s", CTRL), "key ctrl+s"),
    (Key("a", text="a"), "key a"),
    (Key("é", text="é", action="repeat"), "key é repeat"),
    (Key("up", ALL, action="release"), "key ctrl+alt+shift+up release"),
    (Key("b", frozenset({"caps_lock"}), "B"), "key b"),
    (Key("\u202e"), r"key \u202e"),
    (Key("\u2028", CTRL), r"key ctrl+\u2028"),
    (Press(4, 2, "left", count=1), "press left 4,2"),
    (Press(4, 2, "left", count=2), "press left 4,2 x2"),
    (Release(4, 2, "left", CTRL), "release ctrl+left 4,2"),
    (Release(4, 2), "release none 4,2"),
    (Click(4, 2, "left", CTRL, count=1), "click ctrl+left 4,2"),
    (Click(4, 2, "left", count=3), "click left 4,2 x3"),
    (Drag(5, 2, "right", ALL), "drag ctrl+alt+shift+right 5,2"),
    (Move(4, 2), "move 4,2"),
    (Move(4, 2, mods=SHIFT), "move shift 4,2"),
    (Scroll(4, 2, "wheel_up"), "scroll wheel_up 4,2"),
    (Paste("a\nb'\x1b[31m"), r'paste "a\nb' + "'" + r'\x1b[31m"'),
    (Paste("half", truncated=True), "paste 'half' truncated"),
    (Focus(gained=True), "focus gained"),
    (Focus(gained=False), "focus lost"),
    (Resize(80, 24, 640, 480), "resize 80x24"),
    (Reply("cpr", (3, 5)), "reply cpr 3;5"),
    (Answer("cursor", (4, 2)), "answer cursor 4,2"),
    (Answer("version", "tmux 3.4"), "answer version tmux 3.4"),
    (Answer("version", "x\n\x07"), r"answer version x\n\x07"),
    (Answer("background"), "answer background -"),
    (Reply("decrpm", (2026, 2), private=True), "reply decrpm private 2026;2"),
    (Reply("osc", data="11;rgb:0/0/0\x1b"), r"reply osc '11;rgb:0/0/0\x1b'"),
    (Unknown(b"\x1b[<"), "unknown 1b5b3c"),
    (Suspend(), "suspend"),
    (Resume(), "resume"),
    (Hangup(), "hangup"),
]


class Glass:
    """A terminal's screen."""

    def __init__(self, columns: int, rows: int) -> None:
        self._screen: Any = pyte.Screen(columns, rows)
        self._stream: Any = pyte.ByteStream(self._screen)

    def show(self, data: bytes) -> list[str]:
        """Write to the terminal and return the rows that it shows then."""
        self._stream.feed(data)
        return self.rows

    @property
    def rows(self) -> list[str]:
        """What it shows."""
        return list(self._screen.display)

    @property
    def title(self) -> str:
        """The window's title, which hostile text must not set."""
        return str(self._screen.title)

    def ground(self, x: int, y: int) -> str:
        """The background colour of a cell."""
        return str(self._screen.buffer[y][x].bg)


def glass_of(state: State, columns: int = 80, rows: int = 24) -> Glass:
    """Return a screen of a size that shows a state."""
    glass = Glass(columns, rows)
    glass.show(Painter().paint(render(state, layout(columns, rows))))
    return glass


def picture(state: State, columns: int = 80, rows: int = 24) -> list[str]:
    """Return the rows of a screen that shows a state."""
    return glass_of(state, columns, rows).rows
