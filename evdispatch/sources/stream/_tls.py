"""TLS from bytes to bytes: nothing here reads, writes or waits (`ssl.MemoryBIO`).

- Bytes before the peer's close_notify are data. An end of the input without close_notify is
  an attack, or a crash: an error, also where OpenSSL is set to ignore it.
- After the peer's close_notify this side may still send.
- Renegotiation is refused: a peer could keep this side busy at little cost to itself.
"""

import contextlib
import ssl
from collections.abc import Iterator

_CHUNK = 65_536


class TlsEngine:
    """One side of a TLS connection.

    Args:
        context: Its certificates and options.
        server_side: Whether it is the server.
        server_hostname: The name that the peer's certificate must have (SNI); for a client.

    Attributes:
        object: OpenSSL's view: the cipher, the peer's certificate, ALPN.
        established: Whether the handshake is done.
        ended: Whether the peer has ended its data.
        kept: Bytes that wait for the end of the handshake.
    """

    __slots__ = (
        "_incoming",
        "_kept",
        "_outgoing",
        "ended",
        "established",
        "kept",
        "object",
    )

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        server_side: bool,
        server_hostname: str | None = None,
    ) -> None:
        context.options |= ssl.OP_NO_RENEGOTIATION
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._kept: list[bytes | memoryview] = []
        self.kept = 0
        self.established = False
        self.ended = False
        self.object = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_side,
            server_hostname=server_hostname,
        )

    def start(self) -> None:
        """Begin the handshake, as a client does."""
        self._shake_hands()

    def receive(self, data: bytes) -> Iterator[bytes]:
        """Decrypt bytes of the wire, and yield the data in them.

        Raises:
            ssl.SSLError: The peer breaks the protocol, or is not trusted. The alert for it
                is in `take`.
        """
        self._incoming.write(data)
        if not self.established:
            self._shake_hands()
        while self.established and not self.ended:
            try:
                piece = self.object.read(_CHUNK)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLZeroReturnError:  # raised where both sides have ended
                piece = b""
            if piece:
                yield piece
            else:
                self.ended = True

    def receive_eof(self) -> None:
        """The wire has ended.

        Raises:
            ssl.SSLEOFError: The peer had not ended its data before.
        """
        if not self.ended:
            what = "data" if self.established else "handshake"
            raise ssl.SSLEOFError(ssl.SSL_ERROR_EOF, f"the {what} was cut off")

    def send(self, data: bytes | memoryview) -> None:
        """Encrypt data; before the handshake is done it is kept."""
        if not self.established:
            self._kept.append(data)
            self.kept += len(data)
            return
        view = memoryview(data)  # one call takes a record's worth
        while view:
            view = view[self.object.write(view) :]

    def close(self) -> None:
        """End this side's data (close_notify)."""
        if self.established:
            with contextlib.suppress(ssl.SSLError):  # it would wait for the peer's end
                self.object.unwrap()

    def take(self) -> bytes:
        """Return the bytes to send over the wire."""
        return self._outgoing.read()

    def _shake_hands(self) -> None:
        try:
            self.object.do_handshake()
        except ssl.SSLWantReadError:
            return
        self.established = True
        kept, self._kept, self.kept = self._kept, [], 0
        for data in kept:
            self.send(data)
