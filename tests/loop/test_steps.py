"""Steps, and the descriptor and the timeout that a host watches."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from helpers.descriptors import readable
from helpers.events import Rush, Work

from evdispatch import Dispatcher, Pipe, Timer
from evdispatch.testing import ManualSource, VirtualClock, record, settle

pytestmark = [pytest.mark.pollers, pytest.mark.cross]


# -- step ----------------------------------------------------------------------------------


def test_step_returns_the_number_of_events(app: Dispatcher) -> None:
    assert app.step() == 0
    for number in range(3):
        app.post(Work(number))
    app.post(Rush())
    assert app.step() == 4


def test_step_with_a_timeout_waits_for_an_event(app: Dispatcher) -> None:
    app.after(0.01, int)
    assert app.step(10) == 1
    assert app.step(0.001) == 0


def test_step_with_timeout_none_waits_without_limit(app: Dispatcher) -> None:
    app.after(0.01, int)
    assert app.step(None) == 1


@pytest.mark.parametrize("timeout", [-1, -1e300])
def test_step_with_a_negative_timeout_does_not_wait(
    app: Dispatcher, timeout: float
) -> None:
    assert app.step(timeout) == 0


def test_step_with_a_huge_timeout_dispatches(app: Dispatcher) -> None:
    app.post(Work())
    assert app.step(float("inf")) == 1
    app.after(0.001, int)
    assert app.step(1e300) == 1


@pytest.mark.parametrize(
    ("timeout", "error"), [("1", TypeError), (float("nan"), ValueError)]
)
def test_step_timeout_not_a_number_raises(
    app: Dispatcher, timeout: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match="timeout"):
        app.step(timeout)
    assert app.step() == 0


def test_step_stopped_by_a_handler_ends_and_the_next_is_not_stopped(
    app: Dispatcher,
) -> None:
    app.on(Work)(app.stop)
    for _ in range(2):
        app.post(Work())
    assert app.step() == 1
    assert app.step() == 1
    app.off(app.stop)
    for _ in range(5):
        app.post(Work())
    assert app.step() == 5


def test_step_stopped_by_a_handler_leaves_the_descriptor_unready(
    app: Dispatcher,
) -> None:
    """A host that watches the descriptor would spin otherwise."""
    app.on(Work)(app.stop)
    fd = app.fileno()
    app.post(Work())
    app.step(0)
    app.step(0)
    assert not readable(fd)
    assert app.timeout() is None


def test_step_stopped_by_a_handler_does_not_stop_a_later_run(app: Dispatcher) -> None:
    app.on(Rush)(app.stop)
    app.post(Rush())
    app.step()
    seen: list[int] = []

    @app.on(Work)
    def work(event: Work) -> None:
        seen.append(event.number)
        app.stop() if event.number == 2 else app.post(Work(event.number + 1))

    app.post(Work())
    app.run()
    assert seen == [0, 1, 2]


def test_step_after_a_stop_consumes_the_stop(app: Dispatcher) -> None:
    app.stop()
    for _ in range(3):
        app.post(Work())
    assert app.step() == 3
    app.on(Work)(app.stop)
    app.post(Work())
    app.run()


def test_steps_and_runs_in_turns_dispatch_all_events(app: Dispatcher) -> None:
    seen = record(app, Work)
    app.on(Rush)(app.stop)
    for _ in range(3):
        app.post(Work())
        app.step()
        app.post(Work())
        app.post(Rush())
        app.run()
        settle(app)
    assert len(seen) == 6
    assert app.stats().balanced


# -- the descriptor ------------------------------------------------------------------------


def test_fileno_without_work_is_not_readable(app: Dispatcher) -> None:
    fd = app.fileno()
    settle(app)
    assert not readable(fd)
    assert app.fileno() == fd


def posted(app: Dispatcher) -> None:
    app.post(Work())


def urgently_posted(app: Dispatcher) -> None:
    app.post(Rush())


def called_now(app: Dispatcher) -> None:
    app.after(0, lambda: None)


def called_soon(app: Dispatcher) -> None:
    app.after(0.005, lambda: None)


def timer_due(app: Dispatcher) -> None:
    app.add(Timer(after=0.005))


def emitted(app: Dispatcher) -> None:
    app.add(ManualSource("emitting")).emit(Work())


@pytest.mark.parametrize(
    "cause", [posted, urgently_posted, called_now, called_soon, timer_due, emitted]
)
@pytest.mark.parametrize("stepped", [False, True])
def test_fileno_with_work_for_a_step_is_readable(
    app: Dispatcher, cause: Callable[[Dispatcher], None], stepped: bool
) -> None:
    """The descriptor is enough: the host does not need the timeout."""
    fd = app.fileno()
    if stepped:
        settle(app)
    cause(app)
    handled = 0
    while not handled:  # in the inline mode the first step may only find the wakeup
        assert readable(fd, 5)
        handled += app.step(0)
    assert handled == 1


def test_fileno_after_a_handler_sets_a_timer_becomes_readable(
    app: Dispatcher,
) -> None:
    called: list[str] = []
    app.on(Work)(lambda: app.after(0.005, lambda: called.append("x")))
    fd = app.fileno()
    app.post(Work())
    app.step(0)
    while not called:
        assert readable(fd, 5)
        app.step(0)


def test_fileno_with_events_left_stays_readable(app: Dispatcher) -> None:
    fd = app.fileno()
    app.on(Work, once=True)(lambda: app.post(Work()))
    app.post(Work())
    app.step(0)
    assert readable(fd)
    assert app.timeout() == 0
    app.step(0)
    app.step(0)
    assert not readable(fd)


def test_fileno_with_data_at_a_source_is_readable(app: Dispatcher) -> None:
    r, w = os.pipe()
    seen: list[bytes] = []
    app.add(Pipe(r))
    app.on("data")(lambda event: seen.append(event.data))
    fd = app.fileno()
    settle(app)
    assert not readable(fd)
    os.write(w, b"x")
    while not seen:
        assert readable(fd, 5)
        app.step(0)
    os.close(w)
    assert seen == [b"x"]


def test_timeout_is_that_of_the_nearest_deadline(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    assert timed.timeout() is None
    timed.after(5.0, int)
    near = timed.after(2.0, int)
    assert timed.timeout() == 2.0
    clock.advance(0.5)
    assert timed.timeout() == 1.5
    near.cancel()
    assert timed.timeout() == 4.5
    timed.post(Work())
    assert timed.timeout() == 0
    settle(timed)
    clock.advance(10.0)
    assert timed.timeout() == 0
    settle(timed)
    assert timed.timeout() is None
