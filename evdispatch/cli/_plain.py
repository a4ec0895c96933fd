"""One line an event, on standard output: for pipes and files, and for tools.

The format is told in `_lines`. ``q`` and ctrl+c end the program, and so does the end of
the input, or that nobody reads the output any more.
"""

from collections.abc import Callable
from typing import TextIO

from evdispatch import Dispatcher, Event, Terminal
from evdispatch.cli._ends import prepare
from evdispatch.cli._shown import LEAVE, SHOWN


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
        prepare(app, output)
        for kind in SHOWN:
            terminal.on(kind)(self._write)
        terminal.on("key", key=LEAVE)(app.stop)
        terminal.on("hangup")(app.stop)
        terminal.on("key", key="ctrl+z")(self._suspend)

    def _write(self, event: Event) -> None:
        self._output.write(self._tell(event))
        self._output.flush()

    def _suspend(self) -> None:
        if self._terminal.is_tty:
            self._terminal.suspend()
