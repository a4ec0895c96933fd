"""The full-screen view at work: events in, frames out.

A frame is drawn when something has changed, but at most 30 times a second. So a single
change shows without delay, a storm of events is cheap, and an idle screen is drawn for the
clock alone.
"""

import os
from collections.abc import Callable

from evdispatch import (
    Dispatcher,
    Enter,
    Event,
    Leave,
    Region,
    Terminal,
    Tick,
    Timer,
    on,
)
from evdispatch.cli._lines import LEAVE, SHOWN
from evdispatch.cli._screen import Painter, render
from evdispatch.cli._state import State, layout

_FRAME = 1 / 30  # seconds


class Pacer:
    """Draws on request, but not too often.

    Args:
        app: The dispatcher, for its timers.
        draw: Draws a frame.
        now: The dispatcher's clock.
    """

    def __init__(
        self, app: Dispatcher, draw: Callable[[], None], now: Callable[[], float]
    ) -> None:
        self._app = app
        self._draw = draw
        self._now = now
        self._earliest = 0.0  # the next frame's time
        self._requested = False  # since the last frame
        self._waiting = False  # for a timer

    def request(self) -> None:
        """Draw a frame now or soon."""
        self._requested = True
        wait = self._earliest - self._now()
        if wait <= 0:  # in a storm of keys, which come first, no timer would be handled
            self._frame()
        elif not self._waiting:
            self._waiting = True
            self._app.after(wait, self._due)

    def _due(self) -> None:
        self._waiting = False
        if self._requested:
            self._frame()

    def _frame(self) -> None:
        self._requested = False
        self._draw()
        self._earliest = self._now() + _FRAME


class View:
    """The view: `State` has what it shows, `_screen` how it looks.

    Args:
        app: The dispatcher.
        terminal: A tty that was added to it.
        io: The dispatcher's mode, to be shown.
        explain: Whether to show what made the last event.
        now: The dispatcher's clock.
        wall: Returns what the clock on the screen shows.
    """

    def __init__(
        self,
        app: Dispatcher,
        terminal: Terminal,
        *,
        io: str,
        explain: bool = False,
        now: Callable[[], float],
        wall: Callable[[], str],
    ) -> None:
        self._app = app
        self._terminal = terminal
        self._wall = wall
        self._state = State(io=io, explain=explain, started=now(), clock=wall())
        self._regions: list[Region] = []
        self._place()
        self._painter = Painter()
        self._pacer = Pacer(app, self._draw, now)
        self._visible = False  # whether the terminal is ours
        for kind in (*SHOWN, Enter, Leave):
            terminal.on(kind)(self._take)
        app.add(Timer("second", every=1.0))
        app.register(self)

    def _take(self, event: Event) -> None:
        """Show an event, and do what the button is for that it pushed."""
        pushed = self._state.take(event, self._places)
        if pushed == "quit":
            self._app.stop()
        elif pushed == "clear":
            self._state.clear()
        elif pushed == "pause":
            self._state.paused = not self._state.paused
        self._pacer.request()

    def _place(self) -> None:
        """Compute the layout for the present size."""
        self._places = layout(*self._terminal.size[:2])
        for region in self._regions:
            region.remove()
        self._regions = [
            self._terminal.region(name, *rect)
            for name, rect in self._places.regions.items()
        ]

    def _draw(self) -> None:
        if self._visible:
            frame = self._painter.paint(render(self._state, self._places))
            if frame:
                self._terminal.write(frame)

    @on("start")
    def _start(self) -> None:
        self._visible = _in_foreground(self._terminal.fileno())
        self._pacer.request()

    @on("second")
    def _second(self, tick: Tick) -> None:
        self._state.second(tick.missed)
        self._state.clock = self._wall()
        self._pacer.request()

    @on("key", key=LEAVE)
    def _leave(self) -> None:
        self._app.stop()

    @on("hangup", priority=1)  # before a frame is drawn for it
    def _hangup(self) -> None:
        self._visible = False
        self._app.stop()

    @on("key", key="ctrl+z")
    def _ask_to_suspend(self) -> None:
        self._draw()  # so that the key shows before the shell does
        self._terminal.suspend()

    @on("suspend")
    def _suspend(self) -> None:
        self._visible = False

    @on("resume")
    def _resume(self) -> None:
        self._visible = True
        self._resize()

    @on("resize")
    def _resize(self) -> None:
        self._place()
        self._painter.invalidate()
        self._pacer.request()


def _in_foreground(fd: int) -> bool:
    """Return whether the terminal is this job's; `resume` comes when that changes."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:  # not the controlling terminal: there are no jobs
        return True
