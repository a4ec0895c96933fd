"""``evdispatch watch``: tell what happens to files, or run a command when they change.

It ends with 130 after an interrupt, 143 after SIGTERM, 141 when nobody reads its output;
127 where the command is not there, 126 where it can't be run; 2 for wrong arguments.
"""

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterator
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
        with Dispatcher() as app, _stopped_by_signals(app) as stopped:
            app.on(Error)(_tell_error)
            _set_up(app, arguments, command)
            app.run()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (HandlerError, SourceError) as error:
        if not isinstance(error.__cause__, OSError):
            raise  # a fault of ours
        return _failed(error.__cause__, command)
    except (OSError, ValueError) as error:
        return _failed(error, command)
    return 128 + stopped[0] if stopped else 0


@contextlib.contextmanager
def _stopped_by_signals(app: Dispatcher) -> Iterator[list[int]]:
    """Have SIGINT and SIGTERM stop the loop, and nothing else.

    An exception might come while a child is being made, and leave it behind.
    """
    came: list[int] = []

    def stop(signum: int, frame: object) -> None:
        came.append(signum)
        app.stop()

    with contextlib.ExitStack() as stack:
        for number in (signal.SIGINT, signal.SIGTERM):
            stack.callback(signal.signal, number, signal.signal(number, stop))
        yield came


def _set_up(app: Dispatcher, arguments: argparse.Namespace, command: list[str]) -> None:
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
    if (
        isinstance(error, FileNotFoundError)
        and command
        and error.filename == command[0]
    ):
        return complain("watch", f"{command[0]}: no such command", 127)
    if isinstance(error, PermissionError) and command and error.filename == command[0]:
        return complain("watch", f"{command[0]}: it may not be run", 126)
    if isinstance(error, OSError):
        return failed("watch", error)
    return complain("watch", str(error))
