"""A user who types at a `Terminal` on a pty."""

from typing import Any

from ptys import Pty

from evdispatch import Dispatcher, Event, Terminal
from evdispatch.terminal import Modes
from evdispatch.testing import run_until, settle

WHO = b"\x1b[c"
# Each time anew, where nobody answers; and as a fence at the end.
MODES_ON = Modes(mouse="click", paste=True).enable()
ON = MODES_ON + b"\x1b[?u" + WHO
OFF = Modes(mouse="click", paste=True).disable() + WHO


class Reached:
    """Counts the bytes that have come to a terminal.

    The kernel hands what is written to a pty's master on in its own time, so "nothing
    more happens" does not mean that it has arrived.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._input = terminal.input
        self.count = 0
        terminal.input = self  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._input, name)

    def feed(self, data: bytes, now: float) -> list[Event]:
        self.count += len(data)
        return self._input.feed(data, now)


class Keyboard:
    """Types at a terminal, and waits until all of it was read and handled."""

    def __init__(self, app: Dispatcher, pty: Pty) -> None:
        self.app = app
        self.pty = pty
        self.terminal = app.add(Terminal(pty.slave))
        self._reached = Reached(self.terminal)
        self._typed = 0
        app.step(0)

    def type(self, data: bytes) -> None:
        self._typed += len(data)
        self.pty.type(data)
        run_until(self.app, lambda: self._reached.count == self._typed)
        settle(self.app)
