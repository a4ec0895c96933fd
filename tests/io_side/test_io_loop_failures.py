"""The IO loop and sources that fail, end or crash while they emit events."""

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


def crash(*_: Any) -> Any:
    raise LookupError("a fault of the library")


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


@pytest.mark.parametrize("answer", [(None,), ("work",), (3, None), 3, None])
def test_source_that_returns_no_events_ends_with_an_error(
    app: Dispatcher, answer: Any
) -> None:
    source, other = app.add(Answers(answer)), app.add(ManualSource())
    errors, works = record(app, Error), record(app, Work)
    os.write(source.writer, b"x")
    run_until(app, lambda: errors)
    assert (errors[0].source, source.closed) == (source, True)
    other.emit(Work())
    settle(app)
    assert len(works) == 1


def test_source_that_fails_delivers_its_events_then_the_error_and_closes(
    app: Dispatcher,
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
    handled = record(app, Work)
    other.emit(Work())
    settle(app)
    assert len(handled) == 1


def test_source_that_fails_after_finish_still_emits_final_events(
    app: Dispatcher,
) -> None:
    class Talker(ManualSource):
        has_final_events = True

        def on_wake(self) -> Iterator[Event]:
            self.finish()
            yield from works(300)  # more than one turn takes
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


def test_source_that_fails_after_several_turns_emits_the_error_last(io: Any) -> None:
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


def test_source_failure_without_error_handler_is_raised(app: Dispatcher) -> None:
    def make() -> list[Event]:
        raise LookupError("at once")

    source = app.add(Maker(make))
    source.wake()
    with pytest.raises(SourceError, match="at once") as caught:
        settle(app)
    assert isinstance(caught.value.__cause__, LookupError)
    assert caught.value.event.source is source


def test_source_that_also_fails_to_close_emits_two_errors(app: Dispatcher) -> None:
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


def test_source_closed_amid_its_events_delivers_no_more(io: Any) -> None:
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
        assert source.registration.leftover is None, "its events are not kept"
        counts = source.counts
        assert counts.made == counts.handled + counts.dropped


def test_source_finished_amid_its_events_delivers_all(io: Any) -> None:
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


def test_source_interrupted_amid_its_events_keeps_those_emitted() -> None:
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


def test_source_that_overrides_nothing_emits_nothing(app: Dispatcher) -> None:
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
def test_io_loop_crash_in_the_poller_raises_internal_error(
    app: Dispatcher, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app._registrations.pollers.all, "poll", crash)
    enter = app.run if call == "run" else lambda: run_until(app, lambda: False)
    with pytest.raises(InternalError, match="please report") as caught:
        enter()
    assert isinstance(caught.value.__cause__, LookupError)


def test_io_loop_crash_during_a_run_raises_internal_error(
    app: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = app.add(ManualSource())
    settle(app)

    monkeypatch.setattr(app._io, "_ask_woken", crash)
    app.after(0, source.wake)
    with pytest.raises(InternalError):
        app.run()


def test_source_failed_is_closed_when_the_error_is_handled(app: Dispatcher) -> None:
    class Failing(ManualSource):
        def on_wake(self) -> Iterator[Event]:
            raise ZeroDivisionError

    closed: list[bool] = []
    app.on("error")(lambda event: closed.append(event.source.closed))
    app.add(Failing()).wake()
    run_until(app, lambda: closed)
    assert closed == [True]


@pytest.mark.modes("inline", "auto")
def test_oneshot_readiness_is_kept_when_another_source_exits_amid_the_batch(
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
    for number in range(2):  # one is asked before the watch in any order
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
def test_readiness_is_kept_when_another_source_exits_amid_the_batch(
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
def test_wake_is_kept_when_another_source_exits_amid_the_batch(app: Dispatcher) -> None:
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
