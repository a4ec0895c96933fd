"""Looking at a dispatcher: what became of the events, and how long handlers take."""

from evdispatch._errors import InternalError
from evdispatch._hearing import Hearing
from evdispatch._meter import Meter
from evdispatch._stats import HandlerStats, PostCounts, Stats, balance


class Observing(Hearing):
    """The part of a `Dispatcher` that tells what it does."""

    _meter: Meter | None
    _posts: PostCounts

    def stats(self) -> Stats:
        """Return what became of all events so far; exact on the dispatch thread."""
        self._check_process()
        with self._roster.lock:  # the IO side counts and puts under it
            waiting = self._queue.by_source()
            return Stats(
                waiting=waiting.total(),
                handlers=len(self._registry) - 1,  # but our own of Due
                polls=self._io.polls,
                posts=balance(self._posts, waiting[None]),
                sources={
                    s: balance(s.counts, waiting[s])
                    for s in tuple(self._roster.sources)
                },
                timings=self._timings(),
            )

    def audit(self) -> None:
        """Check that every event is accounted for. On the dispatch thread, or between runs.

        Raises:
            InternalError: One was lost, or told twice: a fault of this package, or of a
                source that changes its ``counts``.
        """
        stats = self.stats()
        wrong = [
            f"{'posts' if source is None else source!r}: {figures}"
            for source, figures in ((None, stats.posts), *stats.sources.items())
            if not figures.balanced
        ]
        if wrong:
            raise InternalError(f"events don't add up: {'; '.join(wrong)}")

    def _timings(self) -> tuple[HandlerStats, ...]:
        if self._meter is None:
            return ()
        return self._meter.timings(self._registry.scope.all_entries())
