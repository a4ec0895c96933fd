"""Running: run, stop, step, start, and the descriptor that a host may watch."""

import os
import select
import signal
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import attrs
import pytest

from evdispatch import (
    AlreadyRunningError,
    Dispatcher,
    Event,
    HandlerError,
    Idle,
    InternalError,
    Pipe,
    Start,
    Stop,
    Timer,
)
from evdispatch._events import URGENT
from evdispatch.testing import ManualSource, VirtualClock, record, run_until, settle


@attrs.define(eq=False)
class Work(Event):
    number: int = 0


@attrs.define(eq=False)
class Rush(Event):
    lane: ClassVar[int] = URGENT


def readable(fd: int, timeout: float = 0) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(timeout * 1000))


# -- run and stop --------------------------------------------------------------------------


def test_start_comes_first_and_stop_last(app: Dispatcher) -> None:
    names: list[str] = []
    app.on(Event)(lambda event: names.append(event.name))
    app.on(Work)(app.stop)
    app.post(Work())
    app.run()
    assert names == ["start", "work", "stop"]


def test_each_run_has_its_start_and_stop(app: Dispatcher) -> None:
    names: list[str] = []
    for cls in (Start, Stop):
        app.on(cls)(lambda event: names.append(event.name))
    app.on(Work)(app.stop)
    for _ in range(2):
        app.post(Work())
        app.run()
    assert names == ["start", "stop"] * 2


def test_the_loops_own_events_have_their_time(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    events = record(timed, Event)
    timed.on(Idle)(timed.stop)
    clock.advance(1.0)
    timed.run()
    assert [event.name for event in events] == ["start", "idle", "stop"]
    assert {event.time for event in events} == {1001.0}
    assert {event.source for event in events} == {None}


def test_stop_ends_the_run_after_the_present_handler(app: Dispatcher) -> None:
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
def test_stop_works_from_a_handler_in_any_lane(
    app: Dispatcher, event: type[Event]
) -> None:
    app.on(event)(app.stop)
    seen = record(app, Work)
    if event is not Start:
        app.post(event())
    app.post(Work())
    app.run()
    assert len(seen) == (event is Work)


def test_stop_in_an_urgent_handler_amid_normal_events_ends_the_pass(
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


def test_stop_in_an_idle_handler_reads_nothing_more(app: Dispatcher) -> None:
    """The queue was empty, so nothing comes after the present handler but the end."""
    source = app.add(ManualSource())
    seen = record(app, Work)

    @app.on(Idle)
    def idle() -> None:
        app.stop()
        app.post(Work())
        source.emit(Work())

    app.run()
    assert seen == []


def test_stop_before_the_first_run_lets_it_take_one_turn(app: Dispatcher) -> None:
    seen = record(app, Work)
    app.stop()
    app.stop()
    app.post(Work())
    app.post(Work())
    app.run()
    assert len(seen) == 2
    app.on(Rush)(app.stop)
    app.post(Rush())
    app.run()  # the stop is used up


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


def test_stop_from_a_signal_handler_ends_a_sleeping_run(app: Dispatcher) -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: app.stop())
    try:
        app.on(Idle)(lambda: os.kill(os.getpid(), signal.SIGUSR1))
        app.run()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_ctrl_c_leaves_a_sleeping_run_which_may_go_on(app: Dispatcher) -> None:
    app.on(Idle, once=True)(lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        app.run()
    seen = record(app, Work)
    app.on(Work)(app.stop)
    app.post(Work())
    app.run()
    assert len(seen) == 1
    assert app.stats().balanced


def test_a_run_within_a_handler_is_refused(app: Dispatcher) -> None:
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


def test_a_run_in_a_second_thread_is_refused(app: Dispatcher) -> None:
    begun = threading.Event()
    app.on(Start)(begun.set)
    with app.running():
        assert begun.wait(10)
        assert repr(app).endswith("running>")
        for call in (app.run, app.step, app.start):
            with pytest.raises(AlreadyRunningError, match="in another thread"):
                call()


def test_run_works_in_a_thread_that_is_not_the_main_one(app: Dispatcher) -> None:
    seen = record(app, Work)
    app.on(Work)(app.stop)
    app.post(Work())
    thread = threading.Thread(target=app.run)
    thread.start()
    thread.join(10)
    assert len(seen) == 1


def test_two_dispatchers_know_nothing_of_each_other(app: Dispatcher, io: Any) -> None:
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
def test_a_failure_anywhere_in_a_run_ends_it_cleanly(
    app: Dispatcher, where: str
) -> None:
    stopped: list[str] = []

    class Told(ManualSource):
        def on_start(self) -> None:
            stopped.append("on_start")

        def on_stop(self) -> None:
            stopped.append("on_stop")

    app.add(Told())
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


def test_a_stop_handler_that_fails_does_not_hide_why_the_run_failed(
    app: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    app.on(Work)(lambda: 1 / 0)
    app.on(Stop)([].pop)
    app.post(Work())
    with pytest.raises(HandlerError) as caught:
        app.run()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "stop failed while the loop was failing" in caplog.text


def test_a_source_that_cannot_start_ends_the_run_and_tells_those_that_could(
    app: Dispatcher,
) -> None:
    told: list[str] = []

    class Good(ManualSource):
        def on_start(self) -> None:
            told.append("start")

        def on_stop(self) -> None:
            told.append("stop")

    class Bad(ManualSource):
        def on_start(self) -> None:
            raise OSError("no")

    app.add(Good())
    bad = app.add(Bad())
    with pytest.raises(OSError, match="no"):
        app.run()
    assert told == ["start", "stop"]
    bad.close()
    app.stop()
    app.on(Start)(app.stop)
    app.run()
    assert told == ["start", "stop"] * 2


def test_a_crash_of_the_io_side_surfaces_in_run(
    app: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never a loop that has gone deaf."""

    def crash(timeout: float | None) -> None:
        raise MemoryError("crash")

    with monkeypatch.context() as patch:
        patch.setattr(app._io, "pump", crash)
        with pytest.raises(InternalError) as caught:
            app.run()
        assert isinstance(caught.value.__cause__, MemoryError)
    app.on(Work)(app.stop)
    app.post(Work())
    app.run()  # works again


# -- idle ----------------------------------------------------------------------------------


def test_idle_is_told_once_before_each_wait(app: Dispatcher) -> None:
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


def test_idle_is_not_told_while_there_is_something_to_read(app: Dispatcher) -> None:
    r, w = os.pipe()
    order: list[str] = []
    app.add(Pipe(r))
    os.write(w, b"x")
    app.on("data")(lambda: order.append("data"))

    @app.on(Idle)
    def idle() -> None:
        order.append("idle")
        app.stop()

    # The IO thread may be slower than the first look at the queue; its event comes next.
    if app._io_mode == "thread":
        run_until(app, lambda: "data" in order)
    else:
        app.run()
    os.close(w)
    assert "data" in order
    if app._io_mode == "inline":
        assert order == ["data", "idle"]


def test_idle_is_not_told_by_a_step_that_does_not_wait(app: Dispatcher) -> None:
    idle = record(app, Idle)
    app.step(0)
    assert idle == []
    app.step(0.001)
    assert len(idle) == 1


def test_what_an_idle_handler_posts_is_handled_without_waiting(
    app: Dispatcher,
) -> None:
    app.on(Idle)(lambda: app.post(Work()))
    app.on(Work)(app.stop)
    app.run()


# -- step ----------------------------------------------------------------------------------


def test_a_step_returns_the_number_of_events(app: Dispatcher) -> None:
    assert app.step() == 0
    for number in range(3):
        app.post(Work(number))
    app.post(Rush())
    assert app.step() == 4


def test_a_step_waits_for_something_to_do(app: Dispatcher) -> None:
    app.after(0.01, int)
    assert app.step(10) == 1
    assert app.step(0.001) == 0


def test_a_step_without_a_timeout_waits_for_ever(app: Dispatcher) -> None:
    app.after(0.01, int)
    assert app.step(None) == 1


@pytest.mark.parametrize("timeout", [-1, -1e300])
def test_a_negative_timeout_is_none_at_all(app: Dispatcher, timeout: float) -> None:
    assert app.step(timeout) == 0


def test_a_timeout_may_be_long(app: Dispatcher) -> None:
    app.post(Work())
    assert app.step(float("inf")) == 1
    app.after(0.001, int)
    assert app.step(1e300) == 1


@pytest.mark.parametrize(
    ("timeout", "error"), [("1", TypeError), (float("nan"), ValueError)]
)
def test_a_timeout_is_a_number(
    app: Dispatcher, timeout: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match="timeout"):
        app.step(timeout)
    assert app.step() == 0


def test_stop_ends_a_step_and_not_the_next_one(app: Dispatcher) -> None:
    app.on(Work)(app.stop)
    for _ in range(2):
        app.post(Work())
    assert app.step() == 1
    assert app.step() == 1
    app.off(app.stop)
    for _ in range(5):
        app.post(Work())
    assert app.step() == 5


def test_after_a_stop_in_a_step_nothing_is_left_to_do(app: Dispatcher) -> None:
    """Else a host that watches the descriptor would spin from then on."""
    app.on(Work)(app.stop)
    fd = app.fileno()
    app.post(Work())
    app.step(0)
    app.step(0)
    assert not readable(fd)
    assert app.timeout() is None


def test_a_stop_in_a_step_is_not_kept_for_a_run(app: Dispatcher) -> None:
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


def test_a_stop_before_a_step_is_used_up_by_it(app: Dispatcher) -> None:
    app.stop()
    for _ in range(3):
        app.post(Work())
    assert app.step() == 3
    app.on(Work)(app.stop)
    app.post(Work())
    app.run()


def test_steps_and_runs_may_take_turns(app: Dispatcher) -> None:
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


def test_the_descriptor_is_quiet_while_there_is_nothing_to_do(app: Dispatcher) -> None:
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
def test_the_descriptor_becomes_readable_when_a_step_has_work(
    app: Dispatcher, cause: Callable[[Dispatcher], None], stepped: bool
) -> None:
    """The one descriptor is enough: the host need not ask for the timeout."""
    fd = app.fileno()
    if stepped:
        settle(app)
    cause(app)
    handled = 0
    while not handled:  # in the inline mode the first step may only find the wakeup
        assert readable(fd, 5)
        handled += app.step(0)
    assert handled == 1


def test_a_timer_that_a_handler_sets_makes_the_descriptor_readable(
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


def test_the_descriptor_stays_readable_while_events_are_left(app: Dispatcher) -> None:
    fd = app.fileno()
    app.on(Work, once=True)(lambda: app.post(Work()))
    app.post(Work())
    app.step(0)
    assert readable(fd)
    assert app.timeout() == 0
    app.step(0)
    app.step(0)
    assert not readable(fd)


def test_the_descriptor_tells_of_data(app: Dispatcher) -> None:
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


def test_the_timeout_is_that_of_the_nearest_deadline(
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


# -- in the background ---------------------------------------------------------------------


def test_running_runs_for_the_length_of_a_block(app: Dispatcher) -> None:
    done = threading.Event()
    threads: list[str] = []
    app.on(Work)(lambda: threads.append(threading.current_thread().name))
    app.on(Work)(done.set)
    with app.running():
        app.post(Work())
        assert done.wait(10)
    assert threads == ["evdispatch"]
    app.post(Work())
    assert app.stats().waiting == 1


def test_leaving_the_block_raises_what_ended_the_run(app: Dispatcher) -> None:
    app.on(Work)(lambda: 1 / 0)
    app.post(Work())
    with pytest.raises(HandlerError, match="ZeroDivisionError"), app.running():
        wait_until_ended(app)
    with app.running():  # and it was told once
        pass


def wait_until_ended(app: Dispatcher) -> None:
    background = app._background
    assert background is not None
    background._thread.join(10)


def test_close_raises_what_ended_the_background_run(io: Any) -> None:
    app = Dispatcher(io=io)
    app.on(Work)(lambda: 1 / 0)
    app.post(Work())
    app.start()
    wait_until_ended(app)
    with pytest.raises(HandlerError, match="ZeroDivisionError"):
        app.close()
    assert repr(app).endswith("closed>")
    app.close()


def test_a_second_start_raises_what_ended_the_first(app: Dispatcher) -> None:
    """Else it would have been lost."""
    app.on(Work, once=True)(lambda: 1 / 0)
    app.post(Work())
    app.start()
    wait_until_ended(app)
    with pytest.raises(HandlerError, match="ZeroDivisionError"):
        app.start()
    seen = record(app, Work)
    app.on(Work)(app.stop)
    app.post(Work())
    app.start()
    wait_until_ended(app)
    assert len(seen) == 1


def test_close_ends_a_background_run(io: Any) -> None:
    app = Dispatcher(io=io)
    stops = record(app, Stop)
    begun = threading.Event()
    app.on(Start)(begun.set)
    app.start()
    assert begun.wait(10)
    app.close()
    assert len(stops) == 1


def test_close_from_a_handler_in_the_background_is_refused(app: Dispatcher) -> None:
    errors: list[BaseException] = []

    @app.on(Work)
    def work() -> None:
        try:
            app.close()
        except AlreadyRunningError as error:
            errors.append(error)
        app.stop()

    app.post(Work())
    app.start()
    wait_until_ended(app)
    assert len(errors) == 1


def test_start_and_stop_at_once_still_takes_its_one_turn(app: Dispatcher) -> None:
    names: list[str] = []
    app.on(Event)(lambda event: names.append(event.name))
    for _ in range(20):
        names.clear()
        app.start()
        app.stop()
        wait_until_ended(app)
        assert (names[0], names[-1]) == ("start", "stop")


@pytest.mark.parametrize("mode", ["threads", None, True, "auto"])
def test_an_io_mode_is_one_of_two(mode: Any) -> None:
    with pytest.raises(ValueError, match="io must be one of"):
        Dispatcher(io=mode)


def test_a_dispatcher_shows_its_mode_and_state(io: Any) -> None:
    app = Dispatcher(io=io)
    assert repr(app) == f"<Dispatcher io={io!r} open>"
    app.on(Start)(app.stop)
    shown: list[str] = []
    app.on(Start)(lambda: shown.append(repr(app)))
    app.run()
    app.close()
    assert shown == [f"<Dispatcher io={io!r} running>"]
    assert repr(app) == f"<Dispatcher io={io!r} closed>"
