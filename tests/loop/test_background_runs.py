"""Runs in other threads, and in the background."""

import signal
import sys
import threading
from typing import Any

import pytest
from helpers.events import Work
from helpers.waiting import PATIENCE

from evdispatch import AlreadyRunningError, Dispatcher, Event, HandlerError, Start, Stop
from evdispatch._io._modes import IoMode
from evdispatch._io._threads import Worker
from evdispatch.testing import record

# -- in other threads --------------------------------------------------------------------


def test_run_while_another_thread_runs_raises(app: Dispatcher) -> None:
    begun = threading.Event()
    app.on(Start)(begun.set)
    with app.running():
        assert begun.wait(PATIENCE)
        assert repr(app).endswith("running>")
        for call in (app.run, app.step, app.start):
            with pytest.raises(AlreadyRunningError, match="in another thread"):
                call()


def test_run_on_another_thread_than_the_main_one_dispatches(app: Dispatcher) -> None:
    seen = record(app, Work)
    app.on(Work)(app.stop)
    app.post(Work())
    thread = threading.Thread(target=app.run)
    thread.start()
    thread.join(PATIENCE)
    assert len(seen) == 1


# -- in the background ---------------------------------------------------------------------


def test_running_dispatches_until_the_block_ends(app: Dispatcher) -> None:
    done = threading.Event()
    threads: list[str] = []
    app.on(Work)(lambda: threads.append(threading.current_thread().name))
    app.on(Work)(done.set)
    with app.running():
        app.post(Work())
        assert done.wait(PATIENCE)
    assert threads == ["evdispatch"]
    app.post(Work())
    assert app.stats().waiting == 1


def test_running_whose_run_failed_raises_at_the_end_of_the_block(
    app: Dispatcher,
) -> None:
    app.on(Work)(lambda: 1 / 0)
    app.post(Work())
    with pytest.raises(HandlerError, match="ZeroDivisionError"), app.running():
        wait_until_ended(app)
    with app.running():  # the error is raised once only
        pass


def wait_until_ended(app: Dispatcher) -> None:
    background = app._runner._background
    assert background is not None
    assert background.wait(PATIENCE)


def test_close_after_a_failed_background_run_raises_its_error(io: Any) -> None:
    app = Dispatcher(io=io)
    app.on(Work)(lambda: 1 / 0)
    app.post(Work())
    app.start()
    wait_until_ended(app)
    with pytest.raises(HandlerError, match="ZeroDivisionError"):
        app.close()
    assert repr(app).endswith("closed>")
    app.close()


def test_start_after_a_failed_background_run_raises_its_error(app: Dispatcher) -> None:
    """The error would be lost otherwise."""
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


def test_close_during_a_background_run_stops_it(io: Any) -> None:
    app = Dispatcher(io=io)
    stops = record(app, Stop)
    begun = threading.Event()
    app.on(Start)(begun.set)
    app.start()
    assert begun.wait(PATIENCE)
    app.close()
    assert len(stops) == 1


def test_close_by_a_handler_of_a_background_run_raises(app: Dispatcher) -> None:
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


def test_start_followed_by_stop_takes_one_turn(app: Dispatcher) -> None:
    names: list[str] = []
    app.on(Event)(lambda event: names.append(event.name))
    for _ in range(20):
        names.clear()
        app.start()
        app.stop()
        wait_until_ended(app)
        assert (names[0], names[-1]) == ("start", "stop")


def test_ctrl_c_while_waiting_for_the_background_run_keeps_its_error(
    io: IoMode,
) -> None:
    app = Dispatcher(io=io)
    blocked, released = threading.Event(), threading.Event()
    main = threading.main_thread()
    assert main.ident is not None

    @app.on("start")
    def block() -> None:
        blocked.set()
        released.wait()
        raise LookupError

    def press(ended: threading.Event) -> None:
        while not is_waited_for(main):
            pass
        # A signal that comes just before the thread sleeps does not wake it.
        while is_waited_for(main):
            signal.pthread_kill(main.ident or 0, signal.SIGINT)
            ended.wait(0.5)

    def end(how: str) -> None:
        if how == "close":
            app.close()
            return
        with app.running():
            blocked.wait()
            presser.start()

    for how in ("with", "close"):
        ended = threading.Event()
        presser = threading.Thread(target=press, args=(ended,))
        if how == "close":
            presser.start()
        with pytest.raises(KeyboardInterrupt):
            end(how)
        ended.set()
        presser.join()
    released.set()
    with pytest.raises(HandlerError):
        app.close()


def is_waited_for(thread: threading.Thread) -> bool:
    """Whether a thread waits for the background run to end."""
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None and frame.f_code is not Worker.wait.__code__:
        frame = frame.f_back
    return frame is not None
