"""The hand-over of ``io="auto"``, ten thousand times under load."""

import os
import random
import socket
import threading
import time
from typing import Self

import attrs

from evdispatch import Data, Dispatcher, Event, Pipe
from evdispatch._io._modes import Standby

TIMES = 10_000
_PAIRS = 20
_STALL = 5.0  # seconds without any progress: a wake-up was lost


@attrs.define(eq=False)
class Post(Event):
    """A numbered post."""

    number: int


class Load:
    """Numbered bytes over sockets, and posts, from a thread that never lets up."""

    def __init__(self, app: Dispatcher, rng: random.Random) -> None:
        self._app = app
        self._rng = rng
        self._ends: list[socket.socket] = []
        self._sent: dict[socket.socket, int] = {}
        self.got: dict[Pipe, int] = {}
        self.posts = 0
        self.posted = 0
        self.done = threading.Event()
        for _ in range(_PAIRS):
            near, far = socket.socketpair()
            far.settimeout(0.05)
            self._ends.append(far)
            self._sent[far] = 0
            pipe = app.add(Pipe(near.detach()))
            self.got[pipe] = 0
            pipe.on(Data)(self._take)
        app.on(Post)(self._take_post)
        self._thread = threading.Thread(target=self._feed)

    def _take(self, event: Data) -> None:
        count = self.got[event.source]
        size = len(event.data)
        assert event.data == _numbers(count, size), (event.source, count)
        self.got[event.source] = count + size
        self._be_slow()

    def _take_post(self, event: Post) -> None:
        assert event.number == self.posts
        self.posts += 1
        self._be_slow()

    def _be_slow(self) -> None:
        chance = self._rng.random()
        if chance < 0.15:
            time.sleep(self._rng.uniform(0.001, 0.004))
        elif chance < 0.2:
            until = time.monotonic() + self._rng.uniform(0.001, 0.004)
            while time.monotonic() < until:
                pass

    def _feed(self) -> None:
        rng = random.Random(self._rng.random())
        while not self.done.is_set():
            end = rng.choice(self._ends)
            data = _numbers(self._sent[end], rng.randint(1, 200))
            try:
                self._sent[end] += end.send(data)
            except TimeoutError:
                continue
            if rng.random() < 0.2:
                self._app.post(Post(self.posted))
                self.posted += 1
            if (
                rng.random() < 0.02
            ):  # it comes to rest: a wake-up that is lost now is lost
                time.sleep(0.002)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        while self._thread.is_alive():  # it may wait for room
            self._app.step(0.01)

    @property
    def complete(self) -> bool:
        """Whether all that was sent has come."""
        return (
            sum(self.got.values()) == sum(self._sent.values())
            and self.posts == self.posted
        )

    def close(self) -> None:
        """Close the far ends."""
        for end in self._ends:
            end.close()


def _numbers(start: int, count: int) -> bytes:
    return bytes((start + n) % 251 for n in range(count))


def standby(until: float, rng: random.Random) -> str:
    """Hand the poller over and back, 10,000 times."""
    _ = until
    # A pass takes what is queued: with more, one would last for seconds.
    with Dispatcher(io="auto", queue_size=20) as app:
        load = Load(app, rng)
        standing = app._runner._driver
        assert isinstance(standing, Standby)
        watch = threading.Thread(target=_watch, args=(standing, load, app))
        with load:
            watch.start()
            app.run()
            watch.join()
        deadline = time.monotonic() + _STALL
        while not load.complete and time.monotonic() < deadline:
            app.step(0.1)
        assert load.complete, (load.got, load._sent)
        assert app.stats().balanced
        load.close()
        total = sum(load.got.values())
        return (
            f"{standing.takeovers:,} hand-overs, {total:,} bytes and {load.posts:,} posts"
            f" in order"
        )


def _watch(standing: Standby, load: Load, app: Dispatcher) -> None:
    """End the run when it is enough, or when nothing moves any more."""
    last, moved = -1, time.monotonic()
    while standing.takeovers < TIMES:
        time.sleep(0.05)
        now = load.posts + sum(load.got.values())
        if now != last:
            last, moved = now, time.monotonic()
        elif time.monotonic() - moved > _STALL:
            print("it stands still", load.got, load._sent, app.stats())
            os._exit(1)
    load.done.set()
    app.stop()
