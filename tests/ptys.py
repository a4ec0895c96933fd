"""A pseudo-terminal for tests: the user's end of it, and what a terminal would show."""

import contextlib
import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import textwrap
import time
from collections.abc import Iterator
from typing import Any

from helpers.waiting import PATIENCE


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
