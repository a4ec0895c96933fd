"""The IO side: descriptors and deadlines in, events out. `_modes` chooses the thread.

    poll -> ask each ready source -> put its events into the queue
         -> the sources that were woken
         -> the sources with leftover events
         -> the deadlines that are over

One thread at a time runs `IoLoop.poll_once`. It polls without `Registrations.lock`, and asks
sources with it: another thread takes the lock for each source, the dispatch thread once a poll.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any

from evdispatch._core._batch import Batch
from evdispatch._core._poller import (
    ERROR,
    HANGUP,
    INVALID,
    NO_INTEREST,
    ONESHOT,
    WRITE,
    ready_now,
)
from evdispatch._core._queue import Queue
from evdispatch._core._rate_limit import FREE, HELD, RateLimiter
from evdispatch._events import IDLE, NORMAL, URGENT, Error, Event, Throttled
from evdispatch._handlers._instruments import Instruments
from evdispatch._io._pollers import closed_elsewhere
from evdispatch._io._registrations import Registrations
from evdispatch._stats import Counts
from evdispatch.sources._registration import Registration

TURN = 64
"""The maximum number of events of one source in one turn. It is high enough to amortize the
turn, and low enough that a key waits for about a millisecond while eight sources are busy."""

_UNKNOWN: Any = object()  # the policy of a class without an entry in by_class

_MANY = 16  # from this number on, querying the urgent poller is worth its 0.4 us

_SUSPECT = ERROR | HANGUP | INVALID
"""The bits that may mean that other code closed the descriptor; see `Registrations.verify`."""

Ask = Callable[..., Iterable[Event]]
"""A method of a source that returns its events."""

AskReady = Callable[[Registration, int], None]
"""Asks the source of a registration for which the poller reported a mask."""


class IoLoop:
    """Asks the sources that are ready, and puts their events into the queue.

    Readiness counts only for a source that was watched before the poll began and is still
    watched: a descriptor number that was closed and reused belongs to another file.

    Attributes:
        polls: The number of polls so far.
    """

    def __init__(
        self,
        queue: Queue,
        registrations: Registrations,
        posts: Counts,
        instruments: Instruments,
    ) -> None:
        self.polls = 0
        self._posts = posts  # the counts of events without a source
        self._queue = queue
        self._registrations = registrations
        self._instruments = instruments
        self._policies = queue.policies
        # `_ask_ready`; `_ask_ready_with_checks` in debug mode or with instruments of turns.
        self._chosen: AskReady = self._ask_ready
        self._now = 0.0  # when the poll returned: events read then get this time

    # -- loop 1 of 2: its step -------------------------------------------------------------

    def poll_once(  # noqa: C901, PLR0912 (the hot path)
        self, timeout: float | None, *, inline: bool
    ) -> None:
        """Poll once, ask the ready sources, and put their events into the queue.

        Args:
            timeout: The maximum wait for readiness, in seconds; None waits for ever.
            inline: Whether the calling thread is the dispatch thread.
        """
        registrations, queue = self._registrations, self._queue
        timers = registrations.timers
        try:
            if len(queue.normal) >= queue.bound or len(queue.urgent) >= queue.bound:
                ready = self._poll_while_full(timeout)
            else:
                # Cleared before the checks: work that comes from now on ends the poll.
                timers.at_work = False
                if (
                    timers.owners
                    or timers.armed is not None
                    or registrations.woken
                    or registrations.more
                    or registrations.ready
                ):
                    timeout = self._prepare(timeout)
                registrations.serial += 1
                ready = registrations.pollers.all.poll(timeout)
                if len(ready) >= _MANY:
                    ready = self._urgent_first(ready)
            self.polls += 1
            timers.at_work = True
            self._now = registrations.now()
            due = False
            self._chosen = ask = self._ask_ready
            if registrations.debug or self._instruments.of_turns:
                self._chosen = ask = self._ask_ready_with_checks
            if inline:
                queue.sleeping = False  # no wake-up is needed for what comes now
                if ready:
                    # One acquisition for all: the dispatch thread is this one.
                    with registrations.lock:
                        due = self._ask_ready_all(ready, ask)
            elif ready:
                due = self._ask_ready_all(ready, self._ask_ready_locked)
            if registrations.woken:
                self._ask_woken()
            if registrations.more or registrations.ready:
                self._ask_waiting(alone=not ready)
            if due:
                self._expire()
        except BaseException:  # such as SystemExit: some ready sources were not asked
            registrations.rearm()
            raise
        if not inline:
            queue.notify()

    def _prepare(self, timeout: float | None) -> float | None:
        """Prepare to wait, and return the timeout: 0 if there is work already."""
        registrations = self._registrations
        with registrations.lock:
            # Before the check: work that arrives from now on ends the poll.
            registrations.timers.prepare_to_wait()
            return 0 if self._has_work() else timeout

    def _poll_while_full(self, timeout: float | None) -> list[tuple[int, int]]:
        """Poll without the sources of a full lane: the kernel buffers their input.

        With the normal lane full, only urgent sources are polled. With the urgent lane full,
        no descriptor is polled and no deadline expires until the lane is half empty.
        """
        registrations, pollers = self._registrations, self._registrations.pollers
        timeout = self._prepare(timeout)
        full = self._queue.full_lane
        if full != IDLE and timeout != 0 and not self._queue.wait_for_low_water():
            full = IDLE
        if full == IDLE:  # emptied meanwhile: there is room for leftover events
            timeout = self._prepare(timeout)
        registrations.serial += 1
        if full == URGENT:
            registrations.wakeup.wait(timeout)
            return []
        return (pollers.urgent if full == NORMAL else pollers.all).poll(timeout)

    def _urgent_first(self, ready: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Put urgent sources first, so that they do not wait for many others."""
        first = dict(self._registrations.pollers.urgent.poll(0))
        return [*first.items(), *(pair for pair in ready if pair[0] not in first)]

    def _ask_ready_all(
        self,
        ready: list[tuple[int, int]],
        ask: AskReady,
    ) -> bool:
        """Ask the ready sources, and return whether a deadline is over."""
        registrations = self._registrations
        by_fd = registrations.by_fd
        due = False
        for fd, mask in ready:
            record = by_fd[fd]
            if record is not None:
                ask(record, mask)
            elif fd == registrations.timers.alarm.fileno():
                due = True
            elif fd == registrations.wakeup.fileno():
                registrations.wakeup.clear()
            else:
                registrations.rebuild()
        return due

    def prepare_to_wait(self) -> None:
        """Arm the alarm, so that `fileno` reports new work."""
        with self._registrations.lock:
            self._registrations.timers.prepare_to_wait()

    def fileno(self) -> int:
        """Return a descriptor that is readable when `poll_once` has work."""
        return self._registrations.fileno()

    def has_work(self) -> bool:
        """Whether `poll_once` has work that the poller does not report."""
        with self._registrations.lock:
            return self._has_work()

    def _has_work(self) -> bool:
        registrations = self._registrations
        if registrations.woken:
            return True
        if not registrations.more and not registrations.ready:
            return False
        free = self._queue.free_space
        waiting = (*registrations.more, *registrations.ready)
        return any(free(record.source.lane) > 0 for record in waiting)

    # -- asking a source ---------------------------------------------------------------------

    def _ask_ready_locked(self, record: Registration, mask: int) -> None:
        with self._registrations.lock:
            if not record.closed:  # else another thread closed it since the poll
                self._chosen(record, mask)

    def _ask_ready(self, record: Registration, mask: int) -> None:
        """Ask a ready source: the fast path. The lock is held."""
        registrations = self._registrations
        if (
            mask != record.mask
            or record.serial == registrations.serial
            or record.leftover is not None
            or record.limiter is not None
            or record.pending is not None
        ):
            self._ask_ready_with_checks(record, mask)
            return
        source = record.source
        try:
            made = source.on_ready(mask)
            kind = type(made)
            if kind is not tuple and kind is not Batch:
                made = iter(made)
        except Exception as error:
            self._fail(source, error)
            return
        lane = self._queue.lanes[source.lane]
        policies, now = self._policies.by_class, self._now
        if kind is Batch:
            count = len(made)
            free = self._queue.bound - len(lane)
            if (
                count > TURN
                or count > free
                or policies.get(made.cls, _UNKNOWN) is not None
            ):
                self._take(source, deque((made,)))
            else:
                lane.extend(made.take(count, now))
                record.made += count
            return
        if kind is not tuple or len(made) > self._queue.bound - len(lane):
            self._take(source, deque((iter(made),)))
            return
        for event in made:
            if policies.get(type(event), _UNKNOWN) is not None:  # a policy, or unknown
                self._take(source, deque((iter(made),)))
                return
            if event.source is None:
                event.source = source
            event.time = event.time or now
        lane.extend(made)
        record.made += len(made)

    def _ask_ready_with_checks(self, record: Registration, mask: int) -> None:
        registrations = self._registrations
        if record.mask == NO_INTEREST:
            if record.serial == registrations.serial:
                return  # paused or unwatched since the poll began
            # Without interest, only a hang-up or an error is reported. If the descriptor
            # has none, its number was closed while a duplicate is open.
            if mask & ~ready_now(record.fd, 0):
                registrations.rebuild()
        elif record.serial == registrations.serial or record.leftover is not None:
            # Registered since the poll began, or its leftover comes first. The poller
            # reports it again, unless it is edge-triggered or ONESHOT.
            if record.held and mask & WRITE and record.serial != registrations.serial:
                self._ask_to_write(record, mask)
            elif record.edge or record.mask & ONESHOT:
                registrations.reschedule(record.source)
        elif self._is_suspect(record, mask) and not (
            registrations.pollers.owns_fd(record)
        ):
            self._fail(record.source, closed_elsewhere(record.source))
        else:
            if mask & INVALID:  # not a bit for sources; the read raises the error
                mask = ERROR | HANGUP
            self._turn(record, record.source.on_ready, mask)

    def _is_suspect(self, record: Registration, mask: int) -> bool:
        """Whether to verify a descriptor before its source reads it."""
        # Verifying a ONESHOT descriptor would arm it again: a flood would wake the poller.
        debug = self._registrations.debug and not record.mask & ONESHOT
        return debug or mask & _SUSPECT != 0

    def _turn(self, record: Registration, ask: Ask, *arguments: Any) -> None:
        """Ask a source for events, and put up to `TURN` of them into the queue."""
        with self._registrations.lock:
            if record.closed:
                return
            if record.leftover is not None:
                # The leftover comes first; the source is asked after it.
                record.leftover.append(_later(ask, *arguments))
                self._take_leftover(record)
                return
            source = record.source
            for instrument in self._instruments.of_turns:
                instrument.before_turn(source)
            try:
                made = iter(ask(*arguments))
                if record.limiter is not None and record.limiter.state == HELD:
                    made = _begun(made)
            except Exception as error:
                self._fail(source, error)
            else:
                self._take(source, deque((made,)))
            finally:
                for instrument in self._instruments.of_turns:
                    instrument.after_turn(source)

    def _ask_to_write(self, record: Registration, ready: int) -> None:
        """Let a source that is not read write; its events come after the leftover."""
        source = record.source
        try:
            made = _begun(iter(source.on_ready(ready)))
        except Exception as error:
            made = iter(self._end(source, error))
        # The leftover is None if the source was closed meanwhile: its events are dropped.
        # An empty iterator is not kept, because a long write would add one each time.
        if record.leftover is not None and made is not _EMPTY:
            record.leftover.append(made)

    def _take_leftover(self, record: Registration) -> None:
        """Put more of a source's leftover into the queue, unless it is held back."""
        registrations = self._registrations
        with registrations.lock:
            if record.discarding:
                registrations.clear_leftover(record)
                registrations.drop_limit(record)
            elif record in registrations.more and record.leftover is not None:
                source = record.source
                for instrument in self._instruments.of_turns:
                    instrument.before_turn(source)
                try:
                    self._take(source, record.leftover)
                finally:
                    for instrument in self._instruments.of_turns:
                        instrument.after_turn(source)

    def _take(self, source: Any, made: deque[Iterator[Event] | Batch]) -> None:
        """Put up to `TURN` of a source's events into the queue, and keep the rest."""
        registrations, record = self._registrations, source.registration
        events: list[Event] = []
        cls = _only_class(made)
        try:
            if self._collect(source, made, events):
                if record.leftover is not None:
                    registrations.clear_leftover(record)
            else:
                # The source is kept, too: it may have ended.
                record.leftover, record.source = made, source
                # A source that is paused or held by its rate continues when it resumes.
                if not record.rate_held and (record.closed or not record.held):
                    registrations.more[record] = None
        except Exception as error:
            self._put(source, events)
            self._fail(source, error)
            return
        except BaseException:  # such as KeyboardInterrupt: keep the events so far
            self._put(source, events)
            raise
        self._put(source, events, cls)
        if record.limiter is not None:
            self._spend(source, record.limiter, len(events))

    def _collect(
        self, source: Any, made: deque[Iterator[Event] | Batch], events: list[Event]
    ) -> bool:
        """Collect up to `TURN` events; return whether there are no more."""
        limit = min(TURN, self._queue.free_space(source.lane))
        now = self._registrations.now()
        limiter = source.registration.limiter
        if limiter is not None:
            limit = min(limit, limiter.available(now))
        limit = max(0, limit)
        while made:
            begin, first = len(events), made[0]
            if type(first) is Batch:
                events += first.take(limit - begin, now)
                if first:
                    return False
                made.popleft()
                continue
            try:
                events.extend(islice(first, limit - begin))
            finally:  # extend keeps what came before an exception
                _complete(events, begin, source, now)
            if len(events) >= limit:
                return False
            made.popleft()
        return True

    def _put(
        self, source: Any, events: list[Event], cls: type[Event] | None = None
    ) -> None:
        """Put a source's events into its lane, by the policies of their classes.

        Args:
            source: The source.
            events: Its events.
            cls: The class of all of them, if that is known.
        """
        if not events:
            return
        record = source.registration
        record.made += len(events)
        classes = set(map(type, events)) if cls is None else (cls,)
        if record.pending is None and self._are_plain(classes):
            self._queue.lanes[source.lane].extend(events)
        else:
            self._queue.pending.put(source, events)

    def _are_plain(self, classes: Iterable[type[Event]]) -> bool:
        """Whether each of the classes is known to have no policy."""
        policies = self._policies.by_class
        for cls in classes:  # noqa: SIM110 (half the time)
            if policies.get(cls, cls) is not None:
                return False
        return True

    def _put_final_events(self, record: Registration) -> None:
        """Put a source's final events into the queue, also if it is full."""
        source = record.source
        if record.finished or source is None or not source.has_final_events:
            return
        record.finished = True
        record.source = None  # it is not asked again: end the reference cycle
        events = list(source.final_events())
        now = self._registrations.now()
        for event in events:
            event.source = source
            event.time = now
        self._put(source, events)

    def _fail(self, source: Any, error: Exception) -> None:
        """End a source that raised; its `error` event comes after its other events."""
        self._registrations.clear_leftover(source.registration)
        self._put(source, self._end(source, error))

    def _end(self, source: Any, error: Exception) -> list[Event]:
        """End a source that raised, and return its `error` events."""
        errors = [error]
        try:
            # Before the event is queued, so that handlers see it closed.
            self._registrations.unregister(source, discard=False)
        except Exception as second:
            errors.append(second)
        now = self._registrations.now()
        return [Error(each, source=source, time=now) for each in errors]

    # -- what the poller does not report -----------------------------------------------------

    def _ask_woken(self) -> None:
        registrations = self._registrations
        asked: set[Registration] = set()
        # One by one, so that an exception loses no wake-up.
        for _ in range(len(registrations.woken)):
            record = registrations.woken.popleft()
            if record in asked:
                continue
            asked.add(record)
            with registrations.lock:
                if record.leftover is not None:
                    record.woken = True  # several calls are merged into one
                elif record.closed:
                    self._put_final_events(record)
                elif record.source is not None:
                    self._turn(record, record.source.on_wake)

    def _ask_waiting(self, *, alone: bool) -> None:
        registrations = self._registrations
        waiting = list(registrations.more)
        for record in waiting:
            self._take_leftover(record)
        if alone and len(waiting) == 1:
            # Nothing else is to be read: two turns' worth pay better for a poll and a pass.
            self._take_leftover(waiting[0])
        for record in list(registrations.ready):
            with registrations.lock:
                if record in registrations.ready and record.leftover is None:
                    self._ask_always_ready(record)

    def _ask_always_ready(self, record: Registration) -> None:
        registrations = self._registrations
        if self._queue.free_space(record.source.lane) <= 0:
            return
        if record.inode is None:  # it calls reschedule if it has not read to the end
            del registrations.ready[record]
        # For a file that can't be polled, no poller detects that it was closed.
        verify = record.inode is not None or self._is_suspect(record, 0)
        if verify and not registrations.pollers.owns_fd(record):
            self._fail(record.source, closed_elsewhere(record.source))
        else:
            self._turn(record, record.source.on_ready, record.mask)

    def _expire(self) -> None:
        """Ask the owners of the deadlines that are over now."""
        registrations = self._registrations
        now = registrations.now()
        before = registrations.timers.count  # deadlines added from here on wait
        while True:
            with registrations.lock:
                owner = registrations.timers.pop(now, before)
                if owner is None:
                    return
                if isinstance(owner, Registration):
                    owner.deadline = None
                    self._turn(owner, owner.on_deadline, now)
                elif isinstance(owner, RateLimiter):
                    self._expire_limit(owner, now)
                else:
                    calls = list(owner.on_deadline(now))
                    self._posts.made += len(calls)
                    self._queue.normal.extend(calls)

    # -- rate limits -----------------------------------------------------------------------

    def _spend(self, source: Any, limiter: RateLimiter, events: int) -> None:
        """Take the tokens of a source's events, and hold the source if none is left."""
        registrations, record = self._registrations, source.registration
        if record.closed and record.leftover is None:
            registrations.drop_limit(record)
            return
        begins = limiter.state == FREE
        if limiter.spend(events, registrations.now()):
            registrations.set_check(limiter)
            if begins and not record.closed:
                self._put_throttled(source, limiter, active=True)
            self._hold(source, held=True)

    def _expire_limit(self, limiter: RateLimiter, now: float) -> None:
        """Enter the next state of a rate limit: read the source again, or report the end."""
        record, limiter.timer_id = limiter.record, None
        source = record.source
        was_held = limiter.state == HELD
        limiter.expire(now)
        if was_held:
            self._hold(source, held=False)
            source.on_released()
        if limiter.state != FREE and not record.closed:
            self._registrations.set_check(limiter)
        if was_held:
            self._take_leftover(record)  # may use up the tokens again
        elif limiter.state == FREE:
            self._put_throttled(source, limiter, active=False)
            if limiter.is_lifted:
                record.limiter = None

    def _hold(self, source: Any, *, held: bool) -> None:
        try:
            self._registrations.hold(source, held=held)
        except OSError as error:  # other code closed its descriptor
            self._fail(source, error)

    def _put_throttled(
        self, source: Any, limiter: RateLimiter, *, active: bool
    ) -> None:
        now = self._registrations.now()
        self._put(source, [Throttled(active, limiter.rate, source=source, time=now)])


def _only_class(made: deque[Iterator[Event] | Batch]) -> type[Event] | None:
    """Return the class of all the events, if they are those of one batch."""
    only = made[0] if len(made) == 1 else None
    return only.cls if type(only) is Batch else None


def _complete(events: list[Any], begin: int, source: Any, now: float) -> None:
    """Fill in source and time; drop what follows from the first that is not an event on."""
    event = None
    try:
        for event in islice(events, begin, None):
            if event.source is None:
                event.source = source
            if not event.time:
                event.time = now
    except Exception:
        del events[next(n for n, each in enumerate(events) if each is event) :]
        raise


def _later(ask: Ask, *arguments: Any) -> Iterator[Event]:
    yield from ask(*arguments)


def _begun(made: Iterator[Event]) -> Iterator[Event]:
    """Run an iterator up to its first event: a connection writes before that."""
    for first in made:
        return chain((first,), made)
    return _EMPTY


_EMPTY: Iterator[Event] = iter(())
