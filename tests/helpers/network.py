"""Plain sockets to talk to, addresses, and a certificate for localhost.

The certificate was made by: openssl req -x509 -newkey ec -pkeyopt
ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -days 36500
-subj /CN=localhost -addext "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
"""

import contextlib
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.events import names, record_all
from helpers.waiting import PATIENCE

from evdispatch import Connection, Dispatcher, Event, Listener
from evdispatch.sources.net._bind import Bound, listen
from evdispatch.testing import run_until

CHUNK = 65_536
CERT = Path(__file__).parent / "tls/cert.pem"
KEY = Path(__file__).parent / "tls/key.pem"


def _has_ip6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ip6 = pytest.mark.skipif(not _has_ip6(), reason="there is no IPv6 here")


class Net:
    """Peers of one dispatcher; all are closed after the test."""

    def __init__(self, app: Dispatcher) -> None:
        self.app = app
        self.sockets: list[socket.socket] = []

    def keep(self, sock: socket.socket) -> socket.socket:
        sock.settimeout(PATIENCE)
        self.sockets.append(sock)
        return sock

    def listen(self, **options: Any) -> Listener:
        return self.app.add(Listener("127.0.0.1:0", **options))

    def client(self, server: Listener, size: int | None = None) -> socket.socket:
        """Connect a plain socket; ``size`` is that of its receive buffer."""
        address = server.address
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        sock = self.keep(socket.socket(family))
        if size is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        if isinstance(address, str):
            sock.connect(address[5:].replace("@", "\0", 1))
        else:
            sock.connect(address)
        return sock

    def pair(
        self, size: int | None = None, **options: Any
    ) -> tuple[Connection, socket.socket, list[Any]]:
        """A connection that was accepted, its other side, and the list of its events."""
        server = self.listen(**options)
        seen: list[Any] = []
        server.on(Event)(seen.append)
        client = self.client(server, size)
        run_until(
            self.app, lambda: names(seen)[:1] == ["connect"] or server.connections
        )
        return server.connections[0], client, seen

    def peer(self, **options: Any) -> tuple[Connection, socket.socket, list[Any]]:
        """A connection that was opened here, its other side, and its events."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            source = self.app.add(Connection(server.getsockname(), **options))
            seen = record_all(source)
            run_until(self.app, lambda: source.local)
            peer = self.keep(server.accept()[0])
        if options.get("tls") is None:
            run_until(self.app, lambda: seen)
        return source, peer, seen

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def echo(listener: Listener) -> Listener:
    """Have it send back what comes."""
    listener.on("data")(lambda event: event.source.write(event.data))
    return listener


def payload(events: list[Any]) -> bytes:
    """All the data of raw connections, in one piece."""
    return b"".join(event.data for event in events if event.name == "data")


def over(events: list[Any]) -> bool:
    return bool(events) and events[-1].name == "disconnect"


def reset(sock: socket.socket) -> None:
    """Close it with an RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def receive(sock: socket.socket, size: int) -> bytes:
    """Receive just so much, or up to the end."""
    data = bytearray()
    while len(data) < size and (piece := sock.recv(min(CHUNK, size - len(data)))):
        data += piece
    return bytes(data)


def receive_all(sock: socket.socket) -> bytes:
    """Receive up to the end."""
    return b"".join(iter(lambda: sock.recv(CHUNK), b""))


@contextlib.contextmanager
def networking(app: Dispatcher) -> Iterator[Net]:
    net = Net(app)
    try:
        yield net
    finally:
        net.close()


def listening(address: Any, **options: Any) -> Bound:
    return listen(address, backlog=10, reuse_port=options.get("reuse_port", False))


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERT, KEY)
    return context


def client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(CERT)
    return context
