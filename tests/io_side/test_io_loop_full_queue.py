"""The IO loop and a full queue: no event is lost, and urgent events are dispatched."""

import functools
import os
import subprocess
import sys
import time
from typing import Any

import pytest
from helpers.dispatchers import in_threads
from helpers.events import Work, numbers
from helpers.sources import Maker, works
from helpers.waiting import PATIENCE, wait_until

from evdispatch import Data, Dispatcher, Eof, Line, Pipe
from evdispatch._core._queue import Queue
from evdispatch._events import URGENT
from evdispatch.testing import ManualSource, record, run_until, settle

pytestmark = pytest.mark.pollers


class Urgent(ManualSource):
    lane = URGENT


def test_full_queue_emptied_before_the_wait_still_takes_leftover_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is full at the look for leftover events, and empty when a wait for room begins."""
    with Dispatcher(io="thread", queue_size=2) as app:
        source = app.add(Maker(lambda: works(20)))
        seen = record(app, Work)
        app.on("work")(lambda: time.sleep(0.01))  # the IO thread waits for 5 ms
        wait_for_low_water = Queue.wait_for_low_water

        def wait(queue: Queue) -> bool:
            wait_until(lambda: not len(queue))
            return wait_for_low_water(queue)

        monkeypatch.setattr(Queue, "wait_for_low_water", wait)
        source.wake()
        run_until(app, lambda: len(seen) == 20)


def test_full_queue_urgent_events_are_still_dispatched(io: Any) -> None:
    with Dispatcher(io=io, queue_size=10) as app:
        flood = app.add(Maker(lambda: works(20_000)))
        key = app.add(Urgent())
        pressed: list[int] = []
        handled = 0
        key.on("work")(lambda: pressed.append(handled))

        @flood.on("work")
        def handle(event: Work) -> None:
            nonlocal handled
            handled += 1
            if handled == 100:
                key.emit(Work())

        flood.wake()
        settle(app)
        assert handled == 20_000
        assert pressed
        assert pressed[0] < 20_000


def test_full_urgent_lane_loses_no_event(io: Any) -> None:
    with Dispatcher(io=io, queue_size=10) as app:
        source, other = app.add(Urgent()), app.add(ManualSource())
        seen = record(app, Work)
        source.emit(*works(3000))
        other.emit(*works(3000))
        settle(app)
        for which in (source, other):
            mine = [event for event in seen if event.source is which]
            assert numbers(mine) == list(range(3000))
        assert app.stats().balanced


def test_full_queue_emptied_by_handlers_wakes_the_io_loop(io: Any) -> None:
    """Posts fill the lane that a pipe feeds."""
    reader, writer = os.pipe()
    with Dispatcher(io=io, queue_size=4) as app:
        app.add(Pipe(reader, framing="lines"))
        seen = record(app, Line)
        app.on("work")(lambda: None)
        for _ in range(20):
            app.post(Work())
        os.write(writer, b"x\n" * 50)
        os.close(writer)
        settle(app)
        assert len(seen) == 50


def test_full_queue_posts_of_threads_wait_and_all_arrive(io: Any) -> None:
    with Dispatcher(io=io, queue_size=10) as app:
        seen = record(app, Work)

        def post(_: int) -> None:
            for number in range(500):
                app.post(Work(number))

        threads = in_threads(3, post)
        run_until(app, lambda: len(seen) == 1500)
        for thread in threads:
            thread.join()


@pytest.mark.slow
def test_full_queue_million_lines_keep_memory_flat(io: Any) -> None:
    """The kernel blocks the writer: no line is lost, and none are buffered."""
    reader, writer = os.pipe()
    total = 1_000_000 if sys.gettrace() is None else 100_000  # for coverage
    lost: list[bytes] = []
    waiting: list[int] = []
    sizes: list[int] = []
    urgent: list[int] = []
    count = 0
    with Dispatcher(io=io, queue_size=100) as app:
        pipe = app.add(Pipe(reader, framing="lines"))
        key = app.add(Urgent())

        @pipe.on("line")
        def handle(event: Line) -> None:
            nonlocal count
            count += 1
            if count % 10_000:
                return
            if int(event.data) != count:
                lost.append(event.data)
            waiting.append(app.stats().waiting)
            sizes.append(resident())
            key.emit(Work(count))

        @key.on("work")
        def pressed(event: Work) -> None:
            urgent.append(count - event.number)

        write_by_seq(app, writer, total)
    assert count == total
    assert lost == []
    assert max(waiting) <= 100
    assert max(sizes) - sizes[0] < 4 * 2**20
    assert len(urgent) == total // 10_000
    assert sorted(urgent)[len(urgent) // 2] < 2000, "lines before a key is dispatched"


def write_by_seq(app: Dispatcher, writer: int, total: int) -> None:
    """Let a child write that many lines, and run until all of them are handled."""
    ends = record(app, Eof)
    with subprocess.Popen(["seq", str(total)], stdout=writer) as child:
        os.close(writer)
        run_until(app, lambda: ends, timeout=PATIENCE)
    assert child.returncode == 0
    settle(app)


def resident() -> int:
    """Return this process's memory in bytes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_urgent_event_beside_a_firehose_is_dispatched_within_10_ms(
    app: Dispatcher,
) -> None:
    fd = os.open("/dev/zero", os.O_RDONLY)
    app.add(Pipe(fd))
    key = app.add(Urgent())
    sent = [0.0, 0.0]
    late: list[float] = []
    spent: list[float] = []
    app.on(Data)(lambda: None)

    @key.on("work")
    def pressed() -> None:
        spent.append(time.process_time() - sent[0])
        late.append(time.monotonic() - sent[1])

    def arrived(number: int) -> bool:
        return len(late) == number

    for number in range(1, 31):
        sent[:] = time.process_time(), time.monotonic()
        key.emit(Work())
        run_until(app, functools.partial(arrived, number))
    # The CPU time of both threads, and the best delay: other programs make it longer.
    assert sorted(spent)[15] < 0.010
    assert min(late) < 0.010
