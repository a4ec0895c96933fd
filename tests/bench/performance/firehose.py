"""A key pressed while eight sockets are busy: how long until its handler.

    python -m bench.performance.firehose NAME KIND    reads and handles; prints its port
    python -m bench.performance.firehose flood PORT   writes as fast as it is taken

What is typed comes from this process, by a pty which is the first one's standard input.
Handlers of keys answer with the time at which they were called.
"""

import asyncio
import contextlib
import os
import random
import select
import socket
import sys
import time
import tty
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from bench.performance.families import Case, Family, Values
from bench.performance.processes import OURS, Process, announce, command, mode_of

from evdispatch import Dispatcher, Line, Listener, Terminal

MEDIAN: Final = "ms to the handler, median"
WORST: Final = "ms to the handler, 99 of 100"
SOCKETS: Final = 8
PATIENCE: Final = 3.0  # seconds, for all keys
LINES: Final = (b"x" * 39 + b"\n") * 1000
KINDS: Final = {"raw": "8 sockets of bytes", "lines": "8 sockets of lines"}


def evdispatch(mode: Any, kind: Any) -> None:
    app = Dispatcher(io=mode)
    app.add(Terminal(0, mouse=False, paste=False, keyboard="legacy"))
    server = app.add(Listener("127.0.0.1:0", framing=kind))
    count = 0

    @server.on("line" if kind == "lines" else "data")
    def heard(event: Line) -> None:
        nonlocal count
        count += len(event.data)

    app.on("key")(lambda: announce(time.monotonic_ns()))
    announce(server.address[1])
    app.run()


class Reader(asyncio.Protocol):
    """What asyncio and uvloop run; with lines, they are split and handled one by one."""

    count = 0

    def __init__(self, kind: str) -> None:
        self._rest = b""
        self._lines = kind == "lines"

    def data_received(self, data: bytes) -> None:
        if not self._lines:
            self.heard(data)
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self.heard(line)

    def heard(self, data: bytes) -> None:
        self.count += len(data)


async def serve(kind: str) -> None:
    def key() -> None:
        os.read(0, 100)
        announce(time.monotonic_ns())

    tty.setraw(0)
    loop = asyncio.get_running_loop()
    loop.add_reader(0, key)
    server = await loop.create_server(lambda: Reader(kind), "127.0.0.1", 0)
    announce(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def asyncio_protocol(kind: str) -> None:
    asyncio.run(serve(kind))


def uvloop_protocol(kind: str) -> None:
    import uvloop

    uvloop.run(serve(kind))


def epoll_loop(kind: str) -> None:
    """Read, split and call as `Reader` does, 64 KB in a turn: what the machine allows."""
    tty.setraw(0)
    poller = select.epoll()
    server = socket.create_server(("127.0.0.1", 0))
    for fd in (0, server.fileno()):
        poller.register(fd, select.EPOLLIN)
    announce(server.getsockname()[1])
    readers: dict[int, tuple[socket.socket, Reader]] = {}
    while True:
        for fd, _ in poller.poll():
            if fd in readers:
                sock, reader = readers[fd]
                reader.data_received(sock.recv(65_536))
            elif fd == 0:
                os.read(0, 100)
                announce(time.monotonic_ns())
            else:
                sock, _ = server.accept()
                poller.register(sock, select.EPOLLIN)
                readers[sock.fileno()] = sock, Reader(kind)


PEERS: Final[dict[str, Callable[[str], None]]] = {
    "asyncio, Protocol": asyncio_protocol,
    "uvloop, Protocol": uvloop_protocol,
    "a bare epoll loop": epoll_loop,
}


def flood(port: int) -> None:
    """Write to all sockets whatever they take."""
    poller = select.epoll()
    address = "127.0.0.1", port
    socks = [socket.create_connection(address) for _ in range(SOCKETS)]
    rests = {sock.fileno(): memoryview(LINES) for sock in socks}
    for sock in socks:
        sock.setblocking(False)
        poller.register(sock, select.EPOLLOUT)
    announce(0)
    while True:
        for fd, _ in poller.poll():
            rest = rests[fd]
            try:
                rests[fd] = rest[os.write(fd, rest) :] or memoryview(LINES)
            except BlockingIOError:
                pass
            except OSError:  # its reader is gone
                return


def measure(kind: str, keys: int, name: str) -> Values:
    """Press so many keys, while there is time, and return how long they took."""
    master, slave = os.openpty()
    chance = random.Random(1)
    late: list[float] = []
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, master)
        try:
            reader = Process(command("firehose", name, kind), stdin=slave)
        finally:
            os.close(slave)
        port = int(stack.enter_context(reader).read())
        flooder = stack.enter_context(Process(command("firehose", "flood", port)))
        flooder.read()
        time.sleep(0.1)  # until all of them are busy
        end = time.monotonic() + PATIENCE
        while len(late) < keys and time.monotonic() < end:
            time.sleep(chance.uniform(0.002, 0.01))
            begin = time.monotonic_ns()
            os.write(master, b"k")
            late.append((int(reader.read()) - begin) / 1e6)
    late.sort()
    return {MEDIAN: late[len(late) // 2], WORST: late[len(late) * 99 // 100]}


@contextlib.contextmanager
def prepare(quick: bool) -> Iterator[list[Case]]:
    """Return the cases."""
    keys = 10 if quick else 200
    yield [
        Case(title, (*OURS, *PEERS), partial(measure, kind, keys))
        for kind, title in KINDS.items()
    ]


FAMILY: Final = Family("firehose", "A key under a firehose", 3, OURS[0], prepare)


def main(name: str, argument: str) -> None:
    if name == "flood":
        flood(int(argument))
    elif name in OURS:
        evdispatch(mode_of(name), argument)
    else:
        PEERS[name](argument)


if __name__ == "__main__":
    main(*sys.argv[1:])
