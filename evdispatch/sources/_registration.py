"""The IO side's record of a source.

A source is the user's object; what the loop needs to know of it stands here, so that the two
never write to each other's attributes. Everything is read and written under the lock of
`Registrations`, except the counts: each of those has one thread that writes it.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from evdispatch._core._pending import Pending
from evdispatch._core._poller import NO_INTEREST, READ
from evdispatch._core._rate_limit import HELD, RateLimiter
from evdispatch._core._timers import TimerId
from evdispatch._events import Event
from evdispatch._stats import Counts
from evdispatch.sources._host import Host

BY_USER, BY_RATE = 1, 2
"""Why a source is not read: it is paused, or its rate is used up."""

LOST = -1
"""In the place of a poll's serial: the descriptor was closed by someone else."""


class Registration(Counts):
    """What the loop knows of one source. The object itself is the source's generation.

    It is a `Counts` rather than having one, which saves 40 bytes a connection.

    Attributes:
        source: The source, from its adding to its end; None breaks the reference cycle.
        host: The IO side, while the source is registered.
        registry: Where `Source.on` registers handlers, from the adding on.
        scope: The handlers of this source alone; None while there are none.
        fd: The registered descriptor, -1 without one. Kept after the end for messages.
        interest: What the source wants to wait for; None: nothing.
        mask: What the poller watches for.
        edge: EDGE if the descriptor is edge-triggered, else 0.
        inode: The file's device and inode where the poller refuses it: it is always ready.
        serial: The poll during which it was last (un)watched, or LOST.
        held: Why it is not to be read: bits of BY_USER and BY_RATE; 0: it is read.
        limiter: The rate limit, if one was set.
        closed: The source has ended.
        discarding: The user has closed it: its events that still wait are dropped.
        finished: Its final events were put into the queue.
        leftover: What it has made beyond its turn; it comes before anything new.
        woken: `Source.on_wake` is to be called once the leftover is taken.
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
        self.leftover: deque[Iterator[Event]] | None = None
        self.woken = False
        self.pending: Pending | None = None
        self.deadline: TimerId | None = None

    def on_deadline(self, now: float) -> Iterable[Event]:
        """Return the events that the source's deadline gives."""
        events: Iterable[Event] = self.source.on_deadline(now)
        return events

    @property
    def rate_held(self) -> bool:
        """Whether it is not read because its rate is used up."""
        return self.limiter is not None and self.limiter.state == HELD

    @property
    def wanted_mask(self) -> int:
        """What the poller should watch for, as interest and pause now say."""
        interest = self.source.interest_in_pause if self.held else self.interest
        return NO_INTEREST if interest is None else interest
