"""The full-screen view's picture: from its state to a canvas, and to bytes that draw it.

Each piece of text is put at a column of its own: if a terminal counts another width for a
character, the rest of the row stays in place. For the same reason lines do not wrap while
a frame is drawn. No IO, and no clock.
"""

from typing import Final

from evdispatch.cli._state import BUTTONS, PAD, Layout, LogEntry, Rect, State
from evdispatch.cli._text import clip, escaped, width
from evdispatch.terminal import BEGIN_SYNCHRONIZED, END_SYNCHRONIZED

KINDS: Final = {
    "key": 117,
    "press": 215,
    "release": 173,
    "click": 221,
    "drag": 212,
    "move": 247,
    "scroll": 147,
    "paste": 114,
    "focus": 80,
    "resize": 80,
    "reply": 109,
    "answer": 109,
    "unknown": 203,
    "suspend": 180,
    "resume": 180,
    "hangup": 203,
}
"""The kinds of events in the order of the counters, and their colours (of 256)."""

_BASE = "38;5;252;48;5;234"  # all styles are added to it: light grey on a dark ground
_DIM = "38;5;243"
_STRONG = "1;38;5;231"
_BAR = "48;5;237"
_BORDER = "38;5;240"
_BLACK = "1;38;5;16"
_NORMAL, _LIT, _DOWN, _ON = (
    *("38;5;252;48;5;239", f"{_BLACK};48;5;117"),
    *(f"{_BLACK};48;5;221", f"{_BLACK};48;5;173"),
)
_DOTS = {"left": "38;5;212", "middle": "38;5;221", "right": "38;5;117"}
_BARS = " ▁▂▃▄▅▆▇█"

_TIME_COLUMNS = 40  # below it the log has no times ...
_BYTES_COLUMNS = 76  # ... no bytes ...
_HEX_COLUMNS = 120  # ... and no bytes in hexadecimal
_LOG_COLUMNS = 180  # the eye does not follow a longer line
_HEADLINE = 18  # cells, so that most fields begin in one column

# Fields that a headline shows. (`text` is one of a paste's, not of a key's.)
_IN_HEADLINE = {
    *("key", "mods", "x", "y", "button", "gained", "columns", "rows"),
    *("kind", "params", "data", "private", "truncated"),
}

_WELCOME = "Press keys, click, scroll, drag, paste: what the terminal sends shows here."
_FOOTER = "q or ctrl+c quits  ·  ctrl+z suspends  ·  hold a mouse button to draw"
_PAUSED = "the log is paused  ·  click Pause to go on"

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
        self, x: int, y: int, text: str, style: str = "", limit: int | None = None
    ) -> int:
        """Put printable text at a cell, and return the column after it.

        Args:
            x: Column, from 0.
            y: Row, from 0.
            text: One line, printable.
            style: SGR numbers, such as ``1;38;5;81``.
            limit: How many cells it may take; default: up to the right edge.
        """
        space = self.columns - x
        text = clip(text, space if limit is None else min(limit, space))
        if text and 0 <= y < len(self.rows):
            self.rows[y].append((x, text, style))
        return x + width(text)


class Painter:
    """Writes the rows of a canvas that differ from what the terminal shows."""

    def __init__(self) -> None:
        self._columns = 0
        self._shown: list[list[Span]] = []

    def invalidate(self) -> None:
        """Draw everything next time: the terminal was cleared, or given away."""
        self._shown = []

    def paint(self, canvas: Canvas) -> bytes:
        """Return the bytes that draw the canvas; empty if nothing differs."""
        shown, columns = self._shown, canvas.columns
        everything = len(shown) != len(canvas.rows) or columns != self._columns
        drawn = [
            _row(y, row, columns)
            for y, row in enumerate(canvas.rows)
            if everything or row != shown[y]
        ]
        self._shown, self._columns = canvas.rows, columns
        if not drawn:
            return b""
        start = [_sgr(""), _CLEAR] if everything else []
        frame = "".join([_NO_WRAP, *start, *drawn, _PLAIN, _WRAP])
        return BEGIN_SYNCHRONIZED + frame.encode() + END_SYNCHRONIZED


def _row(y: int, row: list[Span], columns: int) -> str:
    # Filled with blanks: not every terminal clears with the present background.
    parts = [f"\x1b[{y + 1};1H", _sgr(""), " " * columns]
    for x, text, style in row:
        parts += [f"\x1b[{x + 1}G", _sgr(style), text]
    return "".join(parts)


def _sgr(style: str) -> str:
    return f"\x1b[0;{_BASE};{style}m" if style else f"\x1b[0;{_BASE}m"


def render(state: State, places: Layout) -> Canvas:
    """Return the picture of a state at the places of a size."""
    canvas = Canvas(places.columns, places.rows)
    _title(canvas, state)
    _buttons(canvas, state, places)
    if places.detail is not None:
        _detail(canvas, state, places.detail)
    if places.pad is not None:
        _pad(canvas, state, places.pad)
    if places.counters is not None:
        _counters(canvas, state, places.counters)
    _log(canvas, state, places.log)
    if places.footer is not None:
        canvas.put(2, places.footer, _PAUSED if state.paused else _FOOTER, _DIM)
    return canvas


def _color(entry: LogEntry) -> int:
    return KINDS.get(entry.name, 252)


def _title(canvas: Canvas, state: State) -> None:
    columns = canvas.columns
    canvas.put(0, 0, " " * columns, _BAR)
    x = canvas.put(0, 0, " evdispatch ", f"{_BLACK};48;5;{KINDS['key']}")
    facts = f"{state.io}  ·  {columns}x{len(canvas.rows)}  ·  "
    left = columns - width(state.clock) - 1
    if left > x:
        canvas.put(left, 0, state.clock, f"{_STRONG};{_BAR}")
    if left - width(facts) > x:
        canvas.put(left - width(facts), 0, facts, f"38;5;247;{_BAR}")


def _buttons(canvas: Canvas, state: State, places: Layout) -> None:
    for name, rect in places.buttons.items():
        style = _ON if name == "pause" and state.paused else _NORMAL
        if state.held == name:
            style = _DOWN
        elif state.hover == name and state.held is None:
            style = _LIT
        canvas.put(rect.x, rect.y, BUTTONS[name].center(rect.width), style)


def _box(canvas: Canvas, rect: Rect, title: str, style: str) -> None:
    x, y, wide, high = rect
    canvas.put(x, y, f"╭─ {title} ".ljust(wide - 1, "─") + "╮", style)
    for row in range(y + 1, y + high - 1):
        canvas.put(x, row, "│", style)
        canvas.put(x + wide - 1, row, "│", style)
    canvas.put(x, y + high - 1, "╰" + "─" * (wide - 2) + "╯", style)


def _detail(canvas: Canvas, state: State, rect: Rect) -> None:
    _box(canvas, rect, "last event", _BORDER)
    entry = state.last
    if entry is None:
        canvas.put(rect.x + 2, rect.y + 1, _WELCOME, _DIM, rect.width - 4)
        return
    x, y, wide, high = rect.x + 2, rect.y + 1, rect.width - 4, rect.height - 2
    end = x + wide
    pill = f"{_BLACK};48;5;{_color(entry)}"
    after = canvas.put(x, y, f" {entry.name} ", pill, wide) + 1
    canvas.put(after, y, entry.headline, _STRONG, end - after)
    roomy = high > 6  # noqa: PLR2004 (then blank lines set the parts off)
    y += 2 if roomy else 1
    shown = [("bytes", escaped(entry.raw)), ("hex", entry.raw.hex(" "))]
    for label, text in [*shown, *_made_by(entry)][: rect.y + rect.height - 1 - y]:
        canvas.put(x, y, label, _DIM, wide)
        canvas.put(x + 6, y, text or "-", "", wide - 6)
        y += 1
    y += roomy
    _flow(canvas, entry, Rect(x, y, wide, rect.y + rect.height - 1 - y))


def _made_by(entry: LogEntry) -> list[tuple[str, str]]:
    """Return what made an event in few rows: most panels have no more."""
    if not entry.made_by:
        return []
    texts = dict(entry.made_by)
    by = f"{texts.pop('protocol')}  ·  {texts.pop('mode')}"
    return [("by", by), *texts.items()]


def _flow(canvas: Canvas, entry: LogEntry, rect: Rect) -> None:
    """Put all fields side by side, and on the next line what has no room."""
    x, y, wide, high = rect
    for name, value, notable in entry.fields:
        needed = len(name) + 1 + width(value)
        if x > rect.x and x + needed > rect.x + wide:
            x, y = rect.x, y + 1
        if y >= rect.y + high:
            return
        x = canvas.put(x, y, name, _DIM, wide) + 1
        x = canvas.put(x, y, value, "" if notable else _DIM, rect.x + wide - x) + 3


def _pad(canvas: Canvas, state: State, rect: Rect) -> None:
    style = _BORDER
    if state.held == PAD:
        style = "1;38;5;221"
    elif state.hover == PAD and state.held is None:
        style = "1;38;5;117"
    _box(canvas, rect, "drag here", style)
    inner = rect.inner
    for (x, y), button in state.dots.items():
        if x < inner.width and y < inner.height:
            canvas.put(inner.x + x, inner.y + y, "●", _DOTS.get(button, _DIM))


def _counters(canvas: Canvas, state: State, y: int) -> None:
    canvas.put(0, y, " " * canvas.columns, _BAR)
    rate = f" {state.rates[-1] if state.rates else 0}/s "
    end = canvas.columns - len(rate)
    canvas.put(end, y, rate, f"{_STRONG};{_BAR}")
    bars = _sparkline(state, min(20, canvas.columns // 5))
    end = end - len(bars) - 1
    canvas.put(end, y, bars, f"38;5;{KINDS['key']};{_BAR}")
    x = 1
    for name, color in KINDS.items():
        count = str(state.counts[name])
        if state.counts[name] and x + len(name) + 1 + len(count) < end:
            x = canvas.put(x, y, name, f"38;5;{color};{_BAR}") + 1
            x = canvas.put(x, y, count, f"1;{_BAR}") + 2


def _sparkline(state: State, columns: int) -> str:
    rates = list(state.rates)[-columns:]
    highest = max(rates, default=0)
    top = len(_BARS) - 1
    bars = [_BARS[-(-rate * top // highest)] if rate else " " for rate in rates]
    return "".join(bars).rjust(columns)


def _log(canvas: Canvas, state: State, rect: Rect) -> None:
    if not state.log and rect.height:
        canvas.put(2, rect.y, _WELCOME, _DIM)
    entries = list(state.log)[-rect.height :] if rect.height else []
    for y, entry in enumerate(entries, rect.y):
        _entry(canvas, state, y, entry)


def _entry(canvas: Canvas, state: State, y: int, entry: LogEntry) -> None:
    columns, end, x = canvas.columns, min(canvas.columns, _LOG_COLUMNS), 1
    if columns >= _TIME_COLUMNS:
        time = f"{entry.time - state.started:9.3f}"
        x = canvas.put(x, y, time, _DIM) + 2
    canvas.put(x, y, entry.name, f"1;38;5;{_color(entry)}")
    x += 9
    for columns_needed, text, style in (
        (_HEX_COLUMNS, entry.raw.hex(" "), _DIM),
        (_BYTES_COLUMNS, escaped(entry.raw), "38;5;109"),
    ):
        if columns >= columns_needed:
            share = end // 4
            end -= share
            canvas.put(end, y, text, style, share - 1)
    text = entry.headline
    if entry.repeats > 1:
        text += f"  ({entry.repeats} times)"
    after = canvas.put(x, y, text, _STRONG, end - x - 1)
    x = max(after + 2, x + _HEADLINE)
    others = "  ".join(
        f"{name}={value}"
        for name, value, notable in entry.fields
        if notable and name not in _IN_HEADLINE and not entry.headline.startswith(value)
    )
    canvas.put(x, y, others, _DIM, end - x - 1)
