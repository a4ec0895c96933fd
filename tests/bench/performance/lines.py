"""Lines of a socket: CPU time of a line, from the kernel to its handler.

The client sends a thousand lines, and then waits for their count.
"""

import contextlib
import socket
import time
from collections.abc import Iterator
from functools import partial
from typing import Final

from bench.performance.families import Case, Family, Values
from bench.performance.line_servers import PEERS
from bench.performance.processes import OURS, Server

CPU: Final = "us of CPU per line"
LINES: Final = 1000
CHUNK: Final = b"".join(b"%039d\n" % n for n in range(LINES - 1)) + b"end\n"


def send(sock: socket.socket, seconds: float) -> int:
    """Send lines for so long; return how many. All must be counted."""
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        sock.sendall(CHUNK)
        if sock.recv(100) != b"%d\n" % LINES:
            raise RuntimeError("lines were lost")
        count += LINES
    return count


def measure(seconds: float, name: str) -> Values:
    """Measure one server."""
    with Server("line_servers", name) as server:
        sock = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        with sock:
            send(sock, seconds / 4)
            before = server.cpu()
            count = send(sock, seconds)
            return {CPU: (server.cpu() - before) / count * 1e6}


@contextlib.contextmanager
def prepare(quick: bool) -> Iterator[list[Case]]:
    """Return the one case."""
    contestants = (*OURS, *PEERS)
    seconds = 0.1 if quick else 0.4
    yield [Case("lines of 39 bytes", contestants, partial(measure, seconds))]


FAMILY: Final = Family("lines", "Lines", 5, OURS[0], prepare)
