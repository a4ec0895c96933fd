"""A canvas of styled text, and what to write to a terminal to show it.

Each piece of text is placed at a column of its own: if a terminal thinks otherwise of a
character's width, the rest of the row stays where it belongs. For the same reason lines
do not wrap while a frame is drawn.
"""

from typing import Final

from evdispatch.cli._text import clip, width
from evdispatch.terminal import BEGIN_SYNCHRONIZED, END_SYNCHRONIZED

BASE: Final = "38;5;252;48;5;234"
"""The SGR numbers that all styles are added to: light grey on a dark ground."""

_PLAIN = "\x1b[0m"
_WRAP, _NO_WRAP = "\x1b[?7h", "\x1b[?7l"
_CLEAR = "\x1b[2J"

Span = tuple[int, str, str]
"""Column, text, and the style's SGR numbers."""


class Canvas:
    """Rows of text; what is put beyond the edges is cut off."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns = columns
        self.rows: list[list[Span]] = [[] for _ in range(rows)]

    def put(
        self, x: int, y: int, text: str, style: str = "", room: int | None = None
    ) -> int:
        """Put printable text at a cell, and return the column after it.

        Args:
            x: Column, from 0.
            y: Row, from 0.
            text: One line, printable.
            style: SGR numbers, such as ``1;38;5;81``.
            room: How many cells it may take; default: up to the right edge.
        """
        space = self.columns - x
        text = clip(text, space if room is None else min(room, space))
        if text and 0 <= y < len(self.rows):
            self.rows[y].append((x, text, style))
        return x + width(text)


class Painter:
    """Knows what the terminal shows, and writes the rows that differ."""

    def __init__(self) -> None:
        self._columns = 0
        self._shown: list[list[Span]] = []

    def forget(self) -> None:
        """Draw everything next time: the terminal was cleared, or given away."""
        self._shown = []

    def paint(self, canvas: Canvas) -> bytes:
        """Return what turns what is shown into the canvas; empty if nothing differs."""
        shown, columns = self._shown, canvas.columns
        afresh = len(shown) != len(canvas.rows) or columns != self._columns
        drawn = [
            _row(y, row, columns)
            for y, row in enumerate(canvas.rows)
            if afresh or row != shown[y]
        ]
        self._shown, self._columns = canvas.rows, columns
        if not drawn:
            return b""
        start = [_sgr(""), _CLEAR] if afresh else []
        frame = "".join([_NO_WRAP, *start, *drawn, _PLAIN, _WRAP])
        return BEGIN_SYNCHRONIZED + frame.encode() + END_SYNCHRONIZED


def _row(y: int, row: list[Span], columns: int) -> str:
    # Filled with blanks: not every terminal clears with the present background.
    parts = [f"\x1b[{y + 1};1H", _sgr(""), " " * columns]
    for x, text, style in row:
        parts += [f"\x1b[{x + 1}G", _sgr(style), text]
    return "".join(parts)


def _sgr(style: str) -> str:
    return f"\x1b[0;{BASE};{style}m" if style else f"\x1b[0;{BASE}m"
