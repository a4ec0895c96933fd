"""The IO loop: turns, budgets, and sources that are paused during a turn."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.events import Work, numbers
from helpers.sources import Maker, works

from evdispatch import Dispatcher, Eof, Event, Pipe, Source
from evdispatch._io._io_loop import TURN
from evdispatch.testing import ManualSource, VirtualClock, record, run_until, settle

pytestmark = [pytest.mark.pollers, pytest.mark.cross]


def test_turn_sets_source_and_time_of_events(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    source = timed.add(ManualSource())
    own = Work(time=5.0)
    seen = record(timed, Work)
    clock.advance(7)
    source.emit(Work(), own)
    settle(timed)
    assert [(event.source, event.time) for event in seen] == [
        (source, 1007.0),
        (source, 5.0),
    ]


@pytest.mark.parametrize("count", [0, 1, TURN - 1, TURN, TURN + 1, 5 * TURN])
@pytest.mark.parametrize("kind", [list, iter])
def test_turn_of_any_number_of_events_delivers_them_in_order(
    app: Dispatcher, count: int, kind: Callable[[Any], Iterable[Event]]
) -> None:
    source = app.add(Maker(lambda: kind(works(count))))
    seen = record(app, Work)
    source.wake()
    settle(app)
    assert numbers(seen) == list(range(count))
    assert app.stats().balanced


def test_turn_of_a_source_with_many_events_leaves_turns_to_others() -> None:
    with Dispatcher(io="inline") as app:
        many = app.add(Maker(lambda: works(10 * TURN)))
        one = app.add(Maker(lambda: [Work(-1)]))
        seen = record(app, Work)
        many.wake()
        one.wake()
        settle(app)
    assert seen.index(next(e for e in seen if e.source is one)) <= 2 * TURN
    assert len(seen) == 10 * TURN + 1


def test_turn_with_leftover_events_delivers_them_before_new_ones(io: Any) -> None:
    asked: list[int] = []

    def make() -> Iterator[Event]:
        asked.append(1)
        first = len(asked) * 1000
        return (Work(first + n) for n in range(600))

    with Dispatcher(io=io, queue_size=10) as app:
        source = app.add(Maker(make))
        seen = record(app, Work)
        source.wake()
        run_until(app, lambda: asked)
        source.wake()
        source.set_deadline(app._now())
        settle(app)
    assert numbers(seen) == [1000 + n for n in range(600)] + [
        2000 + n for n in range(600)
    ]


def test_wake_a_hundred_thousand_times_asks_the_source_a_few_times(io: Any) -> None:
    asked: list[int] = []

    def make() -> list[Event]:
        asked.append(1)
        return [Work() for _ in range(50)]

    with Dispatcher(io=io, queue_size=10) as app:
        source = app.add(Maker(make))
        seen = record(app, Work)
        with app._registrations.lock:  # the IO loop cannot serve meanwhile
            for _ in range(100_000):
                source.wake()
        settle(app)
        before = len(asked)
        assert 1 <= before <= 10
        assert len(seen) == 50 * before
        source.wake()
        settle(app)
        assert len(asked) == before + 1, "the last call is not lost"


def test_wake_amid_the_events_of_a_source_is_not_lost(io: Any) -> None:
    with Dispatcher(io=io, queue_size=5) as app:
        source = app.add(ManualSource())
        seen = record(app, Work)

        @app.on("work")
        def more(event: Work) -> None:
            if event.number < 500:
                source.emit(Work(event.number + 2))

        source.emit(Work(0), Work(1))
        settle(app)
        assert sorted(numbers(seen)) == list(range(502))


def test_turn_of_many_empty_lines_delivers_all(app: Dispatcher, tmp_path: Path) -> None:
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


class TestPausedDuringATurn:
    """Another thread may pause a source while the IO loop serves waiting sources."""

    def pauser(self, others: list[Source]) -> Maker:
        def make() -> Iterator[Event]:
            for number in range(3 * TURN):
                if number == 2 * TURN:
                    for other in others:
                        other.pause()
                yield Work(-1)

        return Maker(make)

    def test_source_paused_by_another_holds_its_events_at_once(self) -> None:
        with Dispatcher(io="inline") as app:
            others: list[Source] = []
            pauser = app.add(self.pauser(others))
            paused = app.add(Maker(lambda: works(5 * TURN)))
            others.append(paused)
            pauser.wake()
            paused.wake()
            settle(app)
            assert paused.counts.made == 2 * TURN
            assert pauser.counts.made == 3 * TURN
            paused.set_deadline(app._now())
            settle(app)
            assert paused.counts.made == 2 * TURN, "a deadline releases nothing"
            paused.resume()
            settle(app)
            assert paused.counts.made == 5 * TURN

    def test_file_paused_by_another_source_is_not_read(self) -> None:
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

    def test_source_paused_and_finished_delivers_all(self) -> None:
        def make() -> Iterator[Event]:
            source.pause()
            source.finish()
            yield from works(3 * TURN)

        with Dispatcher(io="inline") as app:
            source = app.add(Maker(make))
            source.wake()
            settle(app)
            assert source.counts.made == 3 * TURN
