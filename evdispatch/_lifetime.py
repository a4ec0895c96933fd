"""Open dispatchers at the end of the interpreter, and in a forked child.

- At the interpreter's end each one is closed without a warning: a program that ends after
  `Dispatcher.run` need not close it.
- In a forked child each one is abandoned. The parent shares its pollers, so removing
  descriptors from them would stop the parent's events. Any use of it raises ForkedError.
"""

import atexit
import contextlib
import os
import weakref
from collections.abc import Callable
from typing import Protocol


class Closable(Protocol):
    """An object for `track`."""

    def close_at_exit(self) -> None:
        """Close it; exceptions are logged, not raised."""

    def abandon(self) -> None:
        """Release the descriptors in a forked child; the parent's state stays."""


_open: "weakref.WeakSet[Closable]" = weakref.WeakSet()


def track(closable: Closable) -> None:
    """Close an object at exit, and abandon it in a forked child."""
    _open.add(closable)


def untrack(closable: Closable) -> None:
    """Undo `track`: the object is closed."""
    _open.discard(closable)


@atexit.register
def _close_all() -> None:
    with contextlib.ExitStack() as stack:  # all are closed even if one raises
        for closable in list(_open):
            stack.callback(closable.close_at_exit)


def _abandon_all() -> None:
    for closable in list(_open):
        closable.abandon()
    _open.clear()


os.register_at_fork(after_in_child=_abandon_all)


def weakly(method: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls the method for as long as its object lives."""
    reference = weakref.WeakMethod(method)

    def call_if_alive() -> None:
        if (alive := reference()) is not None:
            alive()

    return call_if_alive
