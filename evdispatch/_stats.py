"""What `Dispatcher.stats` returns: figures to look at, and a balance to assert."""

import itertools
from collections.abc import Callable
from typing import Any

import attrs


class Counts:
    """What became of a source's events.

    ``read == queued + coalesced + dropped`` and ``queued == handled + failed + waiting``
    hold between two passes; `Dispatcher.stats` counts ``waiting``. Each number is written by
    one thread, because ``+=`` is not atomic.

    Attributes:
        made: Events that the source made. (IO side)
        handled: Taken from the queue and through all handlers. (dispatch side)
        coalesced: Of these, merged into one that was waiting. (IO side)
        raised: `error` events about its handlers. (dispatch side)
        dropped: Taken from the queue after the source was closed. (dispatch side)
        shed: Dropped by a policy of the queue. (IO side; posts: under the policies' lock)
        failed: Taken from the queue, and a handler raised. (dispatch side)
    """

    __slots__ = ("coalesced", "dropped", "failed", "handled", "made", "raised", "shed")

    def __init__(self) -> None:
        self.made = 0
        self.handled = 0
        self.coalesced = 0
        self.raised = 0
        self.dropped = 0
        self.shed = 0
        self.failed = 0

    @property
    def read(self) -> int:
        """All events there have been."""
        return self.made + self.raised

    def note_made(self) -> None:
        """Count an event that is made in passing, such as `dropped`."""
        self.made += 1

    def note_shed(self) -> None:
        """Count an event that a policy has dropped."""
        self.shed += 1  # no call in it, so no signal handler runs in between


class PostCounts(Counts):
    """The counts of what has no source; `posted` is counted by any thread."""

    __slots__ = ("_looks", "posted")

    def __init__(self) -> None:
        super().__init__()
        # next() on a count is atomic; looking at it is a next(), too.
        self.posted = itertools.count().__next__
        self._looks = 0

    def note_made(self) -> None:
        """Count one more; from any thread."""
        self.posted()

    @property
    def read(self) -> int:
        """All events there have been."""
        posted = self.posted() - self._looks
        self._looks += 1
        return self.made + self.raised + posted


@attrs.frozen
class SourceStats:
    """The balance of one source; see `Counts`.

    Attributes:
        read: Events there have been.
        queued: Of these, put into the queue and not dropped.
        coalesced: Of these, merged into one that was waiting.
        dropped: Of these, never to be handled: the source was closed, or a policy of the
            queue has dropped them.
        handled: Of the queued ones, through all handlers.
        failed: Of the queued ones, a handler raised.
        waiting: Of the queued ones, in the queue now.
    """

    read: int
    queued: int
    coalesced: int
    dropped: int
    handled: int
    failed: int
    waiting: int

    @property
    def balanced(self) -> bool:
        """Whether every event is accounted for."""
        return (
            self.read == self.queued + self.coalesced + self.dropped
            and self.queued == self.handled + self.failed + self.waiting
        )


@attrs.frozen
class HandlerStats:
    """How long the calls of one handler took, in seconds.

    Attributes:
        name: The handler's name.
        handler: The handler. None for what `Dispatcher.after` and `every` call: that may
            be a new function each time, so they are told by their names alone.
        calls: How often it was called.
        failed: How many of the calls raised something.
        total: What all calls took.
        longest: What the longest one took.
        histogram: Pairs of an upper bound and the number of calls that took no longer than
            that, but longer than the bound before; the bounds are 1, 2, 5, 10 us and so on,
            the last one infinity. Without the empty ones.
    """

    name: str
    handler: Callable[..., Any] | None
    calls: int
    failed: int
    total: float
    longest: float
    histogram: tuple[tuple[float, int], ...]

    def __str__(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        return (
            f"{self.name}: {self.calls} calls{failed}, {self.total:.6f} s in all,"
            f" the longest {self.longest:.6f} s"
        )


@attrs.frozen
class Stats:
    """A look at a dispatcher.

    Attributes:
        waiting: Events in the queue.
        handlers: Registrations.
        polls: How often the poller was asked; an idle program does not.
        posts: The balance of what has no source: posts, and calls of `after` and `every`.
        sources: The balance of each open source.
        timings: How long the calls of each handler took, the most time first; of those that
            are registered now. Empty, unless the dispatcher has ``slow=``.
    """

    waiting: int
    handlers: int
    polls: int
    posts: SourceStats
    sources: dict[Any, SourceStats]
    timings: tuple[HandlerStats, ...] = ()

    @property
    def balanced(self) -> bool:
        """Whether every event of every source is accounted for."""
        return self.posts.balanced and all(s.balanced for s in self.sources.values())


def balance(counts: Counts, waiting: int) -> SourceStats:
    """Return the balance of one source, given how much of it waits in the queue."""
    read = counts.read
    dropped = counts.dropped + counts.shed
    return SourceStats(
        read=read,
        queued=read - counts.coalesced - dropped,
        coalesced=counts.coalesced,
        dropped=dropped,
        handled=counts.handled,
        failed=counts.failed,
        waiting=waiting,
    )
