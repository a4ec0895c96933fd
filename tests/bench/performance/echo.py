"""TCP echo: CPU time of a request, by connections and size.

All servers of a round are up at once, and rest while another is measured. Each connection
has one request under way all the time.
"""

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Final

from bench.performance.echo_servers import PEERS
from bench.performance.families import Case, Family, Values, is_here
from bench.performance.processes import OURS, Client, Server, more_files

CPU: Final = "us of CPU per request"
KIB: Final = 1024
SHAPES: Final = (  # connections, bytes of a request
    (100, 64),
    (1, 64),
    (1, 16 * KIB),
    (100, 16 * KIB),
    (1, 1024 * KIB),
    (100, 1024 * KIB),
    (10_000, 64),
)
MOST: Final = {  # connections times bytes; beyond, a pass takes minutes
    "circuits": 100 * 16 * KIB,
}
MOST_CONNECTIONS: Final = {"circuits": 100, "a thread per client": 100}
CONTESTANTS: Final = (*OURS, *PEERS, "plain C")


def title(connections: int, size: int) -> str:
    """Return the name of a case."""
    unit = f"{size // KIB // KIB} MB" if size >= KIB * KIB else f"{size // KIB} KB"
    unit = f"{size} B" if size < KIB else unit
    return f"{connections:,} connection{'s' * (connections > 1)}, {unit}"


def takes_part(name: str, connections: int, size: int) -> bool:
    """Whether a contestant can do so many."""
    bytes_in_all = connections * size
    return bytes_in_all <= MOST.get(name, bytes_in_all) and (
        connections <= MOST_CONNECTIONS.get(name, connections)
    )


def ask(server: Server, connections: int, size: int, seconds: float) -> Values:
    """Measure one server."""
    with Client(server.port, connections, size) as client:
        client.run(seconds / 4)
        before = server.cpu()
        count = client.run(seconds)
        spent = server.cpu() - before
    server.settle()
    return {CPU: spent / count * 1e6}


@contextlib.contextmanager
def prepare(quick: bool) -> Iterator[list[Case]]:
    """Start all servers."""
    most = more_files()
    shapes = [
        (connections, size)
        for connections, size in SHAPES
        if connections + 100 < most and not (quick and connections > 100)
    ]
    with contextlib.ExitStack() as stack:
        servers = {
            name: stack.enter_context(Server("echo_servers", name))
            for name in CONTESTANTS
            if is_here(name)
        }

        def one(connections: int, size: int, name: str) -> Values:
            long = (connections, size) == SHAPES[0]
            seconds = 0.1 if quick else 0.4 if long else 0.2
            return ask(servers[name], connections, size, seconds)

        yield [
            Case(
                title(*shape),
                [name for name in CONTESTANTS if takes_part(name, *shape)],
                partial(one, *shape),
                every=3 if shape[0] > 100 else 1,
            )
            for shape in shapes
        ]


FAMILY: Final = Family("echo", "TCP echo", 5, OURS[0], prepare)
