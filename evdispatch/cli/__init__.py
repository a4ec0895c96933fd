"""The command ``evdispatch``: ``keys`` shows what a terminal sends, ``watch`` watches files.

::

    _keys     the application: which of the two forms, and its exit code
    _plain    one line an event        _view    the full-screen form: handlers and frames
    _lines    event -> line            _state   what the view shows
    _shown    what both show           _entry   event -> text, bounded
    _why      event -> what made it    _screen  state -> canvas
    _text     text -> safe text        _canvas  canvas -> bytes
    _layout   size -> places           _report  a file for bug reports
    _record   event -> values of JSON  _ends    failures -> exit codes
    _watch    the watching of files    _rerun   a command that is run again

The view's lower half (state, layout, screen, canvas) does no IO and reads no clock.
"""

import argparse
from collections.abc import Sequence

from evdispatch import __version__
from evdispatch.cli import _keys, _watch

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        argv: The arguments, without the command's name; default: the process's.

    Raises:
        SystemExit: The arguments are wrong, or asked for help or the version.
    """
    parser = argparse.ArgumentParser(
        prog="evdispatch",
        description="The GUI's event model for everything with a file descriptor.",
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {__version__}"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _keys.add_parser(commands)
    _watch.add_parser(commands)
    arguments = parser.parse_args(argv)
    code: int = arguments.run(arguments)
    return code
