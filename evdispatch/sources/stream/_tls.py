"""TLS from bytes to bytes: nothing here reads, writes or waits (`ssl.MemoryBIO`).

- What the peer sent before its close_notify is data. An end of the input without one is an
  attack, or a crash: an error, also where OpenSSL was told to overlook it.
- After the peer's close_notify we may still send.
- A peer that renegotiates could keep us busy at little cost to itself: it is refused.
"""

import contextlib
import ssl
from collections.abc import Iterator

_CHUNK = 65_536


class TlsEngine:
    """One side of a TLS connection.

    Args:
        context: Its certificates and options.
        server_side: Whether it answers, or begins.
        server_hostname: Whose certificate is asked for (SNI); of a client.

    Attributes:
        object: What OpenSSL knows: the cipher, the peer's certificate, ALPN.
        established: Whether the handshake is through.
        ended: Whether the peer has ended its data.
        kept: Bytes that wait for the handshake.
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
        """Take what came over the wire, and yield the data in it.

        Raises:
            ssl.SSLError: The peer does not keep to the protocol, or is not trusted. What
                it should be told is in `take`.
        """
        self._incoming.write(data)
        if not self.established:
            self._shake_hands()
        while self.established and not self.ended:
            try:
                piece = self.object.read(_CHUNK)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLZeroReturnError:  # so it is told where both have ended
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
        """Encrypt data; before the handshake is through it is kept."""
        if not self.established:
            self._kept.append(data)
            self.kept += len(data)
            return
        view = memoryview(data)  # one call takes a record's worth
        while view:
            view = view[self.object.write(view) :]

    def close(self) -> None:
        """Say that no more data follows."""
        if self.established:
            with contextlib.suppress(ssl.SSLError):  # it would wait for the peer's
                self.object.unwrap()

    def take(self) -> bytes:
        """Return what is to be sent over the wire."""
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
