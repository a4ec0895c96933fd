"""A connection: accepted by a listener, or opened here, and opened again on request.

- All that the peer had sent comes before the end, also after a reset.
- The peer can disconnect during a write; `write` does not raise for it. What a send failed
  with is reported by `disconnect`.
- Closing a socket that has unread input resets it, and the peer may lose what was written
  last. So the input is read and discarded first.
- The end of the input does not end the connection: handlers may still answer. It is closed
  when the handlers of `eof` have returned.
"""

import contextlib
import math
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from evdispatch._core._batch import Batch
from evdispatch._core._poller import ERROR, HANGUP, READ, WRITE
from evdispatch._errors import ClosedError, FrameError, StateError
from evdispatch._events import Connect, Disconnect, Drain, Eof, Event
from evdispatch.sources._base import Source
from evdispatch.sources._descriptors import Credentials, peer_credentials
from evdispatch.sources.net._addresses import AddressLike, HostPort
from evdispatch.sources.net._opening import Backoff, Opening
from evdispatch.sources.stream._framing import RAW, Framing
from evdispatch.sources.stream._options import StreamOptions, Timeouts, reason_of
from evdispatch.sources.stream._writer import CHUNK, NOSIGNAL, StreamWriter

if TYPE_CHECKING:
    import ssl

    from evdispatch.sources.stream._tls import TlsEngine

OPENING, HANDSHAKING, OPEN, CLOSING = range(4)
"""The phases: before it is open, the TLS handshake, open, and sending what is buffered."""

_NO_LINGER = struct.pack("ii", 1, 0)  # close with a reset, socket(7)
_DISCARDED = (
    16  # reads of input that is discarded; what is still left resets the socket
)
_DROPPED = "dropped"  # the reason of a connection that ends without an event
_new = object.__new__

# CPython 3.12 never frees an interned string, so each host that ever came would stay.
_share = str if sys.version_info[:2] == (3, 12) else sys.intern


@attrs.define(eq=False)
class StreamEof(Eof):
    """The end of a connection's input; handlers may still answer."""

    name: ClassVar[str] = "eof"
    names: ClassVar[frozenset[str]] = Eof.names
    has_hooks: ClassVar[bool] = True

    def on_handled(self) -> None:
        """All input is handled."""
        self.source.answered()


class Connection(Source):
    """A stream of bytes both ways: `connect`, `data` or `line`, `eof`, one `disconnect`.

    It opens when it is added: names are looked up on another thread, and several addresses
    are tried side by side. A `Listener` makes the connections that it accepts.

    Attributes:
        data: Yours to use.

    Args:
        address: ``"host:port"``, ``(host, port)``, ``"unix:PATH"``, ``"unix:@abstract"``,
            or a connected socket, which it then owns.
        framing: As for `Pipe`: ``"raw"``, ``"lines"``, `Length`, or a function.
        max_line: The longest line or frame, in bytes; a longer one ends the connection.
        tls: Use TLS, with this `ssl.SSLContext`.
        server_hostname: The name that the certificate must have; default: the host.
        timeout: Seconds to open it; None: as long as the system tries.
        reconnect: Open it again when it is lost, or could not be opened: True, or a
            `Backoff`. Data that was not yet written is lost.
        high: `write` returns False when more than this is buffered, in bytes.
        low: A `drain` event follows when the buffer falls to this, in bytes.
        limit: To buffer more than this, in bytes, ends the connection.
        half_open: Whether it stays open after the peer's `eof`, for writing. Else it is
            closed when the handlers of `eof` have returned and all is written.
        idle_timeout: Seconds without a byte in either direction, while not paused.
        total_timeout: Seconds from the opening to the end.
        handshake_timeout: Seconds for the TLS handshake.
        close_timeout: Seconds to send what is buffered, when it is closed.
        edge: Whether it is edge-triggered; None: as the dispatcher.
        name: A label for messages.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range, or malformed.
    """

    has_final_events: ClassVar[bool] = True

    __slots__ = (
        "_ended",
        "_error",
        "_framer",
        "_input_open",
        "_opened",
        "_opening",
        "_options",
        "_peer",
        "_phase",
        "_plain",
        "_port",
        "_reason",
        "_socket",
        "_timeouts",
        "_writer",
        "announced",
        "data",
    )

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
        if not isinstance(address, socket.socket):
            self._set_up(options, Opening(address, timeout, reconnect), None, name)
            return
        self._set_up(options, None, address, name)
        if address.type != socket.SOCK_STREAM:
            raise ValueError(f"a connection's socket must be a stream, got {address!r}")
        try:
            self.peer = address.getpeername()
        except OSError as error:
            text = f"a connection's socket must be connected, got {address!r}"
            raise ValueError(text) from error

    @classmethod
    def accepted(
        cls, sock: socket.socket, peer: Any, options: StreamOptions
    ) -> "Connection":
        """Return the connection of a socket that was just accepted; for `Listener`."""
        self = cls.__new__(cls)
        self._set_up(options, None, sock, None)
        self.peer = peer
        return self

    def _set_up(
        self,
        options: StreamOptions,
        opening: Opening | None,
        sock: socket.socket | None,
        name: str | None,
    ) -> None:
        super().__init__(name)
        self.data: Any = None
        self.announced = False  # whether handlers have seen `connect`
        self._options = options
        self._opening = opening  # None: it has got an open socket
        self._socket = sock
        self._peer: Any = None
        self._port: int | None = None
        self._writer: StreamWriter | None = None  # made when it is needed
        self._timeouts: Timeouts | None = None  # made when one is set
        self._error: BaseException | None = None
        self._reset()

    def _reset(self) -> None:
        """Begin with a new socket."""
        self._framer = self._options.new_framer()
        self._phase = OPENING
        self._reason = ""
        self._opened = False  # `connect` was made
        self._plain = False  # open both ways, without TLS and idle_timeout
        self._input_open = True
        self._ended = False  # nothing more will be written

    # -- for the user ------------------------------------------------------------------

    @property
    def address(self) -> Any:
        """The address it connects to, as given; this side's if it was accepted."""
        return self.local if self._opening is None else self._opening.given

    @property
    def local(self) -> Any:
        """This side's address, as the socket module has it; None unless open."""
        return None if self._socket is None else self._socket.getsockname()

    @property
    def peer(self) -> Any:
        """The other side's address, as the socket module has it; None before it is open."""
        return self._peer if self._port is None else (self._peer, self._port)

    @peer.setter
    def peer(self, address: Any) -> None:
        # In its parts, with one str for all connections from a host: it would be a sixth of
        # the memory of an idle connection.
        match address:
            case (str() as host, int() as port):  # IPv4; other families have more parts
                self._peer, self._port = _share(host), port
            case _:
                self._peer, self._port = address, None

    @property
    def tls(self) -> "ssl.SSLObject | None":
        """OpenSSL's view of it: cipher, certificate, ALPN; None without TLS."""
        return None if self._tls is None else self._tls.object

    @property
    def credentials(self) -> Credentials:
        """The process on the other side of a unix socket.

        Raises:
            OSError: It is not open, or no unix socket.
        """
        if self._socket is None or self._socket.family != socket.AF_UNIX:
            raise OSError(f"{self!r} is no open unix socket")
        return peer_credentials(self._socket)

    @property
    def buffered(self) -> int:
        """Bytes that are still to be written."""
        return 0 if self._writer is None else self._writer.size

    # -- writing -----------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> bool:
        """Write what goes without blocking, and buffer the rest. From any thread.

        Buffered data is copied, so the caller may change its own. Before the connection is
        open, all data is kept. Once the peer has gone it is dropped, and `disconnect`
        reports it.

        Returns:
            Whether to go on. False: more than ``high`` bytes are buffered, and a `drain`
            event follows when they are down to ``low``; or the peer has gone. More than
            ``limit`` bytes end the connection (``"overflow"``).

        Raises:
            TypeError: Not bytes.
            ClosedError: You have closed it, or called `write_eof`.
            StateError: It was not added yet.
        """
        if type(data) is not bytes:
            data = bytes(memoryview(data))
        host = self.registration.host
        if host is None:
            return self._write_with_care(data)
        lock = host.lock
        lock.acquire()  # ``with`` takes twice the time, 0.1 us more
        try:
            writer = self._writer
            if self._plain and (writer is None or not writer.buffer.size):
                try:  # the hot path
                    sent = self._socket.send(data, NOSIGNAL)  # type: ignore[union-attr]
                except BlockingIOError:
                    sent = 0
                except OSError as error:
                    writer = self._make_writer()
                    writer.fail(error)
                    return self._check_writer(writer)
                if sent == len(data):
                    return True
                writer = self._make_writer()
                # A view: a copy of what the kernel did not take costs as much as it did.
                writer.keep(memoryview(data)[sent:])
                return self._check_writer(writer)
            return self._write_with_care(data)
        finally:
            lock.release()

    def _write_with_care(self, data: bytes) -> bool:
        if self.registration.discarding or self._ended:
            raise ClosedError(f"{self!r} is closed for writing")
        if self.registration.host is None and not self.registration.closed:
            raise StateError(f"{self!r} was not added to a dispatcher")
        if (
            self.registration.closed
            or self._phase == CLOSING
            or self._failure is not None
        ):
            return False
        writer = self._make_writer()
        writer.write(data)
        return self._check_writer(writer)

    def writelines(self, parts: Iterable[bytes]) -> bool:
        """Write several pieces as one; see `write`."""
        return self.write(b"".join(parts))

    def write_eof(self) -> None:
        """Write nothing more: the peer gets an end of input. From any thread.

        Buffered data is sent first, and reading goes on.

        Raises:
            StateError: It was not added yet.
        """
        if self.registration.closed:
            return
        with self.host.lock:
            if self._ended:
                return
            self._ended = True
            self._plain = False
            if self._phase == OPEN:
                self._end_output()

    def _end_output(self) -> None:
        writer = self._make_writer()
        writer.close_tls()
        self._shut_down(writer)

    def _shut_down(self, writer: StreamWriter) -> None:
        """Send the end of the output, if all before it was sent."""
        if not writer.size:
            writer.shut_down()
            if not self._input_open:
                self.wake()  # both ways are over
        self._check_writer(writer)

    def _make_writer(self) -> StreamWriter:
        """Return the writer. Most connections never need one: it would be memory for each."""
        if self._writer is None:
            self._writer = StreamWriter(self._options.new_buffer(), self._socket, None)
        return self._writer

    def _check_writer(self, writer: StreamWriter) -> bool:
        """Act on what a write has led to; return whether to go on writing."""
        if writer.progress:
            writer.progress = False
            self._note_activity()
        if writer.failure is not None:
            self._plain = False
            self.wake()  # the IO side ends it, when it has read what is there
        if self._socket is not None:
            self._update_interest()
        return writer.flowing

    @property
    def _failure(self) -> OSError | None:
        return None if self._writer is None else self._writer.failure

    @property
    def _tls(self) -> "TlsEngine | None":
        return None if self._writer is None else self._writer.tls

    def _flush(self) -> Iterator[Event]:
        """Write what is buffered, up to a turn's worth."""
        writer = self._writer
        if writer is None or not writer.buffer.size:
            return
        was_flowing = writer.flowing
        if writer.flush() and self.edge_triggered:
            self.host.reschedule(self)
        if self._check_writer(writer) and not was_flowing:
            yield Drain()
        if self._ended and self._phase == OPEN:
            self._shut_down(writer)

    # -- opening -------------------------------------------------------------------------

    def on_add(self) -> None:
        """Begin to open it."""
        if self._options.tls is not None:
            self._make_tls()
        if self._opening is not None:
            self._opening.begin(self)
        elif self._socket is not None:
            self._socket.settimeout(0)
            self._use(self._socket)

    def on_refuse(self) -> None:
        """Leave a given socket to its owner; end an opening."""
        if self._opening is not None:
            self._opening.close()
        elif self.parent is None:
            self._socket = None

    def fileno(self) -> int | None:
        """Return the descriptor of the socket; None while it is being opened."""
        return None if self._socket is None else self._socket.fileno()

    def _make_tls(self) -> None:
        from evdispatch.sources.stream._tls import TlsEngine  # noqa: PLC0415 (10 ms)

        context: Any = self._options.tls
        server_side = self.parent is not None
        address = None if self._opening is None else self._opening.address
        host = address.host if isinstance(address, HostPort) else None
        name = None if server_side else self._options.server_hostname or host
        engine = TlsEngine(context, server_side=server_side, server_hostname=name)
        self._writer = StreamWriter(self._options.new_buffer(), None, engine)

    def _advance(self) -> Iterable[Event]:
        """Go on with the opening."""
        try:
            sock = None if self._opening is None else self._opening.advance(self)
            if sock is not None:
                self._use(sock)
                self.peer = sock.getpeername()  # fails if it was reset since
                self.host.set_fd(self, sock.fileno())
        except OSError as error:
            return self._end(reason_of(error), error)
        return ()

    def _use(self, sock: socket.socket) -> None:
        """Go on with a connected socket."""
        options = self._options
        self._socket = sock
        self._phase = OPEN
        if options.idle_timeout is not None or options.total_timeout is not None:
            self._timeouts = Timeouts(options, self.host.now())
            self._arm()
        if self._writer is not None:
            self._writer.socket = sock
        if (tls := self._tls) is not None:
            self._phase = HANDSHAKING
            seconds = options.handshake_timeout
            self._limit_phase(seconds, "the TLS handshake took too long")
            if not tls.object.server_side:
                tls.start()
            self._transmit_tls()
        self._update_interest()
        self.wake()

    def _announce(self) -> tuple[Event, ...]:
        """Return `connect` if it is open now, and was not before."""
        if self._phase != OPEN or self._opened:
            return ()
        self._opened = True
        tls = self._tls
        if tls is not None:
            self._limit_phase(math.inf)
        if self._ended:  # before it was open
            self._end_output()
        special = tls is not None or self._options.idle_timeout is not None
        over = self._ended or self._failure is not None or self.registration.closed
        self._plain = not (special or over or self.edge_triggered)
        return (Connect(self.peer),)

    def mark_announced(self) -> None:
        """Note that handlers see `connect` now; dispatch side."""
        self.announced = True

    # -- deadlines -----------------------------------------------------------------------

    def _limit_phase(self, seconds: float, text: str = "") -> None:
        now = self.host.now()
        if self._timeouts is None:
            self._timeouts = Timeouts(self._options, now)
        self._timeouts.phase = now + seconds, text
        self._arm()

    def _note_activity(self) -> None:
        if self._timeouts is not None:
            self._timeouts.active = self.host.now()

    def _arm(self) -> None:
        if self._timeouts is not None:
            self.set_deadline(self._timeouts.nearest()[0])

    def on_deadline(self, now: float) -> Iterable[Event]:
        """Go on with the opening, or end a connection that takes too long."""
        if self._phase == OPENING:
            return self._advance()
        timeouts = self._timeouts
        if timeouts is None:
            return ()
        if self.registration.held:  # no input is not the peer's fault then
            timeouts.active = now
        when, text = timeouts.nearest()
        if now >= when:
            return self._end("timeout", TimeoutError(text))
        self._arm()
        return ()

    # -- the IO side -----------------------------------------------------------------------

    @property
    def edge(self) -> bool | None:  # type: ignore[override]
        """Whether it asks to be edge-triggered; None: as the dispatcher."""
        return self._options.edge

    @property
    def nonblocking(self) -> bool:
        """Whether it reads and writes until that would block."""
        return True

    @property
    def interest_in_pause(self) -> int | None:
        """A pause stops the reading alone, and no handshake."""
        if self._phase in (OPENING, HANDSHAKING):
            return self.interest
        return WRITE if self._writer is not None and self._writer.buffer.size else None

    def _update_interest(self) -> None:
        """Wait for what can be done now."""
        mask = READ if self._input_open and self._phase in (HANDSHAKING, OPEN) else 0
        if self._writer is not None and self._writer.buffer.size:
            mask |= WRITE
        self.watch(mask)

    def on_ready(self, ready: int) -> Iterable[Event]:
        """Write what is buffered, and read up to a turn's worth."""
        sock = self._socket
        if ready != READ or not self._plain or sock is None or self.registration.held:
            return self._serve(ready)
        try:  # the hot path: no generator, which costs 0.1 us for each event and level
            data = sock.recv(CHUNK)
        except BlockingIOError:
            return ()
        except OSError as error:
            return self._end(reason_of(error), error)
        if not data:
            return self._end_input()
        framer = self._framer
        if framer is not RAW:
            frames = framer.feed(data)
            if not isinstance(frames, list) or len(frames) != 1:
                return self._events(frames)
            data = frames[0]
        event = _new(framer.event)  # as in `Batch.take`
        event.data, event.source, event.time = data, self, 0.0
        return (event,)

    def _serve(self, ready: int) -> Iterator[Event]:
        if self._phase == OPENING:
            yield from self._advance()
            return
        yield from self._announce()
        if ready & (WRITE | ERROR | HANGUP):
            yield from self._flush()
            yield from self._conclude()
        if self.registration.closed or not ready & (READ | ERROR | HANGUP):
            return
        if self._input_open and self._phase != CLOSING:
            if not self.registration.held or self._phase == HANDSHAKING:
                yield from self._read()
        elif ready & (ERROR | HANGUP) and self._socket is not None:
            number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            lost = number or self.buffered
            error = ConnectionResetError(number, "reset by the other side")
            yield from self._end("reset" if lost else "eof", error if lost else None)

    def on_wake(self) -> Iterable[Event]:
        """Go on with the opening, report that it is open, or end it as requested."""
        if self._phase == OPEN and self._writer is None:  # nothing can have failed
            return self._announce()
        return self._go_on()

    def _go_on(self) -> Iterator[Event]:
        if self._phase == OPENING:
            yield from self._advance()
            return
        yield from self._announce()
        if self._failure is None or not self._input_open or self._phase != OPEN:
            yield from self._conclude()
        elif not self.registration.held:
            yield from self._read()  # what the peer had sent before

    def _read(self) -> Iterator[Event]:
        """Read once. More would copy megabytes before a key is handled."""
        sock = self._socket
        if sock is None:
            return
        try:
            data = sock.recv(CHUNK)
        except BlockingIOError:
            pass
        except OSError as error:
            yield from self._end(reason_of(error), error)
            return
        else:
            self._note_activity()
            yield from self._take(data)
            paused = self.registration.held and self._phase != HANDSHAKING
            if self._socket is not sock or paused or not self._input_open:
                return
            if self.edge_triggered:
                self.host.reschedule(self)
                return
            if len(data) == CHUNK:
                return
        if self._failure is not None:
            yield from self._end(reason_of(self._failure), self._failure)

    def _take(self, data: bytes) -> Iterator[Event]:
        """Make events of input; no data is its end."""
        tls, sock = self._tls, self._socket
        if tls is None:
            if data:
                yield from self._events(self._framer.feed(data))
            else:
                yield from self._end_input()
            return
        try:
            if not data:
                tls.receive_eof()
            for piece in tls.receive(data):
                yield from self._end_handshake(tls)
                yield from self._events(self._framer.feed(piece))
                if self._socket is not sock:
                    return
        except OSError as error:  # ssl.SSLError
            self._transmit_tls()
            yield from self._end("tls", error)
            return
        self._transmit_tls()
        yield from self._end_handshake(tls)
        if tls.ended:
            yield from self._end_input()

    def _transmit_tls(self) -> None:
        writer = self._make_writer()
        writer.transmit_tls()
        self._check_writer(writer)

    def _end_handshake(self, tls: "TlsEngine") -> tuple[Event, ...]:
        if self._phase == HANDSHAKING and tls.established:
            self._phase = OPEN
            self.host.update(self)  # a pause holds from now on
        return self._announce()

    def _events(
        self, frames: list[bytes] | Iterator[bytes | FrameError]
    ) -> Iterable[Event]:
        if isinstance(frames, list):
            return Batch(self._framer.event, frames, self)
        return self._check_frames(frames)

    def _check_frames(self, frames: Iterator[bytes | FrameError]) -> Iterator[Event]:
        make = self._framer.event
        for frame in frames:
            if isinstance(frame, FrameError):
                yield from self._end("frame", frame)
                return
            yield make(frame)

    def _end_input(self) -> Iterator[Event]:
        sock = self._socket
        yield from self._check_frames(self._framer.end())
        if self._socket is not sock:
            return
        self._input_open = self._plain = False
        self._update_interest()
        yield StreamEof()
        yield from self._conclude()

    # -- the end -------------------------------------------------------------------------

    def resume(self) -> None:
        """Go on reading. From any thread."""
        super().resume()
        self.on_released()

    def on_released(self) -> None:
        """Go on with an end that had to wait for the reading."""
        if self._failure is not None:
            self.wake()

    def answered(self) -> None:
        """The handlers of `eof` have returned; dispatch side."""
        host = self.registration.host
        if host is not None and not self._options.half_open:
            with host.lock:
                if not self._input_open:  # else it was opened again since
                    self._leave("eof")
                    self.wake()

    def _leave(self, reason: str) -> None:
        """Write what is buffered, and then end."""
        if self._phase == CLOSING or self.registration.closed:
            return
        self._reason = reason
        self._phase = CLOSING
        self._plain = False
        if self._writer is not None:
            self._writer.close_tls()
            if self._writer.size:
                text = "the peer did not take the buffered data in time"
                self._limit_phase(self._options.close_timeout, text)
            self._check_writer(self._writer)

    def close(self) -> None:
        """Write what is buffered, within ``close_timeout``, and close. From any thread.

        Input that was not handled is dropped; `disconnect` is still delivered.
        """
        host = self.registration.host
        if host is None:
            super().close()
            return
        with host.lock:
            host.discard_pending(self)
            if self._phase == OPEN:
                self._leave("closed")
            if self._phase != CLOSING or not self.buffered:
                self._reason = self._reason or "closed"
                host.unregister(self, discard=True)

    def abort(self) -> None:
        """Close at once, with a reset, and drop buffered data. From any thread."""
        host = self.registration.host
        if host is None:
            super().close()
            return
        with host.lock:
            # It may have ended by itself while this thread waited for the lock.
            if not self.registration.closed:
                self._reason = "aborted"
            host.unregister(self, discard=True)

    def drop(self) -> None:
        """End it without an event: no handler has seen `connect`; IO side."""
        self._reason = _DROPPED
        if self.registration.host is not None:
            self.registration.host.unregister(self, discard=True)

    def _conclude(self) -> Iterable[Event]:
        """End it where nothing is left to do."""
        if self.registration.closed or self._phase == OPENING:
            return ()
        failure = self._failure
        if failure is not None:
            if self._input_open and self._phase == OPEN:
                return ()
            return self._end(reason_of(failure), failure)
        if not self.buffered:
            if self._phase == CLOSING:
                return self._end(self._reason)
            if self._ended and not self._input_open:
                return self._end("eof")
        return ()

    def _end(self, reason: str, error: BaseException | None = None) -> Iterable[Event]:
        """End it, or wait to open it again; IO side."""
        opening = self._opening
        if opening is None or opening.backoff is None or self.registration.discarding:
            self._reason, self._error = reason, error
            self.finish()
            return ()
        delay = opening.wait(self, opening.backoff, connected=self._opened)
        self._close_socket()
        self._reset()
        if self._options.tls is not None:
            self._make_tls()  # now: what is written meanwhile must be encrypted
        return (Disconnect(reason, error, delay),)

    def _close_socket(self, *, reset: bool = False) -> None:
        self._plain = False
        sock, self._socket = self._socket, None
        if sock is not None:
            if reset or self.buffered:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            elif self._input_open:
                _discard_input(sock)
            sock.close()
        if self._writer is not None:
            # An error holds the frames that it went through, and so the connection: a cycle.
            self._writer.failure = None
        self._writer = self._timeouts = None

    def on_close(self) -> None:
        """Give up an opening, and close the socket."""
        if self._opening is not None:
            self._opening.close()
        self._close_socket(reset=self._reason == "aborted")

    def final_events(self) -> Iterable[Event]:
        """Return `disconnect`."""
        if self._reason == _DROPPED:
            return ()
        error, self._error = self._error, None  # a cycle, too
        return (Disconnect(self._reason or "closed", error),)


def _discard_input(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        for _ in range(_DISCARDED):
            if not sock.recv(CHUNK):
                return
