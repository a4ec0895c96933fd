"""Who has the terminal: this program, the shell, another job, or a child.

Rules:

- It is taken while the loop runs, and given back whenever it does not.
- A background job leaves it alone, and looks again now and then: a shell sends SIGCONT to
  a job that it brings forward, but only to a stopped one.
- Whoever had it in between may have left anything behind: what is taken is set anew.
"""

import contextlib
import os
import signal
import termios
from collections.abc import Iterable, Iterator

from evdispatch._checks import FileLike, descriptor
from evdispatch._core._poller import READ
from evdispatch._errors import StateError
from evdispatch._events import Event
from evdispatch.sources._base import Source
from evdispatch.sources._descriptors import is_connection
from evdispatch.sources.tty import _signals
from evdispatch.sources.tty._channel import Channel, Size
from evdispatch.sources.tty._tty import Tty
from evdispatch.terminal import Modes, Resize, Resume, Suspend

_PATIENCE = 0.5  # seconds that a signal handler waits for the IO side
_LOOK_AGAIN = 1.0  # seconds between looks whether the terminal is ours again


class TtySource(Source):
    """A source whose descriptor may be a terminal: takes it, and gives it back.

    Args:
        fd: The descriptor. What is no terminal is left as it is.
        modes: What to switch on while it is taken.
        guard: Whether a process beside ours is to restore it if ours is killed.
        name: A label for messages.
    """

    def __init__(
        self, fd: FileLike, modes: Modes, *, guard: bool, name: str | None
    ) -> None:
        super().__init__(name)
        self._guard = guard
        self._number = descriptor(fd)
        self._fileobj = fd  # held, so that it is not collected and closed
        self._modes = modes
        self._tty: Channel | None = None
        self._size: Size | None = None
        self._running = False
        self._released = False  # a child has it
        self._continued = False  # after a stop; the terminal may be ours again
        self._to_suspend = False

    # -- for the user ----------------------------------------------------------------

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

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        """Leave the terminal to a child for a ``with`` block: an editor, a pager.

        Within it, ``subprocess.run(["vi", "notes"])`` has the terminal as it was. Then the
        terminal is taken again, and a `resume` event tells so: draw anew. Ctrl+c and
        SIGQUIT's key are the child's meanwhile, as with system(3). On the dispatch thread,
        which the block keeps busy.

        Raises:
            StateError: It is no tty.
        """
        tty = self._need_tty()
        outer = self._released
        with self.host.lock:
            self._released = True
            self.give_back()
            self.watch(None)
        try:
            with _signals.left_to_child():
                yield
        finally:
            self._released = outer
            tty.keep_saved()
            self._continued = True
            self.wake()

    def _need_tty(self) -> Tty:
        if not isinstance(self._tty, Tty):
            raise StateError(f"{self!r} is no tty")
        return self._tty

    def _need_channel(self) -> Channel:
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
        if os.isatty(self._number):
            self._tty = Tty(self._number, guard=self._guard)
            _signals.listen(self)
        elif is_connection(self._number):
            self._tty = Channel(self._number)

    def on_start(self) -> None:
        """Take the terminal, unless another job has it."""
        self._running = True
        if isinstance(self._tty, Tty):
            _signals.listen(self)  # it may have been added by another thread
        if self._tty is not None:
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
            _signals.leave(self)
            self.give_back()
            self._tty.close()

    def _take(self, tty: Channel) -> bool:
        """Take the terminal if it is ours; else read nothing, and look again."""
        if self._released:
            return False
        if not tty.foreground:
            self.wait_for_foreground()
            return False
        with contextlib.suppress(
            OSError, termios.error
        ):  # it has gone: reading will tell
            tty.enter(self._modes)
        self.watch(READ)
        self.on_taken()
        return True

    def on_taken(self) -> None:
        """The terminal is ours from now on; called each time it is taken."""

    @property
    def awaited(self) -> int | None:
        """How often the terminal has still to say who it is; None: it never did."""
        return None

    def wait_for_foreground(self) -> None:
        """Read nothing while another job has the terminal: that would stop us (SIGTTIN)."""
        self.watch(None)
        self.set_deadline(self.host.now() + _LOOK_AGAIN)

    def give_back(self) -> None:
        """Restore the terminal: the loop ends, or a signal ends the process."""
        if self._tty is not None:
            self._tty.leave(self.awaited)

    @contextlib.contextmanager
    def given_back(self) -> Iterator[None]:
        """Restore the terminal, and keep the IO side from taking it; in a signal handler."""
        lock = None if self.registration.host is None else self.registration.host.lock
        # Not for ever: who holds it may wait for the terminal.
        locked = lock is not None and lock.acquire(timeout=_PATIENCE)
        try:
            self.give_back()
            yield
        finally:
            if lock is not None and locked:
                lock.release()

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
        if tty is None or not self._running or self._released:
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
        if not self._modes.resize:  # else the terminal tells it
            size = tty.size
            if size != self._size:
                self._size = size
                yield Resize(*size)

    def stop_process(self) -> None:
        """Stop this job, now that the handlers of `suspend` are through.

        Returns when the process is continued, or at once where there is no shell to
        continue it: the kernel drops SIGTSTP for an orphaned process group.
        """
        host = self.registration.host
        if host is None:  # closed by a handler of `suspend`
            return
        with host.lock:  # throughout: SIGCONT's handler asks for the same as we do
            self.give_back()
            os.kill(0, signal.SIGTSTP)
            self._continued = True
        self.wake()
