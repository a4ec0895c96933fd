"""What `Dispatcher.stats` returns: figures to look at, and a balance to assert."""

import itertools
from typing import Any

import attrs


@attrs.define(eq=False)
class Counts:
    """What became of a source's events.

    ``read == queued + coalesced + dropped`` and ``queued == handled + failed + waiting``
    hold whenever the dispatcher is at rest; `Dispatcher.stats` counts ``waiting``. Each
    number has one thread that writes it, since ``+=`` is not atomic.

    Attributes:
        made: Events that the source made. (IO side)
        coalesced: Of these, merged into one that was waiting. (IO side)
        raised: `error` events about its handlers. (dispatch side)
        dropped: Taken from the queue after the source was closed. (dispatch side)
        handled: Taken from the queue and through all handlers. (dispatch side)
        failed: Taken from the queue, and a handler raised. (dispatch side)
    """

    made: int = 0
    coalesced: int = 0
    raised: int = 0
    dropped: int = 0
    handled: int = 0
    failed: int = 0

    @property
    def read(self) -> int:
        """All events there have been."""
        return self.made + self.raised


class PostCounts(Counts):
    """The counts of what has no source; `posted` is counted by any thread."""

    __slots__ = ("_looks", "posted")

    def __init__(self) -> None:
        super().__init__()
        # next() on a count is atomic; looking at it is a next(), too.
        self.posted = itertools.count().__next__
        self._looks = 0

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
        dropped: Of these, never to be handled, since the source was closed.
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
class Stats:
    """A look at a dispatcher.

    Attributes:
        waiting: Events in the queue.
        handlers: Registrations.
        polls: How often the poller was asked; an idle program does not.
        posts: The balance of what has no source: posts, and calls of `after` and `every`.
        sources: The balance of each open source.
    """

    waiting: int
    handlers: int
    polls: int
    posts: SourceStats
    sources: dict[Any, SourceStats]

    @property
    def balanced(self) -> bool:
        """Whether every event of every source is accounted for."""
        return self.posts.balanced and all(s.balanced for s in self.sources.values())


def balance(counts: Counts, waiting: int) -> SourceStats:
    """Return the balance of one source, given how much of it waits in the queue."""
    read = counts.read
    return SourceStats(
        read=read,
        queued=read - counts.coalesced - counts.dropped,
        coalesced=counts.coalesced,
        dropped=counts.dropped,
        handled=counts.handled,
        failed=counts.failed,
        waiting=waiting,
    )
