"""A process beside ours that gives the terminal back when ours is killed, or crashes.

SIGKILL and a fault of the interpreter leave no chance to do so. The process is an
interpreter of its own, since a fork of a program with threads may hold any lock, and in a
session of its own, since what ends us from the terminal is not to end it.
"""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_PROGRAM = Path(__file__).with_name("_guard_process.py")


class Guard:
    """Knows at each moment what is to be done for the terminal.

    Args:
        output: The terminal's descriptor.

    Raises:
        OSError: It can't be started.
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

    def watch(self, off: bytes, raw: list[Any], before: list[Any]) -> None:
        """Have the terminal restored if we die from now on.

        Args:
            off: What switches its modes off.
            raw: The tty's settings as they are.
            before: And as they were.
        """
        self._tell([off.hex(), _jsonable(raw), _jsonable(before)])

    def rest(self) -> None:
        """Have nothing done: the terminal is as it was."""
        self._tell(None)

    def close(self) -> None:
        """End the process."""
        if self._pipe >= 0 and os.getpid() == self._owner:
            self.rest()
            pipe, self._pipe = self._pipe, -1
            os.close(pipe)
            self._process.wait()

    def _tell(self, state: Any) -> None:
        if self._pipe >= 0 and os.getpid() == self._owner:
            with contextlib.suppress(BrokenPipeError):  # somebody has ended it
                os.write(self._pipe, json.dumps(state).encode() + b"\n")


def _jsonable(attributes: list[Any]) -> list[Any]:
    cc = [c.hex() if isinstance(c, bytes) else c for c in attributes[6]]
    return [*attributes[:6], cc]
