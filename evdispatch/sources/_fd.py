"""A descriptor as it is: told when it can be read or written, and nothing more.

The user's handler does the reading, later and maybe on another thread. Until it has run,
the poller would go on reporting the same readiness; so the descriptor is watched again
only when the handlers are through with the event.
"""

from collections.abc import Iterable
from typing import ClassVar

import attrs

from evdispatch._checks import FileLike, descriptor
from evdispatch._events import Event, Hangup
from evdispatch._poller import ERROR, HANGUP, READ, WRITE, ready_now
from evdispatch.sources._base import Source


@attrs.define(eq=False)
class _Readiness(Event):
    """What the two below have in common."""

    tracked: ClassVar[bool] = True
    bit: ClassVar[int]

    mask: int

    def release(self) -> None:
        """Watch for more."""
        if isinstance(self.source, Fd):  # in a test it may be made by another
            self.source.rearm(self.bit)


@attrs.define(eq=False)
class Readable(_Readiness):
    """The descriptor can be read without blocking.

    Attributes:
        mask: What the poller said: bits of READ, WRITE, ERROR, HANGUP.
    """

    bit: ClassVar[int] = READ


@attrs.define(eq=False)
class Writable(_Readiness):
    """The descriptor can be written without blocking.

    Attributes:
        mask: What the poller said: bits of READ, WRITE, ERROR, HANGUP.
    """

    bit: ClassVar[int] = WRITE


class Fd(Source):
    """Tells when a descriptor is `readable`, `writable`, or hung up.

    Handlers do the reading and writing. The descriptor is looked at again when they have
    returned, so one event stands for one readiness. A `hangup` is the last event.

    Args:
        fileobj: A descriptor, or anything with a ``fileno()``. It stays yours: closing
            the source does not close it, and it is not made non-blocking.
        readable: Tell when it can be read.
        writable: Tell when it can be written.
        name: A label for messages.

    Raises:
        TypeError: It is no descriptor.
        ValueError: It is closed or negative, or neither readable nor writable is asked.
    """

    __slots__ = ("_fileobj", "_number", "_wanted")

    def __init__(
        self,
        fileobj: FileLike,
        *,
        readable: bool = True,
        writable: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self._fileobj = fileobj  # held, so that it is not collected and closed
        self._number = descriptor(fileobj)
        self._wanted = (READ if readable else 0) | (WRITE if writable else 0)
        if not self._wanted:
            raise ValueError("an Fd is readable, writable or both")
        self.watch(self._wanted)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._number

    def on_ready(self, ready: int) -> Iterable[Event]:
        """Tell what it is ready for, and look away until that is handled."""
        events: list[Event] = []
        watched = self.interest or 0
        if ready & HANGUP:
            # While a `readable` was handled, we did not ask whether there is more to read.
            ready |= ready_now(self._number, self._wanted & READ) & READ
            if not ready & READ:
                self.finish()
                return [Hangup(ready)]
        # An error wakes whoever reads or writes: the call tells which error it is.
        told = watched if ready & (ERROR | HANGUP) else ready & watched
        if told & READ:
            events.append(Readable(ready))
        if told & WRITE:
            events.append(Writable(ready))
        self._look_for((watched & ~told) or None)
        return events

    def _look_for(self, mask: int | None) -> None:
        try:
            self.watch(mask)
        except OSError:  # its owner has closed it, and not the source
            self.finish()

    def rearm(self, mask: int) -> None:
        """Look again; called when the handlers are through with an event."""
        host = self._host
        if host is not None:
            with host.lock:
                self._look_for((self.interest or 0) | (mask & self._wanted))
