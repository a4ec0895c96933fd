"""A program that outlives another, to give its terminal back if it is killed.

It is started by `_guard` with nothing of this package imported: it must need little, and
start fast. Standard output is the terminal. Each line of standard input says what is to be
done if the other dies now: null, or the bytes that switch the modes off, and the tty's
settings as they are and as they were before.

The other's death is seen by its pidfd: its forks may hold the pipe open for long.
"""

import contextlib
import json
import os
import select
import sys
import termios
from typing import Any

_CHUNK = 65_536


def main(parent: int) -> None:
    """Wait for the end of a process, and act on the last that it has said."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    with contextlib.suppress(
        ProcessLookupError
    ):  # dead already: the pipe tells the rest
        poll.register(os.pidfd_open(parent), select.POLLIN)
    said = b""
    while True:
        ready = dict(poll.poll())
        data = os.read(0, _CHUNK) if 0 in ready else b""
        said = (said + data)[-_CHUNK:]
        if not data:
            break
    lines = said.split(b"\n")[:-1]
    if lines:
        _restore(json.loads(lines[-1]))


def _restore(state: Any) -> None:
    if state is None:
        return
    off, raw, before = state
    with contextlib.suppress(OSError, termios.error):  # the terminal has gone
        os.write(1, bytes.fromhex(off))
        # Unless a shell that was quicker has set it for itself.
        now = _shown(termios.tcgetattr(1))
        if now == raw:
            cc = [bytes.fromhex(c) if isinstance(c, str) else c for c in before[6]]
            termios.tcsetattr(1, termios.TCSAFLUSH, [*before[:6], cc])


def _shown(attributes: list[Any]) -> list[Any]:
    cc = [c.hex() if isinstance(c, bytes) else c for c in attributes[6]]
    return [*attributes[:6], cc]


if __name__ == "__main__":
    main(int(sys.argv[1]))
