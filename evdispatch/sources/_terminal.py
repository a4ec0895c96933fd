"""The terminal as a source: reads bytes, and makes events of keys, the mouse and the rest.

A `Terminal` has a `TtyDevice`, which is taken while the loop runs, a `Dialogue`, which knows
what the terminal supports, and an `Input`, which decodes. Standard input that is a pipe or a
file has the input only. All events go into the urgent lane, so that they keep their order.

Another job or a child may have the terminal meanwhile, and leave any modes behind. So what
is taken again is set again. A background job looks once a second whether the terminal is its
own by now, as a shell sends SIGCONT only to a job that is stopped.
"""

import contextlib
import errno
import math
import os
import signal
import sys
import termios
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar, get_args

from evdispatch._checks import (
    FileLike,
    check_choice,
    check_count,
    check_interval,
    check_timeout,
    descriptor,
)
from evdispatch._core._poller import READ, readable_now
from evdispatch._errors import StateError
from evdispatch._events import URGENT, Eof, Event, Hangup
from evdispatch.sources._base import Source
from evdispatch.sources._descriptors import is_connection
from evdispatch.sources.tty import _signals
from evdispatch.sources.tty._device import TtyDevice
from evdispatch.sources.tty._dialogue import Dialogue, Size, escape_delay
from evdispatch.terminal import (
    BEGIN_SYNCHRONIZED,
    END_SYNCHRONIZED,
    Key,
    Modes,
    Pointer,
    Region,
    Regions,
    Resize,
    Resume,
    Suspend,
)
from evdispatch.terminal._decoder import PASTE_LIMIT
from evdispatch.terminal._events import QueryName
from evdispatch.terminal._modes import MouseMode
from evdispatch.terminal._negotiation import Keyboard, Negotiation

_CHUNK = 65_536  # a tty returns at most 4095 bytes, a pipe up to this
_PATIENCE = 0.5  # seconds that a signal handler waits for the IO side
_LOOK_AGAIN = 1.0  # seconds between looks whether the terminal is ours again


class Terminal(Source):
    """Makes events of what the user of a terminal does.

    On a tty, raw mode and the modes are on while the dispatcher runs. They are off when it
    does not run: after `run` returns or raises, after `close`, at the interpreter's end, and
    on SIGTERM, SIGHUP, SIGQUIT and SIGTSTP.

    A connection may be a terminal, too: that of a user on another machine, in raw mode. Its
    modes are switched, and its size is known if it reports its size.

    Three events have an effect if no handler takes them, except from a connection: ctrl+c
    raises KeyboardInterrupt out of `run`, ctrl+z suspends the process, and the end of the
    input stops the dispatcher.

    Args:
        fd: A descriptor, or anything with a ``fileno()``; default: standard input. It
            stays open when the source ends.
        mouse: False, or which events to report: ``"click"`` (presses, releases and the
            wheel), ``"drag"`` (and motion with a button held), ``"move"`` (all motion).
        paste: Distinguish pasted text from typed text.
        focus: Report the window's focus.
        alternate_screen: Use the alternate screen: what was shown before comes back.
        hide_cursor: Show no cursor.
        keyboard: ``"auto"``: where the terminal supports kitty's protocol, the part of it
            that distinguishes ctrl+i from tab, and escape from the beginning of a sequence;
            else xterm's modifyOtherKeys. ``"kitty"``: all of the protocol, where it is
            supported: key releases, and keys of their own for left and right shift.
            ``"legacy"``: neither; nothing is asked.
        pixels: Report the mouse's position in pixels too, where the terminal can.
        title: The window's title; the one before comes back.
        paste_limit: Bytes of a paste after which it comes in pieces, each but the last
            ``truncated``.
        guard: Start a process that restores the terminal if this one is killed by SIGKILL,
            or crashes. It takes some 10 MB and 20 ms.
        escape_timeout: How long to wait, in seconds, before an escape byte is the Escape
            key, and not the beginning of a sequence; default: see `escape_delay`.

    Attributes:
        regions: The named rectangles.
        input: Makes events of bytes, and knows the queries that are not answered yet.

    Raises:
        TypeError: The argument is not a descriptor.
        ValueError: There is no standard input, or an option is out of range.
    """

    lane: ClassVar[int] = URGENT

    _now: Callable[[], float]  # both of the dispatcher that the terminal is added to
    _stop: Callable[[], None]

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
        super().__init__(name)
        if fd is None:
            # A closed standard input leaves number 0 to the next file that is opened.
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
        self._fileobj = fd  # held, so that it is not collected and closed
        self._number = descriptor(fd)
        self._guard = guard
        self._device: TtyDevice | None = None  # of a tty or a connection
        self.regions = Regions(self.wake)
        self._pointer = Pointer(self.regions)
        self._dialogue = Dialogue(
            Negotiation(modes, keyboard, pixels=pixels, term=os.environ.get("TERM")),
            self._pointer,
            paste_limit=check_count("paste_limit", paste_limit),
            escape_timeout=check_interval("escape_timeout", escape_timeout),
        )
        self.input = self._dialogue.input
        self._until: float | None = None  # the deadline that is set
        self._running = False
        self._released = False  # a child has the terminal
        self._continued = False  # after a stop; the terminal may be ours again
        self._to_suspend = False

    # -- for the user ----------------------------------------------------------------

    @property
    def is_tty(self) -> bool:
        """Whether it is a terminal, and not a pipe or a file. False until it is added."""
        return self._device is not None and self._device.is_tty

    @property
    def size(self) -> Size:
        """The size in cells and pixels, as the tty has it now.

        Raises:
            StateError: It is not a tty.
        """
        return self._need_device().size

    @property
    def keyboard(self) -> str:
        """How the terminal encodes keys: ``legacy``, ``modify_other_keys`` or ``kitty``.

        At first ``legacy``: the terminal has to answer what it supports.
        """
        return self._dialogue.keyboard

    def write(self, data: str | bytes) -> None:
        """Write to the terminal; blocks until it has taken all. On the dispatch thread.

        Args:
            data: Bytes, or text that is sent as UTF-8.

        Raises:
            StateError: It is not a tty.
            OSError: The terminal has gone.
        """
        self._need_device().write(data.encode() if isinstance(data, str) else data)

    @contextlib.contextmanager
    def synchronized(self) -> Iterator[None]:
        """Show at once what is written in a ``with`` block. On the dispatch thread.

        Raises:
            StateError: It is not a tty.
        """
        self.write(BEGIN_SYNCHRONIZED)
        try:
            yield
        finally:
            self.write(END_SYNCHRONIZED)

    def set_title(self, title: str) -> None:
        """Set the window's title, until the terminal is restored. On any thread.

        Raises:
            StateError: It is not a tty.
            TimeoutError: A connection takes nothing now.
        """
        device = self._need_device()
        with self.host.lock:
            self._dialogue.set_title(title)
            device.change(self._dialogue.modes)

    def ask(self, query: QueryName, *, timeout: float = 1.0) -> None:
        """Ask the terminal; an `answer` event brings the answer. From any thread.

        Handle it by ``@app.on("answer", query="background")``. Its value is None if the
        terminal does not know the query, or has not answered in time.

        Args:
            query: ``cursor``, ``background``, ``foreground``, ``version``, ``device``.
            timeout: How long to wait, in seconds.

        Raises:
            ValueError: There is no such query.
            StateError: It is not a tty, or not taken: the dispatcher does not run.
        """
        check_choice("query", query, get_args(QueryName))
        timeout = check_timeout(timeout)
        device = self._need_device()
        with self.host.lock:
            if not device.taken:
                raise StateError(f"{self!r} is not taken: run the dispatcher to ask it")
            self._dialogue.ask(query, self._now() + timeout)
            self._follow()

    def region(
        self, name: str, x: int, y: int, width: int, height: int, *, z: int = 0
    ) -> Region:
        """Name a rectangle of cells, which mouse events then have as ``target``.

        The innermost region under the pointer counts: the one with the highest ``z``, and
        of equals the one that was added last. `Enter` and `Leave` report that it has
        changed, by the mouse or by a region that is added, moved or removed. That is exact
        with ``mouse="move"``, since with less the terminal reports less of where the
        pointer is. A lost focus leaves the region, if ``focus`` is on. Drags and the
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

    def suspend(self) -> None:
        """Restore the terminal and stop the process, as ctrl+z does elsewhere.

        Handlers of `suspend` are called first. When the shell continues the process, the
        terminal is taken again, and a `resume` event says so: draw again.

        Raises:
            StateError: It is not a tty.
        """
        self._need_tty()
        self._to_suspend = True
        self.wake()

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        """Leave the terminal to a child for a ``with`` block: an editor, a pager.

        In it, ``subprocess.run(["vi", "notes"])`` has the terminal as it was. Then the
        terminal is taken again, and a `resume` event says so: draw again. Ctrl+c and
        SIGQUIT's key are the child's meanwhile, as with system(3). On the dispatch thread,
        which the block keeps busy.

        Raises:
            StateError: It is not a tty.
        """
        device = self._need_tty()
        outer = self._released
        with self.host.lock:
            self._released = True
            self._restore()
            self.watch(None)
        try:
            with _signals.left_to_child():
                yield
        finally:
            self._released = outer
            device.keep_settings()
            self._continued = True
            self.wake()

    def _need_device(self) -> TtyDevice:
        if self._device is None:
            raise StateError(f"{self!r} is not a tty")
        return self._device

    def _need_tty(self) -> TtyDevice:
        device = self._need_device()
        if not device.is_tty:
            raise StateError(f"{self!r} is not a tty")
        return device

    # -- life --------------------------------------------------------------------------

    def fileno(self) -> int:
        return self._number

    def on_add(self) -> None:
        """Open the device, if it is one, and handle its signals."""
        os.fstat(self._number)
        self._now, self._stop = self.host.now, self.host.stop
        if os.isatty(self._number) or is_connection(self._number):
            device = self._device = TtyDevice(self._number, guard=self._guard)
            term = os.environ.get("TERM")
            self.input = self._dialogue.open(erase=device.erase, term=term)
            if device.is_tty:
                _signals.register(self)

    def on_start(self) -> None:
        """Take the terminal, unless another job has it."""
        self._running = True
        device = self._device
        if device is not None:
            if device.is_tty:
                _signals.register(self)  # another thread may have added it
            self._dialogue.resize(device.size)
            self._take(device)

    def on_stop(self) -> None:
        self._running = False
        self._restore()

    def on_refuse(self) -> None:
        self.on_close()

    def on_close(self) -> None:
        if self._device is not None:
            _signals.unregister(self)
            self._restore()
            self._device.close()

    def _take(self, device: TtyDevice) -> bool:
        """Take the terminal, unless a child or another job has it, and return whether."""
        if self._released:
            return False
        if not device.foreground:
            self._wait_for_foreground()
            return False
        # If the terminal has gone, the next read says so.
        with contextlib.suppress(OSError, termios.error):
            device.take(self._dialogue.modes)
        self.watch(READ)
        self._dialogue.begin(self._now())
        self._follow()
        return True

    def _wait_for_foreground(self) -> None:
        """Read nothing while another job has the terminal, and look again later."""
        self.watch(None)
        self._until = self._now() + _LOOK_AGAIN
        self.set_deadline(self._until)

    def _restore(self) -> None:
        if self._device is not None:
            self._device.restore(self._dialogue.fence(self._now()))

    # -- reading -------------------------------------------------------------------------

    def on_ready(self, ready: int) -> Iterable[Event]:
        """Read once, and decode: a second read of a shared descriptor might block."""
        device = self._device
        if device is not None:
            # A read in the background would stop this job (SIGTTIN). No signal says that
            # the terminal was given to another one, such as a shell that a handler starts.
            if device.job_control and not device.foreground:
                self._wait_for_foreground()
                return ()
            if device.flushed:  # nothing may be left of what the poller saw before that
                device.flushed = False
                if not readable_now(self._number):
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
            events = self.input.flush(self._now())
            self.finish()
            return [*events, Eof() if device is None else Hangup(ready)]
        return self._respond(self.input.feed(data, self._now()))

    def on_deadline(self, now: float) -> Iterable[Event]:
        """Decode what is incomplete as it is, unless its rest is here by now."""
        self._until = -math.inf  # it is over, so `_follow` sets another one
        if self.interest is None:  # another job had the terminal
            self._continued = True
            return self.on_wake()
        if self.host.debug:
            self.host.verify(self)
        if readable_now(self._number):
            return self.on_ready(READ)
        return self._respond(self.input.expire(now))

    def _respond(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """Do what the input and the dialogue ask for, and return the events."""
        # Only an answer to a query changes the dialogue: no key pays for it.
        if self.input.until is not None or self._until is not None:
            self._follow()
        if Resize in map(type, events):
            events = self._dialogue.without_known_sizes(events)
        return tuple(events)

    def _follow(self) -> None:
        """Switch on what the terminal supports, write queries, and set the deadline."""
        device, dialogue = self._device, self._dialogue
        if device is not None:
            with contextlib.suppress(OSError):  # it has gone: the next read says so
                if dialogue.changed:
                    dialogue.update(device.size)
                    device.change(dialogue.modes)
                request = dialogue.take_request(self._now())
                if request:
                    device.send(request)
        until = self.input.until
        if until != self._until:
            self._until = until
            self.set_deadline(until)

    def on_wake(self) -> Iterable[Event]:
        """Return what a change of regions, a signal or `suspend` asks for."""
        events = [*self._pointer.look()]
        device, dialogue = self._device, self._dialogue
        if device is None or not self._running or self._released:
            return events
        if self._to_suspend:
            self._to_suspend = False
            return [*events, Suspend()]
        if self._continued:
            self._continued = False
            device.invalidate()
            if self._take(device):
                events.append(Resume())
        if not dialogue.modes.resize:  # else the terminal reports it
            size = device.size
            if size != dialogue.size:
                dialogue.resize(size)
                events.append(Resize(*size))
        return events

    def on_unhandled(self, event: Event) -> None:
        """Do what a user expects of ctrl+c, ctrl+z and the end of the input."""
        if self._device is not None and not self._device.is_tty:
            return  # the user of a connection must not end the program
        if isinstance(event, (Eof, Hangup)):
            self._stop()
        elif isinstance(event, Key) and self._device and event.action == "press":
            if event.combo == "ctrl+c":
                raise KeyboardInterrupt
            if event.combo == "ctrl+z":
                self.suspend()

    # -- signals -------------------------------------------------------------------------

    def on_signal(self, signum: int) -> None:
        """Note a new size, or that the process was continued; in a signal handler."""
        if signum == signal.SIGCONT:
            self._continued = True
        if signum in (signal.SIGCONT, signal.SIGWINCH):
            self.wake()

    @contextlib.contextmanager
    def restored(self) -> Iterator[None]:
        """Restore the terminal, and keep the IO side from taking it; in a signal handler."""
        lock = None if self.registration.host is None else self.registration.host.lock
        # Not without a limit: the thread that holds the lock may wait for the terminal.
        locked = lock is not None and lock.acquire(timeout=_PATIENCE)
        try:
            self._restore()
            yield
        finally:
            if lock is not None and locked:
                lock.release()

    def stop_process(self) -> None:
        """Stop this job, when the handlers of `suspend` have returned.

        Returns when the process is continued, or at once where there is no shell to
        continue it: the kernel drops SIGTSTP for an orphaned process group.
        """
        host = self.registration.host
        if host is None:  # closed by a handler of `suspend`
            return
        with host.lock:  # to the end, as the handler of SIGCONT sets the same
            self._restore()
            os.kill(0, signal.SIGTSTP)
            self._continued = True
        self.wake()
