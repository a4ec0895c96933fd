"""`evdispatch keys` on a pty, and what its user sees there."""

import contextlib
import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator

import attrs
from cli.pictures import Glass
from helpers.terminals import Pty, program
from helpers.waiting import PATIENCE

from evdispatch.cli._state import layout
from evdispatch.terminal import Modes

PLAIN = Modes(mouse="move", paste=True, focus=True)
VIEW = Modes(
    mouse="move", paste=True, focus=True, alternate_screen=True, hide_cursor=True
)
FENCE = b"\x1b[c"  # the device query that is written after the modes are off

_CALL = """
import sys
from evdispatch.__main__ import main
sys.exit(main({arguments!r}))
"""


@contextlib.contextmanager
def session(pty: Pty, *arguments: str) -> Iterator["Session"]:
    """Run ``evdispatch keys`` as the job of a pty."""
    with program(pty, _CALL.format(arguments=["keys", *arguments])) as child:
        yield Session(pty, child)


@attrs.define
class Session:
    """A running program, and the screen of its user."""

    pty: Pty
    child: "subprocess.Popen[bytes]"
    glass: Glass = attrs.field(factory=lambda: Glass(80, 24))
    read: int = 0

    def type(self, text: str | bytes) -> None:
        """Type, paste or move the mouse."""
        self.pty.type(text if isinstance(text, bytes) else text.encode())

    def see(self, *texts: str, timeout: float = PATIENCE) -> str:
        """Wait until the screen shows all the texts, and return what it shows."""
        return self._look(
            lambda seen: all(text in seen for text in texts), texts, timeout
        )

    def see_at(self, x: int, y: int, text: str, timeout: float = PATIENCE) -> str:
        """Wait until the screen shows a text at a cell, and return what it shows."""

        def is_there(seen: str) -> bool:
            return self.glass.rows[y].startswith(text, x)

        return self._look(is_there, (x, y, text), timeout)

    def _look(
        self, condition: Callable[[str], bool], wanted: object, timeout: float
    ) -> str:
        deadline = time.monotonic() + timeout
        while True:
            output = self.pty.output
            self.glass.show(output[self.read :])
            self.read = len(output)
            seen = "\n".join(self.glass.rows)
            if condition(seen):
                return seen
            if not self.pty._read(deadline - time.monotonic()):
                raise TimeoutError(f"{wanted} not in:\n{seen}")

    def wait(self, timeout: float = PATIENCE) -> int:
        """Read until the program ends, and return its exit code.

        Without reading, the program would block on its output.
        """
        deadline = time.monotonic() + timeout
        pidfd = os.pidfd_open(self.child.pid)
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.register(self.pty.master, select.POLLIN)
        try:
            while pidfd not in dict(poll.poll(1000)):
                self.pty.read()
                if time.monotonic() > deadline:
                    raise TimeoutError(f"it did not end; {self.pty.output!r}")
        finally:
            os.close(pidfd)
        return self.child.wait()

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size; the kernel sends SIGWINCH."""
        self.pty.resize(columns, rows)
        self.glass = Glass(columns, rows)


def button(name: str, columns: int = 80, rows: int = 24) -> tuple[int, int]:
    """Return a cell of a button."""
    x, y, _, _ = layout(columns, rows).buttons[name]
    return x, y
