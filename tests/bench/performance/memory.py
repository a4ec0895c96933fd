"""Memory of a connection: what the server's process has grown by, for each.

First of idle ones, of which one in 64 was asked once so that the server keeps up; then
after one more request on each.
"""

import contextlib
import socket
from collections.abc import Iterator
from functools import partial
from typing import Final

from bench.performance.families import Case, Family, Values
from bench.performance.processes import OURS, Server, more_files

IDLE: Final = "bytes per idle connection"
USED: Final = "bytes per connection after a request"
CONNECTIONS: Final = 18_000
PEERS: Final = ("asyncio, Protocol", "asyncio, streams", "uvloop, Protocol")


def ask(sock: socket.socket) -> None:
    sock.sendall(b"ping")
    if sock.recv(100) != b"ping":
        raise RuntimeError("a wrong answer")


def measure(connections: int, name: str) -> Values:
    """Measure one server."""
    with Server("echo_servers", name) as server, contextlib.ExitStack() as stack:

        def connect() -> socket.socket:
            address = "127.0.0.1", server.port
            return stack.enter_context(socket.create_connection(address, timeout=30))

        for _ in range(10):  # what the first ones cost is not theirs
            ask(connect())
        before = server.resident()
        socks = []
        for number in range(connections):
            socks.append(connect())
            if number % 64 == 63 or number == connections - 1:
                ask(socks[-1])
        idle = server.resident() - before
        for sock in socks:
            ask(sock)
        used = server.resident() - before
    return {IDLE: idle / connections, USED: used / connections}


@contextlib.contextmanager
def prepare(quick: bool) -> Iterator[list[Case]]:
    """Return the one case."""
    count = 100 if quick else min(CONNECTIONS, more_files() - 200)
    yield [Case(f"{count:,} connections", (*OURS, *PEERS), partial(measure, count))]


FAMILY: Final = Family("memory", "Memory of a connection", 1, OURS[0], prepare)
