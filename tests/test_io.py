"""The pump: turns, budgets, failures, a full queue, and how often it polls."""

import functools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from evdispatch import (
    Data,
    Dispatcher,
    Eof,
    Error,
    Event,
    InternalError,
    Line,
    Pipe,
    Source,
    SourceError,
    Timer,
)
from evdispatch._events import URGENT
from evdispatch._io import TURN
from evdispatch._poller import readable_now
from evdispatch.testing import (
    ManualSource,
    VirtualClock,
    record,
    run_until,
    settle,
)


@attrs.define(eq=False)
class Step(Event):
    number: int = 0


class Maker(Source):
    """Makes what a function returns, at each call of `wake`."""

    def __init__(self, make: Callable[[], Iterable[Event]]) -> None:
        super().__init__("maker")
        self.make = make

    def on_wake(self) -> Iterable[Event]:
        return self.make()


class Urgent(ManualSource):
    lane = URGENT


def steps(count: int) -> Iterator[Event]:
    return (Step(number) for number in range(count))


def numbers(events: list[Step]) -> list[int]:
    return [event.number for event in events]


class TestTurns:
    def test_events_get_their_source_and_the_time_they_were_read(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        source = timed.add(ManualSource())
        own = Step(time=5.0)
        seen = record(timed, Step)
        clock.advance(7)
        source.emit(Step(), own)
        settle(timed)
        assert [(event.source, event.time) for event in seen] == [
            (source, 1007.0),
            (source, 5.0),
        ]

    @pytest.mark.parametrize("count", [0, 1, TURN - 1, TURN, TURN + 1, 5 * TURN])
    @pytest.mark.parametrize("kind", [list, iter])
    def test_whatever_a_source_makes_arrives_in_order(
        self, app: Dispatcher, count: int, kind: Callable[[Any], Iterable[Event]]
    ) -> None:
        source = app.add(Maker(lambda: kind(steps(count))))
        seen = record(app, Step)
        source.wake()
        settle(app)
        assert numbers(seen) == list(range(count))
        assert app.stats().balanced

    def test_one_source_takes_a_turn_and_then_the_others_come(self) -> None:
        with Dispatcher(io="inline") as app:
            many = app.add(Maker(lambda: steps(10 * TURN)))
            one = app.add(Maker(lambda: [Step(-1)]))
            seen = record(app, Step)
            many.wake()
            one.wake()
            settle(app)
        assert seen.index(next(e for e in seen if e.source is one)) <= 2 * TURN
        assert len(seen) == 10 * TURN + 1

    def test_what_it_made_before_comes_before_what_it_is_asked_now(
        self, io: Any
    ) -> None:
        asked: list[int] = []

        def make() -> Iterator[Event]:
            asked.append(1)
            first = len(asked) * 1000
            return (Step(first + n) for n in range(600))

        with Dispatcher(io=io, queue_size=10) as app:
            source = app.add(Maker(make))
            seen = record(app, Step)
            source.wake()
            run_until(app, lambda: asked)
            source.wake()
            source.set_deadline(app._now())
            settle(app)
        assert numbers(seen) == [1000 + n for n in range(600)] + [
            2000 + n for n in range(600)
        ]

    def test_a_hundred_thousand_wakes_ask_a_few_times_only(self, io: Any) -> None:
        asked: list[int] = []

        def make() -> list[Event]:
            asked.append(1)
            return [Step() for _ in range(50)]

        with Dispatcher(io=io, queue_size=10) as app:
            source = app.add(Maker(make))
            seen = record(app, Step)
            with app._roster.lock:  # the pump can't serve meanwhile
                for _ in range(100_000):
                    source.wake()
            settle(app)
            before = len(asked)
            assert 1 <= before <= 10
            assert len(seen) == 50 * before
            source.wake()
            settle(app)
            assert len(asked) == before + 1, "the last call is not lost"

    def test_a_wake_in_the_midst_of_what_it_makes_is_not_lost(self, io: Any) -> None:
        with Dispatcher(io=io, queue_size=5) as app:
            source = app.add(ManualSource())
            seen = record(app, Step)

            @app.on("step")
            def more(event: Step) -> None:
                if event.number < 500:
                    source.emit(Step(event.number + 2))

            source.emit(Step(0), Step(1))
            settle(app)
            assert sorted(numbers(seen)) == list(range(502))

    def test_many_empty_lines_in_one_piece_all_arrive(
        self, app: Dispatcher, tmp_path: Path
    ) -> None:
        path = tmp_path / "lines"
        path.write_bytes(b"\n" * 100_000)
        count = 0

        @app.on("line")
        def add() -> None:
            nonlocal count
            count += 1

        ends = record(app, Eof)
        with path.open("rb") as file:
            app.add(Pipe(file, framing="lines"))
            run_until(app, lambda: ends)
        assert count == 100_000


class TestPauses:
    """Another thread may pause a source while the pump serves those that wait."""

    def pauser(self, others: list[Source]) -> Maker:
        def make() -> Iterator[Event]:
            for number in range(3 * TURN):
                if number == 2 * TURN:
                    for other in others:
                        other.pause()
                yield Step(-1)

        return Maker(make)

    def test_what_it_made_is_held_at_once(self) -> None:
        with Dispatcher(io="inline") as app:
            others: list[Source] = []
            pauser = app.add(self.pauser(others))
            paused = app.add(Maker(lambda: steps(5 * TURN)))
            others.append(paused)
            pauser.wake()
            paused.wake()
            settle(app)
            assert paused.counts.made == 2 * TURN
            assert pauser.counts.made == 3 * TURN
            paused.set_deadline(app._now())
            settle(app)
            assert paused.counts.made == 2 * TURN, "a deadline sets nothing free"
            paused.resume()
            settle(app)
            assert paused.counts.made == 5 * TURN

    def test_a_file_is_asked_no_more(self) -> None:
        with Dispatcher(io="inline") as app:
            others: list[Source] = []
            pauser = app.add(self.pauser(others))
            file = app.add(Pipe(os.open("/dev/zero", os.O_RDONLY)))
            others.append(file)
            pauser.wake()
            while not file.paused:
                app.step(0)
            before = file.counts.made
            settle(app)
            assert file.counts.made == before

    def test_what_it_made_before_its_end_is_not_held_for_ever(self) -> None:
        def make() -> Iterator[Event]:
            source.pause()
            source.finish()
            yield from steps(3 * TURN)

        with Dispatcher(io="inline") as app:
            source = app.add(Maker(make))
            source.wake()
            settle(app)
            assert source.counts.made == 3 * TURN


class TestFailures:
    def test_what_it_made_comes_first_then_the_error_and_it_has_ended(
        self, app: Dispatcher
    ) -> None:
        def make() -> Iterator[Event]:
            yield Step(1)
            yield Step(2)
            raise LookupError("no more")

        source, other = app.add(Maker(make)), app.add(ManualSource())
        seen: list[Any] = []
        source.on(Event)(seen.append)
        source.wake()
        settle(app)
        assert [event.name for event in seen] == ["step", "step", "error"]
        assert isinstance(seen[2].exception, LookupError)
        assert (seen[2].source, seen[2].event, seen[2].handler) == (source, None, None)
        assert source.closed
        assert app.sources == (other,)
        heard = record(app, Step)
        other.emit(Step())
        settle(app)
        assert len(heard) == 1

    def test_a_failure_beyond_a_turns_worth_keeps_its_place(self, io: Any) -> None:
        def make() -> Iterator[Event]:
            yield from steps(700)
            raise LookupError("no more")

        with Dispatcher(io=io, queue_size=10) as app:
            source = app.add(Maker(make))
            seen: list[Event] = []
            source.on(Event)(seen.append)
            source.wake()
            settle(app)
        assert [event.name for event in seen] == ["step"] * 700 + ["error"]

    def test_nobody_handles_it_and_it_is_raised(self, app: Dispatcher) -> None:
        def make() -> list[Event]:
            raise LookupError("at once")

        source = app.add(Maker(make))
        source.wake()
        with pytest.raises(SourceError, match="at once") as caught:
            settle(app)
        assert isinstance(caught.value.__cause__, LookupError)
        assert caught.value.event.source is source

    def test_a_second_failure_while_it_is_closed_is_told_too(
        self, app: Dispatcher
    ) -> None:
        class Hopeless(Maker):
            def on_close(self) -> None:
                raise OSError("can't even close")

        def make() -> list[Event]:
            raise LookupError("first")

        source = app.add(Hopeless(make))
        seen = record(app, Error)
        source.wake()
        settle(app)
        assert [str(event.exception) for event in seen] == [
            "first",
            "can't even close",
        ]
        assert seen[1].exception.__context__ is seen[0].exception
        assert app.sources == ()

    def test_one_that_is_closed_while_it_makes_is_quiet(self, io: Any) -> None:
        with Dispatcher(io=io, queue_size=10) as app:
            source = app.add(Maker(lambda: steps(5000)))
            other = app.add(ManualSource())
            seen = record(app, Step)

            @app.on("step", number=20)
            def close() -> None:
                source.close()

            source.wake()
            settle(app)
            assert numbers(seen) == list(range(21))
            other.emit(Step(-1))
            settle(app)
            assert seen[-1].source is other
            assert source._rest is None, "what it made is not kept"
            counts = source.counts
            assert counts.made == counts.handled + counts.dropped

    def test_one_that_ends_itself_still_delivers_all(self, io: Any) -> None:
        def make() -> Iterator[Event]:
            yield from steps(1000)
            source.finish()
            yield from steps(1000)

        with Dispatcher(io=io, queue_size=10) as app:
            source = app.add(Maker(make))
            seen = record(app, Step)
            source.wake()
            settle(app)
            assert len(seen) == 2000
            assert source.closed
            source.wake()
            assert settle(app) == 0

    def test_ctrl_c_in_the_midst_keeps_what_there_is(self) -> None:
        def make() -> Iterator[Event]:
            yield Step(1)
            yield Step(2)
            raise KeyboardInterrupt

        with Dispatcher(io="inline") as app:
            source = app.add(Maker(make))
            seen = record(app, Step)
            source.wake()
            with pytest.raises(KeyboardInterrupt):
                app.step(0)
            settle(app)
            assert numbers(seen) == [1, 2]
            assert app.stats().balanced

    def test_a_source_that_overrides_nothing_does_nothing(
        self, app: Dispatcher
    ) -> None:
        reader, writer = os.pipe()

        class Bare(Source):
            def fileno(self) -> int:
                return reader

        source = app.add(Bare())
        os.write(writer, b"x")
        source.wake()
        source.set_deadline(0.0)
        run_until(app, lambda: source._deadline is None)
        assert app.stats().sources[source].read == 0
        source.close()
        os.close(reader)
        os.close(writer)

    @pytest.mark.parametrize("call", ["run", "step"])
    def test_a_crash_of_the_io_side_surfaces(
        self, app: Dispatcher, call: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def crash(*_: Any) -> Any:
            raise LookupError("a fault of ours")

        monkeypatch.setattr(app._io, "_wait", crash)
        enter = app.run if call == "run" else lambda: run_until(app, lambda: False)
        with pytest.raises(InternalError, match="please report") as caught:
            enter()
        assert isinstance(caught.value.__cause__, LookupError)

    def test_a_crash_in_the_midst_surfaces_at_once(
        self, app: Dispatcher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = app.add(ManualSource())
        settle(app)

        def crash(*_: Any) -> Any:
            raise LookupError("a fault of ours")

        monkeypatch.setattr(app._io, "_serve_waiting", crash)
        app.after(0, source.wake)
        with pytest.raises(InternalError):
            app.run()


class TestPolls:
    def test_an_idle_program_polls_no_more(self, app: Dispatcher) -> None:
        reader, writer = os.pipe()
        app.add(Pipe(reader))
        app.add(Timer(every=3600))
        settle(app)
        before = app.stats().polls
        app.step(0.05)
        assert app.stats().polls - before <= 1
        os.close(writer)

    def test_a_full_queue_is_not_polled_for(self) -> None:
        """Inline, nobody empties it between two pumps, so it stays full."""
        with Dispatcher(io="inline", queue_size=10) as app:
            source = app.add(Maker(lambda: steps(1000)))
            source.wake()
            for _ in range(5):
                app._io.pump(0)
            assert app.stats().waiting == 10
            assert not app._io.has_work()

    def test_the_alarm_is_armed_for_who_watches_the_descriptor(
        self, app: Dispatcher
    ) -> None:
        """A deadline that is set between two steps makes the descriptor readable."""
        fd = app.fileno()
        settle(app)
        called: list[int] = []
        app.after(0.001, lambda: called.append(1))
        deadline = time.monotonic() + 10
        while not called and time.monotonic() < deadline:
            if readable_now(fd):
                app.step(0)
        assert called

    def test_a_deadline_in_the_past_overtakes_nobody(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        """A source that is always due leaves the others their turns."""

        class Hasty(Source):
            def on_add(self) -> None:
                self.set_deadline(0.0)

            def on_deadline(self, now: float) -> list[Event]:
                self.set_deadline(float("-inf"))
                return [Step(1)]

        timed.add(Timer("blink", after=1.0))
        clock.advance(1.0)
        hasty = timed.add(Hasty())
        seen: list[Event] = []
        timed.on("blink")(seen.append)
        run_until(timed, lambda: seen)
        hasty.close()

    def test_a_deadline_from_a_deadline_waits_for_the_next_turn(self) -> None:
        clock = VirtualClock()

        class Again(Source):
            def on_add(self) -> None:
                self.set_deadline(self.host.now())

            def on_deadline(self, now: float) -> list[Event]:
                self.set_deadline(now)
                return [Step()]

        with Dispatcher(io="inline", clock=clock) as app:
            app.add(Timer(every=50))
            app.add(Timer(every=60))
            app.add(Again())
            app._io.pump(0)
            app._io.pump(0)
            assert app.stats().waiting == 2

    @pytest.mark.parametrize("when", [1e300, 2.0**40, float("inf"), None])
    def test_a_source_may_be_due_never(
        self, app: Dispatcher, when: float | None
    ) -> None:
        class Patient(Source):
            def on_add(self) -> None:
                self.set_deadline(when)

            def on_deadline(self, now: float) -> list[Event]:
                return [Step()]

        app.add(Patient())
        seen = record(app, Step)
        settle(app)
        app.step(0.01)
        assert seen == []

    def test_a_deadline_can_not_be_nan(self, app: Dispatcher) -> None:
        source = app.add(ManualSource())
        with pytest.raises(ValueError, match="NaN"):
            source.set_deadline(float("nan"))
        settle(app)


class TestFullQueue:
    def test_urgent_events_get_through_while_it_is_full(self, io: Any) -> None:
        with Dispatcher(io=io, queue_size=10) as app:
            flood = app.add(Maker(lambda: steps(20_000)))
            key = app.add(Urgent())
            pressed: list[int] = []
            handled = 0
            key.on("step")(lambda: pressed.append(handled))

            @flood.on("step")
            def handle(event: Step) -> None:
                nonlocal handled
                handled += 1
                if handled == 100:
                    key.emit(Step())

            flood.wake()
            settle(app)
            assert handled == 20_000
            assert pressed
            assert pressed[0] < 20_000

    def test_a_full_urgent_lane_loses_nothing(self, io: Any) -> None:
        with Dispatcher(io=io, queue_size=10) as app:
            source, other = app.add(Urgent()), app.add(ManualSource())
            seen = record(app, Step)
            source.emit(*steps(3000))
            other.emit(*steps(3000))
            settle(app)
            for which in (source, other):
                mine = [event for event in seen if event.source is which]
                assert numbers(mine) == list(range(3000))
            assert app.stats().balanced

    def test_a_full_queue_wakes_the_io_side_as_it_empties(self, io: Any) -> None:
        """Handlers that never yield: posts fill the lane that a pipe feeds."""
        reader, writer = os.pipe()
        with Dispatcher(io=io, queue_size=4) as app:
            app.add(Pipe(reader, framing="lines"))
            seen = record(app, Line)
            app.on("step")(lambda: None)
            for _ in range(20):
                app.post(Step())
            os.write(writer, b"x\n" * 50)
            os.close(writer)
            settle(app)
            assert len(seen) == 50

    def test_posts_of_threads_wait_and_all_arrive(self, io: Any) -> None:
        with Dispatcher(io=io, queue_size=10) as app:
            seen = record(app, Step)

            def post() -> None:
                for number in range(500):
                    app.post(Step(number))

            threads = [threading.Thread(target=post) for _ in range(3)]
            for thread in threads:
                thread.start()
            run_until(app, lambda: len(seen) == 1500)
            for thread in threads:
                thread.join()

    @pytest.mark.slow
    def test_a_million_lines_to_a_slow_handler_keep_memory_flat(self, io: Any) -> None:
        """The kernel pushes back: nothing is lost, and nothing piles up."""
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
                key.emit(Step(count))

            @key.on("step")
            def pressed(event: Step) -> None:
                urgent.append(count - event.number)

            ends = record(app, Eof)
            with subprocess.Popen(["seq", str(total)], stdout=writer) as child:
                os.close(writer)
                run_until(app, lambda: ends, timeout=25)
            assert child.returncode == 0
            settle(app)
        assert count == total
        assert lost == []
        assert max(waiting) <= 100
        assert max(sizes) - sizes[0] < 4 * 2**20
        assert len(urgent) == total // 10_000
        assert sorted(urgent)[len(urgent) // 2] < 2000, "lines before a key is heard"


def resident() -> int:
    """Return this process's memory in bytes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_key_is_dispatched_within_10_ms_of_a_firehose(app: Dispatcher) -> None:
    fd = os.open("/dev/zero", os.O_RDONLY)
    app.add(Pipe(fd))
    key = app.add(Urgent())
    sent = [0.0]
    late: list[float] = []
    app.on(Data)(lambda: None)

    @key.on("step")
    def pressed() -> None:
        late.append(time.monotonic() - sent[0])

    def arrived(number: int) -> bool:
        return len(late) == number

    for number in range(1, 31):
        sent[0] = time.monotonic()
        key.emit(Step())
        run_until(app, functools.partial(arrived, number))
    assert sorted(late)[15] < 0.010


def test_who_hears_of_a_failed_source_finds_it_closed(app: Dispatcher) -> None:
    class Failing(ManualSource):
        def on_wake(self) -> Iterator[Event]:
            raise ZeroDivisionError

    closed: list[bool] = []
    app.on("error")(lambda event: closed.append(event.source.closed))
    app.add(Failing()).wake()
    run_until(app, lambda: closed)
    assert closed == [True]
