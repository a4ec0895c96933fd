"""``evdispatch keys``: shows what a terminal sends, full-screen or one line an event.

It ends with 0, and otherwise as programs do: with 130 after an interrupt, 141 when its
output is closed, 129 when its terminal has gone, 1 and a line on standard error when it
can't read or write, 2 when its arguments are wrong.
"""

import argparse
import contextlib
import functools
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, Final, Literal

from evdispatch import (
    Dispatcher,
    Event,
    HandlerError,
    MonotonicClock,
    SourceError,
    Terminal,
)
from evdispatch.cli._exit import complain, failed, prepare
from evdispatch.cli._lines import LEAVE, SHOWN, line, why_lines
from evdispatch.cli._report import (
    STDOUT,
    ReportFile,
    report_file,
    report_head,
    report_line,
)
from evdispatch.cli._view import View

_MOUSE: Final[dict[str, Literal[False, "click", "drag", "move"]]] = {
    "off": False,
    "click": "click",
    "drag": "drag",
    "move": "move",
}

_DESCRIPTION = """\
Show what the terminal sends as events: keys, mouse, paste, focus, size.
On a terminal it is a full-screen view; otherwise one line an event.
q, ctrl+c or the end of the input ends it.

--report FILE is for bug reports. All that is typed and pasted is in the file,
passwords as well: read it before you give it away."""

_NO_INPUT = (
    "there is no standard input: run it in a terminal,"
    r" or pipe something in, such as printf 'a\033[A' | evdispatch keys"
)
_TWO_ON_STDOUT = "--report - needs standard output for itself: use it with --plain, without --explain"


def add_parser(commands: Any) -> None:
    """Add the subcommand to a parser's subcommands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "keys",
        help="show what the terminal sends",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--plain", action="store_true", help="one line an event, on a terminal too")
    add(
        "--explain",
        action="store_true",
        help="show which protocol, mode and bytes made each event",
    )
    add(
        "--io",
        choices=["auto", "thread", "inline"],
        default="auto",
        help="which thread reads the input (default: %(default)s)",
    )
    add(
        "--mouse",
        choices=[*_MOUSE],
        default="move",
        help="which mouse events to report (default: %(default)s, all of them)",
    )
    add(
        "--keyboard",
        choices=["auto", "legacy", "kitty"],
        default="auto",
        help="which protocol to ask the terminal for (default: %(default)s)",
    )
    add(
        "--report",
        metavar="FILE",
        help="write all events to a new file, for a bug report (private: it has all"
        " that you type); - is standard output, instead of the lines",
    )
    parser.set_defaults(run=run, error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return its exit code."""
    if sys.stdin is None:
        return complain("keys", _NO_INPUT)
    if sys.stdout is None:
        return complain("keys", "there is no standard output to write to")
    full = not arguments.plain and _can_draw()
    if arguments.report == STDOUT and (full or arguments.explain):
        arguments.error(_TWO_ON_STDOUT)
    try:
        with contextlib.ExitStack() as stack:
            file = None  # opened before the terminal is touched
            if arguments.report not in (None, STDOUT):
                file = stack.enter_context(report_file(arguments.report))
            app = stack.enter_context(Dispatcher(io=arguments.io))
            _set_up(app, arguments, file, full=full)
            app.run()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (HandlerError, SourceError) as error:
        if not isinstance(error.__cause__, OSError):
            raise  # a fault of ours
        return failed("keys", error.__cause__)
    except OSError as error:
        return failed("keys", error)
    return 0


def _set_up(
    app: Dispatcher,
    arguments: argparse.Namespace,
    file: ReportFile | None,
    *,
    full: bool,
) -> None:
    terminal = app.add(
        Terminal(
            mouse=_MOUSE[arguments.mouse],
            keyboard=arguments.keyboard,
            focus=True,
            alternate_screen=full,
            hide_cursor=full,
        )
    )
    for name in ("move", "resize"):  # each of them is shown, however many there are
        app.set_policy(name, "block")
    report = functools.partial(report_line, started=MonotonicClock().now())
    names = ("explain", "io", "keyboard", "mouse")
    options = {name: getattr(arguments, name) for name in names}
    head = report_head(terminal, {**options, "plain": not full})
    if file is not None:
        file.write(head)
        file.follow(app, terminal, report)
    if full:
        View(
            app,
            terminal,
            io=arguments.io,
            explain=arguments.explain,
            now=MonotonicClock().now,
            wall=lambda: time.strftime("%H:%M:%S"),
        )
    elif arguments.report == STDOUT:
        sys.stdout.write(head)
        _write_lines(app, terminal, report)
    else:
        _write_lines(app, terminal, _explained if arguments.explain else _line)


def _write_lines(
    app: Dispatcher, terminal: Terminal, describe: Callable[[Event], str]
) -> None:
    """Write what ``describe`` returns of each event, until the program ends."""
    output = sys.stdout

    def write(event: Event) -> None:
        output.write(describe(event))
        output.flush()

    def suspend() -> None:
        if terminal.is_tty:
            terminal.suspend()

    prepare(app, output)
    for kind in SHOWN:
        terminal.on(kind)(write)
    terminal.on("key", key=LEAVE)(app.stop)
    terminal.on("hangup")(app.stop)
    terminal.on("key", key="ctrl+z")(suspend)


def _line(event: Event) -> str:
    return line(event) + "\n"


def _explained(event: Event) -> str:
    return _line(event) + why_lines(event)


def _can_draw() -> bool:
    return os.isatty(0) and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
