"""A pipe: lines as they come, of a command or of standard input.

Run it: ``python demos/pipe.py ls -l`` shows a command's lines with their numbers,
``ls -l | python demos/pipe.py`` those of standard input. It ends when the input does.
"""

import subprocess
import sys
from contextlib import ExitStack
from typing import Any

from evdispatch import Dispatcher, Line, Pipe


def number_lines(file: Any) -> int:
    """Print the lines of a file with their numbers, and return how many there were."""
    count = 0
    with Dispatcher() as app:
        # `closefd`: whoever opened the file closes it.
        pipe = app.add(Pipe(file, framing="lines", closefd=False))

        @pipe.on("line")
        def show(event: Line) -> None:
            nonlocal count
            count += 1
            text = event.data.decode(errors="backslashreplace")
            print(f"{count:4}  {text}")

        # The last event of a pipe; all its lines came before.
        pipe.on("eof")(app.stop)
        app.run()
    return count


def main() -> None:
    """Number the lines of a command, or of standard input if there is none."""
    command = sys.argv[1:]
    with ExitStack() as stack:
        if command:
            child = stack.enter_context(
                subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 (yours)
            )
            count = number_lines(child.stdout)
        else:
            count = number_lines(sys.stdin)
    print(f"{count} lines")


if __name__ == "__main__":
    main()
