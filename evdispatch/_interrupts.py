"""Ctrl+c at any moment, without tearing what is half done.

Python raises KeyboardInterrupt between any two bytecodes of the main thread: in the midst
of a read, what was read would be lost; in the midst of starting the IO thread, it would
live on. So while a dispatcher works, SIGINT is taken here:

- In a handler, or anything that a handler calls, KeyboardInterrupt is raised at once.
- Anywhere else the loop is stopped instead, and it is raised when all is in order.
- Where somebody else has a handler for SIGINT, that is theirs, and nothing changes.
"""

import contextlib
import importlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

# CPython's own, as the module `signal` wraps them: the wrappers look what they return up
# among enum members, which takes 3 us for each call, in each step.
_c_signal: Any = importlib.import_module("_signal")

_SIGINT = int(signal.SIGINT)

_PATIENCE = 1.0  # seconds; who presses ctrl+c again after that is obeyed at once

_DISPATCH = "evdispatch._dispatch"
_LOOP = frozenset(
    (_DISPATCH, "evdispatch._io", "evdispatch._loop", "evdispatch._embedding")
)


class Interrupts:
    """Holds SIGINT back while the loop is at work."""

    __slots__ = ("_now", "_since", "_stop")

    def __init__(self, stop: Callable[[], None], now: Callable[[], float]) -> None:
        self._stop = stop
        self._now = now
        self._since: float | None = None  # when the one that is held back came

    @property
    def pending(self) -> bool:
        """Whether one is held back."""
        return self._since is not None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Raise KeyboardInterrupt in handlers alone, or at the end.

        Only the main thread receives signals, so elsewhere it does nothing.
        """
        before = _c_signal.getsignal(_SIGINT)
        main = threading.current_thread() is threading.main_thread()
        if not main or not _is_default(before):
            yield
            return
        try:
            _c_signal.signal(_SIGINT, self._take)
            yield
        finally:
            _c_signal.signal(_SIGINT, before)
            pending, self._since = self._since, None
            if pending is not None:
                raise KeyboardInterrupt

    def _take(self, signum: int, frame: FrameType | None) -> None:
        now = self._now()
        late = self._since is not None and now - self._since >= _PATIENCE
        if late or _is_in_handler(frame):
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
    """Whether the dispatch side has called what was interrupted.

    The stack tells, so the way of an event bears no flag for it.
    """
    inner = frame
    while frame is not None:
        module = frame.f_globals.get("__name__")
        if module in _LOOP:
            return module == _DISPATCH and frame is not inner
        frame = frame.f_back
    return False
