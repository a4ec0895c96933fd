"""Timers: how late they are, and what it costs to schedule and cancel a million.

    python -m bench.performance.timers CASE NAME COUNT

measures one of them. Lateness is from when a callback was due to when it began, by the
monotonic clock.
"""

import asyncio
import contextlib
import functools
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from bench.performance.families import Case, Family, Values
from bench.performance.processes import OURS, mode_of, run

from evdispatch import Dispatcher, Tick, Timer

MEDIAN: Final = "us late, median"
WORST: Final = "us late, 9 of 10"
EARLIEST: Final = "us late, the earliest"
CPU: Final = "us of CPU per timer"
DELAY: Final = 0.0015
ONESHOT: Final = "a timer of 1.5 ms"
EACH: Final = "a tick each 1.5 ms"
MANY: Final = "timers scheduled and cancelled"


def nothing() -> None:
    """Be what is called, and never is."""


class Bench:
    """What one contestant does; each returns what was measured."""

    def once(self, count: int) -> list[float]:
        """Run so many timers one after the other, and return how late each was."""
        raise NotImplementedError

    def each(self, count: int) -> list[float]:
        """Run a timer that repeats, and return how late each tick was."""
        raise NotImplementedError

    def many(self, delays: list[float]) -> float:
        """Schedule them all, cancel them all; return the CPU time."""
        raise NotImplementedError


class Ours(Bench):
    """A dispatcher in one of its modes."""

    def __init__(self, mode: Any) -> None:
        self._mode = mode

    def once(self, count: int) -> list[float]:
        late: list[float] = []
        with Dispatcher(io=self._mode) as app:

            def begin() -> None:
                due = time.monotonic() + DELAY
                app.after(DELAY, lambda: fire(due))

            def fire(due: float) -> None:
                late.append(time.monotonic() - due)
                if len(late) == count:
                    app.stop()
                else:
                    begin()

            app.on("start")(begin)
            app.run()
        return late

    def each(self, count: int) -> list[float]:
        late: list[float] = []
        with Dispatcher(io=self._mode) as app:
            app.add(Timer(every=DELAY))

            @app.on("tick")
            def tick(event: Tick) -> None:
                late.append(time.monotonic() - event.due)
                if len(late) == count:
                    app.stop()

            app.run()
        return late

    def many(self, delays: list[float]) -> float:
        spent: list[float] = []
        with Dispatcher(io=self._mode) as app:

            def schedule_and_cancel() -> None:
                begin = time.process_time()
                handles = [app.after(delay, nothing) for delay in delays]
                for handle in handles:
                    handle.cancel()
                spent.append(time.process_time() - begin)
                app.stop()

            app.after(0, schedule_and_cancel)
            app.run()
        return spent[0]


class Loops(Bench):
    """A loop of asyncio's kind."""

    def __init__(self, run_loop: Callable[[Any], Any]) -> None:
        self._run = run_loop

    def once(self, count: int) -> list[float]:
        late: list[float] = []

        async def main() -> None:
            loop = asyncio.get_running_loop()
            done = asyncio.Event()

            def begin() -> None:
                loop.call_later(DELAY, fire, time.monotonic() + DELAY)

            def fire(due: float) -> None:
                late.append(time.monotonic() - due)
                if len(late) == count:
                    done.set()
                else:
                    begin()

            begin()
            await done.wait()

        self._run(main())
        return late

    def each(self, count: int) -> list[float]:
        late: list[float] = []

        async def main() -> None:
            loop = asyncio.get_running_loop()
            done = asyncio.Event()
            start, zero = loop.time(), time.monotonic()

            def fire(turn: int) -> None:
                late.append(time.monotonic() - (zero + turn * DELAY))
                if turn == count:
                    done.set()
                else:
                    loop.call_at(start + (turn + 1) * DELAY, fire, turn + 1)

            loop.call_at(start + DELAY, fire, 1)
            await done.wait()

        self._run(main())
        return late

    def many(self, delays: list[float]) -> float:
        async def main() -> float:
            loop = asyncio.get_running_loop()
            begin = time.process_time()
            handles = [loop.call_later(delay, nothing) for delay in delays]
            for handle in handles:
                handle.cancel()
            return time.process_time() - begin

        spent: float = self._run(main())
        return spent


@functools.cache
def bench(name: str) -> Bench:
    if name in OURS:
        return Ours(mode_of(name))
    if name == "asyncio":
        return Loops(asyncio.run)
    import uvloop

    return Loops(uvloop.run)


def measure(case: str, name: str, count: int) -> Values:
    """Measure one, in this process."""
    this = bench(name)
    if case == MANY:
        chance = random.Random(1)
        delays = [chance.uniform(60, 3600) for _ in range(count)]
        return {CPU: this.many(delays) / count * 1e6}
    way = this.once if case == ONESHOT else this.each
    way(10)
    late = sorted(1e6 * value for value in way(count))
    return {
        MEDIAN: late[len(late) // 2],
        WORST: late[len(late) * 9 // 10],
        EARLIEST: late[0],
    }


@contextlib.contextmanager
def prepare(quick: bool) -> Iterator[list[Case]]:
    """Return the cases, a process for each measurement."""
    counts = {ONESHOT: 200, EACH: 200, MANY: 1_000_000}
    if quick:
        counts = {ONESHOT: 20, EACH: 20, MANY: 10_000}

    def one(case: str, name: str) -> Values:
        return run("timers", case, name, counts[case])

    contestants = (*OURS, "asyncio", "uvloop")
    yield [
        Case(
            f"{counts[case]:,} {case}" if case == MANY else case,
            contestants,
            partial(one, case),
            every=3 if case == MANY else 1,
        )
        for case in counts
    ]


FAMILY: Final = Family("timers", "Timers", 5, OURS[0], prepare, [EARLIEST])

if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
