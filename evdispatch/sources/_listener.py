"""A listener: accepts connections, and shares its handlers with them.

- Without descriptors (EMFILE) accept fails for as long as a client waits, and poll says
  ready each time. So a spare one is given up to accept and close what waits, the clients
  know at once, and there is a pause.
- Errors of the network come out of accept(2) as if they were its own: the next one, then.
- What was accepted and no handler has heard of goes with the listener that is closed.
"""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from evdispatch._checks import check_count
from evdispatch._core._poller import READ
from evdispatch._events import Error, Event
from evdispatch.sources._base import Source
from evdispatch.sources._connection import Connection
from evdispatch.sources._host import Host
from evdispatch.sources.net._addresses import parse
from evdispatch.sources.net._bind import Bound, adopt_listening, listen
from evdispatch.sources.net._opening import AddressLike
from evdispatch.sources.stream._framing import Framing
from evdispatch.sources.stream._options import StreamOptions

if TYPE_CHECKING:
    import ssl

_BUDGET = 64  # connections in one turn
_PAUSE = 0.2  # seconds without accepting, when nothing is left to accept with

_NONE_LEFT = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_PASSING = {  # accept(2), "Error handling": already pending network errors
    errno.ECONNABORTED,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.ENONET,
    errno.ENOPROTOOPT,
    errno.EOPNOTSUPP,
    errno.EPERM,
    errno.EPROTO,
}


class Listener(Source):
    """Accepts connections: each is a `Connection` whose ``parent`` it is.

    Handlers that are registered with `on` of the listener hear all its connections.
    Where nothing is left to accept with (descriptors, memory), waiting clients are
    closed, it pauses for 0.2 seconds, and one `error` event tells, which is logged if
    nobody handles it.

    Args:
        address: ``"host:port"``, ``":port"`` (all interfaces, IPv4 and IPv6), port 0 for
            any free one, ``"unix:PATH"``, ``"unix:@abstract"``, or a socket, bound or
            listening, which it owns then. A path whose program has died is taken over,
            and one's own is removed at the end.
        framing: Of its connections; this and the following are as `Connection`'s.
        max_line: The longest line or frame, in bytes.
        tls: Talk TLS, with this `ssl.SSLContext`.
        backlog: How many connections may wait to be accepted.
        max_connections: Accept no more while so many are open; the rest wait.
        reuse_port: Several processes may listen there (SO_REUSEPORT).
        high: See `Connection`, in bytes.
        low: See `Connection`, in bytes.
        limit: See `Connection`, in bytes.
        half_open: See `Connection`.
        idle_timeout: See `Connection`, in seconds.
        total_timeout: See `Connection`, in seconds.
        handshake_timeout: See `Connection`, in seconds.
        close_timeout: See `Connection`, in seconds.
        edge: Whether it and its connections are edge-triggered; None: as the dispatcher.
        name: A label for messages.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range, or no address.
    """

    has_children: ClassVar[bool] = True

    __slots__ = (
        "_backlog",
        "_bound",
        "_count",
        "_given",
        "_home",
        "_max",
        "_options",
        "_reuse_port",
        "_spare",
        "_told",
        "edge",
    )

    def __init__(
        self,
        address: AddressLike | socket.socket,
        *,
        framing: Framing = "raw",
        max_line: int = 65_536,
        tls: "ssl.SSLContext | None" = None,
        backlog: int = 1024,
        max_connections: int | None = None,
        reuse_port: bool = False,
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
        super().__init__(name)
        self._options = StreamOptions(
            framing=framing,
            max_line=max_line,
            tls=tls,
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
        self.edge = edge
        is_socket = isinstance(address, socket.socket)
        self._given: Any = address if is_socket else parse(address)
        self._backlog = check_count("backlog", backlog)
        self._max = max_connections
        if max_connections is not None:
            check_count("max_connections", max_connections)
        self._reuse_port = reuse_port
        self._bound: Bound | None = None
        self._spare = -1
        self._told = False  # that nothing is left to accept with
        self._count = 0  # of its connections; a table would take 37 bytes for each
        self._home: Host | None = None  # which knows them, also after the end

    # -- for the user ------------------------------------------------------------------

    @property
    def address(self) -> Any:
        """What it is bound to: (host, port), or what a unix socket is given as."""
        if self._bound is None or self._bound.socket.fileno() < 0:
            return None
        name = self._bound.socket.getsockname()
        if isinstance(name, tuple):
            return name[:2]
        text = os.fsdecode(name)
        return "unix:" + text.replace("\0", "@", 1)

    @property
    def connections(self) -> tuple[Connection, ...]:
        """Those that are open, in the order they came. From any thread."""
        return () if self._home is None else self._home.children(self)

    # -- the IO side ---------------------------------------------------------------------

    @property
    def nonblocking(self) -> bool:
        """Whether it accepts until that would block."""
        return True

    def on_add(self) -> None:
        """Bind and listen."""
        if isinstance(self._given, socket.socket):
            self._bound = adopt_listening(self._given, backlog=self._backlog)
        else:
            self._bound = listen(
                self._given, backlog=self._backlog, reuse_port=self._reuse_port
            )
        self._hold_spare()
        self._home = self.host

    def on_refuse(self) -> None:
        """Unbind; a given socket stays its owner's."""
        self._give_up_spare()
        if self._bound is not None and not isinstance(self._given, socket.socket):
            self._bound.close()
        self._bound = None

    def fileno(self) -> int | None:
        """Return the descriptor."""
        return None if self._bound is None else self._bound.socket.fileno()

    def on_ready(self, ready: int) -> Iterator[Event]:
        """Accept what waits, up to a turn's worth."""
        for _ in range(_BUDGET):
            bound = self._bound
            if (
                bound is None
                or self.closed
                or self.registration.held
                or self.interest is None
            ):
                return
            try:
                accepted, peer = bound.socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _NONE_LEFT:
                    yield from self._shed(bound, error)
                elif error.errno not in _PASSING:
                    raise
                continue
            try:
                self._welcome(accepted, peer)
            except OSError as error:  # its number is too high for select, for instance
                accepted.close()
                yield from self._rest_a_while(error)
        if self.edge_triggered:
            self.host.reschedule(self)

    def _welcome(self, accepted: socket.socket, peer: Any) -> None:
        connection = Connection.accepted(accepted, peer, self._options)
        self.host.adopt(connection, self)
        self._count += 1
        self._told = False
        if self._is_full:
            self.watch(None)

    def on_child_end(self, child: Source) -> None:
        """Accept again, if there were too many."""
        full = self._is_full
        self._count -= 1
        if full and not self.closed:
            self.watch(READ)

    def _shed(self, bound: Bound, error: OSError) -> Iterator[Event]:
        """Close what waits, so that it need not wait in vain."""
        if error.errno in (errno.EMFILE, errno.ENFILE):
            self._give_up_spare()
            with contextlib.suppress(OSError):  # EAGAIN, or another thread took it
                bound.socket.accept()[0].close()
            self._hold_spare()
        yield from self._rest_a_while(error)

    def _rest_a_while(self, error: OSError) -> Iterator[Event]:
        self.watch(None)
        self.set_deadline(self.host.now() + _PAUSE)
        if not self._told:
            self._told = True
            yield Error(error, fatal=False)

    def on_deadline(self, now: float) -> tuple[Event, ...]:
        """Accept again after the pause."""
        if not self._is_full:
            self.watch(READ)
        return ()

    @property
    def _is_full(self) -> bool:
        return self._max is not None and self._count >= self._max

    def _hold_spare(self) -> None:
        with contextlib.suppress(OSError):  # then the next time none is shed
            self._spare = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)

    def _give_up_spare(self) -> None:
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1

    def on_close(self) -> None:
        """Listen no more; its connections stay, but those that nobody has heard of."""
        self._give_up_spare()
        if self._bound is not None:
            self._bound.close()
        for connection in self.connections:
            if not connection.known:
                connection.forget()
