"""What stands behind a pty: a terminal that answers what it is asked."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ptys import Pty

from evdispatch import Dispatcher
from evdispatch.testing import run_until, settle

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

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Answer on a thread for the length of a ``with`` block."""
        ended = threading.Event()

        def work() -> None:
            while not ended.wait(0.001):
                self.answer()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
