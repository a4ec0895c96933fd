"""``--report FILE``: what came, and where, to be attached to a bug report.

The file has a note for whoever sends it, one JSON object that tells of the program and
its terminal, and one a line for each event. Each line is written when its event comes,
before anything is done with the event: what ends the program takes nothing with it.
"""

import json
import os
import platform
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import FileIO
from typing import Any, Final

from evdispatch import Dispatcher, Event, Terminal, __version__
from evdispatch.cli._lines import line
from evdispatch.cli._record import answer, record
from evdispatch.cli._shown import SHOWN
from evdispatch.cli._text import printable
from evdispatch.cli._why import raw_of
from evdispatch.sources.tty._dialogue import escape_delay

STDOUT: Final = "-"
"""The name that stands for standard output."""

_NOTE: Final = """\
# evdispatch keys --report
# PRIVATE: all that was typed and pasted while it ran is in here, passwords as well.
# Read it before you give it away. A line that you delete does no harm.
"""
_VARIABLES: Final = (
    *("TERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "COLORTERM", "VTE_VERSION"),
    *("KONSOLE_VERSION", "XTERM_VERSION", "ESCDELAY", "LANG"),
)
_CC = 6  # of what tcgetattr returns: the special characters


class ReportError(Exception):
    """The report can't be written; the message tells it to the user."""


class Report:
    """Makes the lines of a report.

    Args:
        started: When the program began, as events have their time.
    """

    def __init__(self, started: float) -> None:
        self._started = started

    def head(self, terminal: Terminal, options: Mapping[str, Any]) -> str:
        """Return the note, and what there is to know before the first event.

        Args:
            terminal: The terminal, as it was added to a dispatcher.
            options: Those of the command, as they are in force.
        """
        system = os.uname()
        facts = {
            "evdispatch": __version__,
            "python": platform.python_version(),
            "kernel": f"{system.sysname} {system.release} {system.machine}",
            "environment": _environment(),
            # That it is one, but not where: a session's name and address are private.
            "tmux": "TMUX" in os.environ,
            "screen": "STY" in os.environ,
            "ssh": "SSH_CONNECTION" in os.environ or "SSH_TTY" in os.environ,
            "tty": _tty(terminal),
            "escape_delay": escape_delay(),
            "options": dict(options),
        }
        return _NOTE + json.dumps(facts) + "\n"

    def tell(self, event: Event) -> str:
        """Return an event's line, line end included."""
        told = answer(event)
        facts = {
            "time": round(event.time - self._started, 6),
            "hex": raw_of(event).hex(),
            "events": [record(event)],
            "line": line(event),
            **({} if told is None else {"answer": told}),
        }
        return json.dumps(facts) + "\n"


class ReportFile:
    """A report in a file of its own.

    Args:
        path: A file that does not exist.
        file: The same, opened. It is written without a buffer, so that nothing waits.
    """

    def __init__(self, path: str, file: FileIO) -> None:
        self._path = path
        self._file = file

    def follow(self, terminal: Terminal, report: Report) -> None:
        """Write down each event of a terminal, before others have it."""

        def note(event: Event) -> None:
            self.write(report.tell(event))

        for kind in SHOWN:
            terminal.on(kind, priority=1)(note)

    def ask(self, app: Dispatcher, terminal: Terminal) -> None:
        """Have the terminal's answers in it: who it is, and which version of that."""

        def ask() -> None:
            if terminal.is_tty:
                terminal.ask("version")
                terminal.ask("device")

        app.on("start")(ask)

    def write(self, text: str) -> None:
        """Write all of a text.

        Raises:
            ReportError: It can't be written.
        """
        data = text.encode()
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            raise _failed(self._path, error) from error


@contextmanager
def report_file(path: str) -> Iterator[ReportFile]:
    """Open a new file for a report, and close it.

    Raises:
        ReportError: It exists, or can't be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        number = os.open(path, flags, 0o600)  # nobody else's business
    except FileExistsError:
        message = f"{printable(path)} exists: give the report a new name"
        raise ReportError(message) from None
    except OSError as error:
        raise _failed(path, error) from error
    file = FileIO(number, "w")
    try:
        yield ReportFile(path, file)
    finally:
        with suppress(OSError):  # all that could be written has been
            file.close()


def _failed(path: str, error: OSError) -> ReportError:
    return ReportError(f"can't write the report {printable(path)}: {error.strerror}")


def _environment() -> dict[str, str]:
    wanted = [*_VARIABLES, *sorted(name for name in os.environ if name[:3] == "LC_")]
    return {name: os.environ[name] for name in wanted if name in os.environ}


def _tty(terminal: Terminal) -> dict[str, Any] | None:
    """Return what the tty knows of its keys and its size; None for pipes and files."""
    if not terminal.is_tty:
        return None
    erase: bytes = termios.tcgetattr(terminal.fileno())[_CC][termios.VERASE]
    return {"erase": erase[0], "size": list(terminal.size)}
