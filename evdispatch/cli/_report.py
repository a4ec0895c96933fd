"""``--report FILE``: what came, and where, to be attached to a bug report.

The file has a note for its sender, one JSON object about the program and its terminal, and
one a line for each event, in the notation of the decoder's test vectors. Each line is
written when its event comes, before its handlers, so that a crash loses nothing.
"""

import json
import os
import platform
import termios
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import FileIO
from typing import Any, Final

from evdispatch import (
    Answer,
    Dispatcher,
    Drag,
    Event,
    Focus,
    Key,
    Mouse,
    Paste,
    Reply,
    Resize,
    Terminal,
    Unknown,
    __version__,
)
from evdispatch.cli._lines import SHOWN, line, raw_of
from evdispatch.cli._text import printable
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
_STRINGS: Final = ("osc", "dcs", "apc", "pm", "sos")
_XTVERSION: Final = ">|"


class ReportError(OSError):
    """The report can't be written; the message is for the user."""


def report_head(terminal: Terminal, options: Mapping[str, Any]) -> str:
    """Return the note, and the facts about the program and the terminal.

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
        # That there is one, but not where: a session's name and address are private.
        "tmux": "TMUX" in os.environ,
        "screen": "STY" in os.environ,
        "ssh": "SSH_CONNECTION" in os.environ or "SSH_TTY" in os.environ,
        "tty": _tty(terminal),
        "escape_delay": escape_delay(),
        "options": dict(options),
    }
    return _NOTE + json.dumps(facts) + "\n"


def _environment() -> dict[str, str]:
    wanted = [*_VARIABLES, *sorted(name for name in os.environ if name[:3] == "LC_")]
    return {name: os.environ[name] for name in wanted if name in os.environ}


def _tty(terminal: Terminal) -> dict[str, Any] | None:
    """Return the tty's erase character and size; None for pipes and files."""
    if not terminal.is_tty:
        return None
    erase: bytes = termios.tcgetattr(terminal.fileno())[_CC][termios.VERASE]
    return {"erase": erase[0], "size": list(terminal.size)}


def report_line(event: Event, started: float = 0.0) -> str:
    """Return an event's line, line end included; times count from ``started``."""
    answer = _answer(event)
    facts = {
        "time": round(event.time - started, 6),
        "hex": raw_of(event).hex(),
        "events": [record(event)],
        "line": line(event),
        **({} if answer is None else {"answer": answer}),
    }
    return json.dumps(facts) + "\n"


def _answer(event: Event) -> str | None:
    """Return which query about the terminal an event answers, if it does."""
    if isinstance(event, Answer):
        return event.query
    if not isinstance(event, Reply):
        return None
    if event.kind == "dcs" and event.data.startswith(_XTVERSION):
        return "xtversion"
    return event.kind if event.kind in ("da1", "da2") else None


def record(event: Event) -> dict[str, Any]:
    """Return an event as values that JSON has, as the test vectors do."""
    kind = "mouse" if isinstance(event, Mouse) else event.name
    return {"type": kind, **_fields(event)}


def _fields(event: Event) -> dict[str, Any]:  # noqa: PLR0911 (a table of shapes)
    match event:
        case Key():
            return _key(event)
        case Mouse():
            action = "move" if isinstance(event, Drag) else event.name
            cell = {"button": event.button, "x": event.x, "y": event.y}
            return {"action": action, **cell, "mods": sorted(event.mods)}
        case Paste():
            truncated = {"truncated": True} if event.truncated else {}
            return {"text": event.text, **truncated}
        case Resize():
            cells = {"cols": event.columns, "rows": event.rows}
            return {**cells, "width_px": event.width_px, "height_px": event.height_px}
        case Reply():
            private = {"private": True} if event.private else {}
            return {"kind": event.kind, **_reply(event), **private}
        case Focus():
            return {"gained": event.gained}
        case Answer():
            return {"query": event.query, "value": event.value}
        case Unknown():
            return {"hex": event.raw.hex()}
        case _:
            return {}


def _key(event: Key) -> dict[str, Any]:
    reported = {"shifted": event.shifted, "base": event.base}
    return {
        "key": event.key,
        "mods": sorted(event.mods),
        "text": event.text,
        "action": event.action,
        **{name: key for name, key in reported.items() if key is not None},
    }


def _reply(event: Reply) -> dict[str, Any]:
    params = event.params
    match event.kind:
        case "cpr":
            return {"x": params[1] - 1, "y": params[0] - 1}
        case "decrpm":
            return {"mode": params[0], "value": params[1]}
        case "kitty_flags":
            return {"flags": params[0]}
        case "color_scheme":
            return {"value": event.data}
        case kind if kind in _STRINGS:
            return {"data": event.data}
        case _:
            return {"params": list(params)}


class ReportFile:
    """A report in a file of its own, written without a buffer."""

    def __init__(self, path: str, file: FileIO) -> None:
        self._path = path
        self._file = file

    def follow(
        self, app: Dispatcher, terminal: Terminal, describe: Callable[[Event], str]
    ) -> None:
        """Write each event of a terminal, and ask the terminal for its version.

        Args:
            app: The dispatcher.
            terminal: A terminal that was added to it.
            describe: Returns the line of an event.
        """
        for kind in SHOWN:
            terminal.on(kind, priority=1)(lambda event: self.write(describe(event)))

        @app.on("start")
        def ask() -> None:
            if terminal.is_tty:
                terminal.ask("version")
                terminal.ask("device")

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
        number = os.open(path, flags, 0o600)  # it is private
    except FileExistsError:
        message = f"{printable(path)} exists: give the report a new name"
        raise ReportError(message) from None
    except OSError as error:
        raise _failed(path, error) from error
    file = FileIO(number, "w")
    try:
        yield ReportFile(path, file)
    finally:
        with suppress(OSError):  # all that could be written was written
            file.close()


def _failed(path: str, error: OSError) -> ReportError:
    return ReportError(f"can't write the report {printable(path)}: {error.strerror}")
