"""From a host's name to the addresses to try, in order (RFC 8305, section 4)."""

import socket
from itertools import zip_longest
from typing import Any

from evdispatch.sources.net._addresses import Address, HostPort, UnixPath, show

Candidate = tuple[int, Any]
"""A family, and the address as the socket module has it."""

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


def known(address: Address) -> list[Candidate] | None:
    """Return what to try where nothing has to be looked up, else None."""
    if isinstance(address, UnixPath):
        return look_up(address)
    try:
        return _look_up(HostPort(address.host or "localhost", address.port), _NUMERIC)
    except socket.gaierror:
        return None


def look_up(address: Address) -> list[Candidate]:
    """Return what to try; this may take as long as the name servers do.

    Raises:
        OSError: There is no such host; the error names it.
    """
    if isinstance(address, UnixPath):
        return [(socket.AF_UNIX, address.path)]
    host = HostPort(address.host or "localhost", address.port)
    try:
        return interleave(_look_up(host, 0))
    except socket.gaierror as error:
        raise socket.gaierror(error.errno, f"{error.strerror}: {show(host)}") from None


def _look_up(address: HostPort, flags: int) -> list[Candidate]:
    # Without AI_ADDRCONFIG, which refuses ::1 where only the loopback has IPv6.
    found = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=flags
    )
    return [(family, sockaddr) for family, _, _, _, sockaddr in found]


def interleave(candidates: list[Candidate]) -> list[Candidate]:
    """Return them with the families in turn, the first one's family first."""
    first = [each for each in candidates if each[0] == candidates[0][0]]
    others = [each for each in candidates if each[0] != candidates[0][0]]
    pairs = zip_longest(first, others)
    return [each for pair in pairs for each in pair if each is not None]
