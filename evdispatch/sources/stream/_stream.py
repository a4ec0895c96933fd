"""A connection as a stream: its opening, and what comes in, in plain or by TLS.

All that the other side had sent comes before the end, also after a reset.
"""

import socket
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from evdispatch._core._poller import ERROR, HANGUP, READ, WRITE
from evdispatch._errors import FrameError
from evdispatch._events import Connect, Data, Event
from evdispatch.sources.stream._ending import Ending, StreamEof
from evdispatch.sources.stream._framing import framer
from evdispatch.sources.stream._options import StreamOptions, reason_of
from evdispatch.sources.stream._output import CHUNK, CLOSING, HANDSHAKING, OPEN, OPENING

# In one turn. With more, a key pressed under eight busy sockets waits for megabytes to be
# copied: 5 ms at 4, 0.7 ms at 1, in the median.
_READS = 1
_new = object.__new__

# CPython 3.12 keeps for ever what is interned, so each host that ever came would stay.
_share = str if sys.version_info[:2] == (3, 12) else sys.intern


class Stream(Ending):
    """What is read from. `Connection` is what users see of it."""

    __slots__ = (
        "_announced",
        "_framer",
        "_peer",
        "_port",
        "data",
        "known",
    )

    def __init__(self, options: StreamOptions, name: str) -> None:
        super().__init__(options, name)
        self.data: Any = None
        self._peer: Any = None
        self._port: int | None = None
        self._framer = framer(options.framing, options.max_line)
        self._announced = False  # `connect` was told
        self.known = False  # and handled

    @property
    def peer(self) -> Any:
        """The other side's address, as the socket module has it; None before."""
        return self._peer if self._port is None else (self._peer, self._port)

    @peer.setter
    def peer(self, address: Any) -> None:
        # In its parts, with one str for all connections from a host: it would be a sixth of
        # what an idle connection takes.
        match address:
            case (str() as host, int() as port):  # of IPv4; other families have others
                self._peer, self._port = _share(host), port
            case _:
                self._peer, self._port = address, None

    @property
    def edge(self) -> bool | None:  # type: ignore[override]
        """Whether it asks to be edge-triggered; None: as the dispatcher is."""
        return self._options.edge

    # -- opening ---------------------------------------------------------------------

    def _use(self, sock: socket.socket) -> None:
        """Go on with a connected socket."""
        options, now = self._options, self.host.now()
        self._socket = sock
        self._until = None
        self._phase = OPEN
        if self._tls is not None:
            self._phase = HANDSHAKING
            self._until = now + options.handshake_timeout
            if not self._tls.object.server_side:
                self._tls.start()
                self._transmit(self._tls.take())
        if options.total_timeout is not None:
            self._total_at = now + options.total_timeout
        self._moved()
        self._arm()
        self._rewatch()
        self.wake()

    def _announce(self) -> Iterator[Event]:
        if self._phase == OPEN and not self._announced:
            self._announced = True
            self._until = None
            self._arm()
            if self._ending:  # said before it was open
                self._end_output()
            self._plain = self._is_plain()
            yield Connect(self.peer)

    def _is_plain(self) -> bool:
        """Whether what comes in are events at once, and what is written goes out at once."""
        special = self._tls is not None or self._options.idle_timeout is not None
        over = self._ending or self._failure is not None or not self._input_open
        return not (special or over or self.registration.closed or self.edge_triggered)

    def mark_announced(self) -> None:
        """The handlers hear of it now; dispatch side."""
        self.known = True

    # -- the IO side -----------------------------------------------------------------

    def on_ready(self, ready: int) -> Iterable[Event]:
        """Write what waits, and read up to a turn's worth."""
        sock = self._socket
        if ready != READ or not self._plain or sock is None or self.registration.held:
            return self._attend(ready)
        try:  # the hot path: no generator, which costs 0.1 us for each event and level
            data = sock.recv(CHUNK)
        except BlockingIOError:
            return ()
        except OSError as error:
            return self._end(reason_of(error), error)
        if not 0 < len(data) < CHUNK:
            return self._read(data)
        if self._options.framing != "raw":
            return self._frames(data)
        event = _new(Data)  # as Data(data, source=self), in two thirds of the time
        event.data, event.source, event.time = data, self, 0.0
        return (event,)

    def _attend(self, ready: int) -> Iterator[Event]:
        """Do what there is to do."""
        if not self._announced:
            yield from self._announce()
        if ready & (WRITE | ERROR | HANGUP):
            yield from self._flush()
            yield from self._conclude()
        if self.registration.closed or not ready & (READ | ERROR | HANGUP):
            return
        if self._input_open and self._phase != CLOSING:
            if not self._holds_back:
                yield from self._read()
        elif ready & (ERROR | HANGUP) and self._socket is not None:
            number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            lost = number or self.buffered
            error = ConnectionResetError(number, "reset by the other side")
            yield from self._end("reset" if lost else "eof", error if lost else None)

    def on_wake(self) -> Iterator[Event]:
        """Tell that it is open, or end it as was asked for."""
        yield from self._announce()
        if self._failure is not None and self._input_open and self._phase == OPEN:
            if not self.registration.held:
                yield from self._read()  # the rest of what was sent to us
        else:
            yield from self._conclude()

    def _conclude(self) -> Iterator[Event]:
        """End it where nothing is left to do."""
        if self.registration.closed or self._phase == OPENING:
            return
        if self._failure is not None and not (self._input_open and self._phase == OPEN):
            yield from self._end(reason_of(self._failure), self._failure)
        elif not self.buffered:
            if self._phase == CLOSING:
                yield from self._end(self._reason)
            elif self._ending and not self._input_open:
                yield from self._end("eof")

    @property
    def _holds_back(self) -> bool:
        return self.registration.held != 0 and self._phase != HANDSHAKING

    def _read(self, first: bytes | None = None) -> Iterator[Event]:
        """Read up to a turn's worth; ``first`` is what was read just before."""
        for _ in range(_READS):
            sock = self._socket
            if sock is None:
                return
            try:
                data = sock.recv(CHUNK) if first is None else first
            except BlockingIOError:
                break
            except OSError as error:
                yield from self._end(reason_of(error), error)
                return
            first = None
            self._moved()
            yield from self._take(data)
            if self.registration.closed or self._holds_back or not self._input_open:
                return
            if len(data) < CHUNK and not self.edge_triggered:
                break
        else:
            if self.edge_triggered:
                self.host.reschedule(self)
            return
        if self._failure is not None:
            yield from self._end(reason_of(self._failure), self._failure)

    def _take(self, data: bytes) -> Iterator[Event]:
        """Make events of what was read; nothing is the end of the input."""
        tls = self._tls
        if tls is None:
            yield from self._frames(data) if data else self._input_ends()
            return
        try:
            if not data:
                tls.receive_eof()
            for piece in tls.receive(data):
                self._shaken()
                yield from self._announce()
                yield from self._frames(piece)
                if self.registration.closed:
                    return
        except OSError as error:  # ssl.SSLError
            self._transmit(tls.take())
            yield from self._end("tls", error)
            return
        self._transmit(tls.take())
        self._shaken()
        yield from self._announce()
        if tls.ended:
            yield from self._input_ends()

    def _shaken(self) -> None:
        if (
            self._tls is not None
            and self._tls.established
            and self._phase == HANDSHAKING
        ):
            self._phase = OPEN
            self.host.update(self)  # a pause holds from now on

    def _frames(self, data: bytes) -> Iterator[Event]:
        frames = self._framer.feed(data)
        if isinstance(frames, list):
            return map(self._framer.event, frames)
        return self._frames_with_care(frames)

    def _frames_with_care(
        self, frames: Iterator[bytes | FrameError]
    ) -> Iterator[Event]:
        make = self._framer.event
        for frame in frames:
            if isinstance(frame, FrameError):
                yield from self._end("frame", frame)
                return
            yield make(frame)

    def _input_ends(self) -> Iterator[Event]:
        yield from self._frames_with_care(self._framer.end())
        if self.registration.closed:
            return
        self._input_open = self._plain = False
        self._rewatch()
        yield StreamEof()
        yield from self._conclude()
