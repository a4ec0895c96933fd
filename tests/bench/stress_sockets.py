"""A million connections that come, say something, get an answer, and go.

On each poller and in each io mode in turn. Afterwards as much memory is used as before, as
many descriptors are open, every table is as long, and no cyclic garbage is left.
"""

import gc
import os
import random
import socket
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from evdispatch import Dispatcher, Line, Listener
from evdispatch.testing import run_until, settle

CYCLES = 1_000_000
_WARM_UP = 2_000
_AT_ONCE = 50  # connections that overlap
_PAGES = 1_000  # of memory that may come and go: 4 MB

WAYS: list[dict[str, Any]] = [
    {"io": io, **poller}
    for poller in ({"edge": True}, {}, {"poller": "poll"}, {"poller": "select"})
    for io in ("inline", "thread")
]


def _visit(address: tuple[str, int], count: int, seed: int) -> None:
    """Be the clients: some end cleanly, some by a reset, some without waiting."""
    rng = random.Random(seed)
    reset = b"\1\0\0\0\0\0\0\0"  # SO_LINGER, no time: socket(7)
    done = 0
    while done < count:
        clients = [socket.create_connection(address) for _ in range(_AT_ONCE)]
        for client in clients:
            client.sendall(b"hello\n")
        for client in clients:
            way = rng.random()
            if way < 0.9 and client.recv(100) != b"hello\n":
                raise RuntimeError("an answer is lost")
            if way > 0.5:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            client.close()
        done += len(clients)


def _state(app: Dispatcher, listener: Listener) -> dict[str, int]:
    registrations = app._registrations
    tables: dict[str, Any] = {
        "sources": registrations.sources,
        "by_fd": registrations._watched(),
        "ready": registrations.ready,
        "more": registrations.more,
        "woken": registrations.woken,
        "connections": listener.connections,
        "routes": listener.registration.scope.routes
        if listener.registration.scope is not None
        else (),
    }
    sizes = {name: len(table) for name, table in tables.items()}
    return {**sizes, "descriptors": len(os.listdir("/proc/self/fd"))}


def _pages() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])


def _serve(app: Dispatcher, listener: Listener, count: int, seed: int) -> None:
    ended = 0

    @listener.on("disconnect")
    def count_it() -> None:
        nonlocal ended
        ended += 1

    # Spawned: a forked child would share the poller.
    visitor = get_context("spawn").Process(
        target=_visit, args=(listener.address, count, seed)
    )
    visitor.start()
    run_until(app, lambda: ended >= count, timeout=3600)
    visitor.join()
    app.off(count_it)
    assert visitor.exitcode == 0
    settle(app)


def connections(until: float, rng: random.Random) -> str:
    """Have a million connections, whatever time that takes."""
    each = CYCLES // len(WAYS)
    growth = []
    for way in WAYS:
        with Dispatcher(**way) as app:
            listener = app.add(Listener("127.0.0.1:0", framing="lines"))

            @listener.on("line")
            def echo(event: Line) -> None:
                event.source.write(event.data + b"\n")

            _serve(app, listener, _WARM_UP, rng.randrange(1 << 30))
            gc.collect()
            gc.disable()
            state, pages = _state(app, listener), _pages()
            _serve(app, listener, each, rng.randrange(1 << 30))
            growth.append(_pages() - pages)
            garbage = gc.collect()
            gc.enable()
            assert _state(app, listener) == state, way
            assert growth[-1] < _PAGES, (way, growth)
            assert garbage < 100, f"{garbage} objects of cyclic garbage: {way}"
            assert app.stats().balanced
        print(f"  {each:,} connections, {way}: {4 * growth[-1]} KiB more", flush=True)
    return f"{each * len(WAYS):,} connections; memory, descriptors and tables are flat"
