"""The signals that a terminal lives with: those that end or stop the process, and SIGWINCH.

Python lets the main thread alone set handlers, so a terminal that is added elsewhere goes
without. The handler that was there before is called as well, and comes back with the
last terminal's end; a signal that was ignored, as nohup does it, stays so. Where the
default action of a signal ends or stops the process, the terminals are given back first,
and then it has that action, as the parent expects.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, Protocol

_DEADLY = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP)
_SIGNALS = (*_DEADLY, signal.SIGWINCH, signal.SIGCONT)


class Listener(Protocol):
    """A terminal."""

    def on_signal(self, signum: int) -> None:
        """Take note of SIGWINCH or SIGCONT; in the midst of anything, so without locks."""

    def given_back(self) -> contextlib.AbstractContextManager[None]:
        """Have the terminal restored, for as long as the process is dying or stopped."""


_listeners: list[Listener] = []
_previous: dict[int, Any] = {}


def listen(listener: Listener) -> None:
    """Tell a terminal of the signals; does nothing but on the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return
    if listener in _listeners:
        return
    _listeners.append(listener)
    if not _previous:
        for signum in _SIGNALS:
            # A child inherits what is ignored, and nothing else.
            if signum not in _DEADLY or signal.getsignal(signum) != signal.SIG_IGN:
                _previous[signum] = signal.signal(signum, _handle)


def leave(listener: Listener) -> None:
    """Tell it no more. With the last one, what was there before comes back."""
    if listener not in _listeners:
        return
    _listeners.remove(listener)
    main = threading.main_thread()
    if _listeners:
        return
    if threading.current_thread() is main:
        _restore()
    elif main.ident is not None:
        # It must be the main thread: the most harmless of the signals makes it look.
        signal.pthread_kill(main.ident, signal.SIGWINCH)


@contextlib.contextmanager
def left_to_child() -> Iterator[None]:
    """Survive ctrl+c and SIGQUIT's key that a child is meant to have.

    By a handler that does nothing, since an ignored signal would be ignored in the child
    as well: exec(3) resets handlers alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGINT, signal.SIGQUIT)
    previous = dict(_previous)
    before = {signum: signal.signal(signum, _do_nothing) for signum in signals}
    try:
        yield
    finally:
        for signum, handler in before.items():
            if handler is _handle and not _listeners:  # the last terminal was closed
                signal.signal(signum, previous[signum])
            elif handler is not None:  # else one that Python can't name
                signal.signal(signum, handler)


def _do_nothing(signum: int, frame: FrameType | None) -> None:
    pass


def _restore() -> None:
    for signum, previous in _previous.items():
        # Unless somebody has set another handler since, or one that Python can't name.
        if signal.getsignal(signum) is _handle and previous is not None:
            signal.signal(signum, previous)
    _previous.clear()


def _handle(signum: int, frame: FrameType | None) -> None:
    previous = _previous.get(signum, signal.SIG_DFL)
    for listener in tuple(_listeners):
        listener.on_signal(signum)
    if not _listeners:
        _restore()
    default = previous == signal.SIG_DFL and signum in _DEADLY
    if default or (callable(previous) and signum == signal.SIGTSTP):
        _give_in(signum, frame, None if default else previous)
    elif callable(previous):
        previous(signum, frame)


def _give_in(signum: int, frame: FrameType | None, previous: Any) -> None:
    """Let a signal end or stop the process, with the terminals as they were."""
    with contextlib.ExitStack() as stack:
        for listener in tuple(_listeners):
            stack.enter_context(listener.given_back())
        if previous is not None:  # a handler of SIGTSTP stops the process itself
            previous(signum, frame)
        else:
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
            if _listeners:
                signal.signal(signum, _handle)
    # Stopped, and continued by now; or not stopped at all: the kernel drops SIGTSTP for an
    # orphaned process group, and then no SIGCONT comes.
    for listener in tuple(_listeners):
        listener.on_signal(signal.SIGCONT)


def _after_fork() -> None:
    """Forget the parent's terminals in a forked child."""
    _listeners.clear()
    if threading.current_thread() is threading.main_thread():
        _restore()


os.register_at_fork(after_in_child=_after_fork)
