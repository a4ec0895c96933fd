"""The full-screen view: from its state to a canvas. No IO, and no clock."""

from typing import Final

from evdispatch.cli._canvas import Canvas
from evdispatch.cli._entry import Entry
from evdispatch.cli._layout import BUTTONS, PAD, Layout, Rect
from evdispatch.cli._state import State
from evdispatch.cli._text import escaped, width

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

_DIM = "38;5;243"
_STRONG = "1;38;5;231"
_BAR = "48;5;237"
_BORDER = "38;5;240"
_NORMAL, _LIT, _DOWN, _ON = (
    *("38;5;252;48;5;239", "1;38;5;16;48;5;117"),
    *("1;38;5;16;48;5;221", "1;38;5;16;48;5;173"),
)
_DOTS = {"left": "38;5;212", "middle": "38;5;221", "right": "38;5;117"}
_BARS = " ▁▂▃▄▅▆▇█"

_TIME_COLUMNS = 40  # below it the log has no times ...
_BYTES_COLUMNS = 76  # ... no bytes ...
_HEX_COLUMNS = 120  # ... and no bytes in hexadecimal
_LOG_COLUMNS = 180  # the eye does not follow a longer line
_HEADLINE = 18  # cells, so that most fields begin in one column

# Fields that a headline tells. (`text` is one of a paste's, not of a key's.)
_TOLD = {
    *("key", "mods", "x", "y", "button", "gained", "columns", "rows"),
    *("kind", "params", "data", "private", "truncated"),
}

_WELCOME = "Press keys, click, scroll, drag, paste: what the terminal sends shows here."
_FOOTER = "q or ctrl+c quits  ·  ctrl+z suspends  ·  hold a mouse button to draw"
_PAUSED = "the log is paused  ·  click Pause to go on"


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


def _color(entry: Entry) -> int:
    return KINDS.get(entry.name, 252)


def _title(canvas: Canvas, state: State) -> None:
    columns = canvas.columns
    canvas.put(0, 0, " " * columns, _BAR)
    x = canvas.put(0, 0, " evdispatch ", f"1;38;5;16;48;5;{KINDS['key']}")
    facts = f"{state.io}  ·  {columns}x{len(canvas.rows)}  ·  "
    left = columns - width(state.clock) - 1
    if left > x:
        canvas.put(left, 0, state.clock, f"1;38;5;231;{_BAR}")
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
    x, y, room, high = rect.x + 2, rect.y + 1, rect.width - 4, rect.height - 2
    end = x + room
    pill = f"1;38;5;16;48;5;{_color(entry)}"
    after = canvas.put(x, y, f" {entry.name} ", pill, room) + 1
    canvas.put(after, y, entry.told, _STRONG, end - after)
    roomy = high > 6  # noqa: PLR2004 (then blank lines set the parts off)
    y += 2 if roomy else 1
    shown = [("bytes", escaped(entry.raw)), ("hex", entry.raw.hex(" "))]
    for label, text in [*shown, *_made_by(entry)][: rect.y + rect.height - 1 - y]:
        canvas.put(x, y, label, _DIM, room)
        canvas.put(x + 6, y, text or "-", "", room - 6)
        y += 1
    y += roomy
    _flow(canvas, entry, Rect(x, y, room, rect.y + rect.height - 1 - y))


def _made_by(entry: Entry) -> list[tuple[str, str]]:
    """Return what made an event in few rows: most panels have no more."""
    told = dict(entry.made_by)
    if not told:
        return []
    protocol, mode = told.pop("protocol"), told.pop("mode")
    return [("by", f"{protocol}  ·  {mode}"), *told.items()]


def _flow(canvas: Canvas, entry: Entry, rect: Rect) -> None:
    """Put all fields side by side, and on the next line what has no room."""
    x, y, room, high = rect
    for name, value, telling in entry.fields:
        needed = len(name) + 1 + width(value)
        if x > rect.x and x + needed > rect.x + room:
            x, y = rect.x, y + 1
        if y >= rect.y + high:
            return
        x = canvas.put(x, y, name, _DIM, room) + 1
        x = canvas.put(x, y, value, "" if telling else _DIM, rect.x + room - x) + 3


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
    canvas.put(end, y, rate, f"1;38;5;231;{_BAR}")
    bars = _sparkline(state, min(20, canvas.columns // 5))
    end = end - len(bars) - 1
    canvas.put(end, y, bars, f"38;5;{KINDS['key']};{_BAR}")
    x = 1
    for name, color in KINDS.items():
        count = f"{name} {state.counts[name]}"
        if state.counts[name] and x + len(count) < end:
            x = canvas.put(x, y, name, f"38;5;{color};{_BAR}") + 1
            x = canvas.put(x, y, str(state.counts[name]), f"1;{_BAR}") + 2


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


def _entry(canvas: Canvas, state: State, y: int, entry: Entry) -> None:
    columns, end, x = canvas.columns, min(canvas.columns, _LOG_COLUMNS), 1
    if columns >= _TIME_COLUMNS:
        time = f"{entry.time - state.started:9.3f}"
        x = canvas.put(x, y, time, _DIM) + 2
    canvas.put(x, y, entry.name, f"1;38;5;{_color(entry)}")
    x += 9
    if columns >= _HEX_COLUMNS:
        room = end // 4
        end -= room
        canvas.put(end, y, entry.raw.hex(" "), _DIM, room - 1)
    if columns >= _BYTES_COLUMNS:
        room = end // 4
        end -= room
        canvas.put(end, y, escaped(entry.raw), "38;5;109", room - 1)
    told = f"{entry.told}  ({entry.repeats} times)" if entry.repeats > 1 else entry.told
    after = canvas.put(x, y, told, _STRONG, end - x - 1)
    x = max(after + 2, x + _HEADLINE)
    canvas.put(x, y, _rest(entry), _DIM, end - x - 1)


def _rest(entry: Entry) -> str:
    """Return the telling fields that the headline does not tell."""
    return "  ".join(
        f"{name}={value}"
        for name, value, telling in entry.fields
        if telling and name not in _TOLD and not entry.told.startswith(value)
    )
