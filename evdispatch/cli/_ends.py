"""How a command ends when something fails: a line on standard error, and an exit code."""

import errno
import io
import os
import signal
import stat
import sys
from collections.abc import Iterable
from typing import TextIO

from evdispatch import Dispatcher, Event, Hangup, Source


class Readers(Source):
    """Gives one `hangup` when nobody reads a pipe any more.

    Without it that would show at the next write only, which may be hours away.
    """

    def __init__(self, file: TextIO) -> None:
        super().__init__()
        self._file = file
        self.watch(0)

    def fileno(self) -> int:
        """Return the pipe's write end."""
        return self._file.fileno()

    def on_ready(self, ready: int) -> Iterable[Event]:
        """Tell that the last reader has gone."""
        self.finish()
        return [Hangup(ready)]


def prepare(app: Dispatcher, output: TextIO) -> None:
    """Make an output ready for lines: it takes any text, and ends with its readers."""
    if isinstance(output, io.TextIOWrapper):
        output.reconfigure(errors="backslashreplace")  # whatever its encoding
    if _is_pipe(output):
        app.add(Readers(output)).on("hangup")(_give_up)


def _is_pipe(file: TextIO) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(file.fileno()).st_mode)
    except OSError:  # it has no descriptor
        return False


def _give_up() -> None:
    raise BrokenPipeError


def failed(command: str, error: OSError) -> int:
    """Return the exit code for what reading or writing has failed with."""
    if isinstance(error, BrokenPipeError):
        # What is buffered can't be written: Python would try again at its end.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return 128 + signal.SIGPIPE
    if error.errno == errno.EIO:
        return 128 + signal.SIGHUP
    return complain(command, str(error))


def complain(command: str, message: str, code: int = 1) -> int:
    """Say what is wrong, and return the exit code."""
    sys.stderr.write(f"evdispatch {command}: {message}\n")
    return code
