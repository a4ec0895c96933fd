"""What is still to be written: a buffer with marks, and the sending half of a socket.

Neither calls a handler or waits. MSG_NOSIGNAL is set on each send: a program may have
restored the default action of SIGPIPE, which ends the process.
"""

import errno
import socket as sockets
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evdispatch.sources.stream._tls import TlsEngine

Write = Callable[[list[memoryview]], int]
"""Takes pieces, and returns how many bytes it has written."""

NOSIGNAL = int(sockets.MSG_NOSIGNAL)  # an enum member takes longer
CHUNK = 65_536  # bytes in one call: the capacity of a pipe

_PARTS = 64  # of one writev(2): many small writes cost one call; IOV_MAX is 1024
_SENDS = 4  # in one turn


class WriteBuffer:
    """Bytes in order, with a high and a low mark and a limit, all in bytes.

    Attributes:
        size: How many bytes are buffered.
        flowing: False from above the high mark on, until the low mark is reached.

    Raises:
        TypeError: A mark is not a whole number.
        ValueError: Not 0 <= low <= high <= limit.
    """

    __slots__ = ("_high", "_limit", "_low", "_parts", "flowing", "size")

    def __init__(self, high: int, low: int, limit: int) -> None:
        got = f"got low={low}, high={high}, limit={limit}"
        if not all(isinstance(mark, int) for mark in (high, low, limit)):
            raise TypeError(f"low, high and limit must be numbers of bytes, {got}")
        if not 0 <= low <= high <= limit:
            raise ValueError(f"marks must be 0 <= low <= high <= limit, {got}")
        self._high = high
        self._low = low
        self._limit = limit
        self._parts: deque[memoryview] = deque()
        self.size = 0
        self.flowing = True

    def check(self, size: int, waiting: int) -> None:
        """Check that so many bytes may be added to those that wait.

        Raises:
            OSError: They would exceed the limit (ENOBUFS).
        """
        if waiting + size > self._limit:
            text = f"{waiting} bytes wait and {size} more exceed {self._limit}"
            raise OSError(errno.ENOBUFS, text)

    def add(self, data: bytes | memoryview) -> None:
        """Append bytes, which must not change any more."""
        if data:
            self._parts.append(memoryview(data))
            self.size += len(data)
            self.flowing = self.flowing and self.size <= self._high

    def flush(self, write: Write, size: int, times: int) -> bool:
        """Write up to ``size`` bytes at a time, until ``write`` would block.

        Returns:
            Whether ``times`` ended it: more may be written at once.

        Raises:
            OSError: As ``write``.
        """
        try:
            for _ in range(times):
                if not self.size:
                    return False
                self._write(write, size)
        except BlockingIOError:
            return False
        return self.size > 0

    def _write(self, write: Write, size: int) -> None:
        parts: list[memoryview] = []
        for part in islice(self._parts, _PARTS):
            parts.append(part[:size])
            size -= len(parts[-1])
            if not size:
                break
        self._drop(write(parts))
        self.flowing = self.flowing or self.size <= self._low

    def clear(self) -> None:
        """Drop what is buffered: it can't be written any more."""
        self._parts.clear()
        self.size = 0

    def _drop(self, size: int) -> None:
        self.size -= size
        while size:
            part = self._parts.popleft()
            if len(part) > size:
                self._parts.appendleft(part[size:])
                return
            size -= len(part)


class StreamWriter:
    """Sends what the kernel takes at once, in plain or by TLS, and buffers the rest.

    Attributes:
        socket: Where to send to; None: it is not open yet, and all is buffered.
        tls: Encrypts what is written; it decrypts the input, too.
        buffer: What is to go over the wire.
        failure: The error that ended the sending.
        progress: Whether bytes were sent; to be reset by the owner.
    """

    __slots__ = ("buffer", "failure", "progress", "socket", "tls")

    def __init__(
        self,
        buffer: WriteBuffer,
        sock: sockets.socket | None,
        tls: "TlsEngine | None",
    ) -> None:
        self.buffer = buffer
        self.socket = sock
        self.tls = tls
        self.failure: OSError | None = None
        self.progress = False

    @property
    def size(self) -> int:
        """Bytes still to be sent, and those that wait for the end of the handshake."""
        return self.buffer.size + (0 if self.tls is None else self.tls.kept)

    @property
    def flowing(self) -> bool:
        """Whether to go on writing."""
        return self.buffer.flowing and self.failure is None

    def write(self, data: bytes | memoryview) -> None:
        """Send or keep data of the user's; above the limit, fail with ENOBUFS."""
        if not self._has_room(data):
            return
        if self.tls is None:
            self._transmit(data)
        else:
            self.tls.send(data)
            self.transmit_tls()

    def keep(self, data: bytes | memoryview) -> None:
        """Buffer what the kernel did not take just now; above the limit, fail."""
        if self._has_room(data):
            self.buffer.add(data)

    def _has_room(self, data: bytes | memoryview) -> bool:
        try:
            self.buffer.check(len(data), self.size)
        except OSError as error:
            self.fail(error)
            return False
        return True

    def transmit_tls(self) -> None:
        """Send what the TLS engine has to say: data, its handshake, an alert."""
        if self.tls is not None and (data := self.tls.take()):
            self._transmit(data)

    def close_tls(self) -> None:
        """End the data with a close_notify, where there is TLS."""
        if self.tls is not None:
            self.tls.close()
            self.transmit_tls()

    def _transmit(self, data: bytes | memoryview) -> None:
        if self.socket is not None and not self.buffer.size:
            try:
                data = data[self.socket.send(data, NOSIGNAL) :]
                self.progress = True
            except BlockingIOError:
                pass
            except OSError as error:
                self.fail(error)
                return
        self.buffer.add(data)

    def flush(self) -> bool:
        """Send what is buffered; return whether more could be sent in another turn."""
        size = self.buffer.size
        try:
            more = self.buffer.flush(self._sendmsg, CHUNK, _SENDS)
        except OSError as error:
            self.fail(error)
            more = False
        self.progress = self.progress or self.buffer.size < size
        return more

    def _sendmsg(self, parts: list[memoryview]) -> int:
        sock: Any = self.socket
        return int(sock.sendmsg(parts, (), NOSIGNAL))

    def shut_down(self) -> None:
        """End the output: the peer gets an end of input."""
        if self.socket is not None:
            try:
                self.socket.shutdown(sockets.SHUT_WR)
            except OSError as error:  # the peer has gone
                self.fail(error)

    def fail(self, error: OSError) -> None:
        """End the sending, and drop what is buffered."""
        self.failure = self.failure or error  # the first one is the cause
        self.buffer.clear()
