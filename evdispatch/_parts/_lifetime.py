"""What happens to a dispatcher that nobody closes: at the end, and after a fork.

- At the interpreter's end each one is closed, quietly: a program that ends after
  `Dispatcher.run` need not close it. One that is collected before gives a ResourceWarning.
- In a forked child each one is given up: its pollers are the parent's too, and deleting
  from them would make the parent deaf. Whoever touches it there gets a `ForkedError`.
"""

import abc
import atexit
import contextlib
import os
import warnings
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Self

from evdispatch._errors import ClosedError, ForkedError, StateError


class Closable(abc.ABC):
    """What is open from `_open` on, until `close`."""

    _gone: type[StateError] | None = ClosedError  # the error of whoever uses it now

    def _open(self) -> None:
        self._gone = None
        _living.add(self)

    def _end(self) -> None:
        self._gone = ClosedError
        _living.discard(self)

    def _check_process(self) -> None:
        if self._gone is ForkedError:
            raise ForkedError("this dispatcher is the parent process's: make a new one")

    def _check_open(self) -> None:
        self._check_process()
        if self._gone is not None:
            raise ClosedError("the dispatcher is closed")

    @abc.abstractmethod
    def close(self) -> None:
        """Release all it holds; twice does nothing."""

    @abc.abstractmethod
    def _close_at_exit(self) -> None:
        """Release what must not outlive the process, without complaint."""

    @abc.abstractmethod
    def _abandon(self) -> None:
        """Release the descriptors in a forked child, without touching the parent's."""

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if self._gone is None:
            warnings.warn(
                f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2
            )
            self.close()


_living: "weakref.WeakSet[Closable]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    with contextlib.ExitStack() as stack:  # one that fails keeps no other from it
        for closable in list(_living):
            stack.callback(closable._close_at_exit)


def _abandon_all() -> None:
    for closable in list(_living):
        closable._gone = ForkedError
        closable._abandon()
    _living.clear()


os.register_at_fork(after_in_child=_abandon_all)


def weakly(method: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls the method for as long as its object lives."""
    reference = weakref.WeakMethod(method)

    def call_if_alive() -> None:
        if (alive := reference()) is not None:
            alive()

    return call_if_alive
