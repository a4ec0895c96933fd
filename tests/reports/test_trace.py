"""`Dispatcher.trace`: its records of sources, waits and handlers."""

import functools
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from helpers.events import Work
from helpers.traces import check, load, of, span_names

from evdispatch import HANDLED, Dispatcher, Event, Timer
from evdispatch.testing import ManualSource, VirtualClock, settle


def test_trace_records_sources_waits_and_handlers(app: Dispatcher, path: Path) -> None:
    app.add(Timer("tick", every=0.001))
    source = app.add(ManualSource("made"))
    seen = []

    @app.on("tick")
    def tick() -> None:
        seen.append(1)
        if len(seen) == 5:
            app.stop()

    @source.on(Work)
    def work(event: Event) -> None: ...

    with app.trace(path) as trace:
        source.emit(Work(), Work())
        app.run()
    assert trace.closed
    records = load(path)
    check(records)
    assert records[0]["name"] == "process_name"
    (turn,) = [each for each in of(records, "source") if each["name"] == "made"]
    assert turn["args"] == {"events": 2, "kind": "ManualSource"}
    spans = of(records, "handler")
    assert span_names(spans).count("work") == 2
    assert span_names(spans).count("tick") == 5
    assert {each["args"]["event"] for each in spans} == {"work", "tick"}
    assert len(of(records, "queue")) == 2 * 7
    here = threading.get_native_id()
    assert {each["tid"] for each in spans} == {here}
    polling = {each["tid"] for each in of(records, "source")}
    assert (here in polling) == (app._io_mode != "thread")


def test_trace_times_are_those_of_the_clock(
    timed: Dispatcher, clock: VirtualClock, path: Path
) -> None:
    @timed.on(Work)
    def work() -> None:
        clock.advance(0.25)

    timed.on(Work)(functools.partial(clock.advance, 0.5))
    timed.post(Work())
    clock.advance(2.0)
    with timed.trace(path):
        settle(timed)
    records = load(path)
    first, second = of(records, "handler")[:2]
    assert (first["ts"], first["dur"]) == (1002e6, 0.25e6)
    assert (second["ts"], second["dur"]) == (1002.25e6, 0.5e6)
    waits = [each["ts"] for each in of(records, "queue") if each["name"] == "work"]
    assert waits == [1000e6, 1002e6]  # one wait, though there are two handlers


def test_trace_closed_restores_the_handlers(timed: Dispatcher, path: Path) -> None:
    def work() -> None: ...

    timed.on(Work)(work)
    (subscription,) = timed._registry.scope.subscriptions[Work]
    with timed.trace(path):
        assert subscription.call is not work
        assert timed._registry.instruments.of_turns
        timed.on(Work)(lambda: None)
    assert subscription.call is work
    assert not subscription.takes_event
    assert not timed._registry.instruments.of_turns
    timed.post(Work())
    settle(timed)
    assert of(load(path), "handler") == []


def test_trace_handler_that_raises_or_returns_handled_is_recorded(
    app: Dispatcher, path: Path
) -> None:
    app.on("error")(lambda: None)

    @app.on(Work)
    def fail() -> None:
        raise LookupError

    @app.on(Work)
    def end() -> Any:
        return HANDLED

    @app.on(Work)
    def never() -> None: ...

    with app.trace(path):
        app.post(Work())
        settle(app)
    spans = of(load(path), "handler")
    assert [name for name in span_names(spans) if name in ("fail", "end", "never")] == [
        "fail",
        "end",
    ]
    check(load(path))


@pytest.mark.parametrize("pace", ["throttle", "debounce"])
def test_trace_once_weak_and_rate_limited_handlers_and_calls_are_recorded(
    timed: Dispatcher, clock: VirtualClock, path: Path, pace: str
) -> None:
    options: dict[str, Any] = {pace: 5.0}

    class Target:
        def weakly(self) -> None: ...

    target = Target()

    def once() -> None: ...
    def paced() -> None: ...
    def later() -> None: ...

    timed.on(Work, once=True)(once)
    timed.on(Work, weak=True)(target.weakly)
    timed.on(Work, **options)(paced)
    timed.after(1.0, later)
    timed.after(1.0, lambda: None).cancel()
    with timed.trace(path):
        timed.post(Work())
        timed.post(Work())
        settle(timed)
        clock.advance(5.0)
        settle(timed)
    spans = [
        each for each in of(load(path), "handler") if "DelayedCall" not in each["name"]
    ]
    count = Counter(name for name in span_names(spans) if name != "append")
    expected = {"once": 1, "weakly": 2, "later": 1, "paced": 1}
    if pace == "throttle":
        expected["paced"] = 2
    assert count == expected
    assert not [
        each for each in of(load(path), "handler") if "DelayedCall" in each["name"]
    ]
    check(load(path))


def test_trace_with_slow_records_and_measures(
    io: Any, clock: VirtualClock, path: Path
) -> None:
    with Dispatcher(io=io, clock=clock, slow=0.5) as app:

        @app.on(Work)
        def work() -> None:
            clock.advance(1.0)

        slow: list[Event] = []
        app.on("slow")(slow.append)
        with app.trace(path):
            app.post(Work())
            settle(app)
        app.post(Work())
        settle(app)
        assert span_names(of(load(path), "handler")).count("work") == 1
        assert len(slow) == 2
        (timing,) = [each for each in app.stats().timings if each.handler is work]
        assert timing.calls == 2


def test_trace_two_at_once_record_independently(
    app: Dispatcher, tmp_path: Path
) -> None:
    app.on(Work)(lambda: None)
    outer, inner = tmp_path / "outer", tmp_path / "inner"
    first = app.trace(outer)
    with app.trace(inner):
        app.post(Work())
        settle(app)
        first.close()
        app.post(Work())
        settle(app)
    spans = [of(load(each), "handler") for each in (outer, inner)]
    assert [span_names(each).count("<lambda>") for each in spans] == [1, 2]
    for each in (outer, inner):
        check(load(each))
    assert "_turn" not in vars(app._io)


def test_trace_open_changes_neither_explain_nor_off(
    timed: Dispatcher, path: Path
) -> None:
    def work() -> None: ...

    timed.on(Work)(work)
    before = str(timed.explain(event := Work()))
    with timed.trace(path):
        assert str(timed.explain(event)) == before
        assert timed.off(work) == 1


def test_trace_of_a_partial_does_not_show_its_arguments(
    timed: Dispatcher, path: Path
) -> None:
    def use(secret: object) -> None: ...

    timed.on(Work)(functools.partial(use, "a secret"))
    timed.after(0, functools.partial(use, "a secret"))
    with timed.trace(path):
        timed.post(Work())
        settle(timed)
    assert span_names(of(load(path), "handler")).count("use") == 2
    assert "secret" not in path.read_text()
