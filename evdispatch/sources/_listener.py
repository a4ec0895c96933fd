"""A listener: accepts connections, and shares its handlers with them.

- Without a free descriptor (EMFILE) accept fails for as long as a client waits, and the
  poller reports it each time. So a spare descriptor is given up to accept and close the
  waiting client, which then knows at once; and accepting is paused.
- Pending errors of the network come out of accept(2) as if they were its own: they are
  skipped.
- Accepted connections whose `connect` no handler has seen end with the listener.
"""

import contextlib
import errno
import os
import socket
from typing import TYPE_CHECKING, Any, ClassVar

from evdispatch._checks import check_count
from evdispatch._core._poller import READ
from evdispatch._events import Error, Event
from evdispatch.sources._base import Source
from evdispatch.sources._connection import Connection
from evdispatch.sources._host import Host
from evdispatch.sources.net._addresses import AddressLike, parse
from evdispatch.sources.net._bind import Bound, adopt_listening, listen
from evdispatch.sources.stream._framing import Framing
from evdispatch.sources.stream._options import StreamOptions

if TYPE_CHECKING:
    import ssl

_BUDGET = 64  # connections in one turn
_PAUSE = 0.2  # seconds without accepting, after it failed

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
    """Accepts connections: each is a `Connection` whose ``parent`` is the listener.

    Handlers that are registered with `on` of the listener get the events of all its
    connections. Without descriptors or memory to accept with, waiting clients are closed,
    accepting is paused for 0.2 seconds, and one `error` event reports it, which is logged
    if no handler takes it.

    Args:
        address: ``"host:port"``, ``":port"`` (all interfaces, IPv4 and IPv6), port 0 for
            any free one, ``"unix:PATH"``, ``"unix:@abstract"``, or a socket, bound or
            listening, which it then owns. A path whose program has died is taken over,
            and its own path is removed at the end.
        framing: Of its connections: see `Connection`.
        max_line: The longest line or frame, in bytes.
        tls: Use TLS, with this `ssl.SSLContext`.
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
        ValueError: An argument is out of range, or malformed.
    """

    has_children: ClassVar[bool] = True

    __slots__ = (
        "_backlog",
        "_bound",
        "_count",
        "_given",
        "_max",
        "_options",
        "_owner",
        "_reported",
        "_reuse_port",
        "_spare",
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
        self._reported = False  # that it can't accept
        self._count = 0  # of its connections; a table would take 37 bytes for each
        self._owner: Host | None = None  # knows the connections, also after the end

    # -- for the user ------------------------------------------------------------------

    @property
    def address(self) -> Any:
        """The address it is bound to: (host, port), or that of a unix socket as given."""
        if self._bound is None or self._bound.socket.fileno() < 0:
            return None
        name = self._bound.socket.getsockname()
        if isinstance(name, tuple):
            return name[:2]
        text = os.fsdecode(name)
        return "unix:" + text.replace("\0", "@", 1)

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The open connections, in the order they came. From any thread."""
        return () if self._owner is None else self._owner.children(self)

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
        self._open_spare()
        self._owner = self.host

    def on_refuse(self) -> None:
        """Unbind; a given socket stays its owner's."""
        self._close_spare()
        if self._bound is not None and not isinstance(self._given, socket.socket):
            self._bound.close()
        self._bound = None

    def fileno(self) -> int | None:
        """Return the descriptor."""
        return None if self._bound is None else self._bound.socket.fileno()

    def on_ready(self, ready: int) -> tuple[Event, ...]:
        """Accept waiting connections, up to a turn's worth."""
        bound = self._bound
        if bound is None or self.registration.held or self.interest is None:
            return ()
        for _ in range(_BUDGET):
            try:
                accepted, peer = bound.socket.accept()
            except BlockingIOError:
                return ()
            except OSError as error:
                if error.errno in _NONE_LEFT:
                    return self._shed(bound, error)
                if error.errno not in _PASSING:
                    raise
                continue
            try:
                self.host.adopt(
                    Connection.accepted(accepted, peer, self._options), self
                )
            except OSError as error:  # its number is too high for select, for instance
                accepted.close()
                return self._pause_accepting(error)
            self._count += 1
            self._reported = False
            if self._count == self._max:
                self.watch(None)
                return ()
        if self.edge_triggered:
            self.host.reschedule(self)
        return ()

    def on_child_end(self, child: Source) -> None:
        """Accept again, if there were too many."""
        self._count -= 1
        if self._count + 1 == self._max and not self.closed:
            self.watch(READ)

    def _shed(self, bound: Bound, error: OSError) -> tuple[Event, ...]:
        """Close the first waiting connection, so that its client does not wait in vain."""
        if error.errno in (errno.EMFILE, errno.ENFILE):
            self._close_spare()
            with contextlib.suppress(
                OSError
            ):  # EAGAIN, or another thread took the number
                bound.socket.accept()[0].close()
            self._open_spare()
        return self._pause_accepting(error)

    def _pause_accepting(self, error: OSError) -> tuple[Event, ...]:
        self.watch(None)
        self.set_deadline(self.host.now() + _PAUSE)
        if self._reported:
            return ()
        self._reported = True
        return (Error(error, fatal=False),)

    def on_deadline(self, now: float) -> tuple[Event, ...]:
        """Accept again after the pause."""
        if self._count != self._max:
            self.watch(READ)
        return ()

    def _open_spare(self) -> None:
        with contextlib.suppress(OSError):  # then the next time none is shed
            self._spare = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)

    def _close_spare(self) -> None:
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1

    def on_close(self) -> None:
        """Stop listening. Connections stay, but those that no handler has seen."""
        self._close_spare()
        if self._bound is not None:
            self._bound.close()
        for connection in self.connections:
            if not connection.announced:
                connection.drop()
