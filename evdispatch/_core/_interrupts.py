"""Ctrl+C interrupts handlers at once, and the package's own code only at safe points.

Python raises KeyboardInterrupt between any two bytecodes of the main thread: during a read, data
would be lost; during the start of the IO thread, the thread would remain. So while a dispatcher
runs, SIGINT is handled here. A handler, and all code that it calls, is interrupted at once. The
package's own code stops the loop instead, and KeyboardInterrupt is raised at its end. A SIGINT
handler that the program has installed stays in place. The stack decides which of the two cases it
is, so the path of an event has no flag.
"""

import contextlib
import importlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from evdispatch._handlers._handler import CALLERS, call_foreign

# The functions that the module `signal` wraps: the wrappers convert results to enum members,
# which takes 3 us for each call, in each step.
_c_signal: Any = importlib.import_module("_signal")

_SIGINT = int(signal.SIGINT)

_PATIENCE = 1.0  # seconds; a second Ctrl+C after this delay raises immediately


class Interrupts:
    """Delays SIGINT while the package's own code runs."""

    __slots__ = ("_handler", "_holding", "_now", "_since", "_stop")

    def __init__(self, stop: Callable[[], None], now: Callable[[], float]) -> None:
        self._stop = stop
        self._now = now
        self._since: float | None = None  # when the delayed SIGINT came
        self._holding = 0  # the number of `held` blocks that are entered
        self._handler = self._on_sigint  # one object, to recognise it

    @property
    def pending(self) -> bool:
        """Whether a SIGINT is delayed."""
        return self._since is not None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Raise KeyboardInterrupt only in handlers, or at the end of the block.

        Only the main thread receives signals, so on other threads it does nothing. A SIGINT
        handler that is installed within the block stays.
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
            finally:  # another SIGINT may come right after that
                self._holding -= 1
                pending, self._since = self._since, None
            if pending is not None:
                raise KeyboardInterrupt

    def _on_sigint(self, signum: int, frame: FrameType | None) -> None:
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
    """Whether a handler was interrupted, or code that a handler called.

    Going outwards, the first frame of the package decides. If it is a function that calls
    handlers, and it called the interrupted code, that code is a handler.
    """
    inner = None
    while frame is not None and not is_ours(frame):
        inner, frame = frame, frame.f_back
    if frame is None:
        return False
    if frame.f_code is call_foreign.__code__:
        return (
            frame.f_lasti > 0
        )  # at 0 it has just begun, and the call is still to come
    return inner is not None and frame.f_code in CALLERS


def is_ours(frame: FrameType) -> bool:
    """Whether the code is part of this package; `cli` counts as user code."""
    package, _, rest = str(frame.f_globals.get("__name__")).partition(".")
    return package == "evdispatch" and not rest.startswith("cli")
