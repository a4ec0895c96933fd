"""A tty: raw mode, modes of the terminal, its size; and always back to what it was.

Rules:

- O_NONBLOCK is never set: the open file description is shared with the shell.
- Only a foreground process touches the tty: another one would be stopped by SIGTTOU, or
  take the terminal from whoever has it.
- A terminal has one reader: two would share its keys by chance, and restore each other's
  raw mode.
- `leave` undoes `enter`, and is quiet if there is nothing to undo or nobody to undo it
  for (a hung-up terminal, a forked child). It may run within a signal handler. Where our
  number is another file's by now, it opens the terminal again.
- A reply that is late would be typed into the shell. So the terminal is asked who it is,
  last of all, and what comes before its answer is dropped.
"""

import contextlib
import errno
import fcntl
import os
import re
import struct
import termios
from collections.abc import Iterator
from typing import Any

from evdispatch._core._clock import MonotonicClock
from evdispatch._core._poller import READ, ready_now
from evdispatch._errors import StateError
from evdispatch.sources.tty._channel import Channel, Size
from evdispatch.sources.tty._guard import Guard

_IFLAG, _OFLAG, _CFLAG, _LFLAG, _ISPEED, _OSPEED, _CC = range(7)

# Bytes come as typed: no CR/LF translation, no ctrl+s/ctrl+q, eight bits.
_NO_INPUT = (
    termios.ICRNL
    | termios.INLCR
    | termios.IGNCR
    | termios.IXON
    | termios.BRKINT
    | termios.ISTRIP
    | termios.PARMRK
)
# ... one at a time, unechoed, and ctrl+c, ctrl+z, ctrl+v are keys as others are. OPOST
# stays on: what the program prints needs its CR before LF.
_NO_LOCAL = termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG


_CHUNK = 4096  # more than a tty gives at once
_FENCE = (
    0.2  # seconds to wait for the next reply; the last one comes from all terminals
)
_LONGEST_FENCE = 1.0  # seconds in all
_WHO_ARE_YOU = b"\x1b[c"
_I_AM = re.compile(rb"\x1b\[\?[0-9;]*c")

_SSH_ESCAPE = 0.1
_LOCAL_ESCAPE = 0.025


_TIOCGDEV = 0x80045432  # ioctl_tty(2): the device, whether opened as /dev/tty or not

_readers: dict[int, int] = {}  # the process that reads a terminal: a fork is another


class Tty(Channel):
    """The descriptor of a terminal.

    Args:
        fd: The descriptor.
        guard: Whether a process beside ours is to restore it if ours is killed.

    Raises:
        StateError: This process reads the terminal already.
        OSError: The descriptor can't be written, and the terminal can't be opened.
    """

    def __init__(self, fd: int, *, guard: bool = False) -> None:
        super().__init__(fd)
        self._saved: list[Any] = []
        self._keep_saved = False
        self._device = _device(fd)
        self._name = _terminal_name(fd)
        self._node = _node(self._name)
        if _readers.get(self._device) == self._owner:
            raise StateError(f"fd {fd} is a terminal that is read already")
        self._own_output = not _is_writable(fd)
        self._output = _open_terminal(self._name) if self._own_output else fd
        self._guard = Guard(self._output) if guard else None
        _readers[self._device] = self._owner

    @property
    def erase(self) -> int:
        """The byte that the user's Backspace sends, as the tty was told."""
        erase: bytes = termios.tcgetattr(self.fd)[_CC][termios.VERASE]
        return erase[0]

    @property
    def size(self) -> Size:
        """The present size; 80 x 24 where the terminal does not know it.

        Asked of the tty itself: COLUMNS and LINES of the environment may be old.
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

    def forget_modes(self) -> None:
        """Have `enter` set everything again: the shell had the terminal meanwhile."""
        # What is set now is ours, or the shell's guess of it.
        self._keep_saved = self._keep_saved or self.entered
        super().forget_modes()

    def keep_saved(self) -> None:
        """Have `enter` keep what it saved before: a child may have left the tty raw."""
        self._keep_saved = bool(self._saved)

    def _prepare(self) -> None:
        """Raw mode; what was there before is kept."""
        if not self._keep_saved:
            self._saved = termios.tcgetattr(self.fd)
        self._keep_saved = False
        raw = termios.tcgetattr(self.fd)
        raw[_IFLAG] &= ~_NO_INPUT
        raw[_LFLAG] &= ~_NO_LOCAL
        raw[_CFLAG] |= termios.CS8
        raw[_CC][termios.VMIN] = 1
        raw[_CC][termios.VTIME] = 0
        termios.tcsetattr(self.fd, termios.TCSADRAIN, raw)
        self._note_modes()

    def _note_modes(self) -> None:
        if self._guard is not None:
            raw = termios.tcgetattr(self.fd)
            self._guard.watch(self._modes.disable(), raw, self._saved)

    def _restore(self, replies: int | None) -> None:
        with contextlib.suppress(OSError, termios.error), self._still_open() as fd:
            _write(fd, self._modes.disable())
            if replies is not None and fd == self._output:
                _write(fd, _WHO_ARE_YOU)
                _drop_replies(self.fd, replies + 1)
            # What was reported and not read is for us, not for the shell.
            termios.tcsetattr(fd, termios.TCSAFLUSH, self._saved)
        if self._guard is not None:
            self._guard.rest()

    @contextlib.contextmanager
    def _still_open(self) -> Iterator[int]:
        """Open the terminal again if our number was closed behind our back.

        Raises:
            OSError: It has gone; another one may bear its name by now.
        """
        fd = self._output
        with contextlib.ExitStack() as stack:
            if not self._is_device(fd):
                fd = _open_terminal(self._name)
                stack.callback(os.close, fd)
                if _node(fd) != self._node:
                    raise OSError(errno.ENXIO, os.strerror(errno.ENXIO), self._name)
            yield fd

    def _is_device(self, fd: int) -> bool:
        try:
            return _device(fd) == self._device
        except OSError:
            return False

    def _send(self, data: bytes, patience: float) -> None:
        _write(self._output, data)

    def close(self) -> None:
        """Leave, and close what was opened here."""
        self.leave()
        _readers.pop(self._device, None)
        if self._guard is not None:
            self._guard.close()
        if self._own_output:
            self._own_output = False
            os.close(self._output)


def escape_delay() -> float:
    """Return how long to wait after an ESC for the rest of a sequence, in seconds.

    ESCDELAY (milliseconds, as ncurses reads it) decides; else 25 ms, and 100 ms over
    SSH, where a sequence may arrive in two packets.
    """
    try:
        return max(0.001, int(os.environ["ESCDELAY"]) / 1000)
    except (KeyError, ValueError):
        remote = "SSH_CONNECTION" in os.environ or "SSH_TTY" in os.environ
        return _SSH_ESCAPE if remote else _LOCAL_ESCAPE


def _is_writable(fd: int) -> bool:
    return fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY


def _terminal_name(fd: int) -> str:
    try:
        return os.ttyname(fd)
    except OSError:  # one from outside of a container has no name in it
        return "/dev/tty"


def _node(terminal: int | str) -> tuple[int, int, int]:
    """Return what tells a terminal from a later one of its name.

    The number of a pty that has gone is given to the next one at once, and so is its inode;
    that one was made later. (Who changes the mode in between makes it another one, too.)
    """
    status = os.stat(terminal)
    return status.st_dev, status.st_ino, status.st_ctime_ns


def _open_terminal(name: str) -> int:
    return os.open(name, os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)


def _drop_replies(fd: int, count: int) -> None:
    """Read up to the last of so many answers to the question who it is, or for a while."""
    clock = MonotonicClock()
    deadline = clock.now() + _LONGEST_FENCE  # the mouse may move all the time
    seen = b""
    while len(_I_AM.findall(seen)) < count:
        patience = min(_FENCE, deadline - clock.now())
        data = os.read(fd, _CHUNK) if ready_now(fd, READ, patience) else b""
        if not data:
            break
        seen += data


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _device(fd: int) -> int:
    (device,) = struct.unpack("I", fcntl.ioctl(fd, _TIOCGDEV, bytes(4)))
    return int(device)
