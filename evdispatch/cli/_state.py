"""What the view shows, and how an event changes it."""

from collections import Counter, deque
from typing import Final

import attrs

from evdispatch import Enter, Event, Leave, Mouse, Press, Release
from evdispatch.cli._entry import Entry
from evdispatch.cli._layout import BUTTONS, PAD, Layout

_KEPT: Final = 500  # rows of the log: more than the tallest terminal shows
_RUNS: Final = ("move", "drag")
_SECONDS: Final = 60  # of the rate


@attrs.define(kw_only=True)
class State:
    """All that the screen depends on, but for its size.

    Attributes:
        io: The mode of the dispatcher.
        explain: Whether to tell what made an event.
        started: When the view began, as events have their time.
        clock: What the clock shows.
        log: The last events, the newest at the end.
        last: The event to tell in detail.
        counts: How many events of each name came.
        rates: How many came in each of the last seconds.
        recent: How many came since.
        hover: What the mouse is on: a button, the pad, or None.
        held: What a button of the mouse went down on, while it is held.
        dots: What was drawn on the pad: cell and button of the mouse.
        paused: Whether log and detail stand still.
    """

    io: str
    started: float
    explain: bool = False
    clock: str = ""
    log: deque[Entry] = attrs.field(factory=lambda: deque(maxlen=_KEPT))
    last: Entry | None = None
    counts: Counter[str] = attrs.field(factory=Counter)
    rates: deque[int] = attrs.field(factory=lambda: deque(maxlen=_SECONDS))
    recent: int = 0
    hover: str | None = None
    held: str | None = None
    dots: dict[tuple[int, int], str] = attrs.field(factory=dict)
    paused: bool = False

    def take(self, event: Event, places: Layout) -> str | None:
        """Take an event in, and return the button that it pushed, if any.

        Args:
            event: The next event of the terminal, whose regions are those of the places.
            places: Where things are on the screen now.
        """
        if isinstance(event, Enter | Leave):  # the terminal has not sent it
            self.hover = event.target if isinstance(event, Enter) else None
            return None
        self.counts[event.name] += 1
        self.recent += 1
        if not self.paused:
            self._note(Entry.of(event, explain=self.explain))
        return self._point(event, places) if isinstance(event, Mouse) else None

    def _note(self, entry: Entry) -> None:
        self.last = entry
        # One movement is many events: they share a row, or nothing else would be seen.
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
        """Forget what came so far."""
        self.log.clear()
        self.last = None
        self.counts.clear()
        self.dots.clear()

    def second(self, missed: int = 0) -> None:
        """Note that a second is over, and before it some in which nobody looked."""
        self.rates.extend([0] * min(missed, _SECONDS))
        self.rates.append(self.recent)
        self.recent = 0
