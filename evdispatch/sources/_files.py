"""What kind of file a descriptor stands for: who else has it, and what a read of it is."""

import contextlib
import os
import socket
import stat

STANDARD = (0, 1, 2)


def is_standard(status: os.stat_result) -> bool:
    """Whether it is the file of descriptor 0, 1 or 2, by whatever number."""
    for standard in STANDARD:
        with contextlib.suppress(OSError):  # a daemon has closed it
            if os.path.samestat(status, os.fstat(standard)):
                return True
    return False


def is_connection(fd: int) -> bool:
    """Whether it is a stream socket, which goes both ways."""
    return stat.S_ISSOCK(os.fstat(fd).st_mode) and is_stream(fd)


def is_stream(fd: int) -> bool:
    """Whether a socket has no bounds of messages: an empty one would look like the end."""
    borrowed = socket.socket(fileno=fd)
    try:
        return borrowed.type == socket.SOCK_STREAM
    finally:
        borrowed.detach()
