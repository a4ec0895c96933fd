"""The terminal as a source: bytes in, keys, mouse and the rest out.

`TtySource` takes the terminal and gives it back, `TtyDialogue` talks to it, and what
decodes knows neither descriptor nor clock. This file joins them: it reads, has it decoded,
and comes back when something stays unfinished. Standard input that is a pipe or a file is decoded the same way, without modes.

All its events are urgent: one lane, so that a key does not overtake the click before it.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterable
from typing import ClassVar, get_args

from evdispatch._checks import FileLike, check_choice, check_count, check_interval
from evdispatch._core._poller import READ, readable_now
from evdispatch._events import URGENT, Eof, Event, Hangup
from evdispatch.sources.tty._dialogue import TtyDialogue
from evdispatch.sources.tty._tty import escape_delay
from evdispatch.terminal import Key, Modes, Region
from evdispatch.terminal._decoder import PASTE_LIMIT
from evdispatch.terminal._modes import MouseMode
from evdispatch.terminal._negotiation import Keyboard, Negotiation

_CHUNK = 65_536  # a tty gives at most 4095 bytes, a pipe up to this


class Terminal(TtyDialogue):
    """Makes events of what the user of a terminal does.

    On a tty it takes the terminal into raw mode and switches the modes on while the
    dispatcher runs, and gives it back when it does not: at the end of `run` by whatever
    way, on `close`, at the interpreter's end, and on SIGTERM, SIGHUP, SIGQUIT and SIGTSTP.

    A connection may be a terminal, too: somebody's on another machine, in raw mode. Its
    modes are switched, and its size is known if it tells.

    Three things happen if no handler takes the event, except from a connection: ctrl+c raises KeyboardInterrupt
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
        keyboard: ``"auto"``: where the terminal speaks kitty's protocol, the part that
            tells ctrl+i from tab and escape from the beginning of a sequence; else xterm's
            modifyOtherKeys. ``"kitty"``: all of the protocol, where it is spoken: key
            releases, and keys of their own for left and right shift. ``"legacy"``:
            neither; nothing is asked.
        pixels: Tell the mouse's place in pixels too, where the terminal can.
        title: The window's title; the one before comes back.
        paste_limit: Bytes of a paste after which it comes in pieces, each but the last
            ``truncated``.
        guard: Start a process that gives the terminal back if this one is killed by
            SIGKILL, or crashes. It takes some 10 MB and 20 ms.
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
        keyboard: Keyboard = "auto",
        pixels: bool = False,
        title: str | None = None,
        paste_limit: int = PASTE_LIMIT,
        guard: bool = False,
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
            title=title,
        )
        check_choice("keyboard", keyboard, get_args(Keyboard))
        if escape_timeout is None:
            escape_timeout = escape_delay()
        super().__init__(
            fd,
            Negotiation(modes, keyboard, pixels=pixels, term=os.environ.get("TERM")),
            paste_limit=check_count("paste_limit", paste_limit),
            escape_timeout=check_interval("escape_timeout", escape_timeout),
            guard=guard,
            name=name,
        )
        self._stop: Callable[[], None] | None = None  # of the dispatcher

    # -- for the user ----------------------------------------------------------------

    def region(
        self, name: str, x: int, y: int, width: int, height: int, *, z: int = 0
    ) -> Region:
        """Name a rectangle of cells, for mouse events to have it as ``target``.

        The innermost region under the pointer counts: the highest ``z``, and of equals
        the one that was added last. `Enter` and `Leave` tell when it changes, by the
        mouse or by a region that is added, moved or removed; exactly so with
        ``mouse="move"``, since with less the terminal tells less of where the pointer
        is. A lost focus leaves the region, if ``focus`` was asked for. Drags and the
        release keep the region of their press; a press and a release in one region are
        a click. From any thread.

        Args:
            name: What handlers ask for: ``on("click", target="ok")``.
            x: The first column, from 0; a region may stand out on any side.
            y: The first row, from 0.
            width: In columns, 1 or more.
            height: In rows, 1 or more.
            z: Higher ones are above lower ones.

        Raises:
            TypeError: The name is no text, or a number is not whole.
            ValueError: The name is empty or in use, or a size is below 1.
        """
        return self.regions.add(name, x, y, width, height, z=z)

    # -- reading -------------------------------------------------------------------------

    def on_add(self) -> None:
        """Learn how to stop the dispatcher."""
        super().on_add()
        self._stop = self.host.stop

    def on_ready(self, ready: int) -> Iterable[Event]:
        """Read once, and decode: a second read of a shared descriptor might block."""
        if self.host.debug:
            self.host.verify(self)
        tty = self._tty
        if tty is not None:
            if not tty.foreground:
                self.wait_for_foreground()
                return ()
            if not readable_now(self._number):  # `leave` has dropped it just now
                return ()
        try:
            data = os.read(self._number, _CHUNK)
        except BlockingIOError:
            return ()
        except OSError as error:
            if error.errno not in (errno.EIO, errno.ECONNRESET):  # else it has gone
                raise
            data = b""
        if not data:
            return self._end(ready)
        return self.told(self.input.feed(data, self.host.now()))

    def on_deadline(self, now: float) -> Iterable[Event]:
        """Take what is unfinished for what it is, unless its rest is here by now."""
        if self.interest is None:  # the terminal was another job's
            self._continued = True
            return self.on_wake()
        if readable_now(self._number):
            return self.on_ready(READ)
        return self.told(self.input.expire(now))

    def on_wake(self) -> Iterable[Event]:
        """Tell what a changed region means for the pointer, and then the rest."""
        yield from self.pointer.look()
        yield from super().on_wake()

    def _end(self, ready: int) -> list[Event]:
        events = self.input.flush(self.host.now())
        self.finish()
        return [*events, Eof() if self._tty is None else Hangup(ready)]

    def on_unhandled(self, event: Event) -> None:
        """Do what a user expects of ctrl+c, ctrl+z and the end of the input."""
        if self._tty is not None and not self.is_tty:
            return  # who sits at a connection is not to end the program
        if isinstance(event, (Eof, Hangup)):
            if self._stop is not None:
                self._stop()
        elif isinstance(event, Key) and self._tty and event.action == "press":
            if event.combo == "ctrl+c":
                raise KeyboardInterrupt
            if event.combo == "ctrl+z":
                self.suspend()
