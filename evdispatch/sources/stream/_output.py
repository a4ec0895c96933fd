"""The writing half of a connection: what the kernel does not take at once is buffered.

- A peer may go at any time, also while a handler writes. That is no error of the handler's:
  what it writes then is dropped, and `disconnect` tells. Only the user's own `close` and
  `write_eof` make a `write` after them an error.
- MSG_NOSIGNAL: a program may have set SIGPIPE back to what kills it.
- What failed in a write is told by the IO side, after what the peer had sent before.
"""

import errno
import socket
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from evdispatch._core._poller import READ, WRITE
from evdispatch._errors import ClosedError, StateError
from evdispatch._events import Drain, Event
from evdispatch.sources._base import Source
from evdispatch.sources.stream._options import StreamOptions
from evdispatch.sources.stream._writing import WriteBuffer

if TYPE_CHECKING:
    from evdispatch.sources.stream._tls import TlsEngine

OPENING, HANDSHAKING, OPEN, CLOSING = range(4)
"""The phases of a connection: before it, the TLS handshake, in it, and flushing."""

CHUNK = 65_536
_NOSIGNAL = int(socket.MSG_NOSIGNAL)  # an enum member takes longer
WRITES = 4  # in one turn


class Output(Source):
    """What can be written to. `Connection` is what users see of it."""

    has_final_events: ClassVar[bool] = True

    __slots__ = (
        "_buffer",
        "_ending",
        "_failure",
        "_input_open",
        "_options",
        "_phase",
        "_plain",
        "_socket",
        "_tls",
    )

    def __init__(self, options: StreamOptions, name: str) -> None:
        super().__init__(name)
        self._options = options
        self._phase = OPENING
        self._socket: socket.socket | None = None
        self._tls: TlsEngine | None = None
        self._buffer: WriteBuffer | None = None  # made when it is needed
        self._ending = False  # nothing more will be written
        self._input_open = True  # something may still be read
        self._failure: OSError | None = None  # of writing
        self._plain = False  # it is open, both ways, and bytes are all there is to it

    @property
    def nonblocking(self) -> bool:
        """Whether it reads and writes until that would block."""
        return True

    @property
    def buffered(self) -> int:
        """Bytes that still are to be written."""
        buffer, tls = self._buffer, self._tls
        return (buffer.size if buffer else 0) + (tls.kept if tls else 0)

    @property
    def interest_in_pause(self) -> int | None:
        """A pause stops the reading alone, and no handshake."""
        if self._phase in (OPENING, HANDSHAKING):
            return self.interest
        return WRITE if self._buffer is not None and self._buffer.size else None

    def write(self, data: bytes | bytearray | memoryview) -> bool:
        """Write what goes without blocking, and buffer the rest. From any thread.

        What is buffered is copied, so the caller may change its data. Before the
        connection is open, all of it is kept. Once the other side has gone it is
        dropped, and `disconnect` tells.

        Returns:
            Whether to go on. False: more than ``high`` bytes are buffered, and a `drain`
            event will tell when they are down to ``low``; or nobody is there any more. If
            more than ``limit`` bytes would be, the connection ends (``"overflow"``).

        Raises:
            TypeError: Not bytes.
            ClosedError: You have closed it, or ended the writing.
            StateError: It was not added yet.
        """
        if type(data) is not bytes:
            data = bytes(memoryview(data))
        host = self.registration.host
        if host is None:
            return self._write_after_the_end()
        lock = host.lock
        lock.acquire()  # ``with`` takes twice the time, 0.1 us more
        try:
            if self._plain and (self._buffer is None or not self._buffer.size):
                try:  # the hot path: nothing is in the way
                    sent = self._socket.send(data, _NOSIGNAL)  # type: ignore[union-attr]
                except BlockingIOError:
                    sent = 0
                except OSError as error:
                    self._fail(error)
                    return False
                if sent == len(data):
                    return True
                # A view: a copy of what the kernel did not take costs as much as it did.
                rest = memoryview(data)[sent:]
                return self._has_room(len(rest)) and self._keep(rest)
            return self._write_with_care(data)
        finally:
            lock.release()

    def _write_with_care(self, data: bytes) -> bool:
        if self.registration.discarding or self._ending:
            raise ClosedError(f"{self!r} takes nothing more to write")
        if (
            self.registration.closed
            or self._phase == CLOSING
            or self._failure is not None
        ):
            return False
        if not self._has_room(len(data)):
            return False
        tls = self._tls
        if tls is not None:
            tls.send(data)
            data = tls.take()
        self._transmit(data)
        return self._buffer is None or self._buffer.flowing

    def _has_room(self, size: int) -> bool:
        """Whether so many bytes more may be buffered; if not, it ends."""
        if self.buffered + size <= self._options.limit:
            return True
        text = (
            f"{self.buffered} bytes wait and {size} more exceed {self._options.limit}"
        )
        self._fail(OSError(errno.ENOBUFS, text, repr(self)))
        return False

    def _write_after_the_end(self) -> bool:
        if self.registration.discarding or self._ending:
            raise ClosedError(f"{self!r} is closed")
        if not self.registration.closed:
            raise StateError(f"{self!r} was not added to a dispatcher")
        return False

    def writelines(self, parts: Iterable[bytes]) -> bool:
        """Write several pieces in one; see `write`."""
        return self.write(b"".join(parts))

    def write_eof(self) -> None:
        """Write nothing more: the other side gets its end of input. From any thread.

        What is buffered comes first, and reading goes on.

        Raises:
            StateError: It was not added yet.
        """
        if self.registration.closed:
            return
        with self.host.lock:
            if self._ending:
                return
            self._ending = True
            self._plain = False
            if self._phase == OPEN:
                self._end_output()

    def _end_output(self) -> None:
        if self._tls is not None:
            self._tls.close()
            self._transmit(self._tls.take())
        if not self.buffered:
            self._shut_down()

    def _transmit(self, data: bytes) -> None:
        """Send or buffer what is to go over the wire."""
        sock, buffer = self._socket, self._buffer
        if sock is not None and (buffer is None or not buffer.size):
            try:
                data = data[sock.send(data, _NOSIGNAL) :]
                self._moved()
            except BlockingIOError:
                pass
            except OSError as error:
                self._fail(error)
                return
        if data:
            self._keep(data)

    def _keep(self, data: bytes | memoryview) -> bool:
        """Buffer what is to go over the wire; return whether to go on writing."""
        buffer = self._buffer
        if buffer is None:
            options = self._options
            buffer = WriteBuffer(options.high, options.low, options.limit)
            self._buffer = buffer
        buffer.add(data)
        if self._socket is not None:
            self._rewatch()
        return buffer.flowing

    def _fail(self, error: OSError) -> None:
        """Writing is over; the IO side tells, when it has read what is there."""
        self._failure = error
        self._plain = False
        if self._buffer is not None:
            self._buffer.clear()
        self.wake()

    def _flush(self) -> Iterator[Event]:
        """Write what is buffered, up to a turn's worth; IO side."""
        buffer = self._buffer
        if buffer is None or not buffer.size:
            return
        flows = False
        try:
            for _ in range(WRITES):
                flows |= buffer.send(self._sendmsg, CHUNK)
                if not buffer.size:
                    break
            else:
                if self.edge_triggered:
                    self.host.reschedule(self)
        except BlockingIOError:
            pass
        except OSError as error:
            self._fail(error)
        self._moved()
        self._rewatch()
        if flows and self._failure is None:
            yield Drain()
        if not buffer.size and self._ending and self._phase == OPEN:
            self._shut_down()

    def _sendmsg(self, parts: list[memoryview]) -> int:
        sock: Any = self._socket
        return int(sock.sendmsg(parts, (), _NOSIGNAL))

    def _shut_down(self) -> None:
        """Tell the other side that nothing more comes."""
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_WR)
            except OSError as error:  # it has gone
                self._fail(error)
            if not self._input_open:
                self.wake()  # both ways are over

    def _rewatch(self) -> None:
        """Wait for what can be done now."""
        mask = READ if self._input_open and self._phase in (HANDSHAKING, OPEN) else 0
        if self._buffer is not None and self._buffer.size:
            mask |= WRITE
        self.watch(mask)

    @abstractmethod
    def _moved(self) -> None:
        """Some bytes have gone over the wire."""
