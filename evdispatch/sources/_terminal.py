"""The terminal as a source: bytes in, keys, mouse and the rest out.

The decoder and the click tracker know neither descriptor nor clock; the tty knows no
events. This file joins them: it reads, decodes, and runs the decoder's timers. Standard
input that is a pipe or a file is decoded the same way, without modes.

All its events are urgent: one lane, so that a key does not overtake the click before it.
"""

import contextlib
import errno
import os
import signal
import sys
import termios
from collections.abc import Callable, Iterable
from typing import ClassVar

from evdispatch._checks import FileLike, check_interval, descriptor
from evdispatch._errors import StateError
from evdispatch._events import URGENT, Eof, Event, Hangup
from evdispatch._poller import READ, readable_now
from evdispatch.sources import _tty_signals
from evdispatch.sources._base import Source
from evdispatch.sources._tty import Size, Tty, escape_delay
from evdispatch.terminal import Decoder, Key, Modes, Resize, Resume, Suspend
from evdispatch.terminal._input import Input
from evdispatch.terminal._modes import MouseMode

_CHUNK = 65_536  # a tty gives at most 4095 bytes, a pipe up to this
_LOOK_AGAIN = 1.0  # seconds between looks whether the terminal is ours again


class Terminal(Source):
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
        super().__init__(name)
        if fd is None:
            # A closed standard input leaves number 0 to whatever is opened next.
            if sys.__stdin__ is None:
                raise ValueError("there is no standard input")
            fd = 0
        self._number = descriptor(fd)
        self._fileobj = fd  # held, so that it is not collected and closed
        self._modes = Modes(
            mouse=mouse,
            paste=paste,
            focus=focus,
            alternate_screen=alternate_screen,
            hide_cursor=hide_cursor,
        )
        if escape_timeout is None:
            escape_timeout = escape_delay()
        self._escape_timeout = check_interval("escape_timeout", escape_timeout)
        self._input = Input(Decoder(), self._escape_timeout)
        self._tty: Tty | None = None
        self._size: Size | None = None
        self._running = False
        self._continued = False  # after a stop; the terminal may be ours again
        self._to_suspend = False
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

    def suspend(self) -> None:
        """Give the terminal back and stop the process, as ctrl+z does elsewhere.

        Handlers of `suspend` are called first. When the shell continues the process, the
        terminal is taken again, and a `resume` event tells so: draw anew.

        Raises:
            StateError: It is no tty.
        """
        self._need_tty()
        self._to_suspend = True
        self.wake()

    def _need_tty(self) -> Tty:
        if self._tty is None:
            raise StateError(f"{self!r} is no tty")
        return self._tty

    # -- life --------------------------------------------------------------------------

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._number

    def on_add(self) -> None:
        """See whether it is a tty, and listen to the signals that go with one."""
        os.fstat(self._number)
        self._stop = self.host.stop
        if os.isatty(self._number):
            self._tty = Tty(self._number)
            decoder = Decoder(erase=self._tty.erase, term=os.environ.get("TERM"))
            self._input = Input(decoder, self._escape_timeout)
            _tty_signals.listen(self)

    def on_start(self) -> None:
        """Take the terminal, unless another job has it."""
        self._running = True
        if self._tty is not None:
            _tty_signals.listen(self)  # it may have been added by another thread
            self._size = self._tty.size
            self._take(self._tty)

    def on_stop(self) -> None:
        """Give the terminal back."""
        self._running = False
        self.give_back()

    def on_refuse(self) -> None:
        """Listen to no signals."""
        self.on_close()

    def on_close(self) -> None:
        """Give the terminal back for good."""
        if self._tty is not None:
            _tty_signals.leave(self)
            self._tty.close()

    def _take(self, tty: Tty) -> bool:
        """Take the terminal if it is ours; else read nothing, and look again."""
        if not tty.foreground:
            self._wait_for_foreground()
            return False
        with contextlib.suppress(termios.error):  # it has gone: reading will tell
            tty.enter(self._modes)
        self.watch(READ)
        return True

    def _wait_for_foreground(self) -> None:
        self.watch(None)
        # A shell sends SIGCONT to a job that it brings forward, but only a stopped one.
        self.set_deadline(self.host.now() + _LOOK_AGAIN)

    def give_back(self) -> None:
        """Restore the terminal: the loop ends, or a signal ends the process."""
        if self._tty is not None:
            self._tty.leave()

    # -- reading -------------------------------------------------------------------------

    def on_ready(self, ready: int) -> Iterable[Event]:
        """Read once, and decode: a second read of a shared descriptor might block."""
        if self._tty is not None and not self._tty.foreground:
            self._wait_for_foreground()  # reading would stop the process (SIGTTIN)
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

    # -- signals and jobs ----------------------------------------------------------------

    def on_signal(self, signum: int) -> None:
        """Take note of a new size or of being continued; within a signal handler."""
        if signum == signal.SIGCONT:
            self._continued = True
        if signum in (signal.SIGCONT, signal.SIGWINCH):
            self.wake()

    def on_wake(self) -> Iterable[Event]:
        """See what a signal, or `suspend`, has asked for."""
        tty = self._tty
        if tty is None or not self._running:
            return
        if self._to_suspend:
            self._to_suspend = False
            yield Suspend()
            return
        if self._continued:
            self._continued = False
            tty.forget_modes()
            if self._take(tty):
                yield Resume()
        size = tty.size
        if size != self._size:
            self._size = size
            yield Resize(*size)

    def stop_process(self) -> None:
        """Stop this job, now that the handlers of `suspend` are through.

        Returns when the process is continued, or at once where there is no shell to
        continue it: the kernel drops SIGTSTP for an orphaned process group.
        """
        host = self._host
        if host is None:  # closed by a handler of `suspend`
            return
        with host.lock:  # throughout: SIGCONT's handler asks for the same as we do
            self.give_back()
            os.kill(0, signal.SIGTSTP)
            self._continued = True
        self.wake()

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
