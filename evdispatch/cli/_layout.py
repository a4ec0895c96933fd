"""Where things are: from a size in cells to rectangles. What has no room is left out."""

from typing import Final, NamedTuple

BUTTONS: Final = {"quit": "Quit", "clear": "Clear", "pause": "Pause"}
PAD: Final = "pad"

_ROOMY_COLUMNS = 34  # below it the buttons stand close
_PANEL_COLUMNS = 56  # below it there is no room for panels side by side
_PANEL_ROWS = 16
_COUNTER_ROWS = 8
_FOOTER_ROWS = 10


class Rect(NamedTuple):
    """Cells from ``x, y`` on."""

    x: int
    y: int
    width: int
    height: int

    def holds(self, x: int, y: int) -> bool:
        """Whether a cell is within."""
        return 0 <= x - self.x < self.width and 0 <= y - self.y < self.height

    @property
    def inner(self) -> "Rect":
        """What a border of one cell leaves."""
        return Rect(self.x + 1, self.y + 1, self.width - 2, self.height - 2)


class Layout(NamedTuple):
    """The places of the view; None where there is no room for one."""

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
    """Return the places for a size.

    From the top: title, buttons, panels, counters, the log, and a footer.
    """
    spacious = rows >= _PANEL_ROWS
    buttons = _buttons(columns, 2 if spacious else 1)
    y = 4 if spacious else 2
    detail = pad = None
    if spacious and columns >= _PANEL_COLUMNS:
        detail, pad = _panels(columns, rows, y)
        y += detail.height
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


def _panels(columns: int, rows: int, y: int) -> tuple[Rect, Rect]:
    height = min(max(7, rows // 3), 12)
    pad_width = min(max(20, columns // 3), 64)
    detail = Rect(1, y, columns - pad_width - 3, height)
    return detail, Rect(columns - pad_width - 1, y, pad_width, height)
