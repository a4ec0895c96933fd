"""Addresses of sockets, as users write them. No IO here."""

import re
from typing import Any

import attrs

_PATH = 107  # bytes of a path in a sockaddr_un, without the final NUL (unix(7))
_WITH_HOST = re.compile(
    r"(?:\[(?P<ip6>[^\[\]]*:[^\[\]]*)\]|(?P<host>[^:\[\]]*)):(?P<port>[0-9]+)"
)


@attrs.frozen
class HostPort:
    """A host (None: all interfaces) and a port."""

    host: str | None
    port: int

    def __str__(self) -> str:
        host = self.host or ""
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


@attrs.frozen
class UnixPath:
    """A unix socket's path, as os.fsdecode has it; an abstract one begins with a NUL."""

    path: str

    def __str__(self) -> str:
        return "unix:" + self.path.replace("\0", "@", 1)


Address = HostPort | UnixPath
AddressLike = str | tuple[str | None, int]
"""As users write it."""


def parse(address: Any) -> Address:
    """Return an address in parts.

    Args:
        address: ``(host, port)``, ``"host:port"``, ``":port"``, ``"[::1]:port"``,
            ``"unix:PATH"`` or ``"unix:@abstract"``.

    Raises:
        TypeError: It is neither a str nor a pair.
        ValueError: It is malformed.
    """
    if isinstance(address, (HostPort, UnixPath)):
        return address
    if isinstance(address, str):
        if address.startswith("unix:"):
            return _unix(address[5:])
        return _text(address)
    if isinstance(address, tuple) and len(address) == 2:  # noqa: PLR2004 (a pair)
        host, port = address
        if host is not None and not isinstance(host, str):
            raise TypeError(f"host must be a str or None, got {host!r}")
        return _host_port(host, port)
    raise TypeError(f"address must be 'host:port' or (host, port), got {address!r}")


def _unix(path: str) -> UnixPath:
    name = path.removeprefix("@")
    if not name or "\0" in name:
        raise ValueError(
            f"a unix socket's path must not be empty or have NULs, got {path!r}"
        )
    size = len(path.encode(errors="surrogateescape"))
    if size > _PATH:
        raise ValueError(
            f"a unix socket's path must have at most {_PATH} bytes, got {size}"
        )
    return UnixPath(f"\0{name}" if path.startswith("@") else path)


def _text(address: str) -> HostPort:
    match = _WITH_HOST.fullmatch(address)
    if match is None and address.count(":") > 1 and "[" not in address:
        raise ValueError(
            f"an IPv6 host must have brackets, '[ip6]:port', got {address!r}"
        )
    if match is None:
        what = "'host:port', '[ip6]:port' or 'unix:PATH'"
        raise ValueError(f"address must be {what}, got {address!r}")
    return _host_port(match["ip6"] or match["host"], int(match["port"]))


def _host_port(host: str | None, port: Any) -> HostPort:
    if isinstance(port, bool) or not isinstance(port, int):
        raise TypeError(f"port must be a whole number, got {port!r}")
    if not 0 <= port <= 0xFFFF:  # noqa: PLR2004 (16 bits)
        raise ValueError(f"port must be from 0 to 65535, got {port}")
    if host and not _can_be_host(host):
        raise ValueError(f"host must be a name or an IP address, got {host!r}")
    return HostPort(host or None, port)


def _can_be_host(host: str) -> bool:
    if not host.isprintable() or any(each in host for each in " []"):
        return False
    try:
        host.encode("idna")  # getaddrinfo would raise it, late: a label is too long
    except UnicodeError:
        return False
    return True


def show(address: Any) -> str:
    """Return an address as text; it is one of ours, or as the socket module has it."""
    match address:
        case HostPort() | UnixPath():
            return str(address)
        case (str(host), int(port), _, int(scope)) if scope and "%" not in host:
            link_local = HostPort(f"{host}%{scope}", port)
            return str(link_local)
        case (str(host), int(port), *_):
            return str(HostPort(host, port))
        case bytes():
            return show(address.decode(errors="surrogateescape"))
        case str():
            return str(UnixPath(address))
        case _:
            return repr(address)
