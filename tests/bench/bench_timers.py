"""How late timers are, against asyncio's call_later, in one run.

A round times each way once, one after the other; the medians over all rounds are what
holds on a machine that others use too. Lateness is the time from when a callback was due
to when it began, by the monotonic clock.

    python tests/bench/bench_timers.py [--rounds N] [--delay SECONDS]
"""

import argparse
import asyncio
import contextlib
import statistics
import time
from collections.abc import Callable
from typing import Literal

from evdispatch import Dispatcher, Tick, Timer

TICKS = 10  # of a repeating timer in one round

IO_MODES: tuple[Literal["thread", "inline"], ...] = ("thread", "inline")

Way = Callable[[float], list[float]]


def one_shot(app: Dispatcher) -> Way:
    """Return a function that times `Dispatcher.after`."""
    late: list[float] = []

    def time_it(delay: float) -> list[float]:
        late.clear()

        def fire() -> None:
            late.append(time.monotonic() - due)
            app.stop()

        due = time.monotonic() + delay
        app.after(delay, fire)
        app.run()
        return late

    return time_it


def repeating(app: Dispatcher) -> Way:
    """Return a function that times the ticks of a `Timer`."""
    late: list[float] = []

    @app.on("tick")
    def tick(event: Tick) -> None:
        late.append(time.monotonic() - event.due)
        if len(late) == TICKS:
            event.source.close()
            app.stop()

    def time_it(delay: float) -> list[float]:
        late.clear()
        app.add(Timer(every=delay))
        app.run()
        return late

    return time_it


def asyncio_one_shot(delay: float) -> list[float]:
    """Time asyncio's call_later."""
    late: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def fire() -> None:
            late.append(time.monotonic() - due)
            done.set()

        due = time.monotonic() + delay
        loop.call_later(delay, fire)
        await done.wait()

    asyncio.run(main())
    return late


def asyncio_repeating(delay: float) -> list[float]:
    """Time asyncio's call_at on a grid."""
    late: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        start = loop.time()

        def fire(count: int) -> None:
            late.append(loop.time() - (start + count * delay))
            if count == TICKS:
                done.set()
            else:
                loop.call_at(start + (count + 1) * delay, fire, count + 1)

        loop.call_at(start + delay, fire, 1)
        await done.wait()

    asyncio.run(main())
    return late


def measure(ways: dict[str, Way], rounds: int, delay: float) -> dict[str, list[float]]:
    """Time each way in turn, for so many rounds."""
    late: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            late[name] += way(delay)
    return late


def main() -> None:
    """Measure, and print a table in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--delay", type=float, default=0.0015)
    options = parser.parse_args()
    ways: dict[str, tuple[Way, Way]] = {
        "asyncio": (asyncio_one_shot, asyncio_repeating)
    }
    with contextlib.ExitStack() as stack:
        for io in IO_MODES:
            apps = [stack.enter_context(Dispatcher(io=io)) for _ in range(2)]
            ways[io] = (one_shot(apps[0]), repeating(apps[1]))
        named = {
            f"{kind} {name}": way
            for name, both in ways.items()
            for kind, way in zip(("one-shot ", "repeating"), both, strict=True)
        }
        late = measure(named, options.rounds, options.delay)
    print(f"lateness in ms at {options.delay * 1000:g} ms, {options.rounds} rounds")
    print(f"{'':19}{'earliest':>9}{'median':>9}{'p90':>9}")
    for name, values in sorted(late.items()):
        ms = sorted(1000 * value for value in values)
        figures = ms[0], statistics.median(ms), ms[len(ms) * 9 // 10]
        print(f"{name:19}" + "".join(f"{figure:9.3f}" for figure in figures))


if __name__ == "__main__":
    main()
