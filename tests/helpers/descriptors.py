"""Descriptors that are closed after a test, and what is in them."""

import contextlib
import os
import resource
import select
import socket
from collections.abc import Iterator

import pytest


class Ends:
    """Descriptors that are closed after the test, if it has not closed them."""

    def __init__(self) -> None:
        self.open: list[int] = []

    def pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self.open += ends
        return ends

    def pair(self) -> tuple[int, int]:
        left, right = socket.socketpair()
        ends = left.detach(), right.detach()
        self.open += ends
        return ends

    def keep(self, fd: int) -> int:
        self.open.append(fd)
        return fd

    def close(self, fd: int) -> None:
        self.open.remove(fd)
        os.close(fd)

    def given(self, fd: int) -> int:
        """Hand a descriptor over to what will close it."""
        self.open.remove(fd)
        return fd


@contextlib.contextmanager
def allowed(count: int) -> Iterator[None]:
    """Allow so many descriptors, or skip the test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        pytest.skip("too few descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def new_pipe(fds: list[int]) -> tuple[int, int]:
    """Make a pipe whose ends are among those to close."""
    fds += (ends := os.pipe())
    return ends


def drain(fd: int, size: int = 1 << 20) -> bytes:
    """Read what is there, without waiting for more."""
    os.set_blocking(fd, False)
    data = b""
    with contextlib.suppress(BlockingIOError):
        while piece := os.read(fd, size):
            data += piece
    return data


def readable(fd: int, timeout: float = 0) -> bool:
    """Return whether there is something to read, or is within so many seconds."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(timeout * 1000))


def write_lines(fd: int, count: int) -> None:
    os.write(fd, b"".join(b"%d\n" % number for number in range(count)))


def open_descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))
