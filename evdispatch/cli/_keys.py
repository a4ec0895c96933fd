"""``evdispatch keys``: which form it takes, and how it ends.

It ends with 0, and otherwise as programs do: with 130 after an interrupt, 141 when nobody
reads its output, 129 when its terminal has gone, 1 and a line on standard error when it
can't read or write, 2 when its arguments are wrong.
"""

import argparse
import contextlib
import os
import signal
import sys
import time
from typing import Any, Final, Literal

from evdispatch import (
    Dispatcher,
    Event,
    HandlerError,
    MonotonicClock,
    SourceError,
    Terminal,
)
from evdispatch.cli._ends import complain, failed
from evdispatch.cli._lines import line
from evdispatch.cli._plain import Plain
from evdispatch.cli._report import STDOUT, Report, ReportError, ReportFile, report_file
from evdispatch.cli._view import View
from evdispatch.cli._why import why_lines

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
_TWO_ON_STDOUT = (
    "--report - has standard output for itself: use it with --plain, without --explain"
)
_NO_OUTPUT = "there is no standard output to write to"


def add_parser(commands: Any) -> None:
    """Add the subcommand to a parser's subcommands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "keys",
        help="show what the terminal sends",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--plain", action="store_true", help="one line an event, on a terminal too"
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="tell which protocol, mode and bytes made each event",
    )
    parser.add_argument(
        "--io",
        choices=["auto", "thread", "inline"],
        default="auto",
        help="who reads the input (default: %(default)s)",
    )
    parser.add_argument(
        "--mouse",
        choices=[*_MOUSE],
        default="move",
        help="what to hear of the mouse (default: %(default)s, all of it)",
    )
    parser.add_argument(
        "--keyboard",
        choices=["auto", "legacy", "kitty"],
        default="auto",
        help="which protocol to ask the terminal for (default: %(default)s)",
    )
    parser.add_argument(
        "--report",
        metavar="FILE",
        help="write all that comes to a new file, for a bug report (private: it has"
        " all that you type); - is standard output, instead of the lines",
    )
    parser.set_defaults(run=run, error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return its exit code."""
    if sys.stdin is None:
        return complain("keys", _NO_INPUT)
    if sys.stdout is None:
        return complain("keys", _NO_OUTPUT)
    full = not arguments.plain and _can_draw()
    if arguments.report == STDOUT and (full or arguments.explain):
        arguments.error(_TWO_ON_STDOUT)
    try:
        _show(arguments, full=full)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (HandlerError, SourceError) as error:
        if not isinstance(error.__cause__, OSError | ReportError):
            raise  # a fault of ours
        return _failed(error.__cause__)
    except (OSError, ReportError) as error:
        return _failed(error)
    return 0


def _show(arguments: argparse.Namespace, *, full: bool) -> None:
    with contextlib.ExitStack() as stack:
        file = None  # opened before the terminal is touched
        if arguments.report not in (None, STDOUT):
            file = stack.enter_context(report_file(arguments.report))
        app = stack.enter_context(Dispatcher(io=arguments.io))
        _set_up(app, arguments, file, full=full)
        app.run()


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
    report = Report(MonotonicClock().now())
    names = ("explain", "io", "keyboard", "mouse")
    options = {name: getattr(arguments, name) for name in names}
    options["plain"] = not full
    if file is not None:
        file.write(report.head(terminal, options))
        file.follow(terminal, report)
        file.ask(app, terminal)
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
        sys.stdout.write(report.head(terminal, options))
        Plain(app, terminal, sys.stdout, report.tell)
    else:
        Plain(app, terminal, sys.stdout, _explained if arguments.explain else _line)


def _line(event: Event) -> str:
    return line(event) + "\n"


def _explained(event: Event) -> str:
    return _line(event) + why_lines(event)


def _can_draw() -> bool:
    return os.isatty(0) and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _failed(error: OSError | ReportError) -> int:
    if isinstance(error, ReportError):
        return complain("keys", str(error))
    return failed("keys", error)
