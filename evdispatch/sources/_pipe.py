"""A pipe, FIFO, file, or any other descriptor that bytes go through.

Facts:

- O_NONBLOCK belongs to the open file description, which every duplicate shares, in other
  processes too. So it is set only on a descriptor that the pipe closes in the end, and never
  on a terminal or on the files of descriptors 0-2. Where a call may block, one read or write
  follows each readiness, and a write is no longer than is sure to fit.
- When all writers have gone, a pipe hangs up; the data in it comes first. A FIFO stays hung
  up after its first writer. When all readers have gone, the poller reports ERROR.
- A socket that can't be written any more may still hold input.
"""

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterable, Iterator
from functools import partial

from evdispatch._checks import FileLike, descriptor
from evdispatch._core._batch import Batch
from evdispatch._core._poller import ERROR, HANGUP, READ, WRITE, readable_now
from evdispatch._errors import ClosedError, FrameError
from evdispatch._events import Drain, Eof, Error, Event, Hangup
from evdispatch.sources._base import Source
from evdispatch.sources._descriptors import STANDARD, access, is_standard, is_stream
from evdispatch.sources.stream._framing import Framing, framer_factory
from evdispatch.sources.stream._writer import CHUNK, WriteBuffer

_SURE_WRITE = 4096  # PIPE_BUF: what a writable pipe takes without blocking, pipe(7)


class Pipe(Source):
    """Reads and writes a descriptor: `data` or `line` events, then one `eof`.

    A read end is read, a write end written, a socket both. If writing has failed, or the
    readers of a write end have gone, the last event is a `hangup` instead of `eof`. A pause
    stops the reading alone.

    Args:
        file: A descriptor, or anything with a ``fileno()``.
        framing: ``"raw"``: `data` as it comes; ``"lines"``: `line` without its LF or CR
            LF, an unfinished last one included; ``Length(4)``: `data` by a big-endian
            length; a function takes the first frame out of a bytearray, or returns None.
        max_line: The longest line or frame, in bytes. A longer line is skipped, and is an
            `error` event; a longer frame ends the pipe with one.
        closefd: Whether closing the pipe closes the file; never 0-2. Else it is left as it
            is.
        high: `write` returns False when more than this is buffered, in bytes.
        low: A `drain` event follows when the buffer falls to this, in bytes.
        limit: `write` refuses to buffer more than this, in bytes.
        edge: Whether it is edge-triggered; None: as the dispatcher, where possible.
        name: A label for messages.

    Raises:
        TypeError: ``file`` is no file.
        ValueError: It is closed or negative, or an option is out of range.
    """

    __slots__ = (
        "_blocking",
        "_buffer",
        "_closefd",
        "_ended",
        "_failure",
        "_file",
        "_flags",
        "_framer",
        "_number",
        "_readable",
        "_stuck",
        "_writable",
        "edge",
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
        edge: bool | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self.edge = edge
        self._file = file
        self._number = descriptor(file)
        self._framer = framer_factory(framing, max_line)()
        self._buffer = WriteBuffer(high, low, limit)
        self._closefd = closefd and self._number not in STANDARD
        self._flags: int | None = None  # from before on_add changed them
        self._readable = self._writable = self._blocking = False
        self._ended = False  # nothing more will be written
        self._stuck = False  # while paused: hung up, and the buffer can't be written
        self._failure: OSError | None = None  # of writing

    def on_add(self) -> None:
        """Find out what the descriptor can do; make it non-blocking where it is ours."""
        fd = self._number
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        self._readable, self._writable = access(fd)
        nonblocking = bool(flags & os.O_NONBLOCK)
        status = os.fstat(fd)
        if stat.S_ISSOCK(status.st_mode) and not is_stream(fd):
            raise ValueError(f"fd {fd} must be a stream: read its messages with an Fd")
        if os.isatty(fd) or is_standard(status):
            self._blocking = (
                True  # whatever it is now: others share it, and may change it
            )
        elif self._closefd and not nonblocking:
            os.set_blocking(fd, False)
            self._flags = flags
        else:
            self._blocking = not nonblocking
        self.watch(READ if self._readable else 0)

    def on_refuse(self) -> None:
        """Leave the descriptor as it was."""
        if self._flags is not None:
            fcntl.fcntl(self._number, fcntl.F_SETFL, self._flags)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._number

    @property
    def nonblocking(self) -> bool:
        """Whether it reads and writes until that would block."""
        return not self._blocking

    @property
    def interest_in_pause(self) -> int | None:
        """A pause stops the reading alone."""
        if not self._readable:
            return self.interest
        return WRITE if self._buffer.size and not self._stuck else None

    def on_ready(self, ready: int) -> Iterable[Event]:
        """Write what waits, and read up to a turn's worth."""
        record = self.registration
        if ready != READ or self._failure is not None or record.held or record.closed:
            return self._serve(ready)
        return self._read(ready)  # the hot path: without a generator

    def _serve(self, ready: int) -> Iterator[Event]:
        if self._writable and ready & (WRITE | ERROR):
            yield from self._flush()
        elif (
            self.registration.held and self._readable
        ):  # hung up: else reported again and again
            self._stuck = True
            self.host.update(self)
        if self._readable:
            if (
                ready & (READ | HANGUP | ERROR)
                and not self.registration.held
                and not self.closed
            ):
                yield from self._read(ready)
            if (
                self._failure is None
                or self.registration.held
                or readable_now(self._number)
            ):
                return
        elif self._failure is None and not ready & ERROR:
            return
        if not self.closed:
            yield from self._end(ready)

    def on_close(self) -> None:
        """Close the file if it is ours."""
        if not self._closefd or self.fd_lost:
            return
        with contextlib.suppress(OSError, ValueError):  # closed before it was added
            if (close := getattr(self._file, "close", None)) is not None:
                close()  # so that the object knows
            else:
                os.close(self._number)

    # -- reading ---------------------------------------------------------------------

    def _read(self, ready: int) -> Iterable[Event]:
        try:
            data = os.read(self._number, CHUNK)
        except BlockingIOError:
            return ()
        except OSError as error:
            if error.errno == errno.ECONNRESET:
                self._failure = self._failure or error
            # EIO: a pty whose other side was closed. A failure is reported by `hangup`.
            elif error.errno != errno.EIO and self._failure is None:
                raise
            data = b""
        if not data:
            return self._end(ready)
        if self.edge_triggered:
            self.host.reschedule(self)
        frames = self._framer.feed(data)
        if isinstance(frames, list):
            return Batch(self._framer.event, frames, self)
        return self._check_frames(frames, ready)

    def _check_frames(
        self, frames: Iterator[bytes | FrameError], ready: int
    ) -> Iterator[Event]:
        yield from self._events(frames)
        if self._framer.broken:
            yield from self._end(ready)

    def _end(self, ready: int) -> Iterator[Event]:
        yield from self._events(self._framer.end())
        self.finish()
        if self._readable and self._failure is None:
            yield Eof()
        else:
            yield Hangup(ready, self._failure)

    def _events(self, frames: Iterator[bytes | FrameError]) -> Iterator[Event]:
        make = self._framer.event
        for frame in frames:
            yield Error(frame) if isinstance(frame, FrameError) else make(frame)

    # -- writing ---------------------------------------------------------------------

    @property
    def buffered(self) -> int:
        """Bytes that are still to be written."""
        return self._buffer.size

    def write(self, data: bytes | bytearray | memoryview) -> bool:
        """Write what goes without blocking, and buffer the rest. From any thread.

        Buffered data is copied, so the caller may change its own.

        Returns:
            Whether to go on. False: more than ``high`` bytes are buffered, and a `drain`
            event follows when they are down to ``low``.

        Raises:
            TypeError: Not bytes.
            ClosedError: The pipe has ended, or you have called `write_eof`.
            StateError: It was not added yet.
            OSError: It was not opened for writing (EBADF), writing has failed before, or
                the buffer would grow above its limit (ENOBUFS); nothing is written then.
        """
        data = bytes(memoryview(data))
        with self.host.lock:
            # It may have ended while this thread waited for the lock, and its number be reused.
            if self._ended or self.closed:
                raise ClosedError(f"{self!r} is closed for writing")
            if self._failure is not None:
                raise OSError(self._failure.errno, self._failure.strerror, repr(self))
            if not self._writable:
                raise OSError(errno.EBADF, "not opened for writing", repr(self))
            buffer = self._buffer
            buffer.check(len(data), buffer.size)
            if self.host.debug:
                self.host.verify(self)
            if not buffer.size and not self._blocking:
                # The IO side meets the error again, where it has its place among events.
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
            self._ended = True
            if not self._buffer.size:
                self.finish()

    def _flush(self) -> Iterator[Event]:
        buffer = self._buffer
        was_flowing = buffer.flowing
        size = _SURE_WRITE if self._blocking else CHUNK
        try:
            more = buffer.flush(partial(os.writev, self._number), size, times=1)
            if more and self.edge_triggered:
                self.host.reschedule(self)
        except OSError as error:
            self._failure = error
            buffer.clear()
        if not buffer.size:
            self.watch((self.interest or 0) & ~WRITE)
        if self._failure is not None:
            return
        if buffer.flowing and not was_flowing:
            yield Drain()
        if self._ended and not buffer.size:
            self.finish()
