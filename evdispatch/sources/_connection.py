"""A connection: accepted by a listener, or opened here, and opened anew if asked for."""

import socket
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from evdispatch._events import Disconnect, Event
from evdispatch.sources._descriptors import Credentials, peer_credentials
from evdispatch.sources.net._addresses import HostPort
from evdispatch.sources.net._opening import AddressLike, Backoff, Opening
from evdispatch.sources.net._race import Race
from evdispatch.sources.net._resolve import known
from evdispatch.sources.stream._framing import Framing, framer
from evdispatch.sources.stream._options import StreamOptions, reason_of
from evdispatch.sources.stream._output import OPENING
from evdispatch.sources.stream._stream import Stream

if TYPE_CHECKING:
    import ssl


class Connection(Stream):
    """A stream of bytes both ways: `connect`, `data` or `line`, `eof`, one `disconnect`.

    Added, it opens: names are looked up on another thread, and several addresses are
    tried side by side. A `Listener` makes those that it accepts.

    Attributes:
        data: Yours to use.

    Args:
        address: ``"host:port"``, ``(host, port)``, ``"unix:PATH"``, ``"unix:@abstract"``,
            or a connected socket, which it owns then.
        framing: As that of a `Pipe`: ``"raw"``, ``"lines"``, `Length`, or a function.
        max_line: The longest line or frame, in bytes; a longer one ends the connection.
        tls: Talk TLS, with this `ssl.SSLContext`.
        server_hostname: Whose certificate is asked for; default: the host.
        timeout: To open it, in seconds; None: as long as the system tries.
        reconnect: Open it anew when it is lost, or could not be opened: True, or a
            `Backoff`. What was not yet written is lost.
        high: `write` returns False when more than this is buffered, in bytes.
        low: A `drain` event follows when the buffer falls to this, in bytes.
        limit: More than this is not buffered, in bytes: it ends the connection.
        half_open: After the other side's `eof`, go on writing. Else it is closed, when
            the handlers are through with `eof` and all is written.
        idle_timeout: Seconds without a byte in either direction, while not paused.
        total_timeout: Seconds from the opening to the end.
        handshake_timeout: Seconds for that of TLS.
        close_timeout: Seconds for what is still to be written, when it is closed.
        edge: Whether it is edge-triggered; None: as the dispatcher is.
        name: A label for messages.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range, or no address.
    """

    __slots__ = ("_opening",)

    def __init__(
        self,
        address: AddressLike | socket.socket,
        *,
        framing: Framing = "raw",
        max_line: int = 65_536,
        tls: "ssl.SSLContext | None" = None,
        server_hostname: str | None = None,
        timeout: float | None = None,
        reconnect: bool | Backoff = False,
        high: int = 65_536,
        low: int = 16_384,
        limit: int = 64 * 2**20,
        half_open: bool = False,
        idle_timeout: float | None = None,
        total_timeout: float | None = None,
        handshake_timeout: float = 30.0,
        close_timeout: float = 10.0,
        edge: bool | None = None,
        name: str | None = None,
    ) -> None:
        options = StreamOptions(
            framing=framing,
            max_line=max_line,
            tls=tls,
            server_hostname=server_hostname,
            high=high,
            low=low,
            limit=limit,
            half_open=half_open,
            idle_timeout=idle_timeout,
            total_timeout=total_timeout,
            handshake_timeout=handshake_timeout,
            close_timeout=close_timeout,
            edge=edge,
        )
        super().__init__(options, name or "connection")
        self._opening: Opening | None = None
        if isinstance(address, socket.socket):
            self._adopt(address)
        else:
            self._opening = Opening(address, timeout, reconnect)

    @classmethod
    def accepted(
        cls, sock: socket.socket, peer: Any, options: StreamOptions
    ) -> "Connection":
        """Make one of a socket that was just accepted; for a `Listener`."""
        self = cls.__new__(cls)
        Stream.__init__(self, options, "connection")
        self._opening = None
        self._socket = sock
        self.peer = peer
        return self

    def _adopt(self, sock: socket.socket) -> None:
        if sock.type != socket.SOCK_STREAM:
            raise ValueError(f"a connection is a stream, not {sock!r}")
        try:
            self.peer = sock.getpeername()
        except OSError as error:
            raise ValueError(f"it is not connected: {sock!r}") from error
        self._socket = sock

    # -- for the user ------------------------------------------------------------------

    @property
    def address(self) -> Any:
        """What it connects to, as given; this side's address if it was accepted."""
        return self.local if self._opening is None else self._opening.given

    @property
    def local(self) -> Any:
        """This side's address, as the socket module has it; None unless open."""
        return None if self._socket is None else self._socket.getsockname()

    @property
    def tls(self) -> "ssl.SSLObject | None":
        """What OpenSSL knows of it: cipher, certificate, ALPN; None without TLS."""
        return None if self._tls is None else self._tls.object

    @property
    def credentials(self) -> Credentials:
        """Who is on the other side of a unix socket.

        Raises:
            OSError: It is not open, or no unix socket.
        """
        if self._socket is None or self._socket.family != socket.AF_UNIX:
            raise OSError(f"{self!r} is no open unix socket")
        return peer_credentials(self._socket)

    # -- opening -------------------------------------------------------------------------

    def on_add(self) -> None:
        """Begin to open it."""
        if self._opening is not None:
            self._open_anew(self._opening)
        elif self._socket is not None:
            self._socket.settimeout(0)
            self._secure(server_side=self.parent is not None, host=None)
            self._use(self._socket)

    def on_refuse(self) -> None:
        """Leave a given socket to its owner; end what was begun."""
        if self._opening is not None:
            self._opening.close()
        elif self.parent is None:
            self._socket = None

    def fileno(self) -> int | None:
        """Return the descriptor of the socket; None while it is being opened."""
        return None if self._socket is None else self._socket.fileno()

    def _secure(self, *, server_side: bool, host: str | None) -> None:
        context = self._options.tls
        if context is not None:
            from evdispatch.sources.stream._tls import TlsEngine  # noqa: PLC0415 (10 ms)

            name = None if server_side else self._options.server_hostname or host
            self._tls = TlsEngine(
                context, server_side=server_side, server_hostname=name
            )

    def _open_anew(self, opening: Opening) -> None:
        address = opening.address
        host = address.host if isinstance(address, HostPort) else None
        self._secure(server_side=False, host=host)
        self._phase = OPENING
        now = self.host.now()
        self._until = None if opening.timeout is None else now + opening.timeout
        self._arm()
        candidates = known(address)
        if candidates is not None:
            opening.race = Race(candidates)
            self.wake()
        else:
            turn = opening.turn
            self.host.in_background(lambda: opening.look_up(turn, self.wake))

    def _attend(self, ready: int) -> Iterator[Event]:
        """Go on with the opening, or with what is open."""
        if self._phase == OPENING:
            return self._advance()
        return super()._attend(ready)

    def on_wake(self) -> Iterator[Event]:
        """Go on with the opening, or with what was asked for."""
        if self._phase == OPENING:
            return self._advance()
        return super().on_wake()

    def on_deadline(self, now: float) -> Iterable[Event]:
        """Begin the next attempt, or give up what takes too long."""
        if self._phase != OPENING or self._is_over(now):
            return super().on_deadline(now)
        if self._opening is not None and self._opening.waiting:
            self._opening.waiting = False
            self._open_anew(self._opening)
            return ()
        return self._advance()

    def _is_over(self, now: float) -> bool:
        waiting = self._opening is not None and self._opening.waiting
        return not waiting and self._until is not None and now >= self._until

    def _advance(self) -> Iterator[Event]:
        opening = self._opening
        if opening is None or opening.waiting:
            return
        try:
            race = opening.begin()
            if race is None:
                return  # a name is still being looked up
            self.host.set_fd(self, None)  # what the race closes is not watched then
            winner = race.advance(self.host.now())
            self._attach(winner, race)
        except OSError as error:
            yield from self._end(reason_of(error), error)

    def _attach(self, winner: socket.socket | None, race: Race) -> None:
        if winner is None:
            fd, mask = race.watched or (None, 0)
            self.watch(mask)
            self.host.set_fd(self, fd)
            times = [t for t in (self._until, race.deadline) if t is not None]
            self.set_deadline(min(times, default=None))
            return
        self._use(winner)
        self.peer = winner.getpeername()  # fails if it was reset since
        self.host.set_fd(self, winner.fileno())

    def _end(self, reason: str, error: BaseException | None = None) -> Iterable[Event]:
        opening = self._opening
        if opening is None or opening.backoff is None or self.registration.discarding:
            return super()._end(reason, error)
        return self._wait_and_retry(opening, opening.backoff, reason, error)

    def _wait_and_retry(
        self,
        opening: Opening,
        backoff: Backoff,
        reason: str,
        error: BaseException | None,
    ) -> Iterator[Event]:
        if self._announced:
            opening.failures = 0
        delay = backoff.delay(opening.failures)
        opening.failures += 1
        opening.waiting = True
        self.host.set_fd(self, None)
        opening.close()
        self._reason = reason
        Stream.on_close(self)
        self._start_over()
        self._until = self.host.now() + delay
        self._total_at = None
        self.set_deadline(self._until)
        yield Disconnect(reason, error, delay)

    def _start_over(self) -> None:
        self._reason = ""
        self._phase = OPENING
        self._announced = self._ending = self._plain = False
        self._input_open = True
        self._failure = None
        self._framer = framer(self._options.framing, self._options.max_line)

    def on_close(self) -> None:
        """Give up what is being opened, and close the socket."""
        if self._opening is not None:
            self._opening.close()
        super().on_close()
