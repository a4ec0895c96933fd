"""One line an event, on standard output: for pipes and files, and for tools.

The format is told in `_lines`. ``q`` and ctrl+c end the program, and so does the end of
the input, or that nobody reads the output any more.
"""

import io
import os
import stat
from collections.abc import Callable, Iterable
from typing import TextIO

from evdispatch import Dispatcher, Event, Hangup, Source, Terminal
from evdispatch.cli._shown import LEAVE, SHOWN


class Readers(Source):
    """Gives one `hangup` when nobody reads a pipe any more.

    Without it that would show at the next write only, which may be hours away.
    """

    def __init__(self, file: TextIO) -> None:
        super().__init__()
        self._file = file
        self.watch(0)

    def fileno(self) -> int:
        """Return the pipe's write end."""
        return self._file.fileno()

    def on_ready(self, ready: int) -> Iterable[Event]:
        """Tell that the last reader has gone."""
        self.finish()
        return [Hangup(ready)]


class Plain:
    """Writes a line for each event of a terminal.

    Args:
        app: The dispatcher.
        terminal: A terminal that was added to it.
        output: Where the lines go.
        tell: Returns what to write of an event, line end included.
    """

    def __init__(
        self,
        app: Dispatcher,
        terminal: Terminal,
        output: TextIO,
        tell: Callable[[Event], str],
    ) -> None:
        self._app = app
        self._terminal = terminal
        self._output = output
        self._tell = tell
        if isinstance(output, io.TextIOWrapper):
            output.reconfigure(errors="backslashreplace")  # whatever its encoding
        for kind in SHOWN:
            terminal.on(kind)(self._write)
        terminal.on("key", key=LEAVE)(app.stop)
        terminal.on("hangup")(app.stop)
        terminal.on("key", key="ctrl+z")(self._suspend)
        if _is_pipe(output):
            app.add(Readers(output)).on("hangup")(_give_up)

    def _write(self, event: Event) -> None:
        self._output.write(self._tell(event))
        self._output.flush()

    def _suspend(self) -> None:
        if self._terminal.is_tty:
            self._terminal.suspend()


def _is_pipe(file: TextIO) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(file.fileno()).st_mode)
    except OSError:  # it has no descriptor
        return False


def _give_up() -> None:
    raise BrokenPipeError
