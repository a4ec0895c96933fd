"""Tutorial, step 3: a pipe. The stopwatch of a command: each line it prints is a lap.

Run it: ``python demos/tutorial_3.py make -j4``. It ends with the command, or at q.
"""

import os
import subprocess
import sys

from evdispatch import Dispatcher, Key, Line, Pipe, Terminal, Tick, Timer, on

_EXAMPLE = [sys.executable, "-c", "print('compiling'); print('linking')"]


class Stopwatch:
    """Tells laps: lines, and presses of the space bar."""

    def __init__(self, app: Dispatcher) -> None:
        self._app = app
        self._laps: list[float] = []

    # The free decorator marks a method; `register` adds all that are marked.
    @on("tick")
    def tick(self, event: Tick) -> None:
        """Show that time goes by."""
        print(f"{event.count} s")

    @on("line")
    def line(self, event: Line) -> None:
        """Take a line for a lap."""
        self._lap(event.time, event.data.decode(errors="replace"))

    @on("key", key="space")
    def space(self, event: Key) -> None:
        """Take a press of the space bar for a lap."""
        self._lap(event.time, "lap")

    @on("key", key="q")
    def leave(self) -> None:
        """End early."""
        self._app.stop()

    def _lap(self, time: float, text: str) -> None:
        self._laps.append(time)
        print(f"{time - self._laps[0]:8.3f}  {text}")


def main() -> None:
    """Run a command and time its lines."""
    command = sys.argv[1:] or _EXAMPLE
    read, write = os.pipe()
    with (
        Dispatcher() as app,
        subprocess.Popen(command, stdout=write) as child,  # noqa: S603 (the user's command)
    ):
        os.close(write)  # the child has its own: the pipe ends when the child does
        app.register(Stopwatch(app))
        app.add(Timer("tick", every=1.0))
        pipe = app.add(Pipe(read, framing="lines"))
        pipe.on("eof")(app.stop)
        terminal = app.add(Terminal(mouse=False))
        # Else the end of the input would stop the program: only the command's does.
        terminal.on("eof")(lambda: None)
        terminal.on("key", key="q")(child.terminate)
        app.run()


if __name__ == "__main__":
    main()
