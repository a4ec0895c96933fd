"""Sources that are closed: by each other, by threads, and with their numbers reused."""

import os
import threading
from typing import Any

import pytest
from helpers.descriptors import new_pipe
from helpers.sources import Probe
from helpers.waiting import PATIENCE

from evdispatch import Data, Dispatcher, Fd, Pipe, Readable
from evdispatch._core._poller import ERROR, ready_now
from evdispatch.testing import ManualSource, run_until, settle

pytestmark = pytest.mark.pollers


class TestClosing:
    def test_one_that_is_ready_too_is_not_asked_once_it_is_closed(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        """Each closes the other, and whoever comes first is the only one asked."""
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

    def test_a_number_reused_within_the_batch_is_not_asked_for_the_old_owner(
        self, app: Dispatcher, fds: list[int]
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

    def test_queued_events_of_a_closed_source_are_dropped_and_counted(
        self, app: Dispatcher
    ) -> None:
        killer, victim = app.add(ManualSource()), app.add(ManualSource())
        heard = []
        app.on(Data)(lambda event: heard.append(event.source))
        killer.on(Data)(victim.close)
        killer.emit(Data(b"1"))
        victim.emit(Data(b"2"), Data(b"3"))
        settle(app)
        assert heard == [killer]
        assert victim.counts.made == victim.counts.dropped + victim.counts.handled

    def test_events_of_the_old_owner_do_not_reach_the_new_one(
        self, app: Dispatcher, fds: list[int]
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

    def test_another_thread_may_close_while_the_loop_waits(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        reader, writer = new_pipe(fds)
        source = app.add(Pipe(reader))
        alive = threading.Event()
        with app.running():
            app.after(0, alive.set)
            assert alive.wait(PATIENCE)
            source.close()
            # Closed at once, not at the next event. select and poll hold on to the file
            # for as long as they wait, so they are woken; how soon is the scheduler's.
            while (
                not app._registrations.pollers.live and not ready_now(writer, 0) & ERROR
            ):
                os.sched_yield()
            with pytest.raises(BrokenPipeError):
                os.write(writer, b"x")
            alive.clear()
            app.after(0, alive.set)
            assert alive.wait(PATIENCE)
        assert app.sources == ()

    def test_many_threads_may_add_and_close_at_once(self, app: Dispatcher) -> None:
        failures: list[BaseException] = []

        def churn() -> None:
            try:
                for _ in range(100):
                    left, right = os.pipe()
                    source = app.add(Pipe(left))
                    os.write(right, b"x")
                    source.close()
                    os.close(right)
            except BaseException as error:  # noqa: BLE001
                failures.append(error)

        threads = [threading.Thread(target=churn) for _ in range(4)]
        with app.running():
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert failures == []
        assert app.sources == ()

    def test_a_source_may_close_itself_and_another_in_its_handler(
        self, app: Dispatcher, fds: list[int]
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

    def test_what_on_close_raises_keeps_no_other_source_from_its_end(
        self, io: Any, fds: list[int]
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

    def test_a_handler_may_replace_the_source_it_hears(
        self, app: Dispatcher, fds: list[int]
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
