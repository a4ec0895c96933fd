"""The results of `Dispatcher.stats`: counts of events, and their balance."""

import itertools
from collections.abc import Callable
from typing import Any

import attrs


class Counts:
    """The counts of a source's events.

    ``read == queued + coalesced + dropped`` and ``queued == handled + failed + waiting``
    hold between two passes; `Dispatcher.stats` counts ``waiting``. Each number is written by
    one thread, because ``+=`` is not atomic.

    Attributes:
        made: Events that the source made. (IO side)
        handled: Taken from the queue and passed to all handlers. (dispatch side)
        coalesced: Events that were merged into one that was waiting. (IO side)
        raised: `error` events about its handlers. (dispatch side)
        dropped: Taken from the queue after the source was closed. (dispatch side)
        shed: Dropped by a policy of the queue. (IO side; posts: under ``_post_lock``)
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
        """Count an event that the queue makes, such as `dropped`."""
        self.made += 1

    def note_shed(self) -> None:
        """Count an event that a policy has dropped."""
        self.shed += 1  # contains no call, so no signal handler runs in between


class PostCounts(Counts):
    """The counts of events without a source; any thread calls `posted` to count one."""

    __slots__ = ("_looks", "posted")

    def __init__(self) -> None:
        super().__init__()
        # next() on a count is atomic; reading it needs a next(), too.
        self.posted = itertools.count().__next__
        self._looks = 0

    def note_made(self) -> None:
        """Count an event. From any thread."""
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
        read: All events of the source so far.
        queued: Events that were put into the queue and not dropped.
        coalesced: Events that were merged into one that was waiting.
        dropped: Events that are never handled, because the source was closed or by a policy
            of the queue.
        handled: Queued events that all handlers have received.
        failed: Queued events for which a handler raised.
        waiting: Queued events that still wait.
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
        handler: The handler. None for functions of `Dispatcher.after` and `every`: those may
            be a new object each time, so they are identified by their names.
        calls: The number of calls.
        failed: The number of calls that raised an exception.
        total: The time of all calls.
        longest: The time of the longest call.
        histogram: Pairs of an upper bound and the number of calls that took no longer than
            that, but longer than the bound before. The bounds are 1, 2, 5, 10 us and so on,
            the last one infinity. Pairs with no calls are left out.
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
    """The figures of a dispatcher.

    Attributes:
        waiting: The number of events in the queue.
        handlers: The number of registered handlers.
        polls: The number of polls; an idle program makes none.
        posts: The balance of events without a source: posts, and calls of `after` and
            `every`.
        sources: The balance of each open source.
        timings: How long the calls of each registered handler took, the longest total first.
            Empty, unless the dispatcher has ``slow=``.
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
    """Return the balance of one source, given the number of its waiting events."""
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
