"""Which sources there are, and what each waits for: the table that the pump works on.

All of it may be called from any thread, under one lock, which the pump takes for each
source's turn and never holds while it waits. epoll and timerfd take a change from one
thread while another waits, so nothing here needs to wake the pump.
"""

import math
import threading
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from evdispatch._checks import descriptor
from evdispatch._clock import Clock
from evdispatch._deadlines import Deadline, Deadlines, Owner
from evdispatch._errors import ClosedError, ForkedError, StateError
from evdispatch._poller import NOTHING, Wakeup
from evdispatch._pollers import Pollers, closed_behind_our_back
from evdispatch.sources._base import Source


class Roster:
    """The sources, their descriptors in the pollers, and their deadlines.

    It is the `evdispatch.sources._base.Host` of each source.
    """

    def __init__(self, clock: Clock, wakeup: Wakeup, stop: Callable[[], None]) -> None:
        self.lock = threading.RLock()
        self.now = clock.now
        self.stop = stop
        self.sources: dict[Source, None] = {}  # in the order they were added
        self.by_fd: dict[int, Source] = {}
        self.always: dict[Source, None] = {}  # can't be polled: always ready
        self.more: dict[Source, None] = {}  # made more than a turn's worth
        self.woken: deque[Source] = deque()
        self.deadlines = Deadlines()
        self.at_work = False  # whether the pump is, and so will arm when it is through
        self.serial = 0  # counts the polls
        self._active = False  # between on_start and on_stop
        self._armed: float | None = None
        self.wakeup = wakeup
        with ExitStack() as undo:
            self.alarm = clock.alarm()
            undo.callback(self.alarm.close)
            self.pollers = Pollers((self.alarm.fileno(), wakeup.fileno()))
            undo.callback(self.pollers.close)
            self._undo = undo.pop_all()

    def is_locked_here(self) -> bool:
        """Whether the calling thread holds the lock."""
        lock: Any = self.lock
        return bool(lock._is_owned())  # as threading.Condition asks

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

    def _watch(self, source: Source, fd: int) -> None:
        other = self.by_fd.get(fd)
        if other is not None:
            if self.pollers.knows(other):
                raise StateError(f"fd {fd} is watched already, by {other!r}")
            self.detach(other, silence=False)
        source._fd = fd
        source._serial = self.serial
        self.by_fd[fd] = source
        self.pollers.add(source)
        self.update(source)

    def verify(self, source: Source) -> None:
        """Check that a source's number is still its file's.

        epoll reports a number that was closed while a duplicate of it lives, and reading
        it might take a stranger's data, or block. Half a microsecond tells.

        Raises:
            OSError: It is not (EBADF). The source has ended.
        """
        if not self.pollers.knows(source):
            self.detach(source, silence=False)
            raise closed_behind_our_back(source)

    def update(self, source: Source) -> None:
        """Watch a source's descriptor as its interest and pause now say.

        Raises:
            OSError: It was closed behind our back (EBADF). The source has ended.
        """
        with self.lock:
            mask = source._interest
            if source._paused:
                mask = source.interest_in_pause
            if mask is None:
                mask = NOTHING
                source._serial = self.serial
            if source._fd >= 0 and mask != source._mask:
                self._change(source, mask)
                source._mask = mask
            waiting = source._rest is not None and not source._paused
            self._set_waiting(self.more, source, waiting=waiting)
            waiting = not source._pollable and bool(mask & ~NOTHING)
            self._set_waiting(self.always, source, waiting=waiting)

    def _change(self, source: Source, mask: int) -> None:
        try:
            self.pollers.change(source, mask)
        except OSError:
            self.detach(source, silence=False)
            raise closed_behind_our_back(source) from None

    def _set_waiting(
        self, table: dict[Source, None], source: Source, *, waiting: bool
    ) -> None:
        if waiting and source not in table:
            table[source] = None
            self.wakeup.set()
        elif not waiting:
            table.pop(source, None)

    def detach(self, source: Source, *, silence: bool) -> None:
        """End a source: out of the poller first, then `Source.on_close`.

        If its number was closed behind our back, that is told by `Source.lost`.

        Args:
            source: The source; one that has ended already may still be silenced.
            silence: Drop what it has made and no handler has seen yet.
        """
        with self.lock:
            if silence:
                source._silenced = True
                source._rest = None
                self.more.pop(source, None)
            if source._closed:
                return
            source._closed = True
            try:
                source.lost = source._fd >= 0 and not self.pollers.knows(source)
                self._forget(source)
                if source.lost:
                    self.rebuild()
                if self._active:
                    source.on_stop()
            finally:
                source._host = None
                source.on_close()

    def _forget(self, source: Source) -> None:
        self.sources.pop(source, None)
        self.always.pop(source, None)
        self._cancel_deadline(source)
        if self.by_fd.get(source._fd) is source:
            del self.by_fd[source._fd]
            self.pollers.remove(source)

    def wake(self, source: Source) -> None:
        """Have `Source.on_wake` called. Takes no lock: signal handlers call it."""
        self.woken.append(source)
        self.wakeup.set()

    def schedule(self, when: float, owner: Owner) -> Deadline:
        """Have ``owner.on_deadline`` called at a time."""
        with self.lock:
            # What is past is due now: it would overtake what is due before it.
            deadline = self.deadlines.add(max(when, self.now()), owner)
            if not self.at_work:
                self.arm()
            return deadline

    def unschedule(self, deadline: Deadline) -> None:
        """Forget a deadline."""
        with self.lock:
            self.deadlines.cancel(deadline)
            if not self.at_work:
                self.arm()

    def set_deadline(self, source: Source, when: float | None) -> None:
        """Set the one deadline of a source, or none."""
        if when is not None and math.isnan(when):
            raise ValueError("a deadline can't be NaN")
        with self.lock:
            self._cancel_deadline(source)
            if when is not None and when != math.inf:
                source._deadline = self.schedule(when, source)

    def _cancel_deadline(self, source: Source) -> None:
        if source._deadline is not None:
            self.unschedule(source._deadline)
            source._deadline = None

    def next_deadline(self) -> float | None:
        """Return the nearest deadline, or None."""
        with self.lock:
            return self.deadlines.next()

    def arm(self) -> None:
        """Set the alarm for the nearest deadline."""
        nearest = self.deadlines.next()
        if nearest != self._armed and self.alarm.fileno() >= 0:  # else closed
            self.alarm.set(nearest)
            self._armed = nearest

    def rebuild(self) -> None:
        """Get rid of a number that was closed while a duplicate of it lives on."""
        with self.lock:
            self.pollers.rebuild(self.by_fd.values())
            self.wakeup.set()  # who waits now waits on the old set

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

    def fileno(self) -> int:
        """Return a descriptor that is readable when a pump has something to do."""
        return self.pollers.all.fileno()

    def close(self) -> None:
        """End all sources and release the descriptors."""
        with self._undo, ExitStack() as stack:
            for source in list(self.sources):
                stack.callback(self.detach, source, silence=True)

    def abandon(self) -> None:
        """Release the descriptors in a forked child, and end the sources there.

        Nothing is deleted from the pollers: they are the parent's as well, which would
        go deaf. The lock is made anew: whoever held it is not in the child.
        """
        self.lock = threading.RLock()
        self._undo.close()
        for source in self.sources:
            source._closed = source._silenced = True
            source._host = _FORKED


class _Forked:
    """Stands for the roster in a forked child: whoever asks it of anything is told."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # inspection
            raise AttributeError(name)
        raise ForkedError("this source is the parent process's: make a new one")


_FORKED: Any = _Forked()
