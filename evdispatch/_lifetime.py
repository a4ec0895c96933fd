"""Dispatchers that nobody closes: at the end of the interpreter, and in a forked child.

- At the interpreter's end each one is closed, quietly: a program that ends after
  `Dispatcher.run` need not close it.
- In a forked child each one is given up: its pollers are the parent's too, and deleting from
  them would cut the parent off. Any use of it there raises ForkedError.
"""

import atexit
import contextlib
import os
import weakref
from collections.abc import Callable
from typing import Protocol


class Closable(Protocol):
    """What `track` takes."""

    def close_at_exit(self) -> None:
        """Release what must not outlive the process, without complaint."""

    def abandon(self) -> None:
        """Release the descriptors in a forked child, without touching the parent's."""


_open: "weakref.WeakSet[Closable]" = weakref.WeakSet()


def track(closable: Closable) -> None:
    """Close it at exit, abandon it in a forked child."""
    _open.add(closable)


def untrack(closable: Closable) -> None:
    """It is closed."""
    _open.discard(closable)


@atexit.register
def _close_all() -> None:
    with contextlib.ExitStack() as stack:  # one that fails does not keep the others
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
