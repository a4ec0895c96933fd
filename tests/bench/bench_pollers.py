"""select, poll, epoll and threads: CPU time of a request among many silent connections.

    make bench-pollers

This process is the client, the same for all kinds of servers: it holds the silent
connections, sends a line on each of ten others, and waits for the ten answers. It reads
the CPU time of the server's process, all threads of it, from its CPU-time clock.
"""

import argparse
import contextlib
import os
import resource
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.poller_figures import Figures, write_page
from bench.poller_server import KINDS, THREADS

ACTIVE = 10
IDLE = (0, 10, 100, 1_000, 10_000, 18_000)
MOST = {"select": 1_000, THREADS: 10_000}  # silent ones: its limit, and ours for memory
BURSTS = 300  # of ten requests each, for one figure


class Server:
    """A server's process, and the client's end of its connections."""

    def __init__(self, kind: str, *options: str) -> None:
        program = Path(__file__).with_name("poller_server.py")
        self.process = subprocess.Popen(
            [sys.executable, *options, str(program), kind],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.address = "127.0.0.1", int(self.process.stdout.readline())
        # clock_getcpuclockid(3): the clock of another process, in nanoseconds.
        self.clock = (~self.process.pid << 3) | 2
        self.idle: list[socket.socket] = []
        self.active = [self.connect() for _ in range(ACTIVE)]
        self.burst()

    def connect(self) -> socket.socket:
        sock = socket.create_connection(self.address, timeout=30)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def fill(self, count: int) -> None:
        """Have so many silent connections, and see that the server serves them."""
        while len(self.idle) < count:
            self.idle.append(self.connect())
        if self.idle:
            for sock in (self.idle[0], self.idle[-1]):
                ask(sock, b"ping\n")

    def burst(self) -> None:
        for sock in self.active:
            sock.sendall(b"ping\n")
        for sock in self.active:
            if sock.recv(100) != b"ping\n":
                raise RuntimeError("the server has lost an answer")

    def measure(self, bursts: int) -> float:
        """Return the server's CPU time for a request, in microseconds."""
        for _ in range(bursts // 10):
            self.burst()
        before = time.clock_gettime_ns(self.clock)
        for _ in range(bursts):
            self.burst()
        spent = time.clock_gettime_ns(self.clock) - before
        return spent / 1000 / (bursts * ACTIVE)

    def resident(self) -> int:
        """Return the memory of the process, in bytes."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for sock in (*self.idle, *self.active):
            sock.close()
        if self.process.stdout is not None:
            self.process.stdout.close()


def ask(sock: socket.socket, request: bytes) -> bytes:
    sock.sendall(request)
    return sock.recv(100)


@contextlib.contextmanager
def running(kind: str, *options: str) -> Iterator[Server]:
    server = Server(kind, *options)
    try:
        yield server
    finally:
        server.close()


def run(kind: str, levels: tuple[int, ...], bursts: int, figures: Figures) -> None:
    """Measure one kind at all levels once."""
    with running(kind) as server:
        empty = server.resident()
        for count in levels:
            if count > MOST.get(kind, count):
                break
            server.fill(count)
            figures.add(kind, count, server.measure(bursts))
        if server.idle:
            each = (server.resident() - empty) / len(server.idle)
            figures.memory.setdefault(kind, []).append(each)


def python_memory(count: int) -> float:
    """Return the bytes that Python allocates for a connection."""
    with running("epoll", "-X", "tracemalloc") as server:
        before = int(ask(server.active[0], b"memory\n"))
        server.fill(count)
        return (int(ask(server.active[0], b"memory\n")) - before) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--quick", action="store_true", help="few connections, one round"
    )
    parser.add_argument(
        "--docs", type=Path, help="write the page's table and plot there"
    )
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    levels = tuple(n for n in IDLE if n + ACTIVE + 100 < hard)
    rounds, bursts = arguments.rounds, BURSTS
    if arguments.quick:
        levels, rounds, bursts = (0, 10, 100), 1, 20
    figures = Figures(levels)
    for number in range(rounds):
        for kind in (*KINDS, THREADS):
            run(kind, levels, bursts, figures)
        print(f"round {number + 1} of {rounds}", flush=True)
    figures.python_memory = python_memory(levels[-1])
    print(figures.table())
    most = levels[-1]
    growth = figures.growth("epoll", most)
    print(f"{most:,} silent connections: {figures.python_memory:.0f} bytes of Python")
    print(
        f"memory each; epoll's CPU time of a request is {growth:.2f} times that of none"
    )
    spread = [statistics.pstdev(figures.times["epoll", n]) for n in levels]
    print("spread of epoll's figures, us:", " ".join(f"{s:.2f}" for s in spread))
    if arguments.docs is not None:
        write_page(figures, arguments.docs)
    if not arguments.quick and (growth > 1.15 or figures.python_memory > 1024):
        sys.exit("a claim does not hold")


if __name__ == "__main__":
    main()
