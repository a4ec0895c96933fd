"""The sources that were added: their registrations, descriptors and deadlines.

`Registrations.lock` guards their state. The thread that polls holds it while it asks sources,
and never while it polls, so any thread may add, close or change a source. That thread reads
``by_fd`` without the lock and checks each registration under it; `wake` takes no lock.
epoll and timerfd accept changes during another thread's wait; select and poll need a wake-up.
"""

import math
import threading
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from evdispatch._checks import descriptor
from evdispatch._core._clock import Clock
from evdispatch._core._pending import is_owned
from evdispatch._core._policies import Policies
from evdispatch._core._poller import NO_INTEREST, ONESHOT
from evdispatch._core._rate_limit import FREE, RateLimiter
from evdispatch._core._timers import TimerQueue
from evdispatch._core._wakeup import Wakeup
from evdispatch._errors import ClosedError, ForkedError, StateError
from evdispatch._handlers._registry import Registry
from evdispatch._handlers._routes import Scope
from evdispatch._io._pollers import (
    PollerKind,
    Pollers,
    check_open,
    closed_elsewhere,
)
from evdispatch._io._threads import Pool
from evdispatch.sources._base import Source
from evdispatch.sources._registration import BY_RATE, LOST, Registration

_LOOKUPS = 8  # the maximum number of threads for functions that may block
_PATIENCE = 1.0  # seconds that `close` waits for those functions


class Registrations:
    """The registered sources. It is the `evdispatch.sources._host.Host` of each.

    Attributes:
        by_fd: The registration of each descriptor, indexed by its number. A list takes a
            fifth of a dict's memory, and of its time.
        ready: Registrations whose source is asked in the next turn, without a report of
            the poller.
        more: Registrations with leftover events.
        woken: Registrations whose source called `Source.wake`.
        serial: The number of polls so far.
        timers: The deadlines of sources, of calls, and of rate limits.
        debug: Whether each descriptor is verified before a read.
    """

    def __init__(
        self,
        clock: Clock,
        wakeup: Wakeup,
        stop: Callable[[], None],
        poller: PollerKind,
        *,
        edge: bool,
        debug: bool,
    ) -> None:
        self.lock = threading.RLock()
        self.now = clock.now
        self.stop = stop
        self.debug = debug
        self.by_fd: list[Registration | None] = []
        self.ready: dict[Registration, None] = {}
        self.more: dict[Registration, None] = {}
        self.woken: deque[Registration] = deque()
        self.serial = 0
        self.wakeup = wakeup
        self._records: dict[Registration, None] = {}  # in the order they were added
        self._shared: dict[Callable[[], Any], Any] = {}  # by class
        self._active = False  # the loop runs: on_start was called, and on_stop was not
        self._background = Pool(_LOOKUPS, "evdispatch-background")
        with ExitStack() as undo:
            self.timers = TimerQueue(clock)
            undo.callback(self.timers.alarm.close)
            own = self.timers.alarm.fileno(), wakeup.fileno()
            self._record_at(max(own))  # grows the table: the poller reports these, too
            self.pollers = Pollers(own, poller, edge=edge)
            undo.callback(self.pollers.close)
            self._undo = undo.pop_all()

    def is_locked_here(self) -> bool:
        """Whether the calling thread holds the lock."""
        return is_owned(self.lock)

    def fileno(self) -> int:
        """Return a descriptor that is readable when `IoLoop.poll_once` has work."""
        return self.pollers.all.fileno()

    @property
    def sources(self) -> tuple[Source, ...]:
        """The open sources, in the order they were added."""
        found = (record.source for record in tuple(self._records))
        return tuple(each for each in found if each is not None)  # None: it just ends

    # -- adding ----------------------------------------------------------------------

    def add(self, source: Source, registry: Registry | None) -> None:
        """Open a source and watch it; an exception undoes that.

        Raises:
            ClosedError: The source has ended.
            StateError: It was added before, or its descriptor is watched already.
            OSError: The descriptor can't be watched.
        """
        record = source.registration
        with self.lock:
            if record.closed:
                raise ClosedError(f"{source!r} is closed: make a new one")
            if record.host is not None:
                raise StateError(f"{source!r} was added before")
            before = record.registry, record.scope
            if registry is not None:
                _join(record, source, registry)
            record.host, record.source = self, source
            self._records[record] = None
            added = False
            try:
                source.on_add()
                added = True
                if source.closed:  # it has ended already
                    return
                fd = source.fileno()
                if fd is not None:
                    self._watch(record, descriptor(fd))
                if self._active:
                    source.on_start()
            except BaseException:
                try:
                    if added:
                        source.on_refuse()
                finally:
                    self._forget(record)
                    record.host = record.source = None
                    record.registry, record.scope = before
                raise

    def adopt(self, child: Source, parent: Source) -> None:
        """Add a source that another source has made; it shares its parent's handlers."""
        child.parent = parent
        self.add(child, parent.registration.registry)

    def children(self, parent: Source) -> tuple[Source, ...]:
        """Return the open sources that a source has adopted, in order of adoption."""
        with self.lock:
            return tuple(each for each in self.sources if each.parent is parent)

    def shared(self, kind: Callable[[], Any]) -> Any:
        """Return the dispatcher's one source of a class, and add it if necessary."""
        with self.lock:
            source = self._shared.get(kind)
            if source is None or source.closed:
                source = kind()
                self.add(source, None)
                self._shared[kind] = source
            return source

    # -- the end of a source -----------------------------------------------------------

    def unregister(self, source: Source, *, discard: bool) -> None:
        """End a source: remove it from the poller, then call `Source.on_close`.

        If other code has closed its descriptor, `Source.fd_lost` is true from then on.

        Args:
            source: The source; it may have ended already.
            discard: Whether to drop its events that no handler has received yet.
        """
        record = source.registration
        with self.lock:
            if discard:
                self.discard_pending(source)
            if record.closed:
                return
            record.closed = True
            try:
                lost = record.fd >= 0 and not self.pollers.owns_fd(record)
                record.serial = LOST if lost else record.serial
                self._forget(record)
                if lost:
                    self.rebuild()
                if self._active:
                    source.on_stop()
            finally:
                record.host = None
                self._let_finish(record, source)
                source.on_close()
                if source.parent is not None:
                    source.parent.on_child_end(source)

    def _let_finish(self, record: Registration, source: Source) -> None:
        """Schedule an ended source's leftover and final events."""
        if record.leftover is None:
            self.drop_limit(record)
        elif not record.rate_held:  # even if the source was paused
            if record.limiter is not None:
                self.cancel_check(record.limiter)
            self._set_waiting(self.more, record, waiting=True)
        if source.has_final_events:
            self._wake(record)
        elif record.leftover is None:
            record.source = None

    def discard_pending(self, source: Source) -> None:
        """Drop a source's events that no handler has received yet."""
        record = source.registration
        with self.lock:
            record.discarding = True
            self.clear_leftover(record)
            self.drop_limit(record)

    def clear_leftover(self, record: Registration) -> None:
        """Drop a source's leftover; a call of `wake` that it delayed is due now."""
        record.leftover = None
        self.more.pop(record, None)
        if record.woken:
            record.woken = False
            self._wake(record)
        elif record.closed and not getattr(record.source, "has_final_events", True):
            record.source = None

    def _forget(self, record: Registration) -> None:
        self._records.pop(record, None)
        self._cancel_deadline(record)
        fd = record.fd
        self._unwatch(record)
        record.fd = fd  # kept for messages

    # -- descriptors -------------------------------------------------------------------

    def set_fd(self, source: Source, fd: int | None) -> None:
        """Replace the descriptor that is watched for a source; None stops watching."""
        record = source.registration
        with self.lock:
            self._unwatch(record)
            if fd is not None:
                self._watch(record, fd)

    def _record_at(self, fd: int) -> Registration | None:
        """Return the registration of a descriptor; grows the table if necessary."""
        missing = fd + 1 - len(self.by_fd)
        if missing > 0:
            check_open(fd)  # a wrong number could be huge, and the table gigabytes
            self.by_fd += [None] * missing
        return self.by_fd[fd] if fd >= 0 else None

    def _watch(self, record: Registration, fd: int) -> None:
        other = self._record_at(fd)
        if other is not None:
            if self.pollers.owns_fd(other):
                raise StateError(f"fd {fd} is watched already by {other.source!r}")
            self.unregister(other.source, discard=False)
        record.serial = self.serial
        record.mask = record.wanted_mask
        self.pollers.add(record, fd)
        record.fd = fd
        self.by_fd[fd] = record
        self._line_up(record)
        self._restart_wait()

    def _unwatch(self, record: Registration) -> None:
        self.ready.pop(record, None)
        if self._record_at(record.fd) is record:
            self.by_fd[record.fd] = None
            self.pollers.remove(record)
            self._restart_wait()
        record.fd = -1
        record.mask = NO_INTEREST

    def _restart_wait(self) -> None:
        """Restart a wait that uses a stale set of descriptors (select and poll only)."""
        if not self.pollers.live and not self.timers.at_work:
            self.wakeup.set()

    def update(self, source: Source) -> None:
        """Make the poller watch for a source's present interest; nothing in a pause.

        Raises:
            OSError: Other code has closed the descriptor (EBADF). The source has ended.
        """
        record = source.registration
        with self.lock:
            if record.closed:  # another thread closed it before this one got the lock
                return
            mask = record.wanted_mask
            if mask == NO_INTEREST:
                record.serial = self.serial
            if record.fd >= 0 and mask != record.mask:
                try:
                    self.pollers.change(record, mask)
                except OSError:
                    self.unregister(source, discard=False)
                    raise closed_elsewhere(source) from None
                record.mask = mask
                self._restart_wait()
            self._line_up(record)

    def verify(self, source: Source) -> None:
        """Check that a source's descriptor is still the file that was registered.

        epoll continues to report a closed number while a duplicate is open, and a read of
        that number might take the data of another file, or block. The check is a system
        call (0.5 us), so only debug mode makes it before each read.

        Raises:
            OSError: Other code has closed the descriptor (EBADF). The source has ended.
        """
        if not self.pollers.owns_fd(source.registration):
            self.unregister(source, discard=False)
            raise closed_elsewhere(source)

    def _line_up(self, record: Registration) -> None:
        """Add a registration to ``more`` and ``ready``, or remove it, by its state."""
        self._set_waiting(
            self.more, record, waiting=record.leftover is not None and not record.held
        )
        waiting = bool(record.mask & ~NO_INTEREST) and record.fd >= 0
        # An entry that `reschedule` made for a pollable file stays.
        if record.inode is not None or not waiting:
            self._set_waiting(self.ready, record, waiting=waiting)

    def _set_waiting(
        self, table: dict[Registration, None], record: Registration, *, waiting: bool
    ) -> None:
        if waiting and record not in table:
            table[record] = None
            self._wake_io()
        elif not waiting:
            table.pop(record, None)

    def reschedule(self, source: Source) -> None:
        """Ask a source in the next turn, without a report of the poller."""
        record = source.registration
        with self.lock:
            if not record.closed:
                self._set_waiting(self.ready, record, waiting=True)

    def rearm(self) -> None:
        """Make the poller report edge-triggered and ONESHOT descriptors again.

        Called when an exception ended the poll before all ready sources were asked.
        """
        with self.lock:
            for record in self._watched():
                if record.edge or record.mask & ONESHOT:
                    self.pollers.rearm(record)

    def rebuild(self) -> None:
        """Remove closed numbers that epoll still reports because a duplicate is open."""
        with self.lock:
            self.pollers.rebuild(self._watched())
            self.wakeup.set()  # a wait that has begun uses the old epoll set

    def _watched(self) -> list[Registration]:
        return [record for record in self.by_fd if record is not None]

    # -- without a descriptor ------------------------------------------------------------

    def wake(self, source: Source) -> None:
        """Call `Source.on_wake` soon. Takes no lock, because signal handlers call it."""
        self._wake(source.registration)

    def _wake(self, record: Registration) -> None:
        self.woken.append(record)
        self._wake_io()

    def _wake_io(self) -> None:
        # The thread that polls clears at_work and then checks for work before it waits.
        if not self.timers.at_work:
            self.wakeup.set()

    def in_background(self, function: Callable[[], None]) -> None:
        """Call a function that may block, on a thread of the pool."""
        self._background.submit(function)

    # -- deadlines -----------------------------------------------------------------------

    def set_deadline(self, source: Source, when: float | None) -> None:
        """Set the deadline of a source; None cancels it."""
        if when is not None and math.isnan(when):
            raise ValueError("a deadline must be a number of seconds, got NaN")
        record = source.registration
        with self.lock:
            self._cancel_deadline(record)
            if when is not None and when != math.inf and not record.closed:
                record.deadline = self.timers.add(when, record)

    def _cancel_deadline(self, record: Registration) -> None:
        if record.deadline is not None:
            self.timers.cancel(record.deadline)
            record.deadline = None

    def next_deadline(self) -> float | None:
        """Return the nearest deadline, or None."""
        with self.lock:
            return self.timers.next()

    # -- rates -----------------------------------------------------------------------------

    def limit(self, source: Source, rate: float | None, burst: float) -> None:
        """Limit a source to a rate, in events a second; None: no limit. Any thread."""
        record = source.registration
        with self.lock:
            limiter = record.limiter
            if record.closed:
                return
            if limiter is None:
                if rate is not None:
                    record.limiter = RateLimiter(record, rate, burst)
                return
            if rate is None:
                limiter.lift()
            else:
                limiter.change(rate, burst, self.now())
            if limiter.state != FREE:
                self.set_check(limiter)  # the IO side resumes it and emits the event
            elif rate is None:
                record.limiter = None

    def hold(self, source: Source, *, held: bool) -> None:
        """Hold back or release a source, because of its rate.

        Raises:
            OSError: Other code has closed its descriptor (EBADF). The source has ended.
        """
        record = source.registration
        record.held = record.held | BY_RATE if held else record.held & ~BY_RATE
        if record.closed:  # the rate limits its leftover, too
            waiting = record.leftover is not None and not held
            self._set_waiting(self.more, record, waiting=waiting)
        else:
            self.update(source)

    def set_check(self, limiter: RateLimiter) -> None:
        """Set the deadline at which a rate limit may enter its next state."""
        self.cancel_check(limiter)
        limiter.timer_id = self.timers.add(limiter.due(), limiter)

    def cancel_check(self, limiter: RateLimiter) -> None:
        """Cancel the deadline of a rate limit."""
        if limiter.timer_id is not None:
            self.timers.cancel(limiter.timer_id)
            limiter.timer_id = None

    def drop_limit(self, record: Registration) -> None:
        """Remove the limit of a source that makes no further events."""
        if record.limiter is not None:
            self.cancel_check(record.limiter)
            record.held &= ~BY_RATE
            record.limiter = None

    # -- the loop's life -------------------------------------------------------------------

    def seal_pending(self, policies: Policies) -> None:
        """Stop merging into waiting events of sources, after a policy change."""
        with self.lock:
            for record in self._records:
                if record.pending is not None:
                    record.pending.seal(policies)

    def start_sources(self) -> None:
        """Call `Source.on_start` of all sources, unless the loop runs already."""
        with self.lock:
            if self._active:
                return
            self._active = True
            try:
                for source in self.sources:
                    source.on_start()
            except BaseException:
                self.stop_sources()
                raise

    def stop_sources(self) -> None:
        """Call `Source.on_stop` of all sources, if the loop runs."""
        with self.lock:
            if not self._active:
                return
            self._active = False
            with ExitStack() as stack:  # all are called even if one raises
                for source in self.sources:
                    stack.callback(source.on_stop)

    def close(self) -> None:
        """End all sources and release the descriptors."""
        with self._undo, ExitStack() as stack:
            stack.callback(self._background.close, _PATIENCE)
            for source in self.sources:
                stack.callback(self.unregister, source, discard=True)

    def abandon(self) -> None:
        """Release the descriptors in a forked child, and end the sources there.

        Nothing is removed from the pollers: the parent shares them, and would get no more
        events. The lock is replaced, because its holder may not exist in the child.
        """
        self.lock = threading.RLock()
        self._background.abandon()
        self._undo.close()
        for record in self._records:
            record.closed = record.discarding = True
            record.host = _FORKED


def _join(record: Registration, source: Source, registry: Registry) -> None:
    """Give a source its scope of handlers: its own, or that of its parent."""
    record.registry = registry
    shared = None if source.parent is None else source.parent.registration.scope
    record.scope = Scope(shared or registry.scope) if source.has_children else shared


class _Forked:
    """Stands for the registrations in a forked child: any use of it raises."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # inspection
            raise AttributeError(name)
        raise ForkedError("the source belongs to the parent process: make a new one")


_FORKED: Any = _Forked()


def check_source(what: str, source: Any) -> None:
    """Check that an argument is a source.

    Raises:
        TypeError: It is not a source, or `Source.__init__` was not called.
    """
    if not isinstance(source, Source):
        raise TypeError(f"{what} takes a Source (for a descriptor: Fd), got {source!r}")
    if not hasattr(source, "registration"):
        raise TypeError(f"{type(source).__name__} must call super().__init__()")
