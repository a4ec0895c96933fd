"""Where a terminal is written to: its modes go on and off again, one write at a time.

On a connection that is all there is to it: who sits there has put the terminal into raw
mode, and tells its size in band if at all. What a tty needs beyond that is in `_tty`.
"""

import os
import threading
from typing import NamedTuple

from evdispatch._core._poller import WRITE, ready_now
from evdispatch.terminal import Modes

_SURE_WRITE = 4096  # bytes that a socket takes without blocking, if it takes any
_STALLED = 1.0  # seconds to wait for one that takes nothing
_PATIENCE = 0.5  # seconds to wait for another thread's write


class Size(NamedTuple):
    """A terminal's size in cells, and in pixels where it tells (else 0)."""

    columns: int
    rows: int
    width_px: int = 0
    height_px: int = 0


class Channel:
    """A terminal at the other end of a descriptor.

    Attributes:
        fd: The descriptor.
        entered: Whether the modes are on.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.entered = False
        self._stale = False  # the modes may be on, or not
        self._modes = Modes()
        self._owner = os.getpid()
        # One write at a time, or a sequence would land within another one. A signal
        # handler may leave amid a write of its own thread.
        self._lock = threading.RLock()

    @property
    def erase(self) -> int:
        """The byte that the user's Backspace sends."""
        return 0x7F

    @property
    def size(self) -> Size:
        """The size as far as the descriptor knows it."""
        return Size(80, 24)

    @property
    def foreground(self) -> bool:
        """Whether this process may use the terminal now."""
        return True

    def forget_modes(self) -> None:
        """Have `enter` set everything again: somebody else had the terminal meanwhile."""
        self._stale = self._stale or self.entered
        self.entered = False

    def enter(self, modes: Modes) -> None:
        """Take the terminal, with these modes."""
        if not self.entered:
            # What is pushed on a stack, as kitty's flags and titles, would be there twice.
            before = self._modes.disable() if self._stale else b""
            self._stale = False
            self._modes = modes
            self.entered = True
            self._prepare()
            self.tell(before + modes.enable())

    def change(self, modes: Modes) -> None:
        """Have further modes, if the terminal is taken."""
        if self.entered:
            before, self._modes = self._modes, modes
            self._note_modes()
            self.tell(modes.enable_after(before))

    def adopt(self, modes: Modes) -> None:
        """Take note of modes that were switched on by `write`."""
        self._modes = modes

    def leave(self, replies: int | None = None) -> None:
        """Give the terminal back as it was.

        Args:
            replies: How many answers to the question who it is are still to come; None:
                it has never answered, so it is not waited for.
        """
        if not self.entered or os.getpid() != self._owner:
            return
        self.entered = False
        # A write that the terminal does not take may hold it on another thread.
        locked = self._lock.acquire(timeout=_PATIENCE)
        try:
            self._restore(replies)
        finally:
            if locked:
                self._lock.release()

    def write(self, data: bytes) -> None:
        """Write all of it; blocks while the terminal takes no more.

        Raises:
            OSError: The terminal has gone.
            TimeoutError: A connection has taken nothing for a second.
        """
        with self._lock:
            self._send(data, _STALLED)

    def tell(self, data: bytes) -> None:
        """Write something short, and do not wait for a connection that is stalled.

        Raises:
            OSError: The terminal has gone.
            TimeoutError: A connection takes nothing now.
        """
        with self._lock:
            self._send(data, 0.0)

    def close(self) -> None:
        """Leave, and close what was opened here."""
        self.leave()

    def _prepare(self) -> None:
        """Do what is to be done before the modes are switched on."""

    def _note_modes(self) -> None:
        """Take note of the modes that are to be undone."""

    def _restore(self, replies: int | None) -> None:
        try:
            self._send(self._modes.disable(), 0.0)
        except OSError:
            return  # nobody is there any more

    def _send(self, data: bytes, patience: float) -> None:
        rest = memoryview(data)
        while rest:
            if not ready_now(self.fd, WRITE, patience):
                raise TimeoutError(f"fd {self.fd} takes nothing")
            rest = rest[os.write(self.fd, rest[:_SURE_WRITE]) :]
