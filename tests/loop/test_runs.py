"""Runs: how they start and stop, and when they are idle."""

import os
import signal
from typing import Any

import pytest
from helpers.events import Rush, Work

from evdispatch import Dispatcher, Event, Idle, Pipe, Start, Stop
from evdispatch.testing import ManualSource, VirtualClock, record, run_until

pytestmark = pytest.mark.cross

# -- run and stop --------------------------------------------------------------------------


def test_run_emits_start_first_and_stop_last(app: Dispatcher) -> None:
    names: list[str] = []
    app.on(Event)(lambda event: names.append(event.name))
    app.on(Work)(app.stop)
    app.post(Work())
    app.run()
    assert names == ["start", "work", "stop"]


def test_run_again_emits_start_and_stop_again(app: Dispatcher) -> None:
    names: list[str] = []
    for cls in (Start, Stop):
        app.on(cls)(lambda event: names.append(event.name))
    app.on(Work)(app.stop)
    for _ in range(2):
        app.post(Work())
        app.run()
    assert names == ["start", "stop"] * 2


def test_run_events_have_the_time_of_the_clock(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    events = record(timed, Event)
    timed.on(Idle)(timed.stop)
    clock.advance(1.0)
    timed.run()
    assert [event.name for event in events] == ["start", "idle", "stop"]
    assert {event.time for event in events} == {1001.0}
    assert {event.source for event in events} == {None}


def test_stop_by_a_handler_ends_the_run_after_the_event(app: Dispatcher) -> None:
    seen: list[int] = []

    @app.on(Work)
    def work(event: Work) -> None:
        seen.append(event.number)
        if event.number == 1:
            app.stop()

    app.on(Work, priority=-1)(lambda event: seen.append(event.number))
    for number in range(4):
        app.post(Work(number))
    app.run()
    assert seen == [0, 0, 1, 1]
    assert app.stats().waiting == 2
    assert app.stats().balanced


@pytest.mark.parametrize("event", [Rush, Work, Start])
def test_stop_by_a_handler_of_any_lane_ends_the_run(
    app: Dispatcher, event: type[Event]
) -> None:
    app.on(event)(app.stop)
    seen = record(app, Work)
    if event is not Start:
        app.post(event())
    app.post(Work())
    app.run()
    assert len(seen) == (event is Work)


def test_stop_by_an_urgent_handler_amid_normal_events_ends_the_pass(
    app: Dispatcher,
) -> None:
    seen = record(app, Work)
    app.on(Work, once=True)(lambda: app.post(Rush()))
    app.on(Rush)(app.stop)
    for number in range(5):
        app.post(Work(number))
    app.run()
    assert [work.number for work in seen] == [0]
    assert app.stats().waiting == 4
    assert app.stats().balanced


def test_stop_by_an_idle_handler_dispatches_no_more(app: Dispatcher) -> None:
    """The queue was empty, so the run ends after the handler."""
    source = app.add(ManualSource())
    seen = record(app, Work)

    @app.on(Idle)
    def idle() -> None:
        app.stop()
        app.post(Work())
        source.emit(Work())

    app.run()
    assert seen == []


def test_stop_before_the_first_run_allows_one_turn(app: Dispatcher) -> None:
    seen = record(app, Work)
    app.stop()
    app.stop()
    app.post(Work())
    app.post(Work())
    app.run()
    assert len(seen) == 2
    app.on(Rush)(app.stop)
    app.post(Rush())
    app.run()  # the stop is consumed


def test_stop_between_two_runs_does_nothing(app: Dispatcher) -> None:
    app.stop()
    app.run()
    app.stop()
    seen: list[int] = []

    @app.on(Work)
    def work(event: Work) -> None:
        seen.append(event.number)
        if event.number < 3:
            app.post(Work(event.number + 1))
        else:
            app.stop()

    app.post(Work())
    app.run()
    assert seen == [0, 1, 2, 3]


def test_stop_by_a_signal_handler_ends_a_sleeping_run(app: Dispatcher) -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: app.stop())
    try:
        app.on(Idle)(lambda: os.kill(os.getpid(), signal.SIGUSR1))
        app.run()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_ctrl_c_during_a_sleeping_run_allows_to_run_again(app: Dispatcher) -> None:
    app.on(Idle, once=True)(lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        app.run()
    seen = record(app, Work)
    app.on(Work)(app.stop)
    app.post(Work())
    app.run()
    assert len(seen) == 1
    assert app.stats().balanced


# -- idle ----------------------------------------------------------------------------------


def test_idle_is_emitted_once_before_each_wait(app: Dispatcher) -> None:
    order: list[str] = []
    source = app.add(ManualSource())
    app.on(Work)(lambda: order.append("work"))

    @app.on(Idle)
    def idle() -> None:
        order.append("idle")
        if len(order) < 5:
            source.emit(Work())
        else:
            app.stop()

    app.run()
    assert order == ["idle", "work", "idle", "work", "idle"]


def test_idle_is_not_emitted_while_a_source_is_ready(app: Dispatcher) -> None:
    r, w = os.pipe()
    order: list[str] = []
    app.add(Pipe(r))
    os.write(w, b"x")
    app.on("data")(lambda: order.append("data"))

    @app.on(Idle)
    def idle() -> None:
        order.append("idle")
        app.stop()

    # The IO thread may be slower than the first look at the queue.
    if app._io_mode == "thread":
        run_until(app, lambda: "data" in order)
    else:
        app.run()
    os.close(w)
    assert "data" in order
    if app._io_mode != "thread":
        assert order == ["data", "idle"]


def test_idle_is_not_emitted_by_a_step_that_does_not_wait(app: Dispatcher) -> None:
    idle = record(app, Idle)
    app.step(0)
    assert idle == []
    app.step(0.001)
    assert len(idle) == 1


def test_idle_handler_post_is_dispatched_without_waiting(
    app: Dispatcher,
) -> None:
    app.on(Idle)(lambda: app.post(Work()))
    app.on(Work)(app.stop)
    app.run()


# -- the mode ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["threads", None, True])
def test_dispatcher_invalid_io_mode_raises(mode: Any) -> None:
    with pytest.raises(ValueError, match="io must be one of"):
        Dispatcher(io=mode)


def test_dispatcher_repr_shows_mode_and_state(io: Any) -> None:
    app = Dispatcher(io=io)
    assert repr(app) == f"<Dispatcher io={io!r} open>"
    app.on(Start)(app.stop)
    shown: list[str] = []
    app.on(Start)(lambda: shown.append(repr(app)))
    app.run()
    app.close()
    assert shown == [f"<Dispatcher io={io!r} running>"]
    assert repr(app) == f"<Dispatcher io={io!r} closed>"
