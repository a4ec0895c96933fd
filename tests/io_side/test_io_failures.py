"""The pump: sources that fail, end or crash while they make events."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.descriptors import Ends
from helpers.events import Work, numbers
from helpers.sources import Maker, works

from evdispatch import (
    Data,
    Dispatcher,
    Error,
    Event,
    InternalError,
    Pipe,
    Source,
    SourceError,
    Watch,
)
from evdispatch.testing import ManualSource, record, run_until, settle

pytestmark = [pytest.mark.pollers, pytest.mark.cross]


class Answers(Source):
    """Answers each readiness of a pipe with what it was given."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer
        self.reader, self.writer = os.pipe()

    def fileno(self) -> int:
        return self.reader

    def on_ready(self, ready: int) -> Any:
        os.read(self.reader, 100)
        return self.answer

    def on_close(self) -> None:
        os.close(self.reader)
        os.close(self.writer)


class TestFailures:
    @pytest.mark.parametrize("answer", [(None,), ("work",), (3, None), 3, None])
    def test_a_source_that_answers_with_no_events_ends_and_the_loop_goes_on(
        self, app: Dispatcher, answer: Any
    ) -> None:
        source, other = app.add(Answers(answer)), app.add(ManualSource())
        errors, heard = record(app, Error), record(app, Work)
        os.write(source.writer, b"x")
        run_until(app, lambda: errors)
        assert (errors[0].source, source.closed) == (source, True)
        other.emit(Work())
        settle(app)
        assert len(heard) == 1

    def test_what_it_made_comes_first_then_the_error_and_it_has_ended(
        self, app: Dispatcher
    ) -> None:
        def make() -> Iterator[Event]:
            yield Work(1)
            yield Work(2)
            raise LookupError("no more")

        source, other = app.add(Maker(make)), app.add(ManualSource())
        seen: list[Any] = []
        source.on(Event)(seen.append)
        source.wake()
        settle(app)
        assert [event.name for event in seen] == ["work", "work", "error"]
        assert isinstance(seen[2].exception, LookupError)
        assert (seen[2].source, seen[2].event, seen[2].handler) == (source, None, None)
        assert source.closed
        assert app.sources == (other,)
        heard = record(app, Work)
        other.emit(Work())
        settle(app)
        assert len(heard) == 1

    def test_the_last_word_is_asked_for_though_it_fails_after_its_end(
        self, app: Dispatcher
    ) -> None:
        class Talker(ManualSource):
            has_final_events = True

            def on_wake(self) -> Iterator[Event]:
                self.finish()
                yield from works(300)  # several turns' worth
                raise LookupError("no more")

            def final_events(self) -> Iterator[Event]:
                yield Work(-1)

        source = app.add(Talker())
        seen: list[Any] = []
        source.on(Event)(seen.append)
        source.wake()
        settle(app)
        assert [event.name for event in seen[-3:]] == ["work", "error", "work"]
        assert seen[-1].number == -1
        assert len(seen) == 302

    def test_a_failure_beyond_a_turns_worth_keeps_its_place(self, io: Any) -> None:
        def make() -> Iterator[Event]:
            yield from works(700)
            raise LookupError("no more")

        with Dispatcher(io=io, queue_size=10) as app:
            source = app.add(Maker(make))
            seen: list[Event] = []
            source.on(Event)(seen.append)
            source.wake()
            settle(app)
        assert [event.name for event in seen] == ["work"] * 700 + ["error"]

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
            source = app.add(Maker(lambda: works(5000)))
            other = app.add(ManualSource())
            seen = record(app, Work)

            @app.on("work", number=20)
            def close() -> None:
                source.close()

            source.wake()
            settle(app)
            assert numbers(seen) == list(range(21))
            other.emit(Work(-1))
            settle(app)
            assert seen[-1].source is other
            assert source.registration.leftover is None, "what it made is not kept"
            counts = source.counts
            assert counts.made == counts.handled + counts.dropped

    def test_one_that_ends_itself_still_delivers_all(self, io: Any) -> None:
        def make() -> Iterator[Event]:
            yield from works(1000)
            source.finish()
            yield from works(1000)

        with Dispatcher(io=io, queue_size=10) as app:
            source = app.add(Maker(make))
            seen = record(app, Work)
            source.wake()
            settle(app)
            assert len(seen) == 2000
            assert source.closed
            source.wake()
            assert settle(app) == 0

    def test_ctrl_c_in_the_midst_keeps_what_there_is(self) -> None:
        def make() -> Iterator[Event]:
            yield Work(1)
            yield Work(2)
            raise KeyboardInterrupt

        with Dispatcher(io="inline") as app:
            source = app.add(Maker(make))
            seen = record(app, Work)
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
        run_until(app, lambda: source.registration.deadline is None)
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

        monkeypatch.setattr(app._registrations.pollers.all, "poll", crash)
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

        monkeypatch.setattr(app._io, "_ask_woken", crash)
        app.after(0, source.wake)
        with pytest.raises(InternalError):
            app.run()


def test_who_hears_of_a_failed_source_finds_it_closed(app: Dispatcher) -> None:
    class Failing(ManualSource):
        def on_wake(self) -> Iterator[Event]:
            raise ZeroDivisionError

    closed: list[bool] = []
    app.on("error")(lambda event: closed.append(event.source.closed))
    app.add(Failing()).wake()
    run_until(app, lambda: closed)
    assert closed == [True]


@pytest.mark.modes("inline", "auto")
def test_what_the_poller_tells_once_outlives_who_leaves_in_the_midst(
    app: Dispatcher, ends: Ends, tmp_path: Path
) -> None:
    class Leaving(Source):
        def fileno(self) -> int:
            return fd

        def on_ready(self, ready: int) -> list[Event]:
            os.read(fd, 1)
            raise SystemExit

    watch = app.add(Watch(tmp_path))
    run_until(app, lambda: watch.settled)
    for number in range(2):  # one of them is asked before the watch, in any order
        fd, writer = ends.pipe()
        leaving = app.add(Leaving())
        os.write(writer, b"x")
        (tmp_path / str(number)).touch()
        with pytest.raises(SystemExit):
            run_until(app, lambda: False)
        leaving.close()
    created = [f"{tmp_path}/{number}" for number in range(2)]
    run_until(app, lambda: watch.snapshot() == set(created))


@pytest.mark.modes("inline", "auto")
def test_an_arrival_outlives_who_leaves_in_the_midst(
    app: Dispatcher, ends: Ends
) -> None:
    fds = [ends.pipe() for _ in range(3)]

    class Leaving(Pipe):
        def on_ready(self, ready: int) -> Any:
            if not left:
                left.append(os.read(self.fileno(), 1))
                raise SystemExit
            return super().on_ready(ready)

    left: list[bytes] = []
    pipes = [app.add(Leaving(fd)) for fd, _ in fds]
    seen = record(app, Data)
    settle(app)
    for _, writer in fds:
        os.write(writer, b"xy")
    with pytest.raises(SystemExit):
        run_until(app, lambda: False)
    run_until(app, lambda: len({event.source for event in seen}) == len(pipes))
    assert sum(len(event.data) for event in seen) == 2 * len(pipes) - 1


@pytest.mark.modes("inline", "auto")
def test_a_wake_outlives_who_leaves_in_the_midst(app: Dispatcher) -> None:
    def leave() -> list[Event]:
        raise SystemExit

    leaving, other = app.add(Maker(leave)), app.add(ManualSource())
    seen = record(app, Work)
    settle(app)
    leaving.wake()
    other.emit(Work(1))
    with pytest.raises(SystemExit):
        app.step(0)
    settle(app)
    assert numbers(seen) == [1]
