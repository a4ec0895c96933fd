"""Bytes of a pipe: CPU time of a megabyte, from the kernel to the handler.

    python -m bench.performance.pipes NAME MEGABYTES

measures one of them. Another process writes zeros as fast as they are taken.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from bench.performance.families import Case, Family, Values
from bench.performance.processes import OURS, mode_of, run

from evdispatch import Data, Dispatcher, Pipe

CPU: Final = "us of CPU per MB"
MB: Final = 2**20
CHUNK: Final = 65_536


class Counter:
    """Counts what comes."""

    def __init__(self) -> None:
        self.count = 0

    def data(self, data: bytes) -> None:
        self.count += len(data)


def evdispatch(mode: Any, fd: int, counter: Counter) -> None:
    with Dispatcher(io=mode) as app:
        pipe = app.add(Pipe(fd))

        @pipe.on("data")
        def heard(event: Data) -> None:
            counter.data(event.data)

        pipe.on("eof")(app.stop)
        app.run()


class Reader(asyncio.Protocol):
    """What asyncio and uvloop run."""

    def __init__(self, counter: Counter, done: asyncio.Event) -> None:
        self._counter, self._done = counter, done

    def data_received(self, data: bytes) -> None:
        self._counter.data(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._done.set()


async def read_pipe(fd: int, counter: Counter) -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    with open(fd, "rb", buffering=0) as file:
        await loop.connect_read_pipe(lambda: Reader(counter, done), file)
        await done.wait()


def asyncio_protocol(fd: int, counter: Counter) -> None:
    asyncio.run(read_pipe(fd, counter))


def uvloop_protocol(fd: int, counter: Counter) -> None:
    import uvloop

    uvloop.run(read_pipe(fd, counter))


def tornado(fd: int, counter: Counter) -> None:
    from tornado.iostream import PipeIOStream, StreamClosedError

    async def read() -> None:
        stream = PipeIOStream(fd)
        try:
            while True:
                counter.data(await stream.read_bytes(CHUNK, partial=True))
        except StreamClosedError:
            pass

    asyncio.run(read())


def trio(fd: int, counter: Counter) -> None:
    import trio

    async def read() -> None:
        async with trio.lowlevel.FdStream(fd) as stream:
            async for data in stream:
                counter.data(data)

    trio.run(read)


def gevent(fd: int, counter: Counter) -> None:
    from gevent import os as gevent_os

    gevent_os.make_nonblocking(fd)
    while data := gevent_os.nb_read(fd, CHUNK):
        counter.data(data)


def plain(fd: int, counter: Counter) -> None:
    while data := os.read(fd, CHUNK):
        counter.data(data)


PEERS: Final[dict[str, Callable[[int, Counter], None]]] = {
    "asyncio, Protocol": asyncio_protocol,
    "uvloop, Protocol": uvloop_protocol,
    "Tornado": tornado,
    "trio": trio,
    "gevent": gevent,
    "a blocking loop": plain,
}


def read(name: str, megabytes: int) -> float:
    """Read so much, and return the CPU time."""
    reader, writer = os.pipe()
    counter = Counter()
    dd = ["dd", "if=/dev/zero", "bs=64K", f"count={megabytes * 16}", "status=none"]
    with subprocess.Popen(dd, stdout=writer):
        os.close(writer)
        begin = time.process_time()
        if name in OURS:
            evdispatch(mode_of(name), reader, counter)
        else:
            PEERS[name](reader, counter)
        spent = time.process_time() - begin
    if counter.count != megabytes * MB:
        raise RuntimeError(f"{counter.count} bytes of {megabytes} MB")
    return spent


def measure(name: str, megabytes: int) -> Values:
    """Measure one, in this process."""
    read(name, 1 + megabytes // 10)
    return {CPU: read(name, megabytes) / megabytes * 1e6}


@contextlib.contextmanager
def prepare(quick: bool) -> Iterator[list[Case]]:
    """Return the one case, a process for each measurement."""

    def one(name: str) -> Values:
        return run("pipes", name, 4 if quick else 256)

    yield [Case("a pipe of 64 KB", (*OURS, *PEERS), one)]


FAMILY: Final = Family("pipes", "Pipe throughput", 5, OURS[0], prepare)

if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
