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


class _Readers(Source):
    """Emits one `hangup` when the last reader of a pipe has closed it.

    Without it only the next write would fail, which may be hours later.
    """

    def __init__(self, file: TextIO) -> None:
        super().__init__()
        self._file = file
        self.watch(0)

    def fileno(self) -> int:
        return self._file.fileno()

    def on_ready(self, ready: int) -> Iterable[Event]:
        self.finish()
        return [Hangup(ready)]


def prepare(app: Dispatcher, output: TextIO) -> None:
    """Make an output accept any text, and end the program if its readers close it."""
    if isinstance(output, io.TextIOWrapper):
        output.reconfigure(errors="backslashreplace")  # whatever its encoding
    if _is_pipe(output):
        app.add(_Readers(output)).on("hangup")(_raise_broken_pipe)


def _is_pipe(file: TextIO) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(file.fileno()).st_mode)
    except OSError:  # it has no descriptor
        return False


def _raise_broken_pipe() -> None:
    raise BrokenPipeError


def failed(command: str, error: OSError) -> int:
    """Return the exit code for an error of reading or writing."""
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
    """Write a message to standard error, and return the exit code."""
    sys.stderr.write(f"evdispatch {command}: {message}\n")
    return code
