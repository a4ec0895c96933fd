"""What the full-screen view shows, and where: its state and its layout. No IO, no clock.

A paste may have megabytes, and the view draws hundreds of events 30 times a second. So an
event is kept as text, and what no screen has room for is cut off when it comes.
"""

from collections import Counter, deque
from typing import Any, Final, NamedTuple

import attrs

from evdispatch import Enter, Event, Leave, Mouse, Press, Release
from evdispatch.cli._lines import headline, why
from evdispatch.cli._text import printable

BUTTONS: Final = {"quit": "Quit", "clear": "Clear", "pause": "Pause"}
PAD: Final = "pad"

_ROOMY_COLUMNS = 34  # below it the buttons stand close
_PANEL_COLUMNS = 56  # below it there are no panels side by side
_PANEL_ROWS = 16
_COUNTER_ROWS = 8
_FOOTER_ROWS = 10

_MAX_TEXT: Final = 1000  # characters: more than the widest terminal shows
_MAX_ROWS: Final = 500  # of the log: more than the tallest terminal shows
_MAX_RATES: Final = 60  # seconds
_RUNS: Final = ("move", "drag")
_NOTHING: Final = "-"


class Rect(NamedTuple):
    """Cells from ``x, y`` on."""

    x: int
    y: int
    width: int
    height: int

    def holds(self, x: int, y: int) -> bool:
        return 0 <= x - self.x < self.width and 0 <= y - self.y < self.height

    @property
    def inner(self) -> "Rect":
        """The cells within a border of one cell."""
        return Rect(self.x + 1, self.y + 1, self.width - 2, self.height - 2)


class Layout(NamedTuple):
    """The places of the view; None for one that has no room."""

    columns: int
    rows: int
    buttons: dict[str, Rect]
    detail: Rect | None
    pad: Rect | None
    counters: int | None
    footer: int | None
    log: Rect

    @property
    def regions(self) -> dict[str, Rect]:
        """What reacts to the mouse, by name: the buttons, and the pad as PAD."""
        pad = {} if self.pad is None else {PAD: self.pad.inner}
        return self.buttons | pad


def layout(columns: int, rows: int) -> Layout:
    """Return the places for a size in cells.

    From the top: title, buttons, panels, counters, the log, and a footer.
    """
    spacious = rows >= _PANEL_ROWS
    buttons = _buttons(columns, 2 if spacious else 1)
    y = 4 if spacious else 2
    detail = pad = None
    if spacious and columns >= _PANEL_COLUMNS:
        height = min(max(7, rows // 3), 12)
        pad_width = min(max(20, columns // 3), 64)
        detail = Rect(1, y, columns - pad_width - 3, height)
        pad = Rect(columns - pad_width - 1, y, pad_width, height)
        y += height
    counters = None
    if rows >= _COUNTER_ROWS:
        counters = y
        y += 1
    footer = rows - 1 if rows >= _FOOTER_ROWS else None
    bottom = rows if footer is None else footer
    log = Rect(0, y, columns, max(0, bottom - y))
    return Layout(columns, rows, buttons, detail, pad, counters, footer, log)


def _buttons(columns: int, y: int) -> dict[str, Rect]:
    gap = 2 if columns >= _ROOMY_COLUMNS else 0
    buttons = {}
    x = gap
    for name, label in BUTTONS.items():
        width = len(label) + (4 if gap else 2)  # wide ones are easier to hit
        if x + width <= columns:
            buttons[name] = Rect(x, y, width, 1)
        x += width + gap
    return buttons


class Field(NamedTuple):
    """A field of an event, and whether its value differs from the default."""

    name: str
    value: str
    notable: bool


@attrs.frozen
class LogEntry:
    """An event as text.

    Attributes:
        name: Its name.
        time: When it was read.
        headline: Its line in plain output, without the name.
        fields: All fields but time and bytes.
        raw: The bytes it was decoded from.
        made_by: What made it, as texts by label; only with ``--explain``.
        repeats: How many events there were in a row, if it stands for a movement.
    """

    name: str
    time: float
    headline: str
    fields: tuple[Field, ...]
    raw: bytes
    made_by: dict[str, str]
    repeats: int = 1

    @classmethod
    def of(cls, event: Event, *, explain: bool = False) -> "LogEntry":
        """Return the entry of an event; ``explain``: with what made it."""
        return cls(
            event.name,
            event.time,
            headline(event)[:_MAX_TEXT],
            tuple(_fields(event)),
            getattr(event, "raw", b"")[:_MAX_TEXT],
            why(event) if explain else {},
        )


def _fields(event: Event) -> list[Field]:
    return [
        Field(field.name, _value(value)[:_MAX_TEXT], value != field.default)
        for field in attrs.fields(type(event))
        if field.name not in ("source", "time", "raw")
        for value in [getattr(event, field.name)]
    ]


def _value(value: Any) -> str:
    if isinstance(value, frozenset):
        return "+".join(sorted(value)) or _NOTHING
    if value is None or value == "":
        return _NOTHING
    return repr(value) if isinstance(value, str) else printable(str(value))


@attrs.define(kw_only=True)
class State:
    """All that the screen depends on, but for its size.

    Attributes:
        io: The mode of the dispatcher.
        explain: Whether to show what made an event.
        started: When the view began, on the clock of the events.
        clock: What the clock shows.
        log: The last events, the newest at the end.
        last: The event whose details are shown.
        counts: How many events of each name came.
        rates: How many came in each of the last seconds.
        recent: How many came since.
        hover: What the mouse is on: a button, the pad, or None.
        held: What a mouse button was pressed on, while it is held.
        dots: What was drawn on the pad: cell and mouse button.
        paused: Whether log and details stand still.
    """

    io: str
    started: float
    explain: bool = False
    clock: str = ""
    log: deque[LogEntry] = attrs.field(factory=lambda: deque(maxlen=_MAX_ROWS))
    last: LogEntry | None = None
    counts: Counter[str] = attrs.field(factory=Counter)
    rates: deque[int] = attrs.field(factory=lambda: deque(maxlen=_MAX_RATES))
    recent: int = 0
    hover: str | None = None
    held: str | None = None
    dots: dict[tuple[int, int], str] = attrs.field(factory=dict)
    paused: bool = False

    def take(self, event: Event, places: Layout) -> str | None:
        """Add an event, and return the button that it pushed, if any.

        Args:
            event: The next event of the terminal, whose regions are those of the places.
            places: Where things are on the screen now.
        """
        if isinstance(event, Enter | Leave):  # made by the library, not by the terminal
            self.hover = event.target if isinstance(event, Enter) else None
            return None
        self.counts[event.name] += 1
        self.recent += 1
        if not self.paused:
            self._note(LogEntry.of(event, explain=self.explain))
        return self._point(event, places) if isinstance(event, Mouse) else None

    def _note(self, entry: LogEntry) -> None:
        self.last = entry
        # The events of one movement share a row, or they would push all others out.
        before = self.log[-1] if self.log else None
        if before is not None and entry.name == before.name and entry.name in _RUNS:
            self.log[-1] = attrs.evolve(entry, repeats=before.repeats + 1)
        else:
            self.log.append(entry)

    def _point(self, event: Mouse, places: Layout) -> str | None:
        """Follow the mouse; a left press and release on a button push it."""
        if isinstance(event, Press):
            self.held = event.target
        if self.held == PAD and places.pad is not None:
            inner = places.pad.inner
            if inner.holds(event.x, event.y):
                self.dots[event.x - inner.x, event.y - inner.y] = event.button
        if not isinstance(event, Release):
            return None
        held, self.held = self.held, None
        pushed = held in BUTTONS and held == self.hover and event.button == "left"
        return held if pushed else None

    def clear(self) -> None:
        """Discard all events so far."""
        self.log.clear()
        self.last = None
        self.counts.clear()
        self.dots.clear()

    def second(self, missed: int = 0) -> None:
        """End a second of the rate, after ``missed`` ones in which the view did not run."""
        self.rates.extend([0] * min(missed, _MAX_RATES))
        self.rates.append(self.recent)
        self.recent = 0
