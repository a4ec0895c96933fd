"""A program that restores the terminal of another one that was killed.

`_guard` starts it. It imports nothing of this package, so that it is small and starts fast.
Standard output is the tty. Each line of standard input is what to do if the other process
dies now: null, or the bytes that switch the modes off, the tty's settings as they are, and
the settings to restore.
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
    """Wait for the end of a process, and do what its last line says."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    # The pidfd shows the end of the process: its forks may hold the pipe open for long. If
    # the process has ended already, the pipe's end has to do.
    with contextlib.suppress(ProcessLookupError):
        poll.register(os.pidfd_open(parent), select.POLLIN)
    received = b""
    while True:
        ready = dict(poll.poll())
        data = os.read(0, _CHUNK) if 0 in ready else b""
        received = (received + data)[-_CHUNK:]
        if not data:
            break
    lines = received.split(b"\n")[:-1]
    if lines:
        _restore(json.loads(lines[-1]))


def _restore(state: Any) -> None:
    if state is None:
        return
    modes_off, raw, before = state
    with contextlib.suppress(OSError, termios.error):  # the terminal has gone
        os.write(1, bytes.fromhex(modes_off))
        # Other settings are those of a shell, which was quicker.
        if jsonable(termios.tcgetattr(1)) == raw:
            cc = [bytes.fromhex(c) if isinstance(c, str) else c for c in before[6]]
            termios.tcsetattr(1, termios.TCSAFLUSH, [*before[:6], cc])


def jsonable(settings: list[Any]) -> list[Any]:
    """Return the settings that termios has returned, as JSON can have them."""
    cc = [c.hex() if isinstance(c, bytes) else c for c in settings[6]]
    return [*settings[:6], cc]


if __name__ == "__main__":
    main(int(sys.argv[1]))
