"""Registrations: sources closed by each other, by threads, and with descriptors reused."""

import os
import threading
from typing import Any

import pytest
from helpers.descriptors import new_pipe
from helpers.dispatchers import in_threads
from helpers.sources import Probe
from helpers.waiting import PATIENCE

from evdispatch import Data, Dispatcher, Fd, Pipe, Readable
from evdispatch._core._poller import ERROR, ready_now
from evdispatch.testing import ManualSource, run_until, settle

pytestmark = pytest.mark.pollers


def test_source_closed_by_another_of_the_batch_is_not_asked(
    app: Dispatcher, fds: list[int]
) -> None:
    """Each source closes the others, so only the first is asked."""
    probes: list[Probe] = []

    def close_the_others() -> None:
        for probe in probes:
            if not probe.asked:
                probe.close()

    probes += [Probe(os.eventfd(1), close_the_others) for _ in range(5)]
    fds += [probe.fd for probe in probes]
    with app._registrations.lock:  # all before one poll
        for probe in probes:
            app.add(probe)
    settle(app)
    assert sum(probe.asked for probe in probes) == 1
    assert sum(not probe.closed for probe in probes) == 1


def test_descriptor_reused_within_the_batch_is_not_read_for_the_old_source(
    app: Dispatcher, fds: list[int]
) -> None:
    old: list[Probe] = []
    new: list[Probe] = []

    def replace_the_others() -> None:
        for probe in old:
            if not probe.asked and not probe.closed:
                number = probe.fd
                probe.close()
                os.close(number)
                silent = os.eventfd(0)
                os.dup2(silent, number)
                if silent != number:
                    os.close(silent)
                new.append(app.add(Probe(number)))

    old += [Probe(os.eventfd(1), replace_the_others) for _ in range(4)]
    fds += [probe.fd for probe in old]
    with app._registrations.lock:
        for probe in old:
            app.add(probe)
    settle(app)
    assert sum(probe.asked for probe in old) == 1
    assert [probe.asked for probe in new] == [0, 0, 0]
    for probe in new:
        os.eventfd_write(probe.fd, 1)
    settle(app)
    assert [probe.asked for probe in new] == [1, 1, 1]


def test_source_closed_with_queued_events_drops_and_counts_them(
    app: Dispatcher,
) -> None:
    killer, victim = app.add(ManualSource()), app.add(ManualSource())
    sources = []
    app.on(Data)(lambda event: sources.append(event.source))
    killer.on(Data)(victim.close)
    killer.emit(Data(b"1"))
    victim.emit(Data(b"2"), Data(b"3"))
    settle(app)
    assert sources == [killer]
    assert victim.counts.made == victim.counts.dropped + victim.counts.handled


def test_descriptor_reused_delivers_only_new_data_to_the_new_source(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, writer = new_pipe(fds)
    second_reader, second_writer = new_pipe(fds)
    old = app.add(Pipe(reader))
    seen: list[Data] = []
    new: list[Pipe] = []

    @old.on("data")
    def replace(event: Data) -> None:
        old.close()
        os.dup2(second_reader, reader)
        new.append(app.add(Pipe(reader)))
        new[0].on("data")(seen.append)

    os.write(writer, b"old")
    os.write(second_writer, b"new")
    run_until(app, lambda: seen)
    assert [(event.source, event.data) for event in seen] == [(new[0], b"new")]
    new[0].close()


def test_source_closed_by_another_thread_while_the_loop_waits_is_closed_at_once(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, writer = new_pipe(fds)
    source = app.add(Pipe(reader))
    alive = threading.Event()
    with app.running():
        app.after(0, alive.set)
        assert alive.wait(PATIENCE)
        source.close()
        # Closed at once, not at the next event. select and poll keep the file open
        # while they wait, so they are woken, after a delay by the scheduler.
        while not app._registrations.pollers.live and not ready_now(writer, 0) & ERROR:
            os.sched_yield()
        with pytest.raises(BrokenPipeError):
            os.write(writer, b"x")
        alive.clear()
        app.after(0, alive.set)
        assert alive.wait(PATIENCE)
    assert app.sources == ()


def test_sources_added_and_closed_by_many_threads_are_all_closed(
    app: Dispatcher,
) -> None:
    failures: list[BaseException] = []

    def churn(_: int) -> None:
        try:
            for _ in range(100):
                left, right = os.pipe()
                source = app.add(Pipe(left))
                os.write(right, b"x")
                source.close()
                os.close(right)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    with app.running():
        threads = in_threads(4, churn)
        for thread in threads:
            thread.join()
    assert failures == []
    assert app.sources == ()


def test_sources_closed_by_a_handler_are_not_dispatched_again(
    app: Dispatcher, fds: list[int]
) -> None:
    first, second = new_pipe(fds), new_pipe(fds)
    sources = [app.add(Pipe(os.dup(end[0]))) for end in (first, second)]
    called = []

    @app.on("data")
    def close_both() -> None:
        called.append(1)
        for source in sources:
            source.close()

    os.write(first[1], b"x")
    os.write(second[1], b"x")
    settle(app)
    assert called == [1]
    assert app.sources == ()


def test_on_close_that_raises_still_closes_the_other_sources(
    io: Any, fds: list[int]
) -> None:
    class Stubborn(ManualSource):
        def on_close(self) -> None:
            raise LookupError("stubborn")

    reader, writer = new_pipe(fds)
    app = Dispatcher(io=io)
    sources = [Stubborn(), Pipe(reader), Stubborn()]
    for source in sources:
        app.add(source)
    with pytest.raises(LookupError):
        app.close()
    assert all(source.closed for source in sources)
    with pytest.raises(BrokenPipeError):
        os.write(writer, b"x")


def test_source_replaced_by_its_handler_is_dispatched(
    app: Dispatcher, fds: list[int]
) -> None:
    reader, writer = new_pipe(fds)
    fresh: list[Fd] = []

    @app.on("readable")
    def again(event: Readable) -> None:
        event.source.close()
        os.read(reader, 1)
        fresh.append(app.add(Fd(reader)))

    app.add(Fd(reader))
    os.write(writer, b"abc")
    run_until(app, lambda: len(fresh) == 3)
    assert app.sources == (fresh[-1],)
