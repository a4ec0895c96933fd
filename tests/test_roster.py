"""Sources and their descriptors: added, closed, reused, lost; and never mixed up."""

import errno
import fcntl
import gc
import os
import resource
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evdispatch import (
    HANGUP,
    READ,
    ClosedError,
    Data,
    Dispatcher,
    Error,
    Event,
    Fd,
    Hangup,
    Pipe,
    Readable,
    Source,
    StateError,
)
from evdispatch._events import URGENT
from evdispatch.testing import ManualSource, record, run_until, settle


class Probe(Source):
    """Takes note of each question; reads nothing."""

    def __init__(self, fd: int, then: Callable[[], Any] = lambda: None) -> None:
        super().__init__("probe")
        self.fd = fd
        self.asked = 0
        self.then = then

    def fileno(self) -> int:
        return self.fd

    def on_ready(self, ready: int) -> Iterable[Event]:
        self.asked += 1
        self.then()
        self.watch(None)
        return ()


class UrgentProbe(Probe):
    lane = URGENT


@pytest.fixture
def fds() -> Iterator[list[int]]:
    """Numbers to close at the end, if the test has not."""
    numbers: list[int] = []
    yield numbers
    for fd in numbers:
        try:
            os.close(fd)
        except OSError as error:
            assert error.errno == errno.EBADF  # noqa: PT017


def pipe(fds: list[int]) -> tuple[int, int]:
    fds += (ends := os.pipe())
    return ends


def polls_in(app: Dispatcher, seconds: float) -> int:
    """How often the poller is asked while nothing happens."""
    settle(app)
    before = app.stats().polls
    app.step(seconds)
    return app.stats().polls - before


class Numbers:
    def __init__(self, *numbers: int) -> None:
        self.numbers = list(numbers)

    def fileno(self) -> int:
        return self.numbers.pop(0)


class TestAdding:
    @pytest.mark.parametrize("kind", [Fd, Pipe])
    @pytest.mark.parametrize("bad", [-1, True, False, 1.0, "0", None, b"1"])
    def test_what_is_no_descriptor_is_refused_at_once(
        self, kind: Callable[[Any], Source], bad: Any
    ) -> None:
        with pytest.raises((TypeError, ValueError), match="descriptor"):
            kind(bad)

    @pytest.mark.parametrize("kind", [Fd, Pipe])
    def test_a_closed_file_or_socket_is_refused_at_once(
        self, kind: Callable[[Any], Source]
    ) -> None:
        with open("/dev/null") as file, socket.socket() as sock:
            pass
        for closed in (file, sock):
            with pytest.raises(ValueError, match="closed"):
                kind(closed)

    @pytest.mark.parametrize("kind", [Fd, Pipe, Probe])
    def test_a_closed_number_is_refused_and_leaves_nothing_behind(
        self, app: Dispatcher, fds: list[int], kind: Callable[[int], Source]
    ) -> None:
        reader, writer = pipe(fds)
        os.close(reader)
        with pytest.raises(OSError, match="Bad file") as caught:
            app.add(kind(reader))
        assert caught.value.errno == errno.EBADF
        assert app.sources == ()
        os.dup2(pipe(fds)[0], reader)
        app.add(kind(reader)).close()
        assert writer in fds

    def test_what_the_kernel_refuses_is_told_with_the_number(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        path_only = os.open("/", os.O_PATH)
        fds.append(path_only)
        for fd, number in (
            (path_only, errno.EBADF),
            (app._roster.fileno(), errno.ELOOP),
        ):
            with pytest.raises(OSError, match=f"fd {fd}") as caught:
                app.add(Fd(fd))
            assert caught.value.errno == number
        assert app.sources == ()

    def test_the_same_number_twice_is_an_error_and_the_first_goes_on(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        reader, writer = pipe(fds)
        first = app.add(Pipe(reader, closefd=False))
        second = Fd(reader)
        with pytest.raises(StateError, match=f"fd {reader} is watched already"):
            app.add(second)
        seen = record(app, Data)
        os.write(writer, b"x")
        settle(app)
        assert [event.source for event in seen] == [first]
        first.close()
        assert app.add(second) is second, "what was refused may be added later"

    def test_the_same_number_paused_is_still_taken(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        reader, _ = pipe(fds)
        app.add(Fd(reader)).pause()
        with pytest.raises(StateError, match="watched already"):
            app.add(Fd(reader))

    def test_a_source_lives_once(self, app: Dispatcher, fds: list[int]) -> None:
        reader, _ = pipe(fds)
        source = app.add(Fd(reader))
        with pytest.raises(StateError, match="added before"):
            app.add(source)
        source.close()
        with pytest.raises(ClosedError, match="is closed"):
            app.add(source)

    def test_closed_before_it_was_added_it_is_closed(self, app: Dispatcher) -> None:
        reader, writer = os.pipe()
        source = Pipe(reader)
        source.close()
        os.close(writer)
        with pytest.raises(ClosedError):
            app.add(source)

    def test_a_source_whose_opening_fails_leaves_nothing_behind(
        self, app: Dispatcher
    ) -> None:
        class Broken(Source):
            def on_add(self) -> None:
                self.set_deadline(self.host.now())
                raise LookupError("no such thing")

        with pytest.raises(LookupError):
            app.add(Broken())
        assert app.sources == ()
        assert app.timeout() is None
        assert settle(app) == 0

    def test_only_sources_are_added(self, app: Dispatcher) -> None:
        with pytest.raises(TypeError, match="takes a Source"):
            app.add(0)  # type: ignore[type-var]

    def test_removing_what_is_not_there_is_an_error_but_not_twice(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        source = Fd(pipe(fds)[0])
        with pytest.raises(StateError, match="not added"):
            app.remove(source)
        app.add(source)
        app.remove(source)
        app.remove(source)
        source.close()
        assert source.closed

    def test_the_number_is_that_of_the_adding(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        reader, writer = pipe(fds)
        source = Fd(Numbers(reader, 10**6))
        app.add(source)
        seen = record(app, Readable)
        os.write(writer, b"x")
        run_until(app, lambda: seen)
        source.close()
        assert polls_in(app, 0.02) <= 3

    def test_a_source_that_nobody_else_holds_lives_on(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        reader, writer = pipe(fds)
        app.add(Pipe(reader, closefd=False))
        gc.collect()
        seen = record(app, Data)
        os.write(writer, b"x")
        settle(app)
        assert len(seen) == 1


class TestManyDescriptors:
    @pytest.fixture(autouse=True)
    def _room(self) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < 4096:
            pytest.skip("too few descriptors are allowed here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
        yield
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def test_a_number_above_1024_works(self, app: Dispatcher, fds: list[int]) -> None:
        reader, writer = pipe(fds)
        high = fcntl.fcntl(reader, fcntl.F_DUPFD_CLOEXEC, 2000)
        app.add(Pipe(high))
        seen = record(app, Data)
        os.write(writer, b"x")
        settle(app)
        assert [event.data for event in seen] == [b"x"]

    def test_more_that_are_ready_than_one_poll_tells_are_all_heard(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        fds += [os.eventfd(1) for _ in range(1100)]
        seen: list[int] = []

        @app.on("readable")
        def read(event: Readable) -> None:
            seen.append(event.source.fileno())
            event.source.close()

        for fd in fds:
            app.add(Fd(fd))
        settle(app)
        assert sorted(seen) == sorted(fds)


class TestDuplicates:
    def test_two_duplicates_are_two_sources(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        left, right = socket.socketpair()
        with left, right:
            duplicate = os.dup(left.fileno())
            first, second = app.add(Fd(left)), app.add(Fd(duplicate))
            heard = []
            app.on("readable")(lambda event: heard.append(event.source))
            right.send(b"x")
            run_until(app, lambda: {first, second} <= set(heard))
            first.close()
            settle_until_quiet = len(heard)
            run_until(app, lambda: len(heard) > settle_until_quiet + 2)
            assert heard[-1] is second
            second.close()
            fds.append(duplicate)

    def test_closing_one_leaves_the_other_watched(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        reader, writer = pipe(fds)
        one, other = Pipe(os.dup(reader)), Pipe(os.dup(reader))
        app.add(one)
        app.add(other)
        one.close()
        seen = record(app, Data)
        os.write(writer, b"x")
        settle(app)
        assert [event.source for event in seen] == [other]


class TestClosedBehindOurBack:
    def test_nothing_is_told_and_nothing_spins(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        reader, writer = pipe(fds)
        source = app.add(Fd(reader))
        settle(app)
        os.close(reader)
        seen = record(app, Event)
        with pytest.raises(BrokenPipeError):
            os.write(writer, b"x")
        assert polls_in(app, 0.02) <= 3
        assert [event for event in seen if event.source is source] == []
        source.close()

    def test_the_number_given_out_anew_belongs_to_the_new_source(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        reader, _ = pipe(fds)
        old = app.add(Pipe(reader))
        settle(app)
        os.close(reader)
        other_reader, other_writer = pipe(fds)
        assert other_reader == reader, "the test needs the number to be reused"
        new = app.add(Pipe(reader, closefd=False))
        assert old.closed
        assert app.sources == (new,)
        old.close()
        seen = record(app, Event)
        os.write(other_writer, b"x")
        settle(app)
        assert [e.source for e in seen if isinstance(e, Data)] == [new]

    def test_an_old_source_does_not_write_to_the_new_owner(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        left, right = socket.socketpair()
        fds += [left.detach(), right.detach()]
        old = app.add(Pipe(fds[0]))
        settle(app)
        os.close(fds[0])
        others = socket.socketpair()
        with others[0], others[1]:
            os.dup2(others[0].fileno(), fds[0])
            app.add(Pipe(fds[0], closefd=False))
            with pytest.raises(ClosedError):
                old.write(b"x")

    @pytest.mark.parametrize("kind", [Probe, UrgentProbe])
    def test_a_living_duplicate_does_not_make_it_spin(
        self, app: Dispatcher, fds: list[int], kind: type[Probe]
    ) -> None:
        reader, writer = pipe(fds)
        fds.append(os.dup(reader))
        source = app.add(kind(reader))
        bystander = app.add(Pipe(os.dup(pipe(fds)[0])))
        settle(app)
        os.close(reader)
        errors = record(app, Error)
        os.write(writer, b"x")
        run_until(app, lambda: errors)  # it wants to look away, and can't
        assert polls_in(app, 0.05) <= 5
        assert source.asked == 1
        assert source.closed
        seen = record(app, Data)
        os.write(fds[-1], b"y")  # the rebuilt poller knows the others still
        settle(app)
        assert [event.source for event in seen] == [bystander]
        called: list[int] = []
        app.after(0, lambda: called.append(1))
        run_until(app, lambda: called)

    def test_a_closed_source_whose_duplicate_lives_does_not_make_it_spin(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        reader, writer = pipe(fds)
        fds.append(os.dup(reader))
        source = app.add(Probe(reader))
        settle(app)
        os.close(reader)
        source.close()
        os.write(writer, b"x")
        assert polls_in(app, 0.05) <= 5
        assert source.asked == 0

    def test_a_pipe_finds_out_and_tells(self, app: Dispatcher, fds: list[int]) -> None:
        reader, writer = pipe(fds)
        fds.append(os.dup(reader))
        source = app.add(Pipe(reader))
        settle(app)
        os.close(reader)
        os.write(writer, b"x")
        seen = record(app, Error)
        settle(app)
        (error,) = seen
        assert isinstance(error.exception, OSError)
        assert error.exception.errno == errno.EBADF
        assert source.closed
        assert polls_in(app, 0.05) <= 5


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
        with app._roster.lock:  # all before one poll
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
        with app._roster.lock:
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
        reader, writer = pipe(fds)
        second_reader, second_writer = pipe(fds)
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
        reader, writer = pipe(fds)
        source = app.add(Pipe(reader))
        alive = threading.Event()
        with app.running():
            app.after(0, alive.set)
            assert alive.wait(10)
            source.close()
            with pytest.raises(BrokenPipeError):
                os.write(writer, b"x")  # closed at once, not at the next event
            alive.clear()
            app.after(0, alive.set)
            assert alive.wait(10)
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
        first, second = pipe(fds), pipe(fds)
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

        reader, writer = pipe(fds)
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
        reader, writer = pipe(fds)
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


class TestAlwaysReady:
    def test_a_file_is_read_to_its_end(self, app: Dispatcher, tmp_path: Path) -> None:
        path = tmp_path / "lines"
        path.write_bytes(b"".join(b"%d\n" % n for n in range(20_000)))
        seen = record(app, Event)
        with path.open("rb") as file:
            app.add(Pipe(file, framing="lines"))
            settle(app)
        names = [event.name for event in seen if isinstance(event.source, Pipe)]
        assert names == ["line"] * 20_000 + ["eof"]
        assert app.sources == ()

    @pytest.mark.parametrize("path", ["/dev/null", "/dev/zero", __file__])
    def test_it_is_told_readable_each_time_it_was_handled(
        self, app: Dispatcher, fds: list[int], path: str
    ) -> None:
        fds.append(os.open(path, os.O_RDONLY))
        source = app.add(Fd(fds[0]))
        seen = record(app, Readable)
        run_until(app, lambda: len(seen) >= 3)
        assert seen[0].mask == READ
        source.pause()
        assert polls_in(app, 0.02) <= 3

    def test_paused_it_is_not_asked(self, app: Dispatcher, fds: list[int]) -> None:
        fds.append(os.open("/dev/zero", os.O_RDONLY))
        source = app.add(Pipe(fds[0], closefd=False))
        seen = record(app, Data)
        run_until(app, lambda: len(seen) > 10)
        source.pause()
        settle(app)
        before = len(seen)
        assert polls_in(app, 0.02) <= 3
        assert len(seen) == before
        source.resume()
        run_until(app, lambda: len(seen) > before + 10)

    def test_a_firehose_does_not_starve_the_others(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        fds.append(os.open("/dev/zero", os.O_RDONLY))
        app.add(Pipe(fds[0], closefd=False))
        app.on("data")(lambda: None)
        reader, writer = pipe(fds)
        other = app.add(Pipe(reader, framing="lines", closefd=False))
        ticks: list[int] = []
        app.after(0.001, lambda: ticks.append(1))
        seen: list[Event] = []
        other.on("line")(seen.append)
        os.write(writer, b"x\n")
        run_until(app, lambda: seen and ticks)


class TestPaused:
    def test_a_hangup_in_a_pause_does_not_spin(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        reader, writer = pipe(fds)
        source = app.add(Fd(reader))
        source.pause()
        os.write(writer, b"x")
        os.close(writer)
        assert polls_in(app, 0.05) <= 5
        seen: list[Event] = []

        @source.on("readable")
        def read(event: Readable) -> None:
            os.read(reader, 10)
            seen.append(event)

        source.on("hangup")(seen.append)
        source.resume()
        run_until(app, lambda: len(seen) == 2)
        assert isinstance(seen[1], Hangup)
        assert seen[1].mask & HANGUP

    def test_pausing_and_resuming_twice_is_once(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        reader, writer = pipe(fds)
        source = app.add(Pipe(reader, closefd=False))
        source.pause()
        source.pause()
        assert source.paused
        source.resume()
        source.resume()
        seen = record(app, Data)
        os.write(writer, b"x")
        settle(app)
        assert len(seen) == 1
        assert not source.paused

    def test_paused_before_it_is_added_it_waits(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        reader, writer = pipe(fds)
        source = Pipe(reader, closefd=False)
        source.pause()
        app.add(source)
        os.write(writer, b"x")
        seen = record(app, Data)
        settle(app)
        assert seen == []
        source.resume()
        settle(app)
        assert len(seen) == 1

    def test_pausing_a_closed_source_does_nothing(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        source = app.add(Fd(pipe(fds)[0]))
        source.close()
        source.pause()
        source.resume()

    def test_what_was_made_waits_for_the_resume(self, io: Any, fds: list[int]) -> None:
        with Dispatcher(io=io, queue_size=100) as app:
            self.pause_in_the_midst(app, *pipe(fds))

    def pause_in_the_midst(self, app: Dispatcher, reader: int, writer: int) -> None:
        source = app.add(Pipe(reader, framing="lines", closefd=False))
        seen: list[Event] = []

        @source.on("line")
        def first(event: Event) -> None:
            seen.append(event)
            source.pause()

        os.write(writer, b"x\n" * 5000)
        run_until(app, lambda: seen)
        settle(app)
        assert len(seen) < 5000
        paused_at = len(seen)
        settle(app)
        assert len(seen) == paused_at
        app.off(first)
        source.on("line")(seen.append)
        source.resume()
        settle(app)
        assert len(seen) == 5000


def test_a_source_says_what_it_is(app: Dispatcher, fds: list[int]) -> None:
    reader, _ = pipe(fds)
    source = Fd(reader, name="input")
    assert repr(source) == "<Fd 'input' open>"
    app.add(source)
    assert repr(source) == f"<Fd 'input' fd={reader} open>"
    source.pause()
    assert repr(source) == f"<Fd 'input' fd={reader} paused>"
    source.close()
    assert repr(source) == f"<Fd 'input' fd={reader} closed>"
    assert ManualSource().name == "manualsource"


def test_a_source_that_was_not_added_has_no_host(fds: list[int]) -> None:
    source = Fd(pipe(fds)[0])
    with pytest.raises(StateError, match="not added"):
        source.set_deadline(1.0)
    with pytest.raises(StateError, match="add it"):
        source.on("readable")
    source.finish()
    source.wake()
    assert not source.closed
    source.close()
    with pytest.raises(ClosedError):
        source.set_deadline(1.0)
