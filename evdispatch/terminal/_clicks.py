"""Clicks: what presses and releases of mouse buttons add up to.

A terminal reports presses and releases only. `ClickTracker` counts presses, makes a
`Click` of a press and a release on one cell or in one region, and finds the button of a
release that does not name it (X10 reports). It reads no clock: the caller passes the time.
"""

import attrs

from evdispatch._events import Event
from evdispatch.terminal._events import Click, Drag, Press, Release

_MAX_COUNT = 3  # after a triple click the count starts again


@attrs.frozen
class _Down:
    """A press, as the next event of its button needs it."""

    x: int
    y: int
    button: str
    mods: frozenset[str]
    count: int
    time: float
    target: str | None

    def at(self, event: Press | Release) -> bool:
        """Return whether an event is of the same button and cell."""
        return (self.button, self.x, self.y) == (event.button, event.x, event.y)

    def clicks(self, event: Release) -> bool:
        """Return whether a release makes a click: within a region, on any of its cells."""
        if self.target is None:
            return event.target is None and self.at(event)
        return self.target == event.target


class ClickTracker:
    """Adds counts and clicks to mouse events.

    Args:
        interval: Seconds within which a press follows another to make a double click.
    """

    def __init__(self, interval: float = 0.4) -> None:
        self._interval = interval
        self._last: _Down | None = None
        self._held: dict[str, _Down] = {}

    def track(self, event: Event, now: float) -> list[Event]:
        """Return the event, and the click that it completes.

        A press gets its ``count``; a release without a button gets the one that is held
        down; drags and releases get the ``target`` of their press. Other events pass
        through.

        Args:
            event: The next event of the terminal. Its ``target`` is the region under the
                pointer.
            now: Its time, in seconds.
        """
        if isinstance(event, Press):
            self._press(event, now)
        elif isinstance(event, Release):
            down = self._release(event)
            if down is not None:
                clicked = down.clicks(event)
                event.target = down.target
                if clicked:
                    return [event, self._click(event, down)]
        elif isinstance(event, Drag):
            held = self._held.get(event.button)
            if held is not None:
                event.target = held.target
        return [event]

    def _press(self, event: Press, now: float) -> None:
        last = self._last
        event.count = 1
        if last is not None and last.at(event) and now - last.time <= self._interval:
            event.count = last.count % _MAX_COUNT + 1
        self._last = self._held[event.button] = _Down(
            *(event.x, event.y, event.button, event.mods, event.count, now),
            event.target,
        )

    def _release(self, event: Release) -> _Down | None:
        """Remove the press that a release belongs to, and return it."""
        if event.button != "none":
            return self._held.pop(event.button, None)
        held = list(self._held.values())
        self._held.clear()  # of several, no later report would name the others either
        if len(held) != 1:
            return None
        event.button = held[0].button
        return held[0]

    def _click(self, event: Release, down: _Down) -> Click:
        return Click(
            *(event.x, event.y, event.button, down.mods, down.count, down.target),
            *(event.raw, event.x_px, event.y_px),
        )
