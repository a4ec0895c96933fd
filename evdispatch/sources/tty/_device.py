"""The terminal behind a descriptor: raw mode, modes, size, writing, and restoring it all.

- O_NONBLOCK is never set: the shell shares the open file description.
- Only a job in the foreground uses a tty: the kernel stops another one (SIGTTIN, SIGTTOU).
- A tty has one reader: two would share its keys by chance, and restore each other's raw
  mode.
- `restore` undoes `take`. It does nothing if there is nothing to undo, if the terminal has
  gone, and in a forked child. It may run in a signal handler.
"""

import contextlib
import errno
import fcntl
import os
import struct
import termios
import threading
from collections.abc import Iterator
from typing import Any

import attrs

from evdispatch._core._clock import MonotonicClock
from evdispatch._core._poller import READ, WRITE, ready_now
from evdispatch._errors import StateError
from evdispatch.sources.tty._dialogue import Fence, Size
from evdispatch.sources.tty._guard import Guard
from evdispatch.terminal import Modes
from evdispatch.terminal._modes import set_title

_IFLAG, _OFLAG, _CFLAG, _LFLAG, _ISPEED, _OSPEED, _CC = range(7)

# Bytes come as typed: no CR/LF translation, no ctrl+s and ctrl+q, eight bits.
_NO_INPUT = (
    termios.ICRNL
    | termios.INLCR
    | termios.IGNCR
    | termios.IXON
    | termios.BRKINT
    | termios.ISTRIP
    | termios.PARMRK
)
# They come one at a time and without an echo, and ctrl+c, ctrl+z and ctrl+v are keys.
# OPOST stays on: what the program prints needs its CR before LF.
_NO_LOCAL = termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG

_CHUNK = 4096  # more than a tty returns at once, and what a ready socket takes at once
_STALLED = 1.0  # seconds that `write` waits for a connection that takes nothing
_PATIENCE = 0.5  # seconds that `restore` waits for another thread's write
_TIOCGDEV = 0x80045432  # ioctl_tty(2): the device, whether opened as /dev/tty or not

# By device: the process that reads it. A forked child may read it too.
_readers: dict[int, int] = {}


class TtyDevice:
    """A tty; or a connection to a user, whose terminal is in raw mode already.

    Args:
        fd: The descriptor.
        guard: Start a process that restores the tty if this process is killed.

    Attributes:
        fd: The descriptor.
        is_tty: Whether it is a tty.
        taken: Whether raw mode and the modes are on.
        job_control: Whether another job may get the terminal while it is taken.
        flushed: Whether `restore` has dropped input that the poller may have reported.

    Raises:
        StateError: This process reads the tty already.
        OSError: The tty can't be opened for writing, or the guard not be started.
    """

    def __init__(self, fd: int, *, guard: bool = False) -> None:
        self.fd = fd
        self.is_tty = os.isatty(fd)
        self.taken = False
        self.job_control = False
        self.flushed = False
        self._owner = os.getpid()
        self._modes = Modes()
        self._modes_unknown = False
        self._settings: list[Any] = []  # those of before
        self._keep_settings = False
        # One write at a time, or a sequence would land within another one. Reentrant, as a
        # signal handler may restore the terminal during a write of its own thread.
        self._lock = threading.RLock()
        self._node = _Node(fd) if self.is_tty else None
        self._output = fd if self._node is None else self._node.output
        self._guard: Guard | None = None
        if guard and self._node is not None:
            try:
                self._guard = Guard(self._output)
            except BaseException:
                self._node.close()
                raise

    # -- what the kernel knows -------------------------------------------------------------

    @property
    def erase(self) -> int:
        """The byte that the user's Backspace sends."""
        if not self.is_tty:
            return 0x7F
        erase: bytes = termios.tcgetattr(self.fd)[_CC][termios.VERASE]
        return erase[0]

    @property
    def size(self) -> Size:
        """The present size; 80 x 24 where the kernel does not know it.

        COLUMNS and LINES of the environment may be old, so they do not count.
        """
        try:
            packed = fcntl.ioctl(self._output, termios.TIOCGWINSZ, bytes(8))
        except OSError:
            return Size(80, 24)
        rows, columns, width, height = struct.unpack("HHHH", packed)
        return Size(columns or 80, rows or 24, width, height)

    @property
    def foreground(self) -> bool:
        """Whether this process may use the terminal now."""
        try:
            return os.tcgetpgrp(self.fd) == os.getpgrp()
        except OSError:
            return True  # not our controlling terminal: no job control

    # -- taking and restoring ----------------------------------------------------------------

    def take(self, modes: Modes) -> None:
        """Set raw mode, and switch the modes on.

        Raises:
            OSError: The terminal has gone; termios.error means the same.
        """
        if self.taken:
            return
        # Kitty's flags and titles are on stacks: without a pop they would be there twice.
        before = self._modes.disable() if self._modes_unknown else b""
        self._modes_unknown = False
        self._modes = modes
        self.taken = True
        if self.is_tty:
            self._set_raw()
        self.send(before + modes.enable())

    def change(self, modes: Modes) -> None:
        """Switch further modes on, or replace the title, if the terminal is taken.

        Raises:
            OSError: The terminal has gone, or a connection takes nothing now.
        """
        if not self.taken:
            return
        before, self._modes = self._modes, modes
        self._arm_guard()
        if modes.title is not None and before.title not in (None, modes.title):
            # The title of before ours is on the stack, so ours is not pushed.
            self.send(set_title(modes.title))
            before = attrs.evolve(before, title=modes.title)
        self.send(modes.enable_after(before))

    def invalidate(self) -> None:
        """Make `take` set everything again: another program may have had the terminal."""
        self._modes_unknown = self._modes_unknown or self.taken
        # The present settings are ours, or the shell's guess of its own.
        self._keep_settings = self._keep_settings or self.taken
        self.taken = False

    def keep_settings(self) -> None:
        """Make `take` keep the settings of before: a child may have left the tty raw."""
        self._keep_settings = bool(self._settings)

    def restore(self, fence: Fence | None = None) -> None:
        """Switch the modes off, and set the settings of before.

        Args:
            fence: Waits for replies that are on their way; None: there are none.
        """
        if not self.taken or os.getpid() != self._owner:
            return
        self.taken = False
        self.flushed = True
        # Another thread may be in a write that the terminal does not take.
        locked = self._lock.acquire(timeout=_PATIENCE)
        try:
            with contextlib.suppress(OSError, termios.error):  # the terminal has gone
                if self._node is None:
                    self._write(self._modes.disable(), 0.0)
                else:
                    self._restore_tty(self._node, fence)
            if self._guard is not None:
                self._guard.disarm()
        finally:
            if locked:
                self._lock.release()

    def close(self) -> None:
        """Restore the terminal, and close what was opened here."""
        self.restore()
        if self._guard is not None:
            self._guard.close()
        if self._node is not None:
            self._node.close()

    def _set_raw(self) -> None:
        try:
            os.tcgetpgrp(self.fd)
            self.job_control = True
        except OSError:  # not our controlling terminal
            self.job_control = False
        raw = termios.tcgetattr(self.fd)
        if not self._keep_settings:
            self._settings = termios.tcgetattr(self.fd)
        self._keep_settings = False
        raw[_IFLAG] &= ~_NO_INPUT
        raw[_LFLAG] &= ~_NO_LOCAL
        raw[_CFLAG] |= termios.CS8
        raw[_CC][termios.VMIN] = 1
        raw[_CC][termios.VTIME] = 0
        termios.tcsetattr(self.fd, termios.TCSADRAIN, raw)
        self._arm_guard()

    def _arm_guard(self) -> None:
        if self._guard is not None:
            raw = termios.tcgetattr(self.fd)
            self._guard.arm(self._modes.disable(), raw, self._settings)

    def _restore_tty(self, node: "_Node", fence: Fence | None) -> None:
        with node.opened() as output:
            _write_all(output, self._modes.disable())
            if fence is not None and output == self._output:
                _write_all(output, fence.request)
                self._drop_replies(fence)
            # Reports that were not read are for this program, not for the shell: flush.
            termios.tcsetattr(output, termios.TCSAFLUSH, self._settings)

    def _drop_replies(self, fence: Fence) -> None:
        clock = MonotonicClock()
        while (wait := fence.patience(clock.now())) and ready_now(self.fd, READ, wait):
            data = os.read(self.fd, _CHUNK)
            if not data:
                break
            fence.drop(data)

    # -- writing -----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Write all of it; blocks while the terminal takes no more.

        Raises:
            OSError: The terminal has gone.
            TimeoutError: A connection has taken nothing for a second.
        """
        with self._lock:
            self._write(data, _STALLED)

    def send(self, data: bytes) -> None:
        """Write a few bytes; does not wait for a connection that is stalled.

        Raises:
            OSError: The terminal has gone.
            TimeoutError: A connection takes nothing now.
        """
        with self._lock:
            self._write(data, 0.0)

    def _write(self, data: bytes, patience: float) -> None:
        if self.is_tty:
            _write_all(self._output, data)
            return
        rest = memoryview(data)
        while rest:
            if not ready_now(self.fd, WRITE, patience):
                raise TimeoutError(f"fd {self.fd} takes nothing")
            rest = rest[os.write(self.fd, rest[:_CHUNK]) :]


class _Node:
    """The tty's file: the number of its descriptor may become another file's.

    Attributes:
        output: A descriptor to write to it.
    """

    def __init__(self, fd: int) -> None:
        self._device = _device(fd)
        try:
            self._name = os.ttyname(fd)
        except OSError:  # a tty from outside of a container has no name in it
            self._name = "/dev/tty"
        self._identity = _identity(self._name)
        if _readers.get(self._device) == os.getpid():
            raise StateError(f"fd {fd} is a terminal that is read already")
        access = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
        self._own = access == os.O_RDONLY
        self.output = self._open() if self._own else fd
        _readers[self._device] = os.getpid()

    @contextlib.contextmanager
    def opened(self) -> Iterator[int]:
        """Return `output`, or the tty opened again if that number was closed meanwhile.

        Raises:
            OSError: The tty has gone; another one may have its name by now.
        """
        if self._is_at(self.output):
            yield self.output
            return
        fd = self._open()
        try:
            if _identity(fd) != self._identity:
                raise OSError(errno.ENXIO, os.strerror(errno.ENXIO), self._name)
            yield fd
        finally:
            os.close(fd)

    def close(self) -> None:
        """Let the tty have another reader."""
        _readers.pop(self._device, None)
        if self._own:
            self._own = False
            os.close(self.output)

    def _is_at(self, fd: int) -> bool:
        try:
            return _device(fd) == self._device
        except OSError:
            return False

    def _open(self) -> int:
        return os.open(self._name, os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)


def _device(fd: int) -> int:
    (device,) = struct.unpack("I", fcntl.ioctl(fd, _TIOCGDEV, bytes(4)))
    return int(device)


def _identity(terminal: int | str) -> tuple[int, int, int]:
    """Return what differs between a tty and a later one of the same name.

    A new pty gets the number and the inode of one that has gone, but its node was made
    later. (A chmod in between looks like a new one, too.)
    """
    status = os.stat(terminal)
    return status.st_dev, status.st_ino, status.st_ctime_ns


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
