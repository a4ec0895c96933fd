"""A program that is run once for each line of ours, with a ctrl+c before that line.

    python tests/helpers/every_line.py thread 1

The number is a stride: 4 tries every fourth line, which takes a fourth of the time. With
``observed`` behind it the handlers are measured and traced, and all of them are slow.
Its handlers are C code: a Python function is interrupted in its midst, as it should be.
"""

import functools
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from evdispatch import Dispatcher, Fd, Pipe
from evdispatch._core._interrupts import is_ours
from evdispatch._core._poller import readable_now
from evdispatch._handlers._handler import call_foreign

_LINES = [b"one", b"two", b"three"]


class Tracer:
    """Counts the lines of ours that are run, and interrupts before one of them.

    But for those that stand for a handler that has no frame of its own.
    """

    def __init__(self, before: int) -> None:
        self.lines = 0
        self.interrupted = 0
        self.where = ""
        self._before = before

    def __call__(self, frame: FrameType, event: str, argument: object) -> Any:
        of_handlers = frame.f_code is call_foreign.__code__
        if event == "line" and is_ours(frame) and not of_handlers:
            self.lines += 1
            if self.lines == self._before:
                self.where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                handler: Any = signal.getsignal(signal.SIGINT)
                handler(signal.SIGINT, frame)  # as if this function had no frame
        return self

    def call(self, method: Callable[[], object]) -> None:
        """Trace a call."""
        try:
            sys.settrace(self)
            method()
        except KeyboardInterrupt:
            self.interrupted += 1
        finally:
            sys.settrace(None)


class Program:
    """Lines with a filter, a descriptor, and timers."""

    def __init__(self, io_mode: Any, *, observed: bool) -> None:
        self.fds = set(os.listdir("/proc/self/fd"))
        reading, writing = os.pipe()
        os.write(writing, b"\n".join(_LINES))
        os.close(writing)
        self.raw = os.pipe()
        os.write(self.raw[1], b"raw")
        self.got: list[Any] = []
        self.calls: list[str] = []
        self.app = app = Dispatcher(io=io_mode, slow=1e-9 if observed else None)
        if observed:
            logging.disable()
            app.on("slow")(functools.partial(self.calls.append, "slow"))
            app.trace("/dev/null")
        pipe = app.add(Pipe(reading, framing="lines"))
        pipe.on("line", data=re.compile(b"."), where=bool)(self.got.append)
        pipe.on("eof")(functools.partial(self.calls.append, "eof"))
        read = functools.partial(os.read, self.raw[0], 1)
        app.add(Fd(self.raw[0])).on("readable")(read)
        app.after(0, functools.partial(self.calls.append, "after"))
        app.every(0.0005, functools.partial(self.calls.append, "every"))
        app.every(0.0005, self.stop_when_through)

    @property
    def is_through(self) -> bool:
        done = self.calls.count("every") > 1 and not readable_now(self.raw[0])
        return done and {"eof", "after"} <= set(self.calls)

    def stop_when_through(self) -> None:
        if self.is_through:
            self.app.stop()

    def run(self, tracer: Tracer) -> None:
        """Run and close it, again where ctrl+c has ended that."""
        while not self.is_through:
            tracer.call(self.app.run)
        for _ in range(2):
            tracer.call(self.app.close)

    def check(self) -> None:
        """See whether anything was lost, done twice, or left behind."""
        assert [line.data for line in self.got] == _LINES, self.got
        assert self.calls.count("eof") == self.calls.count("after") == 1, self.calls
        assert not [t for t in threading.enumerate() if "evdispatch" in t.name]
        for fd in self.raw:
            os.close(fd)
        assert set(os.listdir("/proc/self/fd")) == self.fds
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def interrupt_before(number: int, io_mode: Any, *, observed: bool) -> int:
    """Interrupt the program before so manieth a line; return how many lines there were."""
    tracer = Tracer(number)
    program = Program(io_mode, observed=observed)
    program.run(tracer)
    try:
        program.check()
        assert tracer.interrupted == bool(tracer.where)
    except AssertionError as error:
        error.add_note(f"interrupted at {tracer.where}")
        raise
    return tracer.lines


if __name__ == "__main__":
    io_mode, stride = sys.argv[1], int(sys.argv[2])
    number = 0
    observed = sys.argv[3:] == ["observed"]
    while number < interrupt_before(number, io_mode, observed=observed):
        number += stride
    assert number > 500, number  # else it would not be ours that is traced
