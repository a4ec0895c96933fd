"""A pipe, FIFO, file, or any other descriptor that bytes go through.

Facts:

- Descriptors 0-2 and terminals are shared with other processes by their open file
  description, and O_NONBLOCK with it: it is never set there. Instead one read or write
  follows each readiness, a write of no more than is sure to fit.
- When all writers have gone, a pipe is hung up; the data in it comes first. A FIFO is
  hung up for ever after its first writer.
- When all readers have gone, the poller says ERROR whatever it was asked for.
"""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator

from evdispatch._checks import FileLike, descriptor
from evdispatch._errors import ClosedError, FrameError
from evdispatch._events import Drain, Eof, Error, Event, Hangup
from evdispatch._framing import Framing, framer
from evdispatch._poller import ERROR, HANGUP, READ, WRITE
from evdispatch.sources._base import Source
from evdispatch.sources._writing import WriteBuffer

_CHUNK = 65_536  # the capacity of a pipe
_TIMES = 16  # reads or writes in one turn
_SURE_WRITE = 4096  # PIPE_BUF: what a writable pipe takes without blocking, pipe(7)
_STANDARD = (0, 1, 2)


class Pipe(Source):
    """Reads and writes a descriptor: `data` or `line` events, then one `eof`.

    What its access mode allows is done: a read end is read, a write end written, a socket
    both. A write end whose readers have gone gives one `hangup`.

    Args:
        file: A descriptor, or anything with a ``fileno()``.
        framing: ``"raw"`` gives `data` as it comes; ``"lines"`` gives `line` without its
            LF or CR LF, an unfinished last line included; ``Length(4)`` gives `data` by
            a big-endian length prefix; a function takes the first frame out of a
            bytearray and returns it, or None while it is unfinished.
        max_line: The longest line or frame, in bytes. A longer line is left out and
            gives an `error` event; a longer frame ends the pipe with one.
        closefd: Whether closing the source closes the file; 0-2 are never closed.
        high: `write` returns False when more than this is buffered, in bytes.
        low: A `drain` event follows when the buffer falls to this, in bytes.
        limit: `write` refuses to buffer more than this, in bytes.
        name: A label for messages.

    Raises:
        TypeError: It is no file.
        ValueError: It is closed or negative, or an option is out of range.
    """

    __slots__ = (
        "_buffer",
        "_closefd",
        "_ending",
        "_file",
        "_flags",
        "_framer",
        "_number",
        "_readable",
        "_shared",
        "_writable",
    )

    def __init__(
        self,
        file: FileLike,
        *,
        framing: Framing = "raw",
        max_line: int = 65_536,
        closefd: bool = True,
        high: int = 65_536,
        low: int = 16_384,
        limit: int = 64 * 2**20,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self._file = file
        self._number = descriptor(file)
        self._framer = framer(framing, max_line)
        self._buffer = WriteBuffer(high, low, limit)
        self._closefd = closefd and self._number not in _STANDARD
        self._flags: int | None = None  # to restore
        self._readable = self._writable = self._shared = False
        self._ending = False

    def on_add(self) -> None:
        """See what the descriptor can do, and make it non-blocking where it is ours."""
        fd = self._number
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        access = flags & os.O_ACCMODE
        self._readable = access in (os.O_RDONLY, os.O_RDWR)
        self._writable = access in (os.O_WRONLY, os.O_RDWR)
        self._shared = fd in _STANDARD or os.isatty(fd)
        if not self._shared and not flags & os.O_NONBLOCK:
            os.set_blocking(fd, False)
            self._flags = flags
        self.watch(READ if self._readable else 0)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._number

    def on_ready(self, ready: int) -> Iterator[Event]:
        """Write what waits, and read up to a turn's worth."""
        if self._writable and ready & (WRITE | ERROR):
            yield from self._flush(ready)
        if self._readable and ready & (READ | HANGUP | ERROR) and not self.closed:
            yield from self._read()

    def on_close(self) -> None:
        """Close the file if it is ours, or leave it as it was."""
        # Somebody may have closed it already; then there is nothing left to do.
        with contextlib.suppress(OSError, ValueError):
            if not self._closefd:
                if self._flags is not None:
                    fcntl.fcntl(self._number, fcntl.F_SETFL, self._flags)
            elif (close := getattr(self._file, "close", None)) is not None:
                close()  # and so the object knows
            else:
                os.close(self._number)

    # -- reading ---------------------------------------------------------------------

    def _read(self) -> Iterator[Event]:
        for _ in range(1 if self._shared else _TIMES):
            try:
                data = os.read(self._number, _CHUNK)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.EIO:  # of a pty whose other side was closed
                    raise
                data = b""
            if data:
                yield from self._frames(self._framer.feed(data))
            if not data or self._framer.broken:
                yield from self._frames(self._framer.end())
                self.finish()
                yield Eof()
                return
            if self.paused or self.closed:
                return

    def _frames(self, frames: Iterator[bytes | FrameError]) -> Iterator[Event]:
        make = self._framer.event
        for frame in frames:
            if isinstance(frame, FrameError):
                yield Error(frame)
            else:
                yield make(frame)

    # -- writing ---------------------------------------------------------------------

    @property
    def buffered(self) -> int:
        """How many bytes wait to be written."""
        return self._buffer.size

    def write(self, data: bytes | bytearray | memoryview) -> bool:
        """Write what goes without blocking, and buffer the rest. From any thread.

        What is buffered is copied, so the caller may change its data.

        Returns:
            Whether to go on. False: more than the high mark is buffered, and a `drain`
            event will tell when it has fallen to the low one.

        Raises:
            TypeError: Not bytes.
            ClosedError: The pipe has ended, or was told to.
            StateError: It was not added yet.
            OSError: It was not opened for writing (EBADF), or the buffer would grow
                above its limit (ENOBUFS); nothing of the data is written then.
        """
        data = bytes(memoryview(data))
        with self.host.lock:
            if self._ending:
                raise ClosedError(f"{self!r}: write after write_eof")
            if not self._writable:
                raise OSError(errno.EBADF, "not opened for writing", repr(self))
            buffer = self._buffer
            buffer.check(len(data))
            if not buffer.size and not self._shared:
                # An error is told by the IO side, where it has its place among events.
                with contextlib.suppress(OSError):
                    data = data[os.write(self._number, data) :]
            buffer.add(data)
            if buffer.size:
                self.watch((self.interest or 0) | WRITE)
            return buffer.flowing

    def write_eof(self) -> None:
        """Close the pipe once all is written. From any thread.

        Raises:
            ClosedError: The pipe has ended.
            StateError: It was not added yet.
        """
        with self.host.lock:
            self._ending = True
            if not self._buffer.size:
                self.finish()

    def _flush(self, ready: int) -> Iterator[Event]:
        buffer = self._buffer
        flows = False
        error: OSError | None = None
        try:
            for _ in range(1 if self._shared else _TIMES):
                if not buffer.size:
                    break
                size = _SURE_WRITE if self._shared else _CHUNK
                flows |= buffer.send(self._number, size)
        except BlockingIOError:
            pass
        except OSError as failure:
            error = failure
        if error is not None or (ready & ERROR and not self._readable):
            self.finish()
            yield Hangup(ready, error)
            return
        if not buffer.size:
            self.watch((self.interest or 0) & ~WRITE)
        if flows:
            yield Drain()
        if self._ending and not buffer.size:
            self.finish()
