"""A descriptor as it is: its readiness becomes events, and handlers read and write it.

Until the handlers have run, the poller would go on reporting the same readiness. So the
descriptor is watched again only when the event was handled. An edge-triggered descriptor
stays watched: an arrival is reported once, and handlers read until that would block.
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
    """A readiness that is not reported again before it is handled."""

    has_hooks: ClassVar[bool] = True
    queue_policy: ClassVar[str] = "fixed"
    bit: ClassVar[int]

    mask: int

    def on_dequeue(self) -> Event:
        """From now on an arrival is a new event."""
        if isinstance(self.source, Fd):  # a test may use another source
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
        mask: What the poller reported: bits of READ, WRITE, PRIORITY, ERROR, HANGUP.
    """

    bit: ClassVar[int] = READ


@attrs.define(eq=False)
class Writable(_Readiness):
    """The descriptor can be written without blocking.

    Attributes:
        mask: What the poller reported: bits of READ, WRITE, PRIORITY, ERROR, HANGUP.
    """

    bit: ClassVar[int] = WRITE


@attrs.define(eq=False)
class Priority(_Readiness):
    """Something exceptional: a socket's out-of-band byte, a change of /proc/mounts.

    Attributes:
        mask: What the poller reported: bits of READ, WRITE, PRIORITY, ERROR, HANGUP.
    """

    bit: ClassVar[int] = PRIORITY


_KINDS: tuple[type[_Readiness], ...] = (Priority, Readable, Writable)


class Fd(Source):
    """Makes `readable`, `writable` and `hangup` events of a descriptor.

    Handlers do the reading and writing. The descriptor is watched again when they have
    returned, so one event stands for one readiness. A `hangup` is the last event.

    Args:
        fileobj: A descriptor, or anything with a ``fileno()``. It stays yours: closing
            the source does not close it, and it is not made non-blocking.
        readable: Whether to report that it can be read.
        writable: Whether to report that it can be written.
        priority: Whether to report exceptional conditions (POLLPRI), as `priority` events.
        edge: Report arrivals only: handlers must read, or write, until that would block.
            It must be non-blocking (`add` raises ValueError), and the poller be epoll.
        oneshot: Report once, and again only after `rearm`.
        name: A label for messages.

    Raises:
        TypeError: ``fileobj`` is no descriptor.
        ValueError: It is closed or negative, or there is nothing to report.
    """

    __slots__ = (
        "_fileobj",
        "_handled",
        "_hung_up",
        "_number",
        "_oneshot",
        "_pending",
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
            raise ValueError("an Fd must be readable, writable, both, or have priority")
        self._oneshot = oneshot
        self._pending = 0  # bits of queued events
        self._handled = 0  # bits of events that are being handled
        self._hung_up = False
        self.watch(self._wanted)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._number

    @property
    def nonblocking(self) -> bool:
        """Whether handlers can read until that would block."""
        return not os.get_blocking(self._number)

    def on_ready(self, ready: int) -> Iterable[Event]:
        """Report what it is ready for, and do not watch that until it is handled."""
        watched = (self.interest or 0) & ~self._pending
        if ready & HANGUP or self._hung_up:
            # While a `readable` was handled, the poller was not asked for READ.
            readable = ready_now(self._number, self._wanted & READ) & READ
            ready = ready & ~READ | readable | HANGUP
            if not ready & READ:
                self.finish()
                return [Hangup(ready)]
            self._hung_up = self.edge_triggered  # which is not reported again
        # An error is reported to both: reading or writing raises it.
        reported = watched if ready & (ERROR | HANGUP) else ready & watched
        events = [kind(ready) for kind in _KINDS if reported & kind.bit]
        self._pending |= reported
        if not self.edge_triggered:
            self._watch_while_open((watched & ~reported) or None)
        elif self._oneshot and reported:
            self._watch_while_open(None)
        return events

    def _watch_while_open(self, mask: int | None) -> None:
        try:
            self.watch(mask)
        except OSError:  # its owner has closed it, and not the source
            self.finish()

    def rearm(self) -> None:
        """Report once more, after a ``oneshot``. From any thread."""
        host = self.registration.host
        if host is not None:
            with host.lock:
                self._watch_while_open(self._wanted)

    def begin(self, bit: int) -> None:
        """The handlers of an event are called now; dispatch side."""
        host = self.registration.host
        if host is not None:
            with host.lock:
                self._pending &= ~bit
                self._handled |= bit

    def end(self, bit: int) -> None:
        """The handlers of an event have returned; dispatch side."""
        host = self.registration.host
        if host is None:
            return
        with host.lock:
            self._handled &= ~bit
            if self._hung_up:
                host.reschedule(self)
            elif not self.edge_triggered and not self._oneshot:
                self._watch_while_open((self.interest or 0) | bit)
