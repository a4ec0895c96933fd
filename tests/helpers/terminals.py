"""Pseudo-terminals, programs on them, and their users: people and emulators."""

import contextlib
import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from helpers.waiting import PATIENCE

from evdispatch import Dispatcher, Event, Terminal
from evdispatch.terminal import Modes
from evdispatch.testing import run_until, settle

# How long a terminal waits at its end: for the next answer, and for all.
LIMITS = [
    f"evdispatch.sources.tty._dialogue.{each}" for each in ("_FENCE", "_LONGEST_FENCE")
]

# What terminals answer.
VT100 = {b"\x1b[c": b"\x1b[?1;2c"}
VT220 = {b"\x1b[c": b"\x1b[?62;4c"}
KITTY = {**VT220, b"\x1b[?u": b"\x1b[?0u"}
MODERN = {
    **KITTY,
    b"\x1b[?2048$p": b"\x1b[?2048;2$y",
    b"\x1b[?1016$p": b"\x1b[?1016;2$y",
    b"\x1b[?6n": b"\x1b[?3;5R",
    b"\x1b[6n": b"\x1b[3;5R",
    b"\x1b]11;?\x1b\\": b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\",
}

WHO = b"\x1b[c"
# What is asked each time, and as a fence at the end.
MODES_ON = Modes(mouse="click", paste=True).enable()
ON = MODES_ON + b"\x1b[?u" + WHO
OFF = Modes(mouse="click", paste=True).disable() + WHO


class Pty:
    """Both ends of a pty: ``slave`` is the terminal, `type` and `read` are its user."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.master, self.slave = os.openpty()
        self.output = b""
        self.resize(columns, rows)

    def resize(
        self, columns: int, rows: int, width_px: int = 0, height_px: int = 0
    ) -> None:
        """Give the window another size."""
        size = struct.pack("HHHH", rows, columns, width_px, height_px)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)

    def type(self, data: bytes) -> None:
        """Send what a user's terminal would send."""
        while data:
            data = data[os.write(self.master, data) :]

    def wait_for(self, expected: bytes, timeout: float = PATIENCE) -> bytes:
        """Read what the program writes until it holds the expected bytes."""
        deadline = time.monotonic() + timeout
        while expected not in self.output:
            if not self._read(deadline - time.monotonic()):
                raise TimeoutError(f"{expected!r} is not in {self.output!r}")
        return self.output

    def read(self) -> bytes:
        """Read what the program has written by now."""
        while self._read(0):
            pass
        return self.output

    def _read(self, timeout: float) -> bool:
        poll = select.poll()
        poll.register(self.master, select.POLLIN)
        if not poll.poll(max(0.0, timeout) * 1000):
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:  # EIO: the slave is closed
            return False
        self.output += data
        return bool(data)

    def wait_until_readable(self) -> None:
        """Wait until what was typed has come to the terminal's end, and is left there."""
        poll = select.poll()
        poll.register(self.slave, select.POLLIN)
        assert poll.poll(PATIENCE * 1000)

    def attributes(self) -> list[Any]:
        """Return the tty's termios settings."""
        return termios.tcgetattr(self.slave)

    def set(self, attributes: list[Any]) -> None:
        """Set the tty's termios settings, as stty does."""
        termios.tcsetattr(self.slave, termios.TCSANOW, attributes)

    def close(self) -> None:
        """Close both ends."""
        for fd in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(fd)


@contextlib.contextmanager
def program(pty: Pty, source: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run Python source as a session leader that has the pty as its terminal."""
    prelude = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    code = prelude + textwrap.dedent(source)
    child = subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code],
        stdin=pty.slave,
        stdout=pty.slave,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with child:
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()


class Emulator:
    """Answers, in order, what a program has written to a pty by now."""

    def __init__(self, pty: Pty, answers: dict[bytes, bytes]) -> None:
        self._pty = pty
        self._answers = answers
        self._asked = re.compile(b"|".join(map(re.escape, answers)))
        self._seen = 0

    def answer(self) -> None:
        """Answer what was asked since."""
        output = self._pty.read()
        for match in self._asked.finditer(output, self._seen):
            self._pty.type(self._answers[match[0]])
            self._seen = match.end()

    def run_until(self, app: Dispatcher, condition: Callable[[], object]) -> None:
        """Answer, and let a dispatcher work, until something is true."""

        def is_true() -> bool:
            self.answer()
            return bool(condition())

        run_until(app, is_true)
        settle(app)

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """Answer on a thread for the length of a ``with`` block.

        However late it is: at its end a terminal waits for the answers.
        """
        ended = threading.Event()

        def work() -> None:
            while not ended.wait(0.001):
                self.answer()

        thread = threading.Thread(target=work)
        thread.start()
        with pytest.MonkeyPatch.context() as patch:
            for limit in LIMITS:
                patch.setattr(limit, PATIENCE)
            try:
                yield
            finally:
                ended.set()
                thread.join()


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


def sgr(button: int, x: int, y: int, final: str = "M") -> bytes:
    """Return a mouse report."""
    return f"\x1b[<{button};{x + 1};{y + 1}{final}".encode()


def click(x: int, y: int) -> bytes:
    """Return the reports of a click."""
    return sgr(0, x, y) + sgr(0, x, y, "m")
