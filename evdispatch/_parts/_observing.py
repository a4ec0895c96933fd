"""Looking at a dispatcher: what became of the events, and how long handlers take."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from evdispatch import _exports
from evdispatch._errors import InternalError
from evdispatch._parts._hearing import Hearing
from evdispatch._stats import HandlerStats, PostCounts, Stats, balance
from evdispatch.debug._slow import Meter

if TYPE_CHECKING:  # loaded when it is asked for
    from evdispatch.debug._trace import Trace
    from evdispatch.debug._trace_file import Target
    from evdispatch.debug._why_alive import Alive


class Observing(Hearing):
    """The part of a `Dispatcher` that tells what it does."""

    _meter: Meter | None
    _now: Callable[[], float]
    _posts: PostCounts

    def stats(self) -> Stats:
        """Return what became of all events so far: exact on the dispatch thread.

        From any other one it is a look in the midst of things.
        """
        self._check_process()
        with self._registrations.lock:  # the IO side counts and puts under it
            waiting = self._queue.by_source()
            return Stats(
                waiting=waiting.total(),
                handlers=len(self._registry) - 1,  # but our own of Due
                polls=self._io.polls,
                posts=balance(self._posts, waiting[None]),
                sources={
                    s: balance(s.counts, waiting[s])
                    for s in tuple(self._registrations.sources)
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

    def why_alive(self) -> "Alive":
        """Tell what it waits for: ``print(app.why_alive())``. From any thread.

        `run` goes on until `stop`, whatever there is: this tells which sources may still
        make events, what `after` and `every` are to call, and what is queued.
        """
        self._check_process()
        look = _exports.load("Alive").look
        alive: Alive = look(self._state(), self._registrations, self._queue)
        return alive

    def _state(self) -> str:
        if self._gone is not None:
            return "closed"
        if not self._busy.locked():
            return "open"
        return "stopping" if self._dispatch.stopping else "running"

    def trace(self, file: "Target") -> "Trace":
        """Begin to write what happens to a file, for a viewer. On the dispatch thread.

        It is in Chrome's JSON array format, which Perfetto (ui.perfetto.dev) and
        ``chrome://tracing`` open: the turns of sources and the calls of handlers on their
        threads, and how long events wait in the queue. A program that is killed leaves
        it without the last records, and without the ``]`` at its end, which viewers do
        not need. If it can't be written any more, it ends with a warning in the log.

        Args:
            file: A path, or a text file, which stays open.

        Returns:
            What ends it: ``with app.trace("run.json"): ...``; closing the dispatcher does
            so, too.

        Raises:
            ClosedError: The dispatcher is closed.
            OSError: It can't be opened or written.
            TypeError: It is neither a path nor a file.
        """
        self._check_open()
        begin = _exports.load("Trace")
        trace: Trace = begin(file, self._now, self._registry.probes, self._io)
        return trace

    def _release(self) -> None:
        try:
            super()._release()
        finally:
            self._registry.probes.close()

    def _abandon(self) -> None:
        super()._abandon()
        self._registry.probes.abandon()

    def _timings(self) -> tuple[HandlerStats, ...]:
        if self._meter is None:
            return ()
        return self._meter.timings(self._registry.scope.all_subscriptions())
