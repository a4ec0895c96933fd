"""What ICMP tells of datagrams: nobody listens there, or there is no way.

It comes by the socket's error queue, with the address it is about (IP_RECVERR, ip(7)).
"""

import os
import socket
import struct
from collections.abc import Iterator

from evdispatch.sources.net._addresses import show

# <linux/in.h>, <linux/in6.h>: the socket module has no names for these.
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_KINDS = {
    (socket.IPPROTO_IP, _IP_RECVERR),
    (socket.IPPROTO_IPV6, _IPV6_RECVERR),
}
_EXTENDED_ERROR = struct.Struct("=IBBBBII")  # struct sock_extended_err
_ROOM = 512  # bytes for it and an address
_BATCH = 64


def queue_errors(sock: socket.socket) -> None:
    """Have errors queued, with their addresses."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)  # of IPv6, too: it may be both


def queued_errors(sock: socket.socket) -> Iterator[OSError]:
    """Take the errors from the queue; each names the address that it is about."""
    for _ in range(_BATCH):
        try:
            _, extra, _, address = sock.recvmsg(0, _ROOM, socket.MSG_ERRQUEUE)
        except OSError:  # it is empty
            return
        for level, kind, value in extra:
            if (level, kind) in _KINDS and len(value) >= _EXTENDED_ERROR.size:
                number = _EXTENDED_ERROR.unpack_from(value)[0]
                yield OSError(number, os.strerror(number), show(address))
