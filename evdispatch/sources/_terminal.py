"""The terminal as a source: bytes in, keys, mouse and the rest out.

The decoder and the click tracker know neither descriptor nor clock; `TtySource` takes and
gives back the terminal. This file joins them: it reads, decodes, and runs the decoder's
timers. Standard input that is a pipe or a file is decoded the same way, without modes.

All its events are urgent: one lane, so that a key does not overtake the click before it.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterable
from typing import ClassVar

from evdispatch._checks import FileLike, check_interval
from evdispatch._events import URGENT, Eof, Event, Hangup
from evdispatch._poller import READ, readable_now
from evdispatch.sources._tty import Size, escape_delay
from evdispatch.sources._tty_source import TtySource
from evdispatch.terminal import Decoder, Key, Modes
from evdispatch.terminal._input import Input
from evdispatch.terminal._modes import MouseMode

_CHUNK = 65_536  # a tty gives at most 4095 bytes, a pipe up to this


class Terminal(TtySource):
    """Makes events of what the user of a terminal does.

    On a tty it takes the terminal into raw mode and switches the modes on while the
    dispatcher runs, and gives it back when it does not: at the end of `run` by whatever
    way, on `close`, at the interpreter's end, and on SIGTERM, SIGHUP, SIGQUIT and SIGTSTP.

    Three things happen if no handler takes the event: ctrl+c raises KeyboardInterrupt
    out of `run`, ctrl+z suspends the process, and the end of the input stops the
    dispatcher.

    Args:
        fd: A descriptor, or anything with a ``fileno()``; default: standard input. It
            stays open when the source ends.
        mouse: False, or what to hear of: ``"click"`` (presses, releases and the wheel),
            ``"drag"`` (and motion with a button held), ``"move"`` (all motion).
        paste: Tell pasted text from typed text.
        focus: Hear of the window's focus.
        alternate_screen: Use the alternate screen: what was shown before comes back.
        hide_cursor: Show no cursor.
        escape_timeout: How long to wait, in seconds, to tell the Escape key from a
            sequence that begins with its byte; default: see `escape_delay`.

    Raises:
        TypeError: It is no descriptor.
        ValueError: There is no standard input, or an option is out of range.
    """

    lane: ClassVar[int] = URGENT

    def __init__(
        self,
        fd: FileLike | None = None,
        *,
        mouse: MouseMode = "click",
        paste: bool = True,
        focus: bool = False,
        alternate_screen: bool = False,
        hide_cursor: bool = False,
        escape_timeout: float | None = None,
        name: str | None = None,
    ) -> None:
        if fd is None:
            # A closed standard input leaves number 0 to whatever is opened next.
            if sys.__stdin__ is None:
                raise ValueError("there is no standard input")
            fd = 0
        modes = Modes(
            mouse=mouse,
            paste=paste,
            focus=focus,
            alternate_screen=alternate_screen,
            hide_cursor=hide_cursor,
        )
        super().__init__(fd, modes, name)
        if escape_timeout is None:
            escape_timeout = escape_delay()
        self._escape_timeout = check_interval("escape_timeout", escape_timeout)
        self._input = Input(Decoder(), self._escape_timeout)
        self._stop: Callable[[], None] | None = None  # of the dispatcher

    # -- for the user ----------------------------------------------------------------

    @property
    def is_tty(self) -> bool:
        """Whether it is a terminal, and not a pipe or a file. False until it is added."""
        return self._tty is not None

    @property
    def size(self) -> Size:
        """The size in cells and pixels, asked of the tty.

        Raises:
            StateError: It is no tty.
        """
        return self._need_tty().size

    def write(self, data: str | bytes) -> None:
        """Write to the terminal; blocks until it has taken all. On the dispatch thread.

        Args:
            data: Bytes, or text that is sent as UTF-8.

        Raises:
            StateError: It is no tty.
            OSError: The terminal has gone.
        """
        self._need_tty().write(data.encode() if isinstance(data, str) else data)

    # -- reading -------------------------------------------------------------------------

    def on_add(self) -> None:
        """Learn what the tty knows of its keys."""
        super().on_add()
        self._stop = self.host.stop
        if self._tty is not None:
            decoder = Decoder(erase=self._tty.erase, term=os.environ.get("TERM"))
            self._input = Input(decoder, self._escape_timeout)

    def on_ready(self, ready: int) -> Iterable[Event]:
        """Read once, and decode: a second read of a shared descriptor might block."""
        if self._tty is not None and not self._tty.foreground:
            self.wait_for_foreground()
            return ()
        try:
            data = os.read(self._number, _CHUNK)
        except BlockingIOError:
            return ()
        except OSError as error:
            if error.errno != errno.EIO:  # the terminal has gone
                raise
            data = b""
        if not data:
            return self._end(ready)
        now = self.host.now()
        events = self._input.feed(data, now)
        patience = self._input.patience
        if patience is not None:
            self.set_deadline(now + patience)
        elif self._deadline is not None:
            self.set_deadline(None)
        return events

    def on_deadline(self, now: float) -> Iterable[Event]:
        """Take an unfinished sequence for what it is, unless its rest is here by now."""
        if self.interest is None:  # the terminal was another job's
            self._continued = True
            return self.on_wake()
        if readable_now(self._number):
            return self.on_ready(READ)
        return self._input.flush(now)

    def _end(self, ready: int) -> list[Event]:
        events = self._input.flush(self.host.now())
        self.finish()
        return [*events, Eof() if self._tty is None else Hangup(ready)]

    def on_unhandled(self, event: Event) -> None:
        """Do what a user expects of ctrl+c, ctrl+z and the end of the input."""
        if isinstance(event, (Eof, Hangup)):
            if self._stop is not None:
                self._stop()
        elif isinstance(event, Key) and self._tty and event.action == "press":
            if event.combo == "ctrl+c":
                raise KeyboardInterrupt
            if event.combo == "ctrl+z":
                self.suspend()
