"""A program under a storm of ctrl+c: what does it lose, and what does it leave behind?

Its handlers are C code: a Python function is interrupted in its midst, as it should be.
"""

import contextlib
import functools
import itertools
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from evdispatch import Dispatcher, Fd, Line, Pipe, Timer
from evdispatch._core._poller import readable_now

LINES = 200_000
PRESSES = 300  # and no more: on a slow machine nothing else would be done
PACE = 0.003  # seconds


@contextlib.contextmanager
def pressing(pace: float) -> Iterator[threading.Event]:
    """Press ctrl+c all the time, until the event is set."""
    ended = threading.Event()

    def press() -> None:
        for _ in range(PRESSES):
            if ended.wait(pace):
                break
            os.kill(os.getpid(), signal.SIGINT)  # the main thread alone takes it

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    presser = threading.Thread(target=press)
    presser.start()
    try:
        yield ended
    finally:
        ended.set()
        presser.join()


def interrupted(call: Callable[[], object]) -> bool:
    """Call, and return whether ctrl+c ended it, which comes through here alone."""
    was = False
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        call()
    except KeyboardInterrupt:
        was = True
    while True:
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        except KeyboardInterrupt:
            was = True
        else:
            return was


def threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if "evdispatch" in each.name]


def run(io_mode: Any) -> None:
    """Run again and again until all is read: no line is lost, nothing goes deaf."""
    reading, writing = os.pipe()
    bytes_out, bytes_in = os.pipe()
    got: list[Line] = []
    calls, ticks = itertools.count(), itertools.count()
    presses = 0

    def feed() -> None:
        os.write(writing, b"line\n" * LINES)
        os.close(writing)

    with pressing(PACE) as ended, Dispatcher(io=io_mode) as app:
        feeder = threading.Thread(target=feed)
        feeder.start()
        pipe = app.add(Pipe(reading, framing="lines"))
        pipe.on("line", data=re.compile(b"^l"), where=bool)(got.append)
        pipe.on("eof")(ended.set)
        fd = app.add(Fd(bytes_out))
        fd.on("readable")(functools.partial(os.read, bytes_out, 1))
        app.add(Timer(every=0.001)).on("tick")(ticks.__next__)
        app.every(0.001, calls.__next__)
        while not ended.is_set():
            app.after(0.002, app.stop)
            os.write(bytes_in, b"x")
            presses += interrupted(app.run)
            assert not threads()
        feeder.join()

        def goes_on() -> bool:
            return min(next(calls), next(ticks)) > last and not readable_now(bytes_out)

        last = max(next(calls), next(ticks)) + 200
        assert any(goes_on() for _ in range(100_000) if app.step(0.1))
        for sent in (bytes_out, bytes_in):
            os.close(sent)
    assert presses > 10, presses
    assert len(got) == LINES, len(got)


if __name__ == "__main__":
    run(sys.argv[1])
