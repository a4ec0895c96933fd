"""Descriptors for the tests of `Pipe`, and what a pipe tells, in short."""

import contextlib
import os
import socket
from typing import Any

from evdispatch import Data, Event, Line, Pipe


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
        """Hand a descriptor over to who will close it."""
        self.open.remove(fd)
        return fd


def heard(source: Pipe) -> list[Any]:
    seen: list[Any] = []
    source.on(Event)(seen.append)
    return seen


def shown(events: list[Any]) -> list[Any]:
    """Data and lines as bytes, all else by name."""
    return [e.data if isinstance(e, (Data, Line)) else e.name for e in events]


def drain(fd: int, size: int = 1 << 20) -> bytes:
    """Read what is there, without waiting for more."""
    os.set_blocking(fd, False)
    data = b""
    with contextlib.suppress(BlockingIOError):
        while piece := os.read(fd, size):
            data += piece
    return data
