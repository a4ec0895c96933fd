"""Which sources there are: from their adding to their end. See `_watching` for the rest."""

import math
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from evdispatch._checks import descriptor
from evdispatch._core._clock import Clock
from evdispatch._core._policies import Policies
from evdispatch._core._wakeup import Wakeup
from evdispatch._errors import ClosedError, ForkedError, StateError
from evdispatch._io._pollers import PollerKind
from evdispatch._io._threads import Pool
from evdispatch._io._watching import SourceWatches
from evdispatch.sources._base import LOST, Source

_LOOKUPS = 8  # threads at most, for what may block
_PATIENCE = 1.0  # seconds for them to return at the end; then they end as daemons do


class Registrations(SourceWatches):
    """The sources, their descriptors in the pollers, and their deadlines.

    It is the `evdispatch.sources._base.Host` of each source.
    """

    def __init__(
        self,
        clock: Clock,
        wakeup: Wakeup,
        stop: Callable[[], None],
        poller: PollerKind,
        *,
        edge: bool,
    ) -> None:
        super().__init__(clock, wakeup, poller, edge=edge)
        self.stop = stop
        self.sources: dict[Source, None] = {}  # in the order they were added
        self._shared: dict[Callable[[], Any], Any] = {}  # by its class
        self._active = False  # between on_start and on_stop
        self._background = Pool(_LOOKUPS, "evdispatch-background")

    def add(self, source: Source) -> None:
        """Make a source ready and watch it; an exception leaves all as it was.

        Raises:
            ClosedError: The source has ended before.
            StateError: It was added before, or its descriptor is watched already.
            OSError: The descriptor can't be watched.
        """
        with self.lock:
            if source._closed:
                raise ClosedError(f"{source!r} is closed: make a new one")
            if source._host is not None:
                raise StateError(f"{source!r} was added before")
            source._host = self
            self.sources[source] = None
            with ExitStack() as undo:
                undo.callback(self._refuse, source)
                source.on_add()
                undo.callback(source.on_refuse)
                fd = source.fileno()
                if fd is not None:
                    self._watch(source, descriptor(fd))
                if self._active:
                    source.on_start()
                undo.pop_all()

    def _refuse(self, source: Source) -> None:
        self._forget(source)
        source._host = None

    def adopt(self, child: Source, parent: Source) -> None:
        """Add a source that another one has made: it shares the handlers of that one."""
        child.parent = parent
        if parent._registry is not None:
            child.join(parent._registry)
        self.add(child)

    def children(self, parent: Source) -> tuple[Source, ...]:
        """Return the open sources that a source has adopted, in the order they came."""
        with self.lock:
            return tuple(each for each in self.sources if each.parent is parent)

    def shared(self, kind: Callable[[], Any]) -> Any:
        """Return the one source of a class that others share."""
        with self.lock:
            source = self._shared.get(kind)
            if source is None or source._closed:
                source = kind()
                self.add(source)
                self._shared[kind] = source
            return source

    def reconsider(self, policies: Policies) -> None:
        """Merge nothing more into what waits now, since a policy has changed."""
        with self.lock:
            for source in self.sources:
                source._direct = False
                if source._queued is not None:
                    source._queued.seal(policies)

    def discard_pending(self, source: Source) -> None:
        """Drop what a source has made and no handler has seen yet."""
        with self.lock:
            source._discarding = True
            self.clear_leftover(source)
            self.free(source)

    def clear_leftover(self, source: Source) -> None:
        """Let a source have nothing left of what it made before; who was woken is asked."""
        source._leftover = None
        self.more.pop(source, None)
        if source._woken:
            source._woken = False
            self.wake(source)

    def unregister(self, source: Source, *, discard: bool) -> None:
        """End a source: out of the poller first, then `Source.on_close`.

        If its number was closed behind our back, that is told by `Source.fd_lost`.

        Args:
            source: The source; one that has ended already may still be silenced.
            discard: Drop what it has made and no handler has seen yet.
        """
        with self.lock:
            if discard:
                self.discard_pending(source)
            if source._closed:
                return
            source._closed = True
            try:
                lost = source._fd >= 0 and not self.pollers.owns_fd(source)
                source._serial = LOST if lost else source._serial
                self._forget(source)
                if lost:
                    self.rebuild()
                if self._active:
                    source.on_stop()
            finally:
                source._host = None
                if source._leftover is None:
                    self.free(source)
                elif not source._held_back:  # also if it was paused
                    if source._limiter is not None:
                        self.forget(source._limiter)
                    self._set_waiting(self.more, source, waiting=True)
                if source.has_final_events:
                    self.wake(source)
                source.on_close()
                if source.parent is not None:
                    source.parent.on_child_end(source)

    def _forget(self, source: Source) -> None:
        self.sources.pop(source, None)
        self._cancel_deadline(source)
        fd = source._fd
        self._unwatch(source)
        source._fd = fd  # for messages

    def in_background(self, function: Callable[[], None]) -> None:
        """Call a function that may block on another thread."""
        self._background.submit(function)

    def set_deadline(self, source: Source, when: float | None) -> None:
        """Set the one deadline of a source, or none."""
        if when is not None and math.isnan(when):
            raise ValueError("a deadline can't be NaN")
        with self.lock:
            self._cancel_deadline(source)
            if when is not None and when != math.inf and not source._closed:
                source._deadline = self.schedule(when, source)

    def _cancel_deadline(self, source: Source) -> None:
        if source._deadline is not None:
            self.unschedule(source._deadline)
            source._deadline = None

    def start(self) -> None:
        """Tell the sources that the loop begins, if they were not told."""
        with self.lock:
            if self._active:
                return
            self._active = True
            try:
                for source in list(self.sources):
                    source.on_start()
            except BaseException:
                self.finish()
                raise

    def finish(self) -> None:
        """Tell the sources that the loop has ended, if they know it began."""
        with self.lock:
            if not self._active:
                return
            self._active = False
            with ExitStack() as stack:  # one that raises keeps no other from it
                for source in self.sources:
                    stack.callback(source.on_stop)

    def close(self) -> None:
        """End all sources and release the descriptors."""
        with self._undo, ExitStack() as stack:
            stack.callback(self._background.close, _PATIENCE)
            for source in list(self.sources):
                stack.callback(self.unregister, source, discard=True)

    def abandon(self) -> None:
        """Release the descriptors in a forked child, and end the sources there.

        Nothing is deleted from the pollers: they are the parent's as well, which would
        go deaf. The lock is made anew: whoever held it is not in the child.
        """
        self.lock = threading.RLock()
        self._background.abandon()
        self._undo.close()
        for source in self.sources:
            source._closed = source._discarding = True
            source._host = _FORKED


class _Forked:
    """Stands for the registrations in a forked child: whoever asks it of anything is told."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # inspection
            raise AttributeError(name)
        raise ForkedError("this source is the parent process's: make a new one")


_FORKED: Any = _Forked()


def check_source(what: str, source: Any) -> None:
    """Check what a user gives for a source.

    Raises:
        TypeError: It is no source, or `Source.__init__` was not called.
    """
    if not isinstance(source, Source):
        raise TypeError(f"{what} takes a Source (for a descriptor: Fd), not {source!r}")
    if not hasattr(source, "_host"):
        raise TypeError(f"{type(source).__name__} does not call super().__init__()")
