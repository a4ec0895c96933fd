"""Servers that read lines, one of each kind: python -m bench.performance.line_servers NAME

Each calls a handler with each line, without its end. The handler counts; at the line
``end`` it answers how many there were. Each server prints its port and serves.
"""

import asyncio
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

from bench.performance.processes import OURS, announce, mode_of

HOST: Final = "127.0.0.1"


class Counter:
    """The handler of all of them."""

    def __init__(self) -> None:
        self.count = 0

    def line(self, line: bytes, answer: Callable[[bytes], object]) -> None:
        self.count += 1
        if line == b"end":
            answer(b"%d\n" % self.count)
            self.count = 0


def evdispatch(mode: Any) -> None:
    from evdispatch import Dispatcher, Line, Listener

    app = Dispatcher(io=mode)
    server = app.add(Listener((HOST, 0), framing="lines"))
    counter = Counter()

    @server.on("line")
    def heard(event: Line) -> None:
        counter.line(event.data, event.source.write)

    announce(server.address[1])
    app.run()


async def serve_streams() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counter = Counter()
        while line := await reader.readline():
            counter.line(line[:-1], writer.write)

    server = await asyncio.start_server(serve, HOST, 0)
    announce(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def asyncio_streams() -> None:
    asyncio.run(serve_streams())


def uvloop_streams() -> None:
    import uvloop

    uvloop.run(serve_streams())


def circuits() -> None:
    from circuits import Event, handler
    from circuits.core.pollers import EPoll
    from circuits.net.events import write
    from circuits.net.sockets import TCPServer
    from circuits.protocols.line import Line

    counter = Counter()
    rests: dict[Any, bytes] = {}

    class Lines(TCPServer):
        @handler("line")
        def _on_line(self, sock: Any, line: bytes) -> None:
            counter.line(line, lambda data: self.fire(write(sock, data)))

        @handler("ready")
        def _on_listening(self, _server: Event, address: Any) -> None:
            announce(address[1])

    server = Lines((HOST, 0))
    Line(
        getBuffer=lambda sock: rests.get(sock, b""), updateBuffer=rests.__setitem__
    ).register(server)
    EPoll().register(server)
    server.run()


def twisted() -> None:
    from twisted.internet import protocol, reactor
    from twisted.protocols.basic import LineOnlyReceiver

    class Lines(LineOnlyReceiver):
        delimiter = b"\n"

        def connectionMade(self) -> None:  # noqa: N802
            self.counter = Counter()

        def lineReceived(self, line: bytes) -> None:  # noqa: N802
            self.counter.line(line, self.transport.write)

    made = protocol.Factory.forProtocol(Lines)
    announce(reactor.listenTCP(0, made, interface=HOST).getHost().port)
    reactor.run()


def plain() -> None:
    """Read a blocking socket's file, which has its loop in C."""
    with socket.create_server((HOST, 0)) as server:
        announce(server.getsockname()[1])
        sock, _ = server.accept()
        counter = Counter()
        with sock, sock.makefile("rb") as file:
            for line in file:
                counter.line(line[:-1], sock.sendall)


PEERS: Final[dict[str, Callable[[], None]]] = {
    "asyncio, streams": asyncio_streams,
    "uvloop, streams": uvloop_streams,
    "circuits": circuits,
    "Twisted": twisted,
    "a blocking file": plain,
}


def main(name: str) -> None:
    if name in OURS:
        evdispatch(mode_of(name))
    else:
        PEERS[name]()


if __name__ == "__main__":
    main(sys.argv[1])
