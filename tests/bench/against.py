"""Compares this checkout with another one: CPU time of the main paths, in one interleaved run.

    make bench-against BASE=../other-checkout ARGS="--rounds 7 echo_inline_1 key"

Each case runs in a process of its own, the two checkouts in turn; the ratio is taken pair by
pair, and the median of the ratios counts, since the machine is shared and noisy. The time is
that of the steps of the dispatcher alone, without what its clients in the same thread take.
"""

import argparse
import inspect
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

import evdispatch
from evdispatch import Dispatcher, Event, Listener, Terminal, Watch

HERE = Path(__file__).resolve()
TREE = HERE.parents[2]


def make(io: str) -> Dispatcher:
    """Return a dispatcher without debug mode, whichever checkout it is of."""
    options: dict[str, Any] = {"io": io}
    if "debug" in inspect.signature(Dispatcher).parameters:
        options["debug"] = False
    return Dispatcher(**options)


class Steps:
    """Steps a dispatcher.

    Attributes:
        took: CPU time of all steps, in seconds.
    """

    def __init__(self, app: Dispatcher) -> None:
        self.took = 0.0
        self._step = app.step

    def __call__(self) -> int:
        """Take a step, and return the number of events handled."""
        began = time.thread_time()
        handled = self._step(1)
        self.took += time.thread_time() - began
        return handled


def echo(io: str, clients: int) -> float:
    """A request of 64 bytes and its answer."""
    rounds = 6000 // clients
    with make(io) as app:
        server = app.add(Listener("127.0.0.1:0"))
        server.on("data")(lambda event: event.source.write(event.data))
        socks = [socket.create_connection(server.address) for _ in range(clients)]
        message, step = b"x" * 64, Steps(app)

        def turn() -> None:
            for sock in socks:
                sock.send(message)
            left = clients
            while left > 0:
                left -= step()
            for sock in socks:
                sock.recv(100)

        for _ in range(2 * clients):
            app.step(0)
        for _ in range(rounds // 10 + 3):
            turn()
        step.took = 0.0
        for _ in range(rounds):
            turn()
        for sock in socks:
            sock.close()
    return step.took / (rounds * clients)


def lines(count: int) -> float:
    """A line of a connection, so many at once, in a run; without what their sending takes."""
    data, rounds = b"a line of a few words\n" * count, 60_000 // (count + 5)
    warm_up = 10  # rounds
    with make("inline") as app, socket.socket() as client:
        server = app.add(Listener("127.0.0.1:0", framing="lines"))
        client.connect(server.address)
        seen, began, sending = 0, 0.0, 0.0

        @server.on("line")
        def note() -> None:
            nonlocal seen, began, sending
            seen += 1
            if seen % count == 0:
                before = time.thread_time()
                if seen == warm_up * count:
                    began, sending = before, 0.0
                if seen == rounds * count:
                    app.stop()
                else:
                    client.sendall(data)
                sending += time.thread_time() - before

        client.sendall(data)
        app.run()
        took = time.thread_time() - began - sending
    return took / ((rounds - warm_up) * count)


@attrs.define(eq=False)
class Ping(Event):
    """What is posted."""

    number: int = 0


def post() -> float:
    """A post and its handler, 500 in a pass."""
    rounds = 300
    with make("inline") as app:
        app.on(Ping)(lambda event: None)
        began = time.thread_time()
        for _ in range(rounds):
            for number in range(500):
                app.post(Ping(number))
            app.step(0)
        took = time.thread_time() - began
    return took / (rounds * 500)


def key() -> float:
    """A key on a pty."""
    rounds = 4000
    outer, inner = os.openpty()
    with make("inline") as app:
        app.add(Terminal(inner))
        seen = 0

        @app.on("key")
        def count(event: Event) -> None:
            nonlocal seen
            seen += 1

        for _ in range(50):
            app.step(0.01)
        step = Steps(app)
        for number in range(rounds):
            os.write(outer, b"a")
            while seen < number + 1:
                step()
    os.close(outer)
    os.close(inner)
    return step.took / rounds


def files() -> float:
    """One of 100,000 events of files that are made, written and deleted."""
    with tempfile.TemporaryDirectory() as root, make("inline") as app:
        watch = app.add(Watch(root))
        seen = 0

        @app.on(evdispatch.Change)
        def count(event: Event) -> None:
            nonlocal seen
            seen += 1

        while not watch.settled:
            app.step(0.1)
        seen, took = 0, 0.0
        while seen < 100_000:
            for number in range(500):
                path = f"{root}/{number}"
                with open(path, "wb") as file:
                    file.write(b"x")
            for number in range(500):
                os.unlink(f"{root}/{number}")
            began = time.thread_time()
            while app.step(0.15):
                pass
            took += time.thread_time() - began
    return took / seen


def imports() -> float:
    """``import evdispatch`` and making a dispatcher, in an interpreter of its own."""
    program = (
        "import time; began = time.process_time(); import evdispatch;"
        "evdispatch.Dispatcher; print(time.process_time() - began)"
    )
    times = [
        float(subprocess.check_output([sys.executable, "-c", program]))
        for _ in range(5)
    ]
    return min(times)


CASES: dict[str, Callable[[], float]] = {
    "echo_inline_1": lambda: echo("inline", 1),
    "echo_inline_100": lambda: echo("inline", 100),
    "echo_auto_1": lambda: echo("auto", 1),
    "echo_auto_100": lambda: echo("auto", 100),
    "lines_1": lambda: lines(1),
    "lines_20": lambda: lines(20),
    "lines_1000": lambda: lines(1000),
    "post": post,
    "key": key,
    "files": files,
    "import": imports,
}


def measure(tree: Path, case: str) -> float:
    """Run one case with the package of a checkout."""
    env = os.environ | {"PYTHONPATH": str(tree)}
    command = [sys.executable, str(HERE), "--case", case]
    return float(subprocess.check_output(command, env=env, cwd="/"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=CASES, help="run one case here, and print it")
    parser.add_argument("--base", type=Path, help="the other checkout")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    arguments = parser.parse_args()
    if arguments.case:
        print(CASES[arguments.case]())
        return
    if arguments.base is None or not (arguments.base / "evdispatch").is_dir():
        parser.error("--base must be another checkout of this project")
    print(f"{sys.version.split()[0]} ({sys.executable}), us of CPU time, medians")
    print(f"{'case':16} {'base':>9} {'here':>9} {'ratio':>7}   from   to")
    for case in arguments.cases or CASES:
        base, here = [], []
        for _ in range(arguments.rounds):
            base.append(measure(arguments.base.resolve(), case))
            here.append(measure(TREE, case))
        ratios = [new / old for new, old in zip(here, base, strict=True)]
        print(
            f"{case:16} {statistics.median(base) * 1e6:9.2f}"
            f" {statistics.median(here) * 1e6:9.2f} {statistics.median(ratios):7.3f}"
            f"  {min(ratios):5.2f} {max(ratios):5.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
