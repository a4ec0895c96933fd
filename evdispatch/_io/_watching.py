"""What each source waits for: the descriptors and deadlines that the pump works on.

All of it may be called from any thread, under one lock, which the pump takes for each
source's turn and never holds while it waits. epoll and timerfd take a change from one
thread while another waits; only for select and poll the pump is woken.
"""

import abc
import threading
from collections import deque
from contextlib import ExitStack
from typing import Any

from evdispatch._core._clock import Clock
from evdispatch._core._poller import NO_INTEREST, ONESHOT
from evdispatch._core._rate_limit import FREE, RateLimiter
from evdispatch._core._timers import Owner, TimerId, TimerQueue
from evdispatch._core._wakeup import Wakeup
from evdispatch._errors import StateError
from evdispatch._io._pollers import (
    PollerKind,
    Pollers,
    check_open,
    closed_behind_our_back,
)
from evdispatch.sources._base import Source
from evdispatch.sources._flow import BY_RATE


class SourceWatches(abc.ABC):
    """The pollers, the deadlines, and which sources are to be asked without them.

    Attributes:
        by_fd: The source of each descriptor; as long as the highest number that is watched.
            A list: it takes a fifth of a dict's memory, and of its time.
        ready: To be asked whatever the poller says.
        more: Those that made more than a turn's worth.
        woken: Those that asked for it.
        serial: Counts the polls.
    """

    def __init__(
        self, clock: Clock, wakeup: Wakeup, poller: PollerKind, *, edge: bool
    ) -> None:
        self.lock = threading.RLock()
        self.now = clock.now
        self.by_fd: list[Source | None] = []
        self.ready: dict[Source, None] = {}
        self.more: dict[Source, None] = {}
        self.woken: deque[Source] = deque()
        self.serial = 0
        self.wakeup = wakeup
        with ExitStack() as undo:
            self.timers = TimerQueue(clock)
            undo.callback(self.timers.alarm.close)
            own = self.timers.alarm.fileno(), wakeup.fileno()
            self._source_at(max(own))  # they are told of, too
            self.pollers = Pollers(own, poller, edge=edge)
            undo.callback(self.pollers.close)
            self._undo = undo.pop_all()

    @abc.abstractmethod
    def unregister(self, source: Source, *, discard: bool) -> None:
        """End a source."""

    def is_locked_here(self) -> bool:
        """Whether the calling thread holds the lock."""
        lock: Any = self.lock
        return bool(lock._is_owned())  # as threading.Condition asks

    def fileno(self) -> int:
        """Return a descriptor that is readable when a pump has something to do."""
        return self.pollers.all.fileno()

    # -- descriptors ---------------------------------------------------------------

    def set_fd(self, source: Source, fd: int | None) -> None:
        """Watch this descriptor for an open source, instead of the present one."""
        with self.lock:
            self._unwatch(source)
            if fd is not None:
                self._watch(source, fd)

    def _source_at(self, fd: int) -> Source | None:
        """Return whose descriptor it is, and have a place for it."""
        missing = fd + 1 - len(self.by_fd)
        if missing > 0:
            check_open(fd)  # a number that is none might be any, and take gigabytes
            self.by_fd += [None] * missing
        return self.by_fd[fd] if fd >= 0 else None

    def watched(self) -> list[Source]:
        """Return the sources that have a descriptor."""
        return [source for source in self.by_fd if source is not None]

    def _watch(self, source: Source, fd: int) -> None:
        other = self._source_at(fd)
        if other is not None:
            if self.pollers.owns_fd(other):
                raise StateError(f"fd {fd} is watched already, by {other!r}")
            self.unregister(other, discard=False)
        source._serial = self.serial
        source._mask = self._mask(source)
        self.pollers.add(source, fd)
        source._fd = fd
        self.by_fd[fd] = source
        self._line_up(source)
        self._pass_on()

    def _unwatch(self, source: Source) -> None:
        self.ready.pop(source, None)
        if self._source_at(source._fd) is source:
            self.by_fd[source._fd] = None
            self.pollers.remove(source)
            self._pass_on()
        source._fd = -1
        source._mask = NO_INTEREST

    def verify(self, source: Source) -> None:
        """Check that a source's number is still its file's.

        epoll reports a number that was closed while a duplicate of it lives, and reading
        it might take a stranger's data, or block. Half a microsecond tells.

        Raises:
            OSError: It is not (EBADF). The source has ended.
        """
        if not self.pollers.owns_fd(source):
            self.unregister(source, discard=False)
            raise closed_behind_our_back(source)

    def update(self, source: Source) -> None:
        """Watch a source's descriptor as its interest and pause now say.

        Raises:
            OSError: It was closed behind our back (EBADF). The source has ended.
        """
        with self.lock:
            if source._closed:  # by another thread, while this one came for the lock
                return
            mask = self._mask(source)
            if mask == NO_INTEREST:
                source._serial = self.serial
            if source._fd >= 0 and mask != source._mask:
                self._change(source, mask)
                source._mask = mask
                self._pass_on()
            self._line_up(source)

    def hold(self, source: Source, *, held: bool) -> None:
        """Pause a source, or resume it, as its rate limit says.

        Raises:
            OSError: Its descriptor was closed by other code (EBADF). The source has ended.
        """
        source._set_paused(BY_RATE, paused=held)
        if source._closed:  # what it has made comes at its rate, too
            waiting = source._leftover is not None and not held
            self._set_waiting(self.more, source, waiting=waiting)
        else:
            self.update(source)

    def _mask(self, source: Source) -> int:
        mask = source.interest_in_pause if source._paused else source._interest
        return NO_INTEREST if mask is None else mask

    def _line_up(self, source: Source) -> None:
        """Have the pump ask what the poller won't tell."""
        waiting = source._leftover is not None and not source._paused
        self._set_waiting(self.more, source, waiting=waiting)
        waiting = bool(source._mask & ~NO_INTEREST) and source._fd >= 0
        if not source._pollable or not waiting:  # else as it is: see `again`
            self._set_waiting(self.ready, source, waiting=waiting)

    def _pass_on(self) -> None:
        """Have a wait that began with the old set begin anew."""
        if not self.pollers.live and not self.timers.at_work:
            self.wakeup.set()

    def reschedule(self, source: Source) -> None:
        """Ask a source once more, whatever the poller says."""
        with self.lock:
            if not source._closed:
                self._set_waiting(self.ready, source, waiting=True)

    def rearm(self) -> None:
        """Have the poller tell anew what it tells once: nobody may have acted on it."""
        with self.lock:
            for source in self.watched():
                if source._edge or source._mask & ONESHOT:
                    self.pollers.rearm(source)

    def _change(self, source: Source, mask: int) -> None:
        try:
            self.pollers.change(source, mask)
        except OSError:
            self.unregister(source, discard=False)
            raise closed_behind_our_back(source) from None

    def _set_waiting(
        self, table: dict[Source, None], source: Source, *, waiting: bool
    ) -> None:
        if waiting and source not in table:
            table[source] = None
            self._wake()
        elif not waiting:
            table.pop(source, None)

    def rebuild(self) -> None:
        """Get rid of a number that was closed while a duplicate of it lives on."""
        with self.lock:
            self.pollers.rebuild(self.watched())
            self.wakeup.set()  # who waits now waits on the old set

    # -- without a descriptor ------------------------------------------------------

    def wake(self, source: Source) -> None:
        """Have `Source.on_wake` called. Takes no lock: signal handlers call it."""
        self.woken.append(source)
        self._wake()

    def _wake(self) -> None:
        # Who is at work looks at what is there before it waits, and it says that it is
        # so no more before it looks.
        if not self.timers.at_work:
            self.wakeup.set()

    def schedule(self, when: float, owner: Owner) -> TimerId:
        """Have ``owner.on_deadline`` called at a time."""
        with self.lock:
            return self.timers.add(when, owner)

    def unschedule(self, timer_id: TimerId) -> None:
        """Forget a deadline."""
        with self.lock:
            self.timers.cancel(timer_id)

    def look_at(self, limiter: RateLimiter) -> None:
        """Set the deadline of a rate limiter, in place of the one it had."""
        self.forget(limiter)
        limiter.timer_id = self.timers.add(limiter.due(), limiter)

    def forget(self, limiter: RateLimiter) -> None:
        """Cancel the deadline of a rate limiter."""
        if limiter.timer_id is not None:
            self.timers.cancel(limiter.timer_id)
            limiter.timer_id = None

    def free(self, source: Source) -> None:
        """Remove the rate limit of a source that has ended."""
        if source._limiter is not None:
            self.forget(source._limiter)
            source._set_paused(BY_RATE, paused=False)
            source._limiter = None

    def limit(self, source: Source, rate: float | None, burst: float) -> None:
        """Set a source's rate, in events a second, or none. From any thread."""
        with self.lock:
            limiter = source._limiter
            source._direct = False
            if source._closed:
                return
            if limiter is None:
                if rate is not None:
                    source._limiter = RateLimiter(source, rate, burst)
                return
            if rate is None:
                limiter.lift()
            else:
                limiter.change(rate, burst, self.now())
            if limiter.state != FREE:
                self.look_at(limiter)  # the IO side resumes the source, and reports it
            elif rate is None:
                source._limiter = None

    def next_deadline(self) -> float | None:
        """Return the nearest deadline, or None."""
        with self.lock:
            return self.timers.next()
