"""Runs that are refused, and runs that fail."""

from typing import Any

import pytest
from helpers.events import Work

from evdispatch import (
    AlreadyRunningError,
    Dispatcher,
    HandlerError,
    InternalError,
    Start,
    Stop,
)
from evdispatch.testing import ManualSource, record, settle


def test_run_called_by_a_handler_raises(app: Dispatcher) -> None:
    causes: list[BaseException] = []

    @app.on(Work)
    def work() -> None:
        for call in (app.run, app.start, app.step, app.close):
            with pytest.raises(AlreadyRunningError) as caught:
                call()
            causes.append(caught.value)
        app.stop()

    app.post(Work())
    app.run()
    assert "called from a handler" in str(causes[0])
    assert "stop it first" in str(causes[3])
    assert repr(app).endswith("open>")


def test_two_dispatchers_dispatch_only_their_own_events(
    app: Dispatcher, io: Any
) -> None:
    with Dispatcher(io=io) as other:
        seen = record(other, Work)
        app.on(Work)(lambda: other.post(Work()))
        app.on(Work)(app.stop)
        app.post(Work())
        app.run()
        settle(other)
        assert len(seen) == 1
        assert app.stats().posts.read == 1 + 2  # start and stop


@pytest.mark.parametrize("where", ["start", "work", "stop"])
def test_run_handler_failure_still_stops_the_sources(
    app: Dispatcher, where: str
) -> None:
    stopped: list[str] = []

    class Recording(ManualSource):
        def on_start(self) -> None:
            stopped.append("on_start")

        def on_stop(self) -> None:
            stopped.append("on_stop")

    app.add(Recording())
    app.on(Stop, priority=1)(lambda: stopped.append("stop"))
    app.on(where, once=True)(lambda: 1 / 0)
    app.on(Work)(app.stop)
    app.post(Work())
    with pytest.raises(HandlerError):
        app.run()
    assert stopped == ["on_start", "stop", "on_stop"]
    app.post(Work())
    app.run()
    assert stopped == ["on_start", "stop", "on_stop"] * 2
    assert app.stats().balanced


def test_run_stop_handler_failure_does_not_hide_the_first_error(
    app: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    app.on(Work)(lambda: 1 / 0)
    app.on(Stop)([].pop)
    app.post(Work())
    with pytest.raises(HandlerError) as caught:
        app.run()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "stop failed while the loop was failing" in caplog.text


def test_run_source_that_fails_to_start_stops_those_started(
    app: Dispatcher,
) -> None:
    calls: list[str] = []

    class Good(ManualSource):
        def on_start(self) -> None:
            calls.append("start")

        def on_stop(self) -> None:
            calls.append("stop")

    class Bad(ManualSource):
        def on_start(self) -> None:
            raise OSError("no")

    app.add(Good())
    bad = app.add(Bad())
    with pytest.raises(OSError, match="no"):
        app.run()
    assert calls == ["start", "stop"]
    bad.close()
    app.stop()
    app.on(Start)(app.stop)
    app.run()
    assert calls == ["start", "stop"] * 2


def test_run_io_loop_crash_raises_internal_error(
    app: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop must not continue without IO."""

    def crash(timeout: float | None, *, inline: bool) -> None:
        raise MemoryError("crash")

    with monkeypatch.context() as patch:
        patch.setattr(app._io, "poll_once", crash)
        with pytest.raises(InternalError) as caught:
            app.run()
        assert isinstance(caught.value.__cause__, MemoryError)
    app.on(Work)(app.stop)
    app.post(Work())
    app.run()  # works again
