"""Ctrl+c at any moment, without tearing what is half done.

Python raises KeyboardInterrupt between any two bytecodes of the main thread: in the midst
of a read, what was read would be lost; in the midst of starting the IO thread, it would
live on. So while a dispatcher works, SIGINT is taken here:

- In a handler, or anything of others that it calls, KeyboardInterrupt is raised at once.
- In this package, whoever called it (a handler, too), and in what it calls itself (a
  framing function, a filter), the loop is stopped instead, and it is raised when all is in
  order.
- Where somebody else has a handler for SIGINT, that is theirs, and nothing changes.

The stack tells the one from the other, so the way of an event bears no flag for it.
"""

import contextlib
import dis
import importlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

from evdispatch._core._callbacks import call
from evdispatch._core._dispatch import DispatchSide
from evdispatch._handlers._handler import call_once, call_weakly
from evdispatch._handlers._throttle import RateLimitedHandler
from evdispatch._io._sampler import is_ours
from evdispatch.debug._slow import Measured

# CPython's own, as the module `signal` wraps them: the wrappers look what they return up
# among enum members, which takes 3 us for each call, in each step.
_c_signal: Any = importlib.import_module("_signal")

_SIGINT = int(signal.SIGINT)

_PATIENCE = 1.0  # seconds; who presses ctrl+c again after that is obeyed at once


def call_site(caller: Any, name: str) -> tuple[CodeType, int]:
    """Return the code of a function, and the line on which it calls what it names so."""
    lines = [
        instruction.positions.lineno
        for instruction in dis.get_instructions(caller)
        if instruction.argval == name and instruction.positions is not None
    ]
    return caller.__code__, max(line for line in lines if line is not None)


# Where handlers are called; who puts a call around theirs adds its own. CPython looks for
# signals within and after a call, when a loop jumps back, and as a function begins: so on
# these lines it is in, or just after, a handler.
CALL_SITES = dict(
    (
        call_site(DispatchSide.handle, "call"),
        call_site(call_once, "call"),
        call_site(call_weakly, "call"),
        call_site(call, "function"),
        call_site(RateLimitedHandler.run, "call"),
        call_site(Measured.run, "_call"),
    )
)


class Interrupts:
    """Holds SIGINT back while the loop is at work."""

    __slots__ = ("_handler", "_holding", "_now", "_since", "_stop")

    def __init__(self, stop: Callable[[], None], now: Callable[[], float]) -> None:
        self._stop = stop
        self._now = now
        self._since: float | None = None  # when the one that is held back came
        self._holding = 0  # how many `held` are entered
        self._handler = self._take  # one object, to be known again

    @property
    def pending(self) -> bool:
        """Whether one is held back."""
        return self._since is not None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Raise KeyboardInterrupt in handlers alone, or at the end.

        Only the main thread receives signals, so elsewhere it does nothing. A handler for
        SIGINT that is set meanwhile stays.
        """
        before = _c_signal.getsignal(_SIGINT)
        main = threading.current_thread() is threading.main_thread()
        if not main or not _is_default(before):
            yield
            return
        try:
            self._holding += 1
            _c_signal.signal(_SIGINT, self._handler)
            yield
        finally:
            try:
                if _c_signal.getsignal(_SIGINT) is self._handler:
                    _c_signal.signal(_SIGINT, before)
            finally:  # another one may come right after that
                self._holding -= 1
                pending, self._since = self._since, None
            if pending is not None:
                raise KeyboardInterrupt

    def _take(self, signum: int, frame: FrameType | None) -> None:
        now = self._now()
        late = self._since is not None and now - self._since >= _PATIENCE
        if late or not self._holding or _is_in_handler(frame):
            self._since = None
            raise KeyboardInterrupt
        if self._since is None:
            self._since = now
        self._stop()


def _is_default(handler: object) -> bool:
    """Whether SIGINT raises KeyboardInterrupt: by Python's handler, or by one of ours."""
    ours = isinstance(getattr(handler, "__self__", None), Interrupts)
    return ours or handler is signal.default_int_handler


def _is_in_handler(frame: FrameType | None) -> bool:
    """Whether it was a handler that was interrupted, or what a handler called."""
    while frame is not None and not is_ours(frame):
        frame = frame.f_back
    return frame is not None and frame.f_lineno == CALL_SITES.get(frame.f_code)
