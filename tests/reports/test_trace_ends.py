"""`Dispatcher.trace`: how it begins and ends, and what happens if it cannot begin."""

import signal
from pathlib import Path
from typing import Any

import pytest
from helpers.events import Work
from helpers.traces import check, load, of, span_names

from evdispatch import ClosedError, Dispatcher, HandlerError, Trace
from evdispatch._handlers._handler import CALLERS
from evdispatch.debug._trace import TracedCall
from evdispatch.testing import settle


def test_trace_opened_and_closed_by_handlers_is_complete(
    app: Dispatcher, path: Path
) -> None:
    traces: list[Trace] = []
    app.on("start")(lambda: traces.append(app.trace(path)))
    app.on(Work, priority=1)(lambda: None)

    @app.on(Work)
    def end() -> None:
        traces[0].close()

    app.on(Work, priority=-1)(app.stop)
    app.post(Work())
    app.run()
    spans = of(load(path), "handler")
    assert len([each for each in spans if each["args"]["event"] == "work"]) == 1
    check(load(path))


def test_trace_of_a_closed_dispatcher_is_closed(io: Any, path: Path) -> None:
    with Dispatcher(io=io) as app:
        trace = app.trace(path)
        app.on(Work)(lambda: None)
        app.post(Work())
        settle(app)
    assert trace.closed
    check(load(path))
    trace.close()
    with pytest.raises(ClosedError):
        app.trace(path)


def test_ctrl_c_in_a_traced_handler_interrupts_at_once(
    app: Dispatcher, path: Path
) -> None:
    reached = []

    @app.on("start")
    def work() -> None:
        signal.raise_signal(signal.SIGINT)
        reached.append("the end")

    with app.trace(path), pytest.raises(KeyboardInterrupt):
        app.run()
    assert not reached
    assert TracedCall.run.__code__ in CALLERS
    check(load(path))


def test_trace_after_a_failed_run_continues_with_the_next(
    app: Dispatcher, path: Path
) -> None:
    @app.on("start", once=True)
    def fail() -> None:
        raise LookupError

    with app.trace(path):
        with pytest.raises(HandlerError):
            app.run()
        app.on("start")(app.stop)
        app.run()
    assert span_names(of(load(path), "handler")) == ["fail", "stop"]


def test_trace_that_fails_to_begin_leaves_the_handlers_unchanged(
    timed: Dispatcher, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise MemoryError

    def work() -> None: ...

    timed.on(Work)(work)
    (entry,) = timed._registry.scope.subscriptions[Work]
    monkeypatch.setattr(Trace, "around", refuse)
    with pytest.raises(MemoryError):
        timed.trace(path)
    assert entry.call is work
    assert "_turn" not in vars(timed._io)
    assert len(load(path)) == 1
