"""Echo servers, one of each kind: python -m bench.performance.echo_servers NAME

Each prints its port and serves. What comes in goes out again, and that is all. Each is
written as its library's own documentation would, with its own defaults.
"""

import asyncio
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

from bench.performance.processes import OURS, announce, mode_of, more_files

BACKLOG: Final = 4096
CHUNK: Final = 65_536
HOST: Final = "127.0.0.1"


def evdispatch(mode: Any) -> None:
    from evdispatch import Data, Dispatcher, Listener

    app = Dispatcher(io=mode)
    server = app.add(Listener((HOST, 0), backlog=BACKLOG))

    @server.on("data")
    def echo(event: Data) -> None:
        event.source.write(event.data)

    announce(server.address[1])
    app.run()


class EchoProtocol(asyncio.Protocol):
    """What asyncio and uvloop run."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def serve_protocol() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(EchoProtocol, HOST, 0, backlog=BACKLOG)
    announce(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def asyncio_protocol() -> None:
    asyncio.run(serve_protocol())


def uvloop_protocol() -> None:
    import uvloop

    uvloop.run(serve_protocol())


def asyncio_streams() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(echo, HOST, 0, backlog=BACKLOG)
        announce(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


def circuits() -> None:
    from circuits import handler
    from circuits.core.pollers import EPoll
    from circuits.net.sockets import TCPServer

    class Echo(TCPServer):
        @handler("read")
        def _on_data(self, _sock: Any, data: bytes) -> bytes:
            return data

        @handler("ready")
        def _on_listening(self, _server: Any, address: Any) -> None:
            announce(address[1])

    server = Echo((HOST, 0))
    EPoll().register(server)
    server.run()


def twisted() -> None:
    from twisted.internet import protocol, reactor

    class Echo(protocol.Protocol):
        def dataReceived(self, data: bytes) -> None:  # noqa: N802
            self.transport.write(data)

    made = protocol.Factory.forProtocol(Echo)
    announce(reactor.listenTCP(0, made, BACKLOG, HOST).getHost().port)
    reactor.run()


def tornado() -> None:
    from tornado.iostream import StreamClosedError
    from tornado.tcpserver import TCPServer

    class Echo(TCPServer):
        async def handle_stream(self, stream: Any, _address: Any) -> None:
            try:
                while True:
                    data = await stream.read_bytes(CHUNK, partial=True)
                    await stream.write(data)
            except StreamClosedError:
                pass

    async def serve() -> None:
        sock = socket.create_server((HOST, 0), backlog=BACKLOG)
        sock.setblocking(False)
        Echo().add_sockets([sock])
        announce(sock.getsockname()[1])
        await asyncio.Event().wait()

    asyncio.run(serve())


def trio() -> None:
    import trio

    async def echo(stream: Any) -> None:
        async for data in stream:
            await stream.send_all(data)

    async def serve() -> None:
        listeners = await trio.open_tcp_listeners(0, host=HOST, backlog=BACKLOG)
        announce(listeners[0].socket.getsockname()[1])
        await trio.serve_listeners(echo, listeners)

    trio.run(serve)


def gevent() -> None:
    from gevent.server import StreamServer

    def echo(sock: Any, _address: Any) -> None:
        while data := sock.recv(CHUNK):
            sock.sendall(data)

    server = StreamServer((HOST, 0), echo, backlog=BACKLOG)
    server.start()
    announce(server.address[1])
    server.serve_forever()


def threads() -> None:
    def echo(sock: socket.socket) -> None:
        with sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := sock.recv(CHUNK):
                sock.sendall(data)

    threading.stack_size(65_536)
    with socket.create_server((HOST, 0), backlog=BACKLOG) as server:
        announce(server.getsockname()[1])
        while True:
            sock, _ = server.accept()
            threading.Thread(target=echo, args=(sock,), daemon=True).start()


def epoll_loop() -> None:
    """Serve without anything between epoll and the sockets."""
    import select

    poller = select.epoll()
    server = socket.create_server((HOST, 0), backlog=BACKLOG)
    server.setblocking(False)
    poller.register(server, select.EPOLLIN)
    announce(server.getsockname()[1])
    socks: dict[int, socket.socket] = {}
    rests: dict[int, memoryview] = {}

    def echo(fd: int, sock: socket.socket) -> None:
        rest = rests.pop(fd, None)
        data = memoryview(sock.recv(CHUNK)) if rest is None else rest
        if not data:
            socks.pop(fd).close()
            return
        try:
            sent = sock.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):  # read no more until it is taken
            rests[fd] = data[sent:]
            poller.modify(fd, select.EPOLLOUT)
        elif rest is not None:
            poller.modify(fd, select.EPOLLIN)

    while True:
        for fd, _ in poller.poll():
            sock = socks.get(fd)
            if sock is not None:
                echo(fd, sock)
                continue
            sock, _ = server.accept()
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            poller.register(sock, select.EPOLLIN)
            socks[sock.fileno()] = sock


PEERS: Final[dict[str, Callable[[], None]]] = {
    "asyncio, Protocol": asyncio_protocol,
    "asyncio, streams": asyncio_streams,
    "uvloop, Protocol": uvloop_protocol,
    "circuits": circuits,
    "Twisted": twisted,
    "Tornado": tornado,
    "trio": trio,
    "gevent": gevent,
    "a thread per client": threads,
    "a bare epoll loop": epoll_loop,
}


def main(name: str) -> None:
    more_files()
    if name in OURS:
        evdispatch(mode_of(name))
    else:
        PEERS[name]()


if __name__ == "__main__":
    main(sys.argv[1])
