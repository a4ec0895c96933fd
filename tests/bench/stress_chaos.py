"""Connections of ours with each other, to which anything happens at any time.

On any poller, in both io modes, plain and by TLS: written to, paused, ended one way, closed
and aborted at random. Each must be told in order: `connect` first, `eof` once and after the
data, one `disconnect` last. Nothing may hang, stall, leak, or be left out of the balance.
"""

import contextlib
import os
import random
import time
from typing import Any

from helpers.network import client_context, server_context

from evdispatch import ClosedError, Connection, Dispatcher, Event, Listener
from evdispatch.testing import run_until, settle

_PAIRS = 12
_SECONDS = 0.25  # of one run

WAYS: list[dict[str, Any]] = [
    {},
    {"edge": True},
    {"poller": "poll"},
    {"poller": "select"},
]


class Chaos:
    """One run."""

    def __init__(self, app: Dispatcher, rng: random.Random) -> None:
        self.app = app
        self.rng = rng
        self.told: dict[Connection, list[Event]] = {}
        self.opened: list[Connection] = []
        tls = rng.random() < 0.4
        options: dict[str, Any] = {
            "half_open": rng.random() < 0.3,
            "high": rng.choice([10, 65_536]),
            "low": 5,
        }
        address = rng.choice(["127.0.0.1:0", f"unix:@evdispatch-chaos-{os.getpid()}"])
        self.server = app.add(
            Listener(
                address,
                tls=server_context() if tls else None,
                max_connections=rng.choice([None, 3]),
                **options,
            )
        )
        if tls:
            options |= {"tls": client_context(), "server_hostname": "localhost"}
        app.on(Event)(self.hear)
        for _ in range(_PAIRS):
            self.opened.append(app.add(Connection(self.server.address, **options)))
            self.write(self.opened[-1])

    def write(self, connection: Connection) -> None:
        size = self.rng.choice([0, 1, 100, 100_000])
        with contextlib.suppress(ClosedError):
            connection.write(self.rng.randbytes(size))

    def pause(self, connection: Connection) -> None:
        connection.pause()
        self.app.after(0.002, connection.resume)

    def hear(self, event: Event) -> None:
        connection = event.source
        if not isinstance(connection, Connection):
            return
        self.told.setdefault(connection, []).append(event)
        if event.name in ("data", "eof"):
            self.act(connection, self.rng.random() * (3 if event.name == "data" else 1))

    def act(self, connection: Connection, chance: float) -> None:
        if chance < 0.8:
            self.write(connection)
        elif chance < 0.86:
            connection.write_eof()
        elif chance < 0.9:
            connection.close()
        elif chance < 0.92:
            connection.abort()
        elif chance < 1.0:
            self.pause(connection)

    def run(self) -> None:
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until:
            self.app.step(0.002)
            connections = (*self.opened, *self.server.connections)
            living = [each for each in connections if not each.closed]
            for connection in self.rng.sample(living, min(3, len(living))):
                self.act(connection, self.rng.random() * 1.5)
        for connection in self.opened:
            connection.resume()
            if not connection.closed:
                connection.close()
        run_until(self.app, self.is_over)
        settle(self.app)

    def is_over(self) -> bool:
        for connection in self.server.connections:
            connection.resume()
            connection.write_eof()
        return not any(isinstance(s, Connection) for s in self.app.sources)

    def check(self) -> None:
        assert self.app.stats().balanced
        assert set(self.opened) <= set(self.told)
        for events in self.told.values():
            names = [event.name for event in events]
            assert names[0] in ("connect", "disconnect"), names
            assert names.index("disconnect") == len(names) - 1, names
            assert names.count("connect") <= 1, names
            if "eof" in names:
                end = names.index("eof")
                assert not {"data", "eof"} & set(names[end + 1 :]), names


def chaos(until: float, rng: random.Random) -> str:
    """Run after run, each of its own seed, which an error tells."""
    runs = 0
    while time.monotonic() < until:
        seed = rng.randrange(1 << 30)
        own = random.Random(seed)
        before = len(os.listdir("/proc/self/fd"))
        io: Any = own.choice(["thread", "inline", "auto"])
        way = own.choice(WAYS)
        try:
            with Dispatcher(
                io=io, queue_size=own.choice([3, 100, 10_000]), **way
            ) as app:
                run = Chaos(app, own)
                run.run()
                run.check()
            assert len(os.listdir("/proc/self/fd")) == before
        except BaseException as error:
            error.add_note(f"seed {seed}, io={io}, {way}")
            raise
        runs += 1
    return f"{runs} runs of {2 * _PAIRS} connections"
