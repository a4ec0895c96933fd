"""What the tests of sockets get: a peer that never answers, and sockets on virtual time."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.network import Net, networking

from evdispatch import Dispatcher


@pytest.fixture
def silent() -> Iterator[Any]:
    """An address that never answers: its queue of connections is full."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.settimeout(0)
            filler.connect_ex(server.getsockname())
        yield server.getsockname()
        for filler in fillers:
            filler.close()


@pytest.fixture
def timed_net(timed: Dispatcher) -> Iterator[Net]:
    """Plain sockets that talk to the dispatcher on the virtual clock."""
    with networking(timed) as net:
        yield net
