"""Threads and signals: nothing lost, nobody waits in vain, and nobody wakes for nothing."""

import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import pytest

from evdispatch import (
    ClosedError,
    Dispatcher,
    Event,
    Idle,
    Pipe,
    QueueFull,
    Start,
    Timer,
)
from evdispatch.testing import ManualSource, record, settle


@attrs.define(eq=False)
class Numbered(Event):
    thread: int
    number: int


@attrs.define(eq=False)
class Nudge(Event): ...


def in_threads(count: int, function: Callable[[int], None]) -> list[threading.Thread]:
    threads = [threading.Thread(target=function, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    return threads


def wait_until_asleep(app: Dispatcher) -> None:
    """Wait until the dispatch side sleeps: it says so before it does."""
    while not app._queue.sleeping:
        os.sched_yield()


# -- nothing is lost -----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("queue_size", "each"), [(1, 500), (100, 25_000), (10_000, 25_000)]
)
def test_a_hundred_thousand_posts_arrive_in_the_order_of_each_thread(
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
def test_posts_sources_and_timers_at_once_keep_the_balance(io: Any) -> None:
    with Dispatcher(io=io, queue_size=50) as app:
        sources = [app.add(ManualSource(str(number))) for number in range(4)]
        app.add(Timer("stress_tick", every=0.0005))
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
        settle(app)
        assert all(numbers == list(range(each)) for numbers in seen.values())
        assert app.stats().balanced


@pytest.mark.slow
def test_posts_wake_a_sleeping_loop_each_time(io: Any) -> None:
    """One post at a time, each after the loop has gone to sleep: a lost wake-up hangs."""
    with Dispatcher(io=io) as app:
        arrived = threading.Semaphore(0)
        app.on(Nudge)(partial(arrived.release, 1))
        with app.running():
            for number in range(2000):
                if number % 2:
                    wait_until_asleep(app)
                app.post(Nudge())
                assert arrived.acquire(timeout=10)


def test_sources_and_timers_wake_a_sleeping_loop(app: Dispatcher) -> None:
    arrived = threading.Semaphore(0)
    app.on(Nudge)(partial(arrived.release, 1))
    with app.running():
        wait_until_asleep(app)
        source = app.add(ManualSource())
        source.emit(Nudge())
        assert arrived.acquire(timeout=10)
        wait_until_asleep(app)
        app.after(0.001, partial(arrived.release, 1))
        assert arrived.acquire(timeout=10)
        r, w = os.pipe()
        app.on("data")(partial(arrived.release, 1))
        wait_until_asleep(app)
        app.add(Pipe(r))
        os.write(w, b"x")
        assert arrived.acquire(timeout=10)
        os.close(w)


# -- stop ----------------------------------------------------------------------------------


def test_stop_from_another_thread_ends_a_sleeping_run_within_10_ms(
    app: Dispatcher,
) -> None:
    delays: list[float] = []
    begun = threading.Semaphore(0)
    app.on(Start)(partial(begun.release, 1))

    def stop_when_asleep(_: int) -> None:
        for _ in range(15):
            begun.acquire()
            wait_until_asleep(app)
            stopped.append(time.monotonic())
            app.stop()

    stopped: list[float] = []
    (thread,) = in_threads(1, stop_when_asleep)
    for number in range(15):
        app.run()
        delays.append(time.monotonic() - stopped[number])
    thread.join()
    assert statistics.median(delays) < 0.010


def test_stops_from_many_threads_are_one_stop(app: Dispatcher) -> None:
    for _ in range(20):
        begun = threading.Event()
        app.on(Start, once=True)(begun.set)

        def stop(_: int, begun: threading.Event = begun) -> None:
            begun.wait()
            app.stop()

        threads = in_threads(4, stop)
        app.run()
        for thread in threads:
            thread.join()
    seen = record(app, Nudge)
    app.on(Nudge)(app.stop)
    app.post(Nudge())
    app.run()
    assert len(seen) == 1


def test_only_one_of_many_threads_gets_to_run(app: Dispatcher) -> None:
    refused = threading.Semaphore(0)
    began: list[int] = []
    app.on(Start)(lambda: began.append(threading.get_ident()))

    def run(_: int) -> None:
        try:
            app.run()
        except RuntimeError:
            refused.release()

    threads = in_threads(5, run)
    for _ in range(4):
        assert refused.acquire(timeout=10)
    app.stop()
    for thread in threads:
        thread.join()
    assert len(began) == 1


# -- waiting for room ----------------------------------------------------------------------


def wait_until_waiting(app: Dispatcher, count: int = 1) -> None:
    while app._queue._waiters < count:
        os.sched_yield()


def test_a_post_waits_for_room_and_goes_on_when_there_is(io: Any) -> None:
    with Dispatcher(io=io, queue_size=2) as app:
        seen = record(app, Numbered)
        for number in range(2):
            app.post(Numbered(0, number))
        (poster,) = in_threads(1, lambda n: app.post(Numbered(1, n)))
        wait_until_waiting(app)
        assert len(app._queue) == 2
        settle(app)
        poster.join(10)
        settle(app)
        assert [event.thread for event in seen] == [0, 0, 1]
        assert app.stats().balanced


def test_a_post_that_finds_no_room_in_time_says_so(io: Any) -> None:
    with Dispatcher(io=io, queue_size=1) as app:
        app.post(Nudge())
        caught: list[BaseException] = []

        def post(_: int) -> None:
            begin = time.monotonic()
            try:
                app.post(Nudge(), timeout=0.02)
            except QueueFull as error:
                assert time.monotonic() - begin >= 0.02
                caught.append(error)

        (poster,) = in_threads(1, post)
        poster.join()
        assert isinstance(caught[0], TimeoutError)
        assert settle(app) == 1


@pytest.mark.parametrize("posters", [1, 3])
def test_close_sends_away_who_waits_for_room(io: Any, posters: int) -> None:
    app = Dispatcher(io=io, queue_size=1)
    app.post(Nudge())
    caught: list[BaseException] = []

    def post(_: int) -> None:
        try:
            app.post(Nudge())
        except ClosedError as error:
            caught.append(error)

    threads = in_threads(posters, post)
    wait_until_waiting(app, posters)
    app.close()
    for thread in threads:
        thread.join(10)
    assert len(caught) == posters


def test_after_a_run_elsewhere_the_maker_does_not_wait_for_room(io: Any) -> None:
    """Nobody would make room: it would wait for ever."""
    with Dispatcher(io=io, queue_size=1) as app:
        with app.running():
            pass
        app.post(Nudge(), timeout=0)
        app.post(Nudge(), timeout=0)
        assert settle(app) == 2


def test_a_post_after_a_long_handler_finds_room_again(io: Any) -> None:
    """The handler runs while the post waits: it must be told when the queue empties."""
    with Dispatcher(io=io, queue_size=1) as app:
        done = threading.Event()
        app.on(Numbered)(done.set)

        @app.on(Nudge)
        def slow() -> None:
            wait_until_waiting(app)

        app.post(Nudge())
        app.on(Nudge, once=True, priority=1)(lambda: app.post(Nudge()))
        (poster,) = in_threads(1, lambda n: app.post(Numbered(n, n)))
        settle(app)
        poster.join(10)
        settle(app)
        assert done.is_set()
        assert app.stats().balanced


# -- signals -------------------------------------------------------------------------------


def test_a_post_from_a_signal_handler_wakes_the_loop(app: Dispatcher) -> None:
    seen = record(app, Nudge)
    app.on(Nudge)(app.stop)
    before = signal.signal(signal.SIGUSR1, lambda *_: app.post(Nudge()))
    try:
        app.on(Idle, once=True)(lambda: os.kill(os.getpid(), signal.SIGUSR1))
        app.run()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(seen) == 1


@pytest.mark.slow
def test_a_storm_of_signals_loses_no_post(app: Dispatcher) -> None:
    """A signal may come in the midst of a post; the handler posts, too."""
    posted = received = 0

    def handle(*_: object) -> None:
        nonlocal posted
        posted += 1
        app.post(Nudge())

    @app.on(Nudge)
    def count() -> None:
        nonlocal received
        received += 1

    before = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        while posted < 200:
            app.post(Nudge())
            posted += 1
            app.step(0.001)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    settle(app)
    assert received == posted
    assert app.stats().balanced


def test_signals_reach_the_main_thread_only(app: Dispatcher) -> None:
    """Python runs handlers there; another thread would take the signal for nothing."""
    masks: list[set[int]] = []
    app.on(Nudge)(lambda: masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    done = threading.Event()
    app.on(Nudge)(done.set)
    with app.running():
        app.post(Nudge())
        assert done.wait(10)
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGWINCH} <= masks[0]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


# -- an idle program -----------------------------------------------------------------------


def test_an_idle_program_does_not_poll(app: Dispatcher) -> None:
    r, w = os.pipe()
    app.add(Pipe(r))
    app.add(Timer("rare", every=1000))
    app.add(ManualSource())
    app.after(1000, int)
    with app.running():
        wait_until_asleep(app)
        time.sleep(0.01)  # what the start has caused comes to rest
        polls = app.stats().polls
        time.sleep(0.1)  # and this is the idleness that is measured
        assert app.stats().polls == polls
    os.close(w)


IDLE_PROGRAM = """
    import os, sys
    from evdispatch import *
    r, w = os.pipe()
    app = Dispatcher(io=sys.argv[1])
    app.add(Pipe(r))
    app.add(Timer(every=1000))
    app.on(Line)(app.stop)
    os.write(2, b"BEGIN\\n")
    app.add(Timer("end", after=0.5))
    app.on("end")(app.stop)
    app.run()
    os.write(2, b"END\\n")
    app.close()
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_kernel_sees_an_idle_program_sleep(io: str, tmp_path: Any) -> None:
    log = tmp_path / "log"
    done = subprocess.run(
        [
            "strace",
            "-f",
            "-o",
            log,
            sys.executable,
            "-c",
            textwrap.dedent(IDLE_PROGRAM),
            io,
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if "Operation not permitted" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    lines = log.read_text().splitlines()
    begin = next(n for n, line in enumerate(lines) if "BEGIN" in line)
    end = next(n for n, line in enumerate(lines) if '"END' in line)
    waits = [
        line for line in lines[begin:end] if re.search(r" (epoll_wait|p?poll)\(", line)
    ]
    # One deadline in half a second: a few waits, some begun anew, and no heartbeat.
    assert 1 <= len(waits) <= 8, "\n".join(waits)
