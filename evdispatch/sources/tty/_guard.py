"""A process beside this one that restores the terminal when this one is killed, or crashes.

SIGKILL and a crash of the interpreter leave this process no chance to do so. The guard is a
new interpreter, since a fork of a program with threads may hold any lock. It has a session
of its own, so that signals from the terminal do not end it.
"""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from evdispatch.sources.tty._guard_process import jsonable

_PROGRAM = Path(__file__).with_name("_guard_process.py")


class Guard:
    """Sends the guard process what to restore if this process dies.

    Args:
        output: The tty's descriptor.

    Raises:
        OSError: The process can't be started.
    """

    def __init__(self, output: int) -> None:
        self._owner = os.getpid()
        reading, self._pipe = os.pipe2(os.O_CLOEXEC)
        try:
            self._process = subprocess.Popen(  # noqa: S603  # a program of ours
                [sys.executable, "-I", "-S", _PROGRAM, str(self._owner)],
                stdin=reading,
                stdout=output,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except BaseException:
            os.close(self._pipe)
            raise
        finally:
            os.close(reading)

    def arm(self, modes_off: bytes, raw: list[Any], before: list[Any]) -> None:
        """Restore the terminal if this process dies from now on.

        Args:
            modes_off: What switches the modes off.
            raw: The tty's settings now.
            before: The tty's settings to restore.
        """
        self._send([modes_off.hex(), jsonable(raw), jsonable(before)])

    def disarm(self) -> None:
        """Do nothing if this process dies: the terminal is restored."""
        self._send(None)

    def close(self) -> None:
        """End the guard process."""
        if self._pipe >= 0 and os.getpid() == self._owner:
            self.disarm()
            pipe, self._pipe = self._pipe, -1
            os.close(pipe)
            self._process.wait()

    def _send(self, state: Any) -> None:
        if self._pipe >= 0 and os.getpid() == self._owner:
            with contextlib.suppress(BrokenPipeError):  # the guard was killed
                os.write(self._pipe, json.dumps(state).encode() + b"\n")
