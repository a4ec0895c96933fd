"""What kind of file a descriptor stands for: how it can be used, and what is connected."""

import contextlib
import fcntl
import os
import signal
import socket
import stat
import struct
import warnings

import attrs

STANDARD = (0, 1, 2)


def is_standard(status: os.stat_result) -> bool:
    """Whether it is the file of descriptor 0, 1 or 2, by any number."""
    for standard in STANDARD:
        with contextlib.suppress(OSError):  # a daemon has closed it
            if os.path.samestat(status, os.fstat(standard)):
                return True
    return False


def access(fd: int) -> tuple[bool, bool]:
    """Return whether it was opened for reading, and for writing.

    Warns if writing to it would end the process once its reader has gone.
    """
    mode = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
    readable = mode in (os.O_RDONLY, os.O_RDWR)
    writable = mode in (os.O_WRONLY, os.O_RDWR)
    if writable and signal.getsignal(signal.SIGPIPE) is signal.SIG_DFL:
        text = "SIGPIPE is not ignored: a pipe whose reader goes will end this process"
        warnings.warn(text, RuntimeWarning, stacklevel=4)
    return readable, writable


def is_connection(fd: int) -> bool:
    """Whether it is a stream socket, which has two directions."""
    return stat.S_ISSOCK(os.fstat(fd).st_mode) and is_stream(fd)


def is_stream(fd: int) -> bool:
    """Whether a socket has no messages: an empty message would look like the end."""
    borrowed = socket.socket(fileno=fd)
    try:
        return borrowed.type == socket.SOCK_STREAM
    finally:
        borrowed.detach()


@attrs.frozen
class Credentials:
    """The process that has opened the other side of a unix socket (SO_PEERCRED)."""

    pid: int
    uid: int
    gid: int


def peer_credentials(sock: socket.socket) -> Credentials:
    """Return the credentials of the other side of a unix socket."""
    size = struct.calcsize("3i")
    found = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return Credentials(*struct.unpack("3i", found))
