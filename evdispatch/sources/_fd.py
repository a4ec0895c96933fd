"""A descriptor as it is: told when it can be read or written, and nothing more.

The user's handler does the reading, later and maybe on another thread. Until it has run,
the poller would go on reporting the same readiness; so the descriptor is watched again
only when the handlers are through with the event. Edge-triggered it stays watched: an
arrival is told once, and handlers read until that would block.
"""

import os
from collections.abc import Iterable
from typing import ClassVar

import attrs

from evdispatch._checks import FileLike, descriptor
from evdispatch._core._poller import ERROR, HANGUP, PRIORITY, READ, WRITE, ready_now
from evdispatch._events import Event, Hangup
from evdispatch.sources._base import Source


@attrs.define(eq=False)
class _Readiness(Event):
    """What those below have in common."""

    has_hooks: ClassVar[bool] = True
    queue_policy: ClassVar[str] = "fixed"
    bit: ClassVar[int]

    mask: int

    def on_dequeue(self) -> Event:
        """From now on an arrival is a new event."""
        if isinstance(self.source, Fd):  # in a test it may be made by another
            self.source.begin(self.bit)
        return self

    def on_handled(self) -> None:
        """Watch for more."""
        if isinstance(self.source, Fd):
            self.source.end(self.bit)


@attrs.define(eq=False)
class Readable(_Readiness):
    """The descriptor can be read without blocking.

    Attributes:
        mask: What the poller said: bits of READ, WRITE, PRIORITY, ERROR, HANGUP.
    """

    bit: ClassVar[int] = READ


@attrs.define(eq=False)
class Writable(_Readiness):
    """The descriptor can be written without blocking.

    Attributes:
        mask: What the poller said: bits of READ, WRITE, PRIORITY, ERROR, HANGUP.
    """

    bit: ClassVar[int] = WRITE


@attrs.define(eq=False)
class Priority(_Readiness):
    """Something exceptional: a socket's out-of-band byte, a change of /proc/mounts.

    Attributes:
        mask: What the poller said: bits of READ, WRITE, PRIORITY, ERROR, HANGUP.
    """

    bit: ClassVar[int] = PRIORITY


_KINDS: tuple[type[_Readiness], ...] = (Priority, Readable, Writable)


class Fd(Source):
    """Tells when a descriptor is `readable`, `writable`, or hung up.

    Handlers do the reading and writing. The descriptor is looked at again when they have
    returned, so one event stands for one readiness. A `hangup` is the last event.

    Args:
        fileobj: A descriptor, or anything with a ``fileno()``. It stays yours: closing
            the source does not close it, and it is not made non-blocking.
        readable: Tell when it can be read.
        writable: Tell when it can be written.
        priority: Tell of exceptional conditions (POLLPRI), as `priority` events.
        edge: Tell of arrivals only: handlers must read, or write, until that would block.
            It must be non-blocking (`add` raises ValueError), and the poller be epoll.
        oneshot: Tell once, and again only after `rearm`.
        name: A label for messages.

    Raises:
        TypeError: It is no descriptor.
        ValueError: It is closed or negative, or there is nothing to tell of.
    """

    __slots__ = (
        "_fileobj",
        "_handled",
        "_hung_up",
        "_number",
        "_oneshot",
        "_told",
        "_wanted",
        "edge",
    )

    def __init__(
        self,
        fileobj: FileLike,
        *,
        readable: bool = True,
        writable: bool = False,
        priority: bool = False,
        edge: bool = False,
        oneshot: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self.edge = edge
        self._fileobj = fileobj  # held, so that it is not collected and closed
        self._number = descriptor(fileobj)
        asked = (readable, READ), (writable, WRITE), (priority, PRIORITY)
        self._wanted = sum(bit for wanted, bit in asked if wanted)
        if not self._wanted:
            raise ValueError("an Fd is readable, writable, both, or has priority")
        self._oneshot = oneshot
        self._told = 0  # what is queued, and not yet handled
        self._handled = 0  # what is being handled
        self._hung_up = False
        self.watch(self._wanted)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._number

    @property
    def nonblocking(self) -> bool:
        """Whether handlers can read until that would block."""
        return not os.get_blocking(self._number)

    @property
    def drained(self) -> bool:
        """Whether the handlers are through with all that was told."""
        return not self._told and not self._handled

    def on_ready(self, ready: int) -> Iterable[Event]:
        """Tell what it is ready for, and look away until that is handled."""
        watched = (self.interest or 0) & ~self._told
        if ready & HANGUP or self._hung_up:
            # While a `readable` was handled, we did not ask whether there is more to read.
            readable = ready_now(self._number, self._wanted & READ) & READ
            ready = ready & ~READ | readable | HANGUP
            if not ready & READ:
                self.finish()
                return [Hangup(ready)]
            self._hung_up = self.edge_triggered  # which is not told again
        # An error wakes whoever reads or writes: the call tells which error it is.
        told = watched if ready & (ERROR | HANGUP) else ready & watched
        events = [kind(ready) for kind in _KINDS if told & kind.bit]
        self._told |= told
        if not self.edge_triggered:
            self._look_for((watched & ~told) or None)
        elif self._oneshot and told:
            self._look_for(None)
        return events

    def _look_for(self, mask: int | None) -> None:
        try:
            self.watch(mask)
        except OSError:  # its owner has closed it, and not the source
            self.finish()

    def rearm(self) -> None:
        """Tell once more, after a ``oneshot``. From any thread."""
        host = self.registration.host
        if host is not None:
            with host.lock:
                self._look_for(self._wanted)

    def begin(self, bit: int) -> None:
        """The handlers begin with an event; dispatch side."""
        host = self.registration.host
        if host is not None:
            with host.lock:
                self._told &= ~bit
                self._handled |= bit

    def end(self, bit: int) -> None:
        """The handlers are through with an event; dispatch side."""
        host = self.registration.host
        if host is None:
            return
        with host.lock:
            self._handled &= ~bit
            if self._hung_up:
                host.reschedule(self)
            elif not self.edge_triggered and not self._oneshot:
                self._look_for((self.interest or 0) | bit)
