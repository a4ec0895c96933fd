"""`Registration`: the state of a source that the loop needs. `Source` is the user's object.

`Registrations.lock` guards it once the source is added, except:

- each count is written by one thread;
- dispatch reads ``discarding`` and ``scope`` without the lock, and `Source.close` and `Source.on`
  write them without it;
- `Source.watch` writes ``interest`` without taking the lock: its callers hold it.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from evdispatch._core._batch import Batch
from evdispatch._core._pending import Pending
from evdispatch._core._poller import NO_INTEREST, READ
from evdispatch._core._rate_limit import HELD, RateLimiter
from evdispatch._core._timers import TimerId
from evdispatch._events import Event
from evdispatch._stats import Counts
from evdispatch.sources._host import Host

BY_USER, BY_RATE = 1, 2
"""Bits of ``held``: the user has paused the source; its rate is used up."""

LOST = -1
"""Value of ``serial``: other code has closed the descriptor."""


class Registration(Counts):
    """The loop's state of one source. The object identifies one registration.

    It is a `Counts` rather than having one, which saves 40 bytes a connection.

    Attributes:
        source: The source, while the loop may ask it; None breaks the reference cycle.
        host: The IO side, while the source is registered.
        registry: The registry in which `Source.on` registers handlers.
        scope: The handlers of this source, or those shared with its parent; None: there are
            none.
        fd: The registered descriptor, -1 without one. Kept after the end for messages.
        interest: The readiness that the source wants; None: nothing.
        mask: The readiness that the poller watches.
        edge: EDGE if the descriptor is edge-triggered, else 0.
        inode: The device and inode of a file that can't be polled, else None. Such a file
            counts as always ready.
        serial: The poll during which it was last watched or unwatched, or LOST.
        held: Why the source is not read: bits of BY_USER and BY_RATE; 0: it is read.
        limiter: The rate limit, if one was set.
        closed: The source has ended.
        discarding: The user has closed it: its waiting events are dropped.
        finished: Its final events were put into the queue.
        leftover: Events beyond its turn, which come before any new ones.
        woken: `Source.on_wake` will be called once the leftover is taken.
        pending: Its events in the queue that a policy may still change.
        deadline: The timer of `Source.on_deadline`.
    """

    __slots__ = (
        "closed",
        "deadline",
        "discarding",
        "edge",
        "fd",
        "finished",
        "held",
        "host",
        "inode",
        "interest",
        "leftover",
        "limiter",
        "mask",
        "pending",
        "registry",
        "scope",
        "serial",
        "source",
        "woken",
    )

    def __init__(self) -> None:
        super().__init__()
        self.source: Any = None
        self.host: Host | None = None
        self.registry: Any = None
        self.scope: Any = None
        self.fd = -1
        self.interest: int | None = READ
        self.mask = NO_INTEREST
        self.edge = 0
        self.inode: tuple[int, int] | None = None
        self.serial = 0
        self.held = 0
        self.limiter: RateLimiter | None = None
        self.closed = False
        self.discarding = False
        self.finished = False
        self.leftover: deque[Iterator[Event] | Batch] | None = None
        self.woken = False
        self.pending: Pending | None = None
        self.deadline: TimerId | None = None

    def on_deadline(self, now: float) -> Iterable[Event]:
        """Return the events that the source's deadline gives."""
        events: Iterable[Event] = self.source.on_deadline(now)
        return events

    @property
    def rate_held(self) -> bool:
        """Whether the source is not read because its rate is used up."""
        return self.limiter is not None and self.limiter.state == HELD

    @property
    def wanted_mask(self) -> int:
        """The mask for the poller, from the interest and the pause."""
        interest = self.source.interest_in_pause if self.held else self.interest
        return NO_INTEREST if interest is None else interest
