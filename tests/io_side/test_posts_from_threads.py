"""Posts from many threads: no event is lost, and a waiting post gets space."""

import os
import threading
import time
from functools import partial
from typing import Any

import pytest
from helpers.dispatchers import in_threads, wait_until_asleep
from helpers.events import Numbered, Work
from helpers.waiting import PATIENCE

from evdispatch import ClosedError, Dispatcher, Pipe, QueueFull, Timer
from evdispatch.testing import ManualSource, record, settle

# -- no event is lost ----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("queue_size", "each"), [(1, 500), (100, 25_000), (10_000, 25_000)]
)
def test_posts_from_threads_arrive_in_the_order_of_each_thread(
    io: Any, queue_size: int, each: int
) -> None:
    threads = 4
    with Dispatcher(io=io, queue_size=queue_size) as app:
        latest = [-1] * threads
        disorder: list[Numbered] = []
        longest = seen = 0

        @app.on(Numbered)
        def check(event: Numbered) -> None:
            nonlocal seen, longest
            if event.number != latest[event.thread] + 1:
                disorder.append(event)
            latest[event.thread] = event.number
            longest = max(longest, len(app._queue.normal))
            seen += 1
            if seen == threads * each:
                app.stop()

        def post(thread: int) -> None:
            for number in range(each):
                app.post(Numbered(thread, number))

        posters = in_threads(threads, post)
        app.run()
        for poster in posters:
            poster.join()
        assert disorder == []
        assert latest == [each - 1] * threads
        assert longest <= queue_size + threads
        assert app.stats().waiting == 0
        assert app.stats().balanced


@pytest.mark.slow
def test_posts_sources_and_timers_together_lose_no_event(io: Any) -> None:
    with Dispatcher(io=io, queue_size=50) as app:
        sources = [app.add(ManualSource(str(number))) for number in range(4)]
        ticker = app.add(Timer("stress_tick", every=0.0005))
        seen: dict[Any, list[int]] = {None: [], **{source: [] for source in sources}}
        app.on(Numbered)(lambda event: seen[event.source].append(event.number))
        each = 2000

        def feed(thread: int) -> None:
            for number in range(each):
                sources[thread].emit(Numbered(thread, number))
                if thread == 0:
                    app.post(Numbered(thread, number))

        feeders = in_threads(4, feed)
        while any(feeder.is_alive() for feeder in feeders):
            app.step(0.001)
        ticker.close()  # on a slow machine the loop would never be idle
        settle(app)
        assert all(numbers == list(range(each)) for numbers in seen.values())
        assert app.stats().balanced


@pytest.mark.slow
def test_post_to_a_sleeping_loop_wakes_it_each_time(io: Any) -> None:
    """Post once each time the loop sleeps: a lost wake-up would hang."""
    with Dispatcher(io=io) as app:
        arrived = threading.Semaphore(0)
        app.on(Work)(partial(arrived.release, 1))
        with app.running():
            for number in range(2000):
                if number % 2:
                    wait_until_asleep(app)
                app.post(Work())
                assert arrived.acquire(timeout=PATIENCE)


def test_source_or_timer_added_to_a_sleeping_loop_wakes_it(app: Dispatcher) -> None:
    arrived = threading.Semaphore(0)
    app.on(Work)(partial(arrived.release, 1))
    with app.running():
        wait_until_asleep(app)
        source = app.add(ManualSource())
        source.emit(Work())
        assert arrived.acquire(timeout=PATIENCE)
        wait_until_asleep(app)
        app.after(0.001, partial(arrived.release, 1))
        assert arrived.acquire(timeout=PATIENCE)
        r, w = os.pipe()
        app.on("data")(partial(arrived.release, 1))
        wait_until_asleep(app)
        app.add(Pipe(r))
        os.write(w, b"x")
        assert arrived.acquire(timeout=PATIENCE)
        os.close(w)


# -- waiting for space ---------------------------------------------------------------------


def wait_until_waiting(app: Dispatcher, count: int = 1) -> None:
    while app._queue._waiters < count:
        os.sched_yield()


def test_post_to_a_full_queue_waits_until_there_is_space(io: Any) -> None:
    with Dispatcher(io=io, queue_size=2) as app:
        seen = record(app, Numbered)
        for number in range(2):
            app.post(Numbered(0, number))
        (poster,) = in_threads(1, lambda n: app.post(Numbered(1, n)))
        wait_until_waiting(app)
        assert len(app._queue) == 2
        settle(app)
        poster.join(PATIENCE)
        settle(app)
        assert [event.thread for event in seen] == [0, 0, 1]
        assert app.stats().balanced


def test_post_to_a_full_queue_raises_queue_full_after_its_timeout(io: Any) -> None:
    with Dispatcher(io=io, queue_size=1) as app:
        app.post(Work())
        caught: list[BaseException] = []

        def post(_: int) -> None:
            begin = time.monotonic()
            try:
                app.post(Work(), timeout=0.02)
            except QueueFull as error:
                assert time.monotonic() - begin >= 0.02
                caught.append(error)

        (poster,) = in_threads(1, post)
        poster.join()
        assert isinstance(caught[0], TimeoutError)
        assert settle(app) == 1


@pytest.mark.parametrize("posters", [1, 3])
def test_post_waiting_at_a_full_queue_raises_closed_error_on_close(
    io: Any, posters: int
) -> None:
    app = Dispatcher(io=io, queue_size=1)
    app.post(Work())
    caught: list[BaseException] = []

    def post(_: int) -> None:
        try:
            app.post(Work())
        except ClosedError as error:
            caught.append(error)

    threads = in_threads(posters, post)
    wait_until_waiting(app, posters)
    app.close()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(caught) == posters


def test_post_by_the_owner_after_a_background_run_does_not_wait(io: Any) -> None:
    """No thread would empty the queue, so the post would wait for ever."""
    with Dispatcher(io=io, queue_size=1) as app:
        with app.running():
            pass
        app.post(Work(), timeout=0)
        app.post(Work(), timeout=0)
        assert settle(app) == 2


def test_post_waiting_during_a_long_handler_gets_space_afterwards(io: Any) -> None:
    """The handler runs while the post waits, which must be woken when the queue empties."""
    with Dispatcher(io=io, queue_size=1) as app:
        done = threading.Event()
        app.on(Numbered)(done.set)

        @app.on(Work)
        def slow() -> None:
            wait_until_waiting(app)

        app.post(Work())
        app.on(Work, once=True, priority=1)(lambda: app.post(Work()))
        (poster,) = in_threads(1, lambda n: app.post(Numbered(n, n)))
        settle(app)
        poster.join(PATIENCE)
        settle(app)
        assert done.is_set()
        assert app.stats().balanced
