"""Wake-ups: stops and signals wake a sleeping loop, and an idle loop stays asleep."""

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
from functools import partial
from typing import Any

import pytest
from helpers.dispatchers import in_threads, wait_until_asleep
from helpers.events import Work
from helpers.waiting import PATIENCE, wait_until

from evdispatch import Dispatcher, Idle, Pipe, Start, Timer
from evdispatch.testing import ManualSource, record, settle

pytestmark = pytest.mark.pollers

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


def test_stop_from_many_threads_ends_one_run(app: Dispatcher) -> None:
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
    seen = record(app, Work)
    app.on(Work)(app.stop)
    app.post(Work())
    app.run()
    assert len(seen) == 1


def test_run_called_by_many_threads_is_allowed_to_one(app: Dispatcher) -> None:
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
        assert refused.acquire(timeout=PATIENCE)
    app.stop()
    for thread in threads:
        thread.join()
    assert len(began) == 1


# -- signals -------------------------------------------------------------------------------


def test_post_by_a_signal_handler_wakes_the_loop(app: Dispatcher) -> None:
    seen = record(app, Work)
    app.on(Work)(app.stop)
    before = signal.signal(signal.SIGUSR1, lambda *_: app.post(Work()))
    try:
        app.on(Idle, once=True)(lambda: os.kill(os.getpid(), signal.SIGUSR1))
        app.run()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(seen) == 1


@pytest.mark.slow
def test_post_by_hundreds_of_signal_handlers_loses_no_event(app: Dispatcher) -> None:
    """A signal may interrupt a post, and its handler posts as well."""
    posted = received = 0

    def handle(*_: object) -> None:
        nonlocal posted
        posted += 1
        app.post(Work())

    @app.on(Work)
    def count() -> None:
        nonlocal received
        received += 1

    before = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        while posted < 200:
            app.post(Work())
            posted += 1
            app.step(0.001)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    settle(app)
    assert received == posted
    assert app.stats().balanced


def test_background_thread_blocks_signals(app: Dispatcher) -> None:
    """Python runs signal handlers on the main thread, so no other thread may take one."""
    masks: list[set[int]] = []
    app.on(Work)(lambda: masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    done = threading.Event()
    app.on(Work)(done.set)
    with app.running():
        app.post(Work())
        assert done.wait(PATIENCE)
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGWINCH} <= masks[0]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


# -- an idle program -----------------------------------------------------------------------


def test_idle_program_does_not_poll(app: Dispatcher) -> None:
    r, w = os.pipe()
    app.add(Pipe(r))
    app.add(Timer("rare", every=1000))
    app.add(ManualSource())
    app.after(1000, int)
    with app.running():
        wait_until_asleep(app)

        def slept_through() -> bool:
            polls = app.stats().polls
            time.sleep(0.25)  # the idle time that is observed
            return app.stats().polls == polls

        wait_until(slept_through)  # events of the start may still be handled
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
def test_idle_program_makes_few_system_calls_to_wait(io: str, tmp_path: Any) -> None:
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
        timeout=PATIENCE,
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
    # One deadline in half a second: a few waits, some restarted, and no heartbeat.
    assert 1 <= len(waits) <= 8, "\n".join(waits)
