"""Datagrams: UDP and unix datagram sockets.

- A datagram without a byte is one, and no end (udp(7)).
- ICMP reports that a datagram could not be delivered, by the socket's error queue, with the
  address (IP_RECVERR, ip(7)). The error also fails a later call, which concerns another
  datagram: that call is tried again.
- A datagram that the kernel does not take is not kept: a late one is often worth nothing.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any, ClassVar

import attrs

from evdispatch._checks import check_count
from evdispatch._core._poller import ERROR, READ, WRITE
from evdispatch._errors import ClosedError
from evdispatch._events import Drain, Error, Event
from evdispatch.sources._base import Source
from evdispatch.sources.net._addresses import AddressLike, parse, show
from evdispatch.sources.net._bind import Bound, bind
from evdispatch.sources.net._opening import known

_BATCH = 64  # datagrams, or errors, in one turn
_LARGEST = 65_535  # bytes of a UDP datagram, with its headers

# <linux/in.h>, <linux/in6.h>: the socket module has no names for these.
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_RECVERR = {
    (socket.IPPROTO_IP, _IP_RECVERR),
    (socket.IPPROTO_IPV6, _IPV6_RECVERR),
}
_EXTENDED_ERROR = struct.Struct("=IBBBBII")  # struct sock_extended_err
_ERROR_SIZE = 512  # bytes of it and an address, at most


@attrs.define(eq=False)
class Packet(Event):
    """A datagram was received: the event `datagram`.

    Attributes:
        data: Its bytes; maybe none.
        address: The sender's, as the socket module has it; None: it is unnamed.
        truncated: Whether it was longer than ``max_size``.
    """

    name: ClassVar[str] = "datagram"

    data: bytes
    address: Any
    truncated: bool = False


class Datagram(Source):
    """Receives and sends datagrams: `datagram` events, and `send`.

    A datagram that could not be delivered (ICMP) is an `error` event with an OSError that
    names the address; it is logged if no handler takes it.

    Args:
        bind: The address to receive at: ``"host:port"``, ``":port"``, ``"unix:PATH"``, or a
            socket, which it then owns. None: a free port, or no name.
        peer: Send to this address, and receive from it alone: a numeric host, or a path.
        reuse_port: Several processes may bind there (SO_REUSEPORT).
        max_size: The longest datagram, in bytes; the rest of a longer one is lost.
        edge: Whether it is edge-triggered; None: as the dispatcher.
        name: A label for messages.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: Neither ``bind`` nor ``peer`` is given; a malformed address; a host name
            for ``peer``, which would have to be looked up.
    """

    __slots__ = (
        "_bind",
        "_bound",
        "_inet",
        "_max_size",
        "_peer",
        "_reuse_port",
        "edge",
    )

    def __init__(
        self,
        bind: AddressLike | socket.socket | None = None,
        peer: AddressLike | None = None,
        *,
        reuse_port: bool = False,
        max_size: int = _LARGEST,
        edge: bool | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        if bind is None and peer is None:
            raise ValueError("a Datagram must have bind, peer, or both")
        is_socket = isinstance(bind, socket.socket)
        self._bind: Any = bind if is_socket or bind is None else parse(bind)
        self._peer = None if peer is None else _target(peer)
        self._reuse_port = reuse_port
        self._max_size = check_count("max_size", max_size)
        self.edge = edge
        self._bound: Bound | None = None
        self._inet = False

    # -- for the user ------------------------------------------------------------------

    @property
    def address(self) -> Any:
        """The address it is bound to, as the socket module has it; None before it is added."""
        return None if self._bound is None else self._bound.socket.getsockname()

    def send(
        self, data: bytes | bytearray | memoryview, address: AddressLike | None = None
    ) -> bool:
        """Send a datagram. From any thread.

        Args:
            data: Its bytes.
            address: The receiver's; a numeric host, or a path. None: the peer's.

        Returns:
            Whether the kernel took it. False: its buffer is full, and nothing is kept. A
            `drain` event follows when there is space again, but not for a unix socket
            without a peer: the kernel does not report that.

        Raises:
            ClosedError: It has ended.
            StateError: It was not added yet.
            ValueError: A host name, which would have to be looked up.
            OSError: It can't be sent: too long (EMSGSIZE), no such receiver (ECONNREFUSED,
                of a unix socket), or no route.
        """
        host = self.host
        with host.lock:
            bound = self._bound
            if bound is None or self.closed:
                raise ClosedError(f"{self!r} is closed")
            target = None if address is None else self._reach(bound, address)
            try:
                _send(bound.socket, data, target)
            except BlockingIOError:
                if self._inet or target is None:
                    self.watch(READ | WRITE)
                return False
            except ConnectionRefusedError:
                if not self._inet:
                    raise
                _send(bound.socket, data, target)  # that concerned an earlier one
            return True

    def _reach(self, bound: Bound, address: AddressLike) -> Any:
        family, target = _target(address)
        if bound.socket.family == socket.AF_INET6 and family == socket.AF_INET:
            return (f"::ffff:{target[0]}", target[1])  # it receives both
        return target

    def join_group(self, group: str, interface: str | int = 0) -> None:
        """Receive what is sent to a multicast group.

        Args:
            group: Its numeric address.
            interface: Its name or index; 0: the kernel's choice.

        Raises:
            OSError: There is no such interface, or it is no multicast address.
            StateError: It was not added yet.
        """
        self._change_membership(group, interface, join=True)

    def leave_group(self, group: str, interface: str | int = 0) -> None:
        """Leave a multicast group; see `join_group`."""
        self._change_membership(group, interface, join=False)

    def _change_membership(
        self, group: str, interface: str | int, *, join: bool
    ) -> None:
        with self.host.lock:
            if self._bound is None:
                raise ClosedError(f"{self!r} is closed")
            sock, index = self._bound.socket, interface
            if isinstance(index, str):
                index = socket.if_nametoindex(index)
            if ":" in group:
                request = socket.inet_pton(socket.AF_INET6, group)
                request += struct.pack("@I", index)
                options = socket.IPV6_JOIN_GROUP, socket.IPV6_LEAVE_GROUP
                level = socket.IPPROTO_IPV6
            else:
                request = struct.pack("@4s4si", socket.inet_aton(group), b"", index)
                options = socket.IP_ADD_MEMBERSHIP, socket.IP_DROP_MEMBERSHIP
                level = socket.IPPROTO_IP
            sock.setsockopt(level, options[0 if join else 1], request)

    # -- the IO side ---------------------------------------------------------------------

    @property
    def nonblocking(self) -> bool:
        """Whether it receives until that would block."""
        return True

    def on_add(self) -> None:
        """Bind and connect."""
        self._bound = self._open()
        sock = self._bound.socket
        try:
            sock.settimeout(0)
            self._inet = sock.family != socket.AF_UNIX
            if self._inet:
                _queue_errors(sock)
            if self._peer is not None:
                sock.connect(self._peer[1])
        except OSError:
            self.on_refuse()
            raise

    def _open(self) -> Bound:
        given = self._bind
        if isinstance(given, socket.socket):
            if given.type != socket.SOCK_DGRAM:
                raise ValueError(f"bind must be a socket of datagrams, got {given!r}")
            return Bound(given)
        if given is not None:
            return bind(given, socket.SOCK_DGRAM, reuse_port=self._reuse_port)
        family = socket.AF_INET if self._peer is None else self._peer[0]
        return Bound(socket.socket(family, socket.SOCK_DGRAM))

    def on_refuse(self) -> None:
        """Unbind; a given socket stays its owner's."""
        if self._bound is not None and not isinstance(self._bind, socket.socket):
            self._bound.close()
        self._bound = None

    def fileno(self) -> int | None:
        """Return the descriptor."""
        return None if self._bound is None else self._bound.socket.fileno()

    def on_ready(self, ready: int) -> Iterator[Event]:
        """Receive what is there, up to a turn's worth."""
        bound = self._bound
        if bound is None:
            return
        if ready & ERROR:
            yield from self._errors(bound.socket)
        if ready & WRITE and (self.interest or 0) & WRITE:
            self.watch(READ)
            yield Drain()
        yield from self._receive(bound.socket)

    def _receive(self, sock: socket.socket) -> Iterator[Event]:
        for _ in range(_BATCH):
            if self.closed or self.registration.held:
                return
            try:
                data, _, flags, address = sock.recvmsg(self._max_size)
            except BlockingIOError:
                return
            except OSError as error:
                if not self._inet or error.errno == errno.EBADF:
                    raise
                yield from self._errors(sock)  # of an earlier one
                continue
            yield Packet(data, address or None, bool(flags & socket.MSG_TRUNC))
        if self.edge_triggered:
            self.host.reschedule(self)

    def _errors(self, sock: socket.socket) -> Iterator[Event]:
        if self._inet:
            for error in _queued_errors(sock):
                yield Error(error, fatal=False)

    def on_close(self) -> None:
        """Close the socket."""
        if self._bound is not None:
            self._bound.close()


def _target(address: AddressLike) -> tuple[int, Any]:
    found = known(parse(address))
    if found is None:
        raise ValueError(f"host must be numeric, as looking it up blocks: {address!r}")
    return found[0]


def _send(sock: socket.socket, data: Any, target: Any) -> None:
    if target is None:
        sock.send(data, socket.MSG_NOSIGNAL)
    else:
        sock.sendto(data, socket.MSG_NOSIGNAL, target)


def _queue_errors(sock: socket.socket) -> None:
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)  # of IPv6, too: it may be both


def _queued_errors(sock: socket.socket) -> Iterator[OSError]:
    """Take the errors from the queue; each names the address of its datagram."""
    for _ in range(_BATCH):
        try:
            _, extra, _, address = sock.recvmsg(0, _ERROR_SIZE, socket.MSG_ERRQUEUE)
        except OSError:  # it is empty
            return
        for level, kind, value in extra:
            if (level, kind) in _RECVERR and len(value) >= _EXTENDED_ERROR.size:
                number = _EXTENDED_ERROR.unpack_from(value)[0]
                yield OSError(number, os.strerror(number), show(address))
