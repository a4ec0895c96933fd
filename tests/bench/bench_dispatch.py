"""From a post to its handler, against pyee's direct emit, in one run.

Each round times both, one after the other, and gives one ratio; the median of the ratios
is what holds on a machine that others use too. Times are CPU time of this process.

    python tests/bench/bench_dispatch.py [--rounds N] [--events N] [--handlers N]
"""

import argparse
import statistics
import time
from collections.abc import Callable

import attrs
from pyee.base import EventEmitter

from evdispatch import Dispatcher, Event


@attrs.define(eq=False)
class Progress(Event):
    """An event of a user's own."""

    percent: int


def posts(others: int) -> Callable[[int], float]:
    """Return a function that times so many posts through the queue to one handler."""
    app = Dispatcher(io="inline", queue_size=10**6)
    seen = []

    @app.on("progress")
    def handle(event: Progress) -> None:
        seen.append(event)

    for number in range(others):
        app.on("tick", count=number)(lambda: None)

    def run(count: int) -> float:
        seen.clear()
        post = app.post
        begin = time.process_time()
        for _ in range(count):
            post(Progress(percent=3))
        handled = 0
        while handled < count:
            handled += app.step(0)
        took = time.process_time() - begin
        assert len(seen) == count
        return took / count

    return run


def emits(others: int) -> Callable[[int], float]:
    """Return a function that times so many emits of pyee to one handler."""
    emitter = EventEmitter()
    seen = []

    @emitter.on("progress")
    def handle(event: Progress) -> None:
        seen.append(event)

    for number in range(others):
        emitter.on(f"other {number}", lambda: None)

    def run(count: int) -> float:
        seen.clear()
        emit = emitter.emit
        begin = time.process_time()
        for _ in range(count):
            emit("progress", Progress(percent=3))
        took = time.process_time() - begin
        assert len(seen) == count
        return took / count

    return run


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--handlers", type=int, default=0, help="other handlers")
    options = parser.parse_args()
    ours, theirs = posts(options.handlers), emits(options.handlers)
    rows = [
        (ours(options.events), theirs(options.events)) for _ in range(options.rounds)
    ]
    ratios = sorted(a / b for a, b in rows)
    print(f"{options.events} events to one handler, {options.handlers} other handlers")
    for name, column in (("post -> queue -> handler", 0), ("pyee emit -> handler", 1)):
        print(f"{name:26}{statistics.median(r[column] for r in rows) * 1e9:8.0f} ns")
    print(
        f"{'ratio, median':26}{statistics.median(ratios):8.2f}"
        f"   ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


if __name__ == "__main__":
    main()
