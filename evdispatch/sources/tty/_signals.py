"""The signals of a terminal: those that end or stop the process, SIGCONT and SIGWINCH.

Python sets signal handlers on the main thread only: a terminal that another thread adds has
none until the dispatcher starts on the main thread. A handler that was set before is called
too, and is set again when the last terminal is closed. A signal that was ignored (nohup)
stays ignored. Where the default action of a signal ends or stops the process, the terminals
are restored first; then the process takes that action, as its parent expects.
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


class Receiver(Protocol):
    """A terminal."""

    def on_signal(self, signum: int) -> None:
        """Note a signal. Takes no locks: it may interrupt anything."""

    def restored(self) -> contextlib.AbstractContextManager[None]:
        """Restore the terminal while the process dies or is stopped."""


_receivers: list[Receiver] = []
_previous: dict[int, Any] = {}  # the handlers of before


def register(receiver: Receiver) -> None:
    """Call a terminal for each signal; does nothing on any thread but the main one."""
    if threading.current_thread() is not threading.main_thread():
        return
    if receiver in _receivers:
        return
    _receivers.append(receiver)
    if not _previous:
        for signum in _SIGNALS:
            # A child inherits that a signal is ignored; it inherits no handler.
            if signum not in _DEADLY or signal.getsignal(signum) != signal.SIG_IGN:
                _previous[signum] = signal.signal(signum, _handle)


def unregister(receiver: Receiver) -> None:
    """Call a terminal no more. After the last one, the handlers of before are set."""
    if receiver not in _receivers:
        return
    _receivers.remove(receiver)
    main = threading.main_thread()
    if _receivers:
        return
    if threading.current_thread() is main:
        _set_previous()
    elif main.ident is not None:
        # Only the main thread may: the most harmless of the signals makes it do so.
        signal.pthread_kill(main.ident, signal.SIGWINCH)


@contextlib.contextmanager
def left_to_child() -> Iterator[None]:
    """Survive ctrl+c and SIGQUIT's key that are meant for a child.

    The handler does nothing. The signals are not ignored, since exec(3) resets handlers
    only: the child would ignore them as well.
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
            if handler is _handle and not _receivers:  # the last terminal was closed
                signal.signal(signum, previous[signum])
            elif handler is not None:  # None: a handler that is not Python's
                signal.signal(signum, handler)


def _do_nothing(signum: int, frame: FrameType | None) -> None:
    pass


def _set_previous() -> None:
    for signum, previous in _previous.items():
        # Not if another handler was set since. None is a handler that is not Python's.
        if signal.getsignal(signum) is _handle and previous is not None:
            signal.signal(signum, previous)
    _previous.clear()


def _handle(signum: int, frame: FrameType | None) -> None:
    previous = _previous.get(signum, signal.SIG_DFL)
    for receiver in tuple(_receivers):
        receiver.on_signal(signum)
    if not _receivers:
        _set_previous()
    default = previous == signal.SIG_DFL and signum in _DEADLY
    if default or (callable(previous) and signum == signal.SIGTSTP):
        _die_or_stop(signum, frame, None if default else previous)
    elif callable(previous):
        previous(signum, frame)


def _die_or_stop(signum: int, frame: FrameType | None, previous: Any) -> None:
    """Restore the terminals, and let a signal end or stop the process."""
    with contextlib.ExitStack() as stack:
        for receiver in tuple(_receivers):
            stack.enter_context(receiver.restored())
        if previous is not None:  # a handler of SIGTSTP stops the process itself
            previous(signum, frame)
        else:
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
            if _receivers:
                signal.signal(signum, _handle)
    # The process was stopped and continued. Or it was not stopped: the kernel drops SIGTSTP
    # for an orphaned process group, and then no SIGCONT comes.
    for receiver in tuple(_receivers):
        receiver.on_signal(signal.SIGCONT)


def _after_fork() -> None:
    """Remove the parent's terminals in a forked child."""
    _receivers.clear()
    if threading.current_thread() is threading.main_thread():
        _set_previous()


os.register_at_fork(after_in_child=_after_fork)
