"""Ctrl+c at the worst moments: nothing that was read is lost, and no thread is left."""

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
from evdispatch.testing import VirtualClock

pytestmark = pytest.mark.pollers


def interrupt() -> None:
    """Do what ctrl+c does to the process."""
    signal.raise_signal(signal.SIGINT)


class Interrupted(Source):
    """Makes ten events when it is woken, with a ctrl+c in the midst of it."""

    def on_wake(self) -> Iterator[Start]:
        for number in range(10):
            if number == 5:
                interrupt()
            yield Start()


@pytest.fixture
def inline() -> Iterator[Dispatcher]:
    with Dispatcher(io="inline") as app:
        yield app


def test_a_read_is_not_torn(inline: Dispatcher) -> None:
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


def test_a_handler_is_interrupted_at_once(app: Dispatcher) -> None:
    reached = []

    @app.on("start")
    def work() -> None:
        interrupt()
        reached.append("the end")

    with pytest.raises(KeyboardInterrupt):
        app.run()
    assert not reached


def test_so_is_what_a_handler_calls(app: Dispatcher) -> None:
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
def test_so_is_one_that_is_called_later(app: Dispatcher, pace: str) -> None:
    reached = []
    options: dict[str, Any] = {pace: 1e-3}

    @app.on("start", **options)
    def work() -> None:
        interrupt()
        reached.append("the end")

    with pytest.raises(KeyboardInterrupt):
        app.run()
    assert not reached


def test_it_ends_a_wait(app: Dispatcher) -> None:
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


def test_the_handlers_of_stop_are_called(app: Dispatcher) -> None:
    stopped = []
    app.on("start")(interrupt)
    app.on("stop")(lambda: stopped.append(1))
    with pytest.raises(KeyboardInterrupt):
        app.run()
    assert stopped == [1]


def test_a_step_keeps_what_was_made(inline: Dispatcher) -> None:
    got: list[Start] = []
    source = inline.add(Interrupted())
    source.on("start")(got.append)
    source.wake()
    with pytest.raises(KeyboardInterrupt):
        inline.step(0)
    inline.step(0)
    assert len(got) == 10


def test_one_that_comes_again_later_is_obeyed_at_once() -> None:
    """A source of somebody's own may hang."""
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


def test_a_handler_of_the_users_own_stays(app: Dispatcher) -> None:
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
def test_pythons_handler_is_back_afterwards(
    io: IoMode, call: Callable[[Dispatcher], None]
) -> None:
    with Dispatcher(io=io) as app:
        app.stop()
        call(app)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_dispatcher_within_a_handler_is_interrupted_too(inline: Dispatcher) -> None:
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
def test_whenever_it_comes_nothing_is_lost_or_left(
    io: IoMode, arguments: list[str]
) -> None:
    """Hundreds of ctrl+c: at random while it works hard, and line by line.

    In a process of its own, and without coverage: a tracer that is interrupted waits for
    itself.
    """
    program, *stride = arguments
    command = [sys.executable, str(HELPERS / program), io, *stride]
    child = subprocess.run(command, timeout=PATIENCE, check=False, env=UNTRACED)
    assert child.returncode == 0


def test_a_handler_that_is_set_meanwhile_stays(app: Dispatcher) -> None:
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
        # What was there, it raises: the dispatcher does not run any more.
        signal.signal(signal.SIGINT, before[0])
        with pytest.raises(KeyboardInterrupt):
            interrupt()
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_handler_in_c_is_interrupted_at_once(app: Dispatcher) -> None:
    """So that ctrl+c ends an os.wait, say, which begins again if nothing is raised."""
    reached: list[Start] = []
    app.on("start")(functools.partial(signal.raise_signal, signal.SIGINT))
    app.on("start")(reached.append)
    with pytest.raises(KeyboardInterrupt):
        app.run()
    assert not reached
