"""``evdispatch watch``: prints what happens to files, or runs a command when they change.

It ends with 130 after an interrupt, 143 after SIGTERM, 141 when its output is closed; 127
where the command does not exist, 126 where it can't be run; 2 for wrong arguments. A
second interrupt kills a command that has not ended yet.
"""

import argparse
import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from evdispatch import (
    Change,
    Created,
    Deleted,
    Dispatcher,
    Error,
    Fd,
    Handle,
    HandlerError,
    Modified,
    Moved,
    PathEvent,
    Settled,
    SourceError,
    Watch,
)
from evdispatch.cli._exit import complain, failed, prepare
from evdispatch.cli._text import printable

# What programs and editors write beside the files they work on.
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
Print what happens to a file, or to a directory and all that is below it: one line an event.
With a command: run it, and run it again when files change. If it is still running then, it
is ended first. A path that does not exist yet is waited for."""


def add_parser(commands: Any) -> None:
    """Add the subcommand to a parser's subcommands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "watch",
        help="print what happens to files, or run a command when they change",
        usage="evdispatch watch [options] PATH [--] [COMMAND ...]",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("path", metavar="PATH", help="a file or a directory")
    add("command", metavar="COMMAND", nargs=argparse.REMAINDER)
    add(
        "--include", metavar="PATTERN", action="append", default=[],
        help="files to report, as in a .gitignore (repeatable; default: all)",
    )  # fmt: skip
    add(
        "--ignore", metavar="PATTERN", action="append", default=[],
        help="files and directories to leave out (repeatable)",
    )  # fmt: skip
    add(
        "--no-default-ignore", action="store_true",
        help=f"with a command, do not ignore {' '.join(IGNORED)}",
    )  # fmt: skip
    for option, text in (
        ("--no-recursive", "the directory's own entries alone"),
        ("--follow-symlinks", "descend into links to directories"),
        ("--postpone", "do not run the command before the first change"),
        ("--clear", "clear the screen before each run"),
    ):
        add(option, action="store_true", help=text)
    add(
        "--debounce", metavar="SECONDS", type=_seconds, default=0.05,
        help="with a command: how long files must be quiet (default: %(default)s)",
    )  # fmt: skip
    add(
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
            app.on(Error)(_print_error)
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
    """Makes SIGINT and SIGTERM stop the loop, and do nothing else.

    An exception could come while a child is started, and leave it behind. SIGCHLD gets its
    default action: where the parent ignored it, which is inherited, children would be
    reaped before `Rerun` waits for them.

    Attributes:
        first: The number of the first signal that came, or 0.
        rerun: Its child is killed by a second signal.
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
    if not command:
        _print_lines(app, watch, arguments.path)
        return
    rerun = signals.rerun = Rerun(
        app,
        command,
        delay=arguments.debounce,
        grace=arguments.grace,
        clear=arguments.clear,
    )
    for kind in (Created, Modified, Deleted, Moved):
        watch.on(kind)(rerun.run_soon)
    app.on("stop")(rerun.close)
    if not arguments.postpone:
        app.on("start", once=True)(rerun.run)


class Rerun:
    """Runs a command; when it is to run again, ends it first if it is still running.

    There is one child at a time, in a process group of its own. Its pidfd reports its end.

    Args:
        app: The dispatcher.
        command: The program and its arguments.
        delay: How long to wait for further changes before a run, in seconds.
        grace: How long a child has to end after SIGTERM, in seconds; then it is killed.
        clear: Whether the screen is cleared before each run.
    """

    def __init__(
        self,
        app: Dispatcher,
        command: Sequence[str],
        *,
        delay: float,
        grace: float,
        clear: bool,
    ) -> None:
        self._app = app
        self._command = command
        self._delay = delay
        self._grace = grace
        self._clear = clear
        self._child: subprocess.Popen[bytes] | None = None
        self._end: Fd | None = None  # readable when the child has ended
        self._pidfd = -1
        self._deadline: Handle | None = None  # for a child that was asked to end
        self._again = False
        self._soon = False

    def run_soon(self) -> None:
        """Run the command once for all changes within the delay."""
        if not self._soon:
            self._soon = True
            self._app.after(self._delay, self._run_now)

    def _run_now(self) -> None:
        self._soon = False
        self.run()

    def run(self) -> None:
        """Run the command; end it first if it is running.

        Raises:
            OSError: It can't be started.
        """
        if self._child is None:
            self._start()
            return
        self._again = True
        if self._deadline is None:
            self._signal(signal.SIGTERM)
            self._deadline = self._app.after(self._grace, self.kill)

    def kill(self) -> None:
        """Kill the child; from a signal handler, too."""
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """End the child and wait for it; kill it when its time is up."""
        child = self._child
        if child is None:
            return
        self._signal(signal.SIGTERM)
        try:
            child.wait(self._grace)
        except subprocess.TimeoutExpired:
            self.kill()
            child.wait()
        self._clean_up()

    def _start(self) -> None:
        if self._clear:
            os.write(1, b"\033[H\033[2J\033[3J")
        command = self._command
        child = subprocess.Popen(  # noqa: S603 (the user's own)
            command, stdin=subprocess.DEVNULL, process_group=0
        )
        self._child = child
        self._pidfd = os.pidfd_open(child.pid)
        self._end = self._app.add(Fd(self._pidfd))
        self._end.on("readable")(self._on_end)

    def _on_end(self) -> None:
        if self._child is not None:
            self._child.wait()
        self._clean_up()
        if self._again:
            self._again = False
            self._start()

    def _clean_up(self) -> None:
        self._child = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self._end is not None:
            self._end.close()
            self._end = None
            os.close(self._pidfd)

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None and self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.killpg(self._child.pid, number)


def _print_lines(app: Dispatcher, watch: Watch, path: str) -> None:
    """Print a line for each event: its name, and the path as the user began it."""
    root = len(watch.path.rstrip("/"))
    output = sys.stdout

    def shown(path_of_event: str, *, is_dir: bool) -> str:
        text = (path.rstrip("/") + path_of_event[root:]) or "/"
        return printable(text + "/" * (is_dir and text != "/"))

    def write(event: PathEvent) -> None:
        if isinstance(event, Settled):
            return
        is_dir = isinstance(event, Change) and event.is_dir
        text = shown(event.path, is_dir=is_dir)
        if isinstance(event, Moved):
            text = f"{shown(event.src_path, is_dir=is_dir)} -> {text}"
        output.write(f"{event.name} {text}\n")
        output.flush()

    prepare(app, output)
    watch.on(PathEvent)(write)


def _print_error(event: Error) -> None:
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
            text, code = "its interpreter does not exist", 126
    elif isinstance(error, PermissionError):
        text = "it may not be run"
    elif error.errno == errno.ENOEXEC:
        text = "it is no program, and its first line names none"
    return complain("watch", f"{command[0]}: {text}", code)
