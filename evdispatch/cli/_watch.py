"""``evdispatch watch``: tell what happens to files, or run a command when they change.

It ends with 130 after an interrupt, 143 after SIGTERM, 141 when nobody reads its output;
127 where the command is not there, 126 where it can't be run; 2 for wrong arguments. A
second interrupt kills a command that takes its time to end.
"""

import argparse
import contextlib
import errno
import shutil
import signal
import sys
from typing import Any

from evdispatch import (
    Change,
    Created,
    Deleted,
    Dispatcher,
    Error,
    HandlerError,
    Modified,
    Moved,
    PathEvent,
    Settled,
    SourceError,
    Watch,
)
from evdispatch.cli._ends import complain, failed, prepare
from evdispatch.cli._rerun import Rerun
from evdispatch.cli._text import printable

# What programs and editors write beside what they are asked to.
IGNORED = (
    ".git/",
    ".hg/",
    "__pycache__/",
    "*.pyc",
    "*.swp",
    "*.swx",
    "*~",
    ".#*",
    "4913",
)

_DESCRIPTION = """\
Tell what happens to a file, or to a directory and all that is below it: one line an event.
With a command: run it, and run it again when files change. If it is still running then, it
is ended first. A path that is not there yet is waited for."""


def add_parser(commands: Any) -> None:
    """Add the subcommand to a parser's subcommands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "watch",
        help="tell what happens to files, or run a command when they change",
        usage="evdispatch watch [options] PATH [--] [COMMAND ...]",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", metavar="PATH", help="a file or a directory")
    parser.add_argument("command", metavar="COMMAND", nargs=argparse.REMAINDER)
    parser.add_argument(
        "--include", metavar="PATTERN", action="append", default=[],
        help="files to tell of, as in a .gitignore (repeatable; default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--ignore", metavar="PATTERN", action="append", default=[],
        help="files and directories to leave out (repeatable)",
    )  # fmt: skip
    parser.add_argument(
        "--no-default-ignore", action="store_true",
        help=f"with a command, do not ignore {' '.join(IGNORED)}",
    )  # fmt: skip
    for option, text in (
        ("--no-recursive", "the directory's own entries alone"),
        ("--follow-symlinks", "descend into links to directories"),
        ("--postpone", "do not run the command before the first change"),
        ("--clear", "clear the screen before each run"),
    ):
        parser.add_argument(option, action="store_true", help=text)
    parser.add_argument(
        "--debounce", metavar="SECONDS", type=_seconds, default=0.05,
        help="with a command: how long it must be quiet (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--grace", metavar="SECONDS", type=_seconds, default=5.0,
        help="how long the command has to end before it is killed (default: %(default)s)",
    )  # fmt: skip
    parser.set_defaults(run=run, error=parser.error)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise ValueError(text)
    return seconds


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return its exit code."""
    command = arguments.command
    if command[:1] == ["--"]:
        command = command[1:]
    elif command and command[0].startswith("-"):
        arguments.error(f"options come before PATH, not after it: {command[0]}")
    if sys.stdout is None:
        return complain("watch", "there is no standard output to write to")
    try:
        with Dispatcher() as app, Signals(app) as signals:
            app.on(Error)(_tell_error)
            _set_up(app, arguments, command, signals)
            app.run()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (HandlerError, SourceError) as error:
        if not isinstance(error.__cause__, OSError):
            raise  # a fault of ours
        return _failed(error.__cause__, command)
    except (OSError, ValueError) as error:
        return _failed(error, command)
    return 128 + signals.first if signals.first else 0


class Signals(contextlib.ExitStack):
    """Has SIGINT and SIGTERM stop the loop, and nothing else.

    An exception might come while a child is being made, and leave it behind. A parent that
    ignored SIGCHLD, which is inherited, would have children vanish before we ask for them.

    Attributes:
        first: The number of the first one that came, or 0.
        rerun: What a second one finds too slow to end.
    """

    def __init__(self, app: Dispatcher) -> None:
        super().__init__()
        self._app = app
        self.first = 0
        self.rerun: Rerun | None = None
        for number, action in (
            (signal.SIGINT, self._stop),
            (signal.SIGTERM, self._stop),
            (signal.SIGCHLD, signal.SIG_DFL),
        ):
            self.callback(signal.signal, number, signal.signal(number, action))

    def _stop(self, number: int, frame: object) -> None:
        if self.first and self.rerun is not None:
            self.rerun.kill()
        self.first = self.first or number
        self._app.stop()


def _set_up(
    app: Dispatcher,
    arguments: argparse.Namespace,
    command: list[str],
    signals: Signals,
) -> None:
    ignored = [] if arguments.no_default_ignore or not command else [*IGNORED]
    watch = app.add(
        Watch(
            arguments.path,
            recursive=not arguments.no_recursive,
            include=arguments.include,
            ignore=[*ignored, *arguments.ignore],
            follow_symlinks=arguments.follow_symlinks,
            debounce=arguments.debounce if command else None,
        )
    )
    if command:
        rerun = Rerun(app, command, grace=arguments.grace, clear=arguments.clear)
        signals.rerun = rerun
        Runs(app, watch, rerun, arguments.debounce)
        if not arguments.postpone:
            app.on("start", once=True)(rerun.run)
    else:
        Lines(app, watch, arguments.path)


class Runs:
    """Runs a command when files have changed, once for all that change together."""

    def __init__(
        self, app: Dispatcher, watch: Watch, rerun: Rerun, delay: float
    ) -> None:
        self._app = app
        self._rerun = rerun
        self._delay = delay
        self._waits = False
        for kind in (Created, Modified, Deleted, Moved):
            watch.on(kind)(self._on_change)
        app.on("stop")(rerun.close)

    def _on_change(self) -> None:
        if not self._waits:
            self._waits = True
            self._app.after(self._delay, self._run)

    def _run(self) -> None:
        self._waits = False
        self._rerun.run()


class Lines:
    """Writes a line for each event: its name, and the path as the user began it."""

    def __init__(self, app: Dispatcher, watch: Watch, path: str) -> None:
        self._root = watch.path
        self._path = path if path == "/" else path.rstrip("/")
        self._output = sys.stdout
        prepare(app, sys.stdout)
        watch.on(PathEvent)(self._write)

    def _write(self, event: PathEvent) -> None:
        if isinstance(event, Settled):
            return
        is_dir = isinstance(event, Change) and event.is_dir
        text = self._shown(event.path, is_dir=is_dir)
        if isinstance(event, Moved):
            text = f"{self._shown(event.src_path, is_dir=is_dir)} -> {text}"
        self._output.write(f"{event.name} {text}\n")
        self._output.flush()

    def _shown(self, path: str, *, is_dir: bool) -> str:
        below = path[len(self._root.rstrip("/")) :]
        shown = (self._path.rstrip("/") + below) or "/"
        return printable(shown + "/" * (is_dir and shown != "/"))


def _tell_error(event: Error) -> None:
    if event.event is not None or not isinstance(event.exception, OSError):
        raise event.exception  # a handler's
    complain("watch", str(event.exception))


def _failed(error: Exception, command: list[str]) -> int:
    if not isinstance(error, OSError):
        return complain("watch", str(error))
    if not command or error.filename != command[0]:
        return failed("watch", error)
    text, code = f"it can't be run: {error.strerror}", 126
    if isinstance(error, FileNotFoundError):
        text, code = "no such command", 127
        if shutil.which(command[0]) is not None:  # the error is about its first line
            text, code = "its interpreter is not there", 126
    elif isinstance(error, PermissionError):
        text = "it may not be run"
    elif error.errno == errno.ENOEXEC:
        text = "it is no program, and its first line names none"
    return complain("watch", f"{command[0]}: {text}", code)
