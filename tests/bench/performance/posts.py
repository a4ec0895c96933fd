"""Posts from four threads to one loop: CPU time of a post, and how long it takes.

    python -m bench.performance.posts NAME POSTS

measures one of them. First each thread posts all it has at full speed, then a post each
millisecond or so. The loop's thread calls a handler, which counts.
"""

import asyncio
import contextlib
import json
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import attrs
from bench.performance.families import Case, Family, Values
from bench.performance.processes import OURS, mode_of, run

from evdispatch import Dispatcher, Event

CPU: Final = "us of CPU per post"
MEDIAN: Final = "us of latency, median"
WORST: Final = "us of latency, 99 of 100"
THREADS: Final = 4
PAUSES: Final = 100  # posts of a thread when latency is measured


@attrs.define(eq=False)
class Progress(Event):
    """An event of a user's own."""

    posted: float


Post = Callable[[Progress], object]


class Posters:
    """The threads, and the handler of what they post."""

    def __init__(self, posts: int, *, pause: float = 0.0) -> None:
        self.late: list[float] = []
        self.count = 0
        self.end: Callable[[], object] = lambda: None  # called by the handler at last
        self._posts, self._pause = posts, pause

    def handle(self, event: Progress) -> None:
        self.count += 1
        if self._pause:
            self.late.append(time.perf_counter() - event.posted)
        if self.count == THREADS * self._posts:
            self.end()

    def start(self, post: Post) -> None:
        for number in range(THREADS):
            threading.Thread(target=self._run, args=(post, number)).start()

    def _run(self, post: Post, number: int) -> None:
        chance = random.Random(number)
        for _ in range(self._posts):
            if self._pause:
                time.sleep(self._pause * chance.uniform(0.5, 1.5))
            post(Progress(time.perf_counter()))


def evdispatch(mode: Any, posters: Posters) -> None:
    with Dispatcher(io=mode) as app:
        app.on("progress")(posters.handle)
        app.on("start")(lambda: posters.start(app.post))
        posters.end = app.stop
        app.run()


async def call_soon(posters: Posters) -> None:
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    posters.end = done.set
    handle: Any = posters.handle  # mypy takes the partial for complete
    posters.start(partial(loop.call_soon_threadsafe, handle))
    await done.wait()


def asyncio_calls(posters: Posters) -> None:
    asyncio.run(call_soon(posters))


def uvloop_calls(posters: Posters) -> None:
    import uvloop

    uvloop.run(call_soon(posters))


def twisted(posters: Posters) -> None:
    from twisted.internet import reactor

    posters.end = lambda: reactor.callLater(0, reactor.crash)
    posters.start(partial(reactor.callFromThread, posters.handle))
    reactor.run()


def trio(posters: Posters) -> None:
    import trio

    async def main() -> None:
        token = trio.lowlevel.current_trio_token()
        done = trio.Event()
        posters.end = done.set
        posters.start(partial(token.run_sync_soon, posters.handle))
        await done.wait()

    trio.run(main)


PEERS: Final[dict[str, Callable[[Posters], None]]] = {
    "asyncio, call_soon_threadsafe": asyncio_calls,
    "uvloop, call_soon_threadsafe": uvloop_calls,
    "Twisted, callFromThread": twisted,
    "trio, run_sync_soon": trio,
}


def work(name: str, posters: Posters) -> None:
    """Have all posted and handled."""
    if name in OURS:
        evdispatch(mode_of(name), posters)
    else:
        PEERS[name](posters)


def measure(name: str, posts: int) -> Values:
    """Measure one, in this process."""
    work(name, Posters(posts // 10))
    begin = time.process_time()
    flood = Posters(posts)
    work(name, flood)
    spent = time.process_time() - begin
    calm = Posters(PAUSES, pause=0.001)
    work(name, calm)
    if (flood.count, calm.count) != (THREADS * posts, THREADS * PAUSES):
        raise RuntimeError("posts were lost")
    late = sorted(calm.late)
    return {
        CPU: spent / flood.count * 1e6,
        MEDIAN: late[len(late) // 2] * 1e6,
        WORST: late[len(late) * 99 // 100] * 1e6,
    }


@contextlib.contextmanager
def prepare(quick: bool) -> Iterator[list[Case]]:
    """Return the one case, a process for each measurement."""

    def one(name: str) -> Values:
        return run("posts", name, 1000 if quick else 25_000)

    yield [Case(f"{THREADS} threads", (*OURS, *PEERS), one)]


FAMILY: Final = Family("posts", "Posts between threads", 5, OURS[0], prepare)

if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
