"""Ctrl+C at the worst moments: no event that was read is lost, and no thread is left."""

import functools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from helpers.processes import HELPERS, UNTRACED
from helpers.waiting import PATIENCE

from evdispatch import Dispatcher, Pipe, Source, Start
from evdispatch._io._modes import IoMode
from evdispatch.testing import ManualSource, VirtualClock

pytestmark = pytest.mark.pollers


def interrupt() -> None:
    """Raise the signal of Ctrl+C."""
    signal.raise_signal(signal.SIGINT)


class Interrupted(Source):
    """Emits ten events when woken, and raises Ctrl+C after the fifth."""

    def on_wake(self) -> Iterator[Start]:
        for number in range(10):
            if number == 5:
                interrupt()
            yield Start()


def test_ctrl_c_during_a_read_loses_no_frame(inline: Dispatcher) -> None:
    reading, writing = os.pipe()
    frames = 0
    got = []

    def take_four(buffer: bytearray) -> bytes | None:
        nonlocal frames
        if len(buffer) < 4:
            return None
        frames += 1
        if frames == 1000:
            interrupt()
        frame = bytes(buffer[:4])
        del buffer[:4]
        return frame

    pipe = inline.add(Pipe(reading, framing=take_four))
    pipe.on("data")(lambda event: got.append(event.data))
    pipe.on("eof")(inline.stop)
    sent = [b"%04d" % number for number in range(2000)]
    os.write(writing, b"".join(sent))
    os.close(writing)
    with pytest.raises(KeyboardInterrupt):
        inline.run()
    inline.run()
    assert got == sent


def test_ctrl_c_in_a_handler_interrupts_at_once(app: Dispatcher) -> None:
    reached = []

    @app.on("start")
    def work() -> None:
        interrupt()
        reached.append("the end")

    with pytest.raises(KeyboardInterrupt):
        app.run()
    assert not reached


def test_ctrl_c_in_a_function_called_by_a_handler_interrupts_at_once(
    app: Dispatcher,
) -> None:
    reached = []

    def deeper(number: int) -> int:
        interrupt()
        reached.append(number)
        return number

    app.after(0, lambda: sorted([2, 1], key=deeper))
    with pytest.raises(KeyboardInterrupt):
        app.run()
    assert not reached


@pytest.mark.parametrize("pace", ["throttle", "debounce"])
def test_ctrl_c_in_a_rate_limited_handler_interrupts_at_once(
    app: Dispatcher, pace: str
) -> None:
    reached = []
    options: dict[str, Any] = {pace: 1e-3}

    @app.on("start", **options)
    def work() -> None:
        interrupt()
        reached.append("the end")

    with pytest.raises(KeyboardInterrupt):
        app.run()
    assert not reached


def test_ctrl_c_while_the_loop_waits_ends_the_wait(app: Dispatcher) -> None:
    ready = threading.Event()

    def press() -> None:
        ready.wait()
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    app.on("idle")(ready.set)
    with pytest.raises(KeyboardInterrupt):
        app.run()
    thread.join()


def test_ctrl_c_during_a_run_calls_the_stop_handlers(app: Dispatcher) -> None:
    stopped = []
    app.on("start")(interrupt)
    app.on("stop")(lambda: stopped.append(1))
    with pytest.raises(KeyboardInterrupt):
        app.run()
    assert stopped == [1]


def test_ctrl_c_during_a_step_keeps_the_emitted_events(inline: Dispatcher) -> None:
    got: list[Start] = []
    source = inline.add(Interrupted())
    source.on("start")(got.append)
    source.wake()
    with pytest.raises(KeyboardInterrupt):
        inline.step(0)
    inline.step(0)
    assert len(got) == 10


def test_ctrl_c_repeated_after_a_second_interrupts_a_source() -> None:
    """A user's source may hang."""
    clock = VirtualClock()

    class Hanging(Source):
        def on_wake(self) -> Iterator[Start]:
            interrupt()
            interrupt()  # held back as well
            clock.advance(1.0)
            interrupt()
            yield Start()

    with Dispatcher(io="inline", clock=clock) as app:
        got = []
        app.add(Hanging()).wake()
        app.on("start")(lambda: got.append(1))
        with pytest.raises(KeyboardInterrupt):
            app.step()
        app.step()
        assert not got


def test_sigint_handler_of_the_user_stays_installed(app: Dispatcher) -> None:
    seen = []

    def note(signum: int, frame: object) -> None:
        seen.append(signum)
        app.stop()

    before = signal.signal(signal.SIGINT, note)
    try:
        app.on("start")(interrupt)
        app.run()
        assert signal.getsignal(signal.SIGINT) is note
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.SIGINT]


@pytest.mark.parametrize("call", [Dispatcher.run, Dispatcher.close])
def test_sigint_handler_of_python_is_restored(
    io: IoMode, call: Callable[[Dispatcher], None]
) -> None:
    with Dispatcher(io=io) as app:
        app.stop()
        call(app)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_in_a_nested_dispatcher_loses_no_event(inline: Dispatcher) -> None:
    got: list[Start] = []
    with Dispatcher(io="inline") as inner:
        source = inner.add(Interrupted())
        source.on("start")(got.append)

        @inline.on("start")
        def run_inner() -> None:
            source.wake()
            inner.run()

        with pytest.raises(KeyboardInterrupt):
            inline.run()
        inner.step(0)
        assert len(got) == 10


@pytest.mark.parametrize(
    "arguments",
    [["storm.py"], ["every_line.py", "16"], ["every_line.py", "32", "observed"]],
    ids=str,
)
def test_ctrl_c_at_any_line_loses_no_event_and_leaves_no_thread(
    io: IoMode, arguments: list[str]
) -> None:
    """Send hundreds of Ctrl+C: at random under load, and at each line.

    The program runs in its own process without coverage, since an interrupted tracer
    deadlocks.
    """
    program, *stride = arguments
    command = [sys.executable, str(HELPERS / program), io, *stride]
    child = subprocess.run(command, timeout=PATIENCE, check=False, env=UNTRACED)
    assert child.returncode == 0


def test_sigint_handler_set_during_a_run_stays_installed(app: Dispatcher) -> None:
    seen: list[int] = []
    before = []

    def note(signum: int, frame: object) -> None:
        seen.append(signum)

    @app.on("start")
    def take_it() -> None:
        before.append(signal.signal(signal.SIGINT, note))
        app.stop()

    try:
        app.run()
        assert signal.getsignal(signal.SIGINT) is note
        interrupt()
        assert seen == [signal.SIGINT]
        # The handler that was replaced raises, since the dispatcher does not run now.
        signal.signal(signal.SIGINT, before[0])
        with pytest.raises(KeyboardInterrupt):
            interrupt()
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ctrl_c_in_a_handler_written_in_c_interrupts_at_once(app: Dispatcher) -> None:
    """Ctrl+C must end an os.wait, for example, which restarts if nothing is raised."""
    reached: list[Start] = []
    app.on("start")(functools.partial(signal.raise_signal, signal.SIGINT))
    app.on("start")(reached.append)
    with pytest.raises(KeyboardInterrupt):
        app.run()
    assert not reached


def test_where_is_not_interrupted_and_its_event_is_not_lost(inline: Dispatcher) -> None:
    seen: list[Start] = []

    def where(event: Start) -> bool:
        if not seen:
            interrupt()
        return True

    inline.on("start", where=where)(seen.append)
    source = inline.add(ManualSource())
    source.emit(Start())
    with pytest.raises(KeyboardInterrupt):
        inline.step(0)
    inline.step(0)
    assert len(seen) == 1
