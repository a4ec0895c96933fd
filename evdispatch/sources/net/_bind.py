"""Sockets that listen or get datagrams: bound here, or passed by a service manager.

- A unix path stays behind when its owner dies. It is probed by connecting a datagram socket:
  a living stream socket answers EPROTOTYPE and notices nothing, a stale path refuses. A stale
  path is removed, and so is ours at the end, if it is still our own inode. An inode's number
  is not given out again while a descriptor or a bound socket holds it.
- Two programs that start at once: one that takes the path over between the other's last look
  and its unlink loses it. A lock file would prevent that, and is the program's to keep.
- TCP_NODELAY of a listening socket is inherited by those that it accepts (Linux).
"""

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator
from typing import Any

from evdispatch.sources.net._addresses import Address, HostPort, UnixPath, show

_Inode = tuple[int, int]
_NO_IP6 = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}  # the machine has none


class Bound:
    """A bound socket, and the unix path that it has made.

    Attributes:
        socket: Non-blocking, and not inherited by children.
    """

    __slots__ = ("_inode", "_path", "socket")

    def __init__(self, sock: socket.socket, path: str | None = None) -> None:
        self.socket = sock
        self._path = None if path is None else _absolute(path)
        self._inode = None if path is None else _inode(path)

    def close(self) -> None:
        """Close the socket; remove its path, if it is still ours. Also twice."""
        path, self._path = self._path, None  # once closed, the number may be another's
        if path is not None and _inode(path) == self._inode:
            with contextlib.suppress(OSError):  # gone, or not ours to remove any more
                os.unlink(path)
        self.socket.close()


@contextlib.contextmanager
def _naming(address: Address) -> Iterator[None]:
    """Name the address in errors."""
    try:
        yield
    except OSError as error:
        raise type(error)(error.errno, error.strerror, show(address)) from None


def bind(address: Address, kind: socket.SocketKind, *, reuse_port: bool) -> Bound:
    """Return a socket of a kind that is bound to an address.

    Raises:
        ValueError: ``reuse_port`` for a unix socket.
        OSError: It can't be bound; the error names the address.
    """
    if isinstance(address, UnixPath):
        if reuse_port:
            raise ValueError("reuse_port must be False for a unix socket, got True")
        with _naming(address):
            return _bind_unix(address, kind)
    failure = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    with _naming(address):
        for family, sockaddr in _candidates(address, kind):
            try:
                return _bind_inet(
                    family, kind, sockaddr, address, reuse_port=reuse_port
                )
            except OSError as error:
                failure = error
            if address.host is None and failure.errno not in _NO_IP6:
                break  # IPv4 alone would be half of what was asked for
        raise failure


def _candidates(
    address: HostPort, kind: socket.SocketKind
) -> list[tuple[int, tuple[Any, ...]]]:
    if address.host is None:
        wildcards: list[tuple[int, tuple[Any, ...]]] = [
            (socket.AF_INET6, ("::", address.port)),
            (socket.AF_INET, ("0.0.0.0", address.port)),  # noqa: S104 (as asked)
        ]
        return wildcards if socket.has_ipv6 else wildcards[1:]
    found = socket.getaddrinfo(
        address.host, address.port, type=kind, flags=socket.AI_PASSIVE
    )
    return [(family, sockaddr) for family, _, _, _, sockaddr in found]


def _bind_inet(
    family: int,
    kind: socket.SocketKind,
    sockaddr: tuple[Any, ...],
    address: HostPort,
    *,
    reuse_port: bool,
) -> Bound:
    with contextlib.ExitStack() as undo:
        sock = undo.enter_context(socket.socket(family, kind))
        sock.settimeout(0)
        if kind == socket.SOCK_STREAM:
            # Else a restart fails for as long as old connections are in TIME_WAIT.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:  # all interfaces are those of IPv4, too
            only = int(address.host is not None)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        sock.bind(sockaddr)
        undo.pop_all()
    return Bound(sock)


def _bind_unix(address: UnixPath, kind: socket.SocketKind) -> Bound:
    path = address.path
    is_file = not path.startswith("\0")
    with contextlib.ExitStack() as undo:
        sock = undo.enter_context(socket.socket(socket.AF_UNIX, kind))
        sock.settimeout(0)
        if is_file:
            _remove_stale(path)
        sock.bind(path)
        undo.pop_all()
    return Bound(sock, path if is_file else None)


def _remove_stale(path: str) -> None:
    """Remove the path of a socket whose owner has died.

    Raises:
        OSError: The owner lives, or the path is no socket's (EADDRINUSE); it can't be probed.
    """
    try:
        held = os.open(path, os.O_PATH | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    try:
        before = os.fstat(held)
        if not stat.S_ISSOCK(before.st_mode):
            raise OSError(errno.EADDRINUSE, "a file that is no socket is there")
        _check_dead(path)
        with contextlib.suppress(FileNotFoundError):  # another program was faster
            if os.path.samestat(os.lstat(path), before):
                os.unlink(path)
    finally:
        os.close(held)


def _check_dead(path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        answer = probe.connect_ex(path)
    if answer == errno.EACCES:
        raise PermissionError(answer, os.strerror(answer))
    if answer not in (errno.ECONNREFUSED, errno.ENOENT):
        raise OSError(errno.EADDRINUSE, "another program listens there")


def _absolute(path: str) -> str:
    """Return a path that chdir does not change; abspath would drop ``link/..``."""
    return path if os.path.isabs(path) else os.path.join(os.getcwd(), path)


def _inode(path: str) -> _Inode | None:
    try:
        status = os.lstat(path)
    except OSError:  # gone, or out of reach since the program has given up its rights
        return None
    return status.st_dev, status.st_ino


def listen(address: Address, *, backlog: int, reuse_port: bool) -> Bound:
    """Return a listening socket.

    Raises:
        ValueError: ``reuse_port`` for a unix socket.
        OSError: It can't be bound; the error names the address.
    """
    bound = bind(address, socket.SOCK_STREAM, reuse_port=reuse_port)
    with contextlib.ExitStack() as undo, _naming(address):
        undo.callback(bound.close)
        bound.socket.listen(backlog)  # EADDRINUSE here, if another program was faster
        undo.pop_all()
    return bound


def adopt_listening(sock: socket.socket, *, backlog: int) -> Bound:
    """Make a socket of the user's listen; its path is not ours to remove.

    Raises:
        ValueError: It can't listen: it is no stream socket, or is connected.
    """
    if sock.type != socket.SOCK_STREAM:
        raise ValueError(f"a listening socket must be a stream socket, got {sock!r}")
    with contextlib.suppress(OSError):
        sock.getpeername()
        raise ValueError(f"a listening socket must not be connected, got {sock!r}")
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.listen(backlog)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.settimeout(0)
    return Bound(sock)


# sd_listen_fds(3): LISTEN_FDS descriptors from number 3 on are for the process LISTEN_PID, and
# LISTEN_FDNAMES has their names, with colons in between. LISTEN_PIDFDID distinguishes LISTEN_PID from
# a later process of that number.
_FIRST = 3
_VARIABLES = ("LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES")
_UNNAMED = "unknown"  # as sd_listen_fds_with_names(3) calls it

_Passed = tuple[str, int]  # a name and a descriptor

_waiting: list[_Passed] = []  # passed, and not asked for yet
os.register_at_fork(after_in_child=_waiting.clear)


def activated_sockets(name: str | None = None) -> list[socket.socket]:
    """Return the sockets that the service manager has passed; each is returned once.

    Give each to a `Listener` or a `Datagram`. They are yours to close, and children do not
    inherit them. Call it early: only the first call sees to that, and takes the variables
    from ``os.environ``. From any thread, but from one at a time.

    Args:
        name: Only those of this name (``FileDescriptorName=`` of a socket unit).

    Returns:
        The sockets in the order they were passed; an empty list if there are none left, or
        if they are meant for another process.

    Raises:
        ValueError: The environment variables are malformed, or a descriptor is no socket.
    """
    if _is_for_us():
        _waiting.extend(_passed())
        # A program that this one turns into by exec keeps the number of the process, and
        # would take its own descriptors for passed ones; so would a child that is passed
        # sockets of its own, because of our LISTEN_PIDFDID.
        for variable in _VARIABLES:
            os.environ.pop(variable, None)
    taken = [each for each in _waiting if name is None or each[0] == name]
    for own, fd in taken:
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            raise ValueError(f"descriptor {fd}, {own!r}, must be a socket")
    for each in taken:
        _waiting.remove(each)
    return [socket.socket(fileno=fd) for _, fd in taken]


def _is_for_us() -> bool:
    text = os.environ.get("LISTEN_PID")
    return text is not None and _number("LISTEN_PID", text) == os.getpid()


def _passed() -> list[_Passed]:
    count = os.environ.get("LISTEN_FDS", "")
    fds = []
    for fd in range(_FIRST, _FIRST + _number("LISTEN_FDS", count)):
        try:
            os.set_inheritable(fd, False)  # noqa: FBT003 (it takes no keywords)
        except OSError:
            text = f"LISTEN_FDS is {count}, but descriptor {fd} is not open"
            raise ValueError(text) from None
        fds.append(fd)
    text = os.environ.get("LISTEN_FDNAMES", "")
    names = text.split(":") if text else [_UNNAMED] * len(fds)
    if len(names) != len(fds):
        raise ValueError(f"LISTEN_FDNAMES must have {len(fds)} names, got {text!r}")
    return list(zip(names, fds, strict=True))


def _number(variable: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{variable} must be a number, got {text!r}")
    return int(text)
