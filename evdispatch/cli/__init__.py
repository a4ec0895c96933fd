"""The command ``evdispatch``: ``keys`` shows what a terminal sends, ``watch`` watches files.

::

    _keys    the subcommand keys            _watch   the subcommand watch
    _lines   event -> line of text          _report  events -> file for a bug report
    _view    full-screen: events, frames    _state   what the view shows, and where
    _screen  state -> canvas -> bytes       _text    text that is safe to show
    _exit    failures -> exit codes
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
