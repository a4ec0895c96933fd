"""The IO side: descriptors and deadlines in, events out. `_modes` says which thread runs it.

    poll -> ask each ready source -> put its events into the queue
         -> the sources that were woken
         -> the sources with leftover events
         -> the deadlines that are over

One thread at a time runs `IoLoop.poll_once`. It polls without the lock of the registrations and
asks each source under it, so any thread may add, close or change a source between two turns.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any

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
"""Events of one source in one turn: enough to pay for the turn, and so few that a key pressed
while eight sources are busy waits for a millisecond."""

_UNKNOWN: Any = (
    object()
)  # the policy of a class that was not asked for, or is no event's

_MANY = 16  # ready at once: from then on it pays to ask which are urgent (0.4 us)

_SUSPECT = ERROR | HANGUP | INVALID
"""What is reported of a descriptor that someone else has closed; see `Registrations.verify`."""

Ask = Callable[..., Iterable[Event]]
"""A method of a source that returns its events."""

Answer = Callable[[Registration, int], None]
"""Asks the source of a record that the poller reports with a mask."""


class IoLoop:
    """Asks the sources that are ready, and puts what they make into the queue.

    Readiness counts only for a source that was watched before the poll began and still is:
    a number that was closed and reused meanwhile belongs to another file.

    Attributes:
        polls: How often the poller was asked.
    """

    def __init__(
        self,
        queue: Queue,
        registrations: Registrations,
        posts: Counts,
        instruments: Instruments,
    ) -> None:
        self.polls = 0
        self._posts = posts  # the counts of what has no source
        self._queue = queue
        self._registrations = registrations
        self._instruments = instruments
        self._policies = queue.policies
        # The fast path, or the checked one while turns are to be checked or observed.
        self._chosen: Answer = self._answer
        self._now = 0.0  # when the poll returned: events read then get this time

    # -- loop 1 of 2: its step -------------------------------------------------------------

    def poll_once(  # noqa: C901, PLR0912 (the hot path)
        self, timeout: float | None, *, inline: bool
    ) -> None:
        """Poll once, ask the ready sources, and put their events into the queue.

        Args:
            timeout: How long to wait for readiness, in seconds; None: for ever.
            inline: Whether this is the thread that dispatches.
        """
        registrations, queue = self._registrations, self._queue
        try:
            if len(queue.normal) >= queue.bound or len(queue.urgent) >= queue.bound:
                ready = self._poll_while_full(timeout)
            else:
                if timeout != 0 or len(registrations.timers):
                    timeout = self._prepare(timeout)
                registrations.serial += 1
                ready = registrations.pollers.all.poll(timeout)
                if len(ready) >= _MANY:
                    ready = self._urgent_first(ready)
            self.polls += 1
            registrations.timers.at_work = True
            self._now = registrations.now()
            due = False
            self._chosen = answer = self._answer
            if registrations.debug or self._instruments.of_turns:
                self._chosen = answer = self._answer_with_checks
            if inline:
                queue.sleeping = False  # no wake-up is needed for what comes now
                if ready:
                    with registrations.lock:  # no handler waits for it meanwhile
                        due = self._answer_all(ready, answer)
            elif ready:
                due = self._answer_all(ready, self._answer_locked)
            if registrations.woken:
                self._ask_woken()
            if registrations.more or registrations.ready:
                self._ask_waiting()
            if due:
                self._expire()
        except BaseException:  # SystemExit, say: some that are ready were not asked
            registrations.rearm()
            raise
        if not inline:
            queue.notify()

    def _prepare(self, timeout: float | None) -> float | None:
        """Prepare to wait; return the timeout, which is 0 if there is work already."""
        registrations = self._registrations
        with registrations.lock:
            # Before the look: what is asked for from now on wakes the poll.
            registrations.timers.prepare_to_wait()
            return 0 if self._has_work() else timeout

    def _poll_while_full(self, timeout: float | None) -> list[tuple[int, int]]:
        """Poll without the sources of a full lane: the kernel holds back what they get."""
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
        """Put urgent sources first: each of a hundred sockets takes its time."""
        first = dict(self._registrations.pollers.urgent.poll(0))
        return [*first.items(), *(pair for pair in ready if pair[0] not in first)]

    def _answer_all(
        self,
        ready: list[tuple[int, int]],
        answer: Answer,
    ) -> bool:
        """Ask the sources that are ready; return whether a deadline is over."""
        registrations = self._registrations
        by_fd = registrations.by_fd
        due = False
        for fd, mask in ready:
            record = by_fd[fd]
            if record is not None:
                answer(record, mask)
            elif fd == registrations.timers.alarm.fileno():
                due = True
            elif fd == registrations.wakeup.fileno():
                registrations.wakeup.clear()
            else:
                registrations.rebuild()
        return due

    def prepare_to_wait(self) -> None:
        """Arm the timer so that a poller waiting on `fileno` sees new work."""
        with self._registrations.lock:
            self._registrations.timers.prepare_to_wait()

    def fileno(self) -> int:
        """Return a descriptor that is readable when `poll_once` has work."""
        return self._registrations.fileno()

    def has_work(self) -> bool:
        """Whether `poll_once` has something to do without waiting."""
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

    def _answer_locked(self, record: Registration, mask: int) -> None:
        with self._registrations.lock:
            if not record.closed:  # by another thread since the poll
                self._chosen(record, mask)

    def _answer(self, record: Registration, mask: int) -> None:
        """Ask a source that the poller reports. The fast path; the lock is held."""
        registrations = self._registrations
        if (
            mask != record.mask
            or record.serial == registrations.serial
            or record.leftover is not None
            or record.limiter is not None
            or record.pending is not None
        ):
            self._answer_with_checks(record, mask)
            return
        source = record.source
        try:
            made = source.on_ready(mask)
            if type(made) is not tuple:
                made = iter(made)
        except Exception as error:
            self._fail(source, error)
            return
        lane = self._queue.lanes[source.lane]
        policies = self._policies.by_class
        if type(made) is not tuple or len(made) > self._queue.bound - len(lane):
            self._take(source, deque((iter(made),)))
            return
        for event in made:
            if policies.get(type(event), _UNKNOWN) is not None:  # or has one
                self._take(source, deque((iter(made),)))
                return
            if event.source is None:
                event.source = source
            event.time = event.time or self._now
        lane.extend(made)
        record.made += len(made)

    def _answer_with_checks(self, record: Registration, mask: int) -> None:
        registrations = self._registrations
        if record.mask == NO_INTEREST:
            if record.serial == registrations.serial:
                return  # paused or unwatched since the poll began
            if mask & ~ready_now(
                record.fd, 0
            ):  # a hang-up is reported once, and no more
                registrations.rebuild()  # the number was closed, and a duplicate lives
        elif record.serial == registrations.serial or record.leftover is not None:
            # Registered since the poll began, or its leftover comes first. The poller
            # reports it again, except an arrival, and what it was to report once.
            if record.held and mask & WRITE and record.serial != registrations.serial:
                self._ask_to_write(record, mask)
            elif record.edge or record.mask & ONESHOT:
                registrations.reschedule(record.source)
        elif self._is_suspect(record, mask) and not (
            registrations.pollers.owns_fd(record)
        ):
            self._fail(record.source, closed_elsewhere(record.source))
        else:
            if mask & INVALID:  # the call will say what is wrong
                mask = ERROR | HANGUP
            self._turn(record, record.source.on_ready, mask)

    def _is_suspect(self, record: Registration, mask: int) -> bool:
        """Whether to verify a descriptor before its source reads it."""
        # To verify what is watched ONESHOT would arm it again, and make a flood spin.
        debug = self._registrations.debug and not record.mask & ONESHOT
        return debug or mask & _SUSPECT != 0

    def _turn(self, record: Registration, ask: Ask, *arguments: Any) -> None:
        """Ask a source for events, and put a turn's worth of them into the queue."""
        with self._registrations.lock:
            if record.closed:
                return
            if record.leftover is not None:
                # First the leftover, and only then what is asked now.
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
        """Ask a source that is held back to write; its events come after the leftover."""
        source = record.source
        try:
            made = _begun(iter(source.on_ready(ready)))
        except Exception as error:
            made = iter(self._end(source, error))
        # A leftover of None: it was closed, and its events are dropped. An empty iterator is
        # left out, because a long write would add one each time.
        if record.leftover is not None and made is not _EMPTY:
            record.leftover.append(made)

    def _take_leftover(self, record: Registration) -> None:
        """Take more of what a source has made before, unless it is held back."""
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

    def _take(self, source: Any, made: deque[Iterator[Event]]) -> None:
        """Put what a source has made into the queue, up to a turn's worth."""
        registrations, record = self._registrations, source.registration
        events: list[Event] = []
        try:
            if self._collect(source, made, events):
                if record.leftover is not None:
                    registrations.clear_leftover(record)
            else:
                record.leftover, record.source = made, source  # it may have ended
                # Else it goes on when it is resumed, or no longer held back.
                if not record.rate_held and (record.closed or not record.held):
                    registrations.more[record] = None
        except Exception as error:
            self._put(source, events)
            self._fail(source, error)
            return
        except BaseException:  # ctrl+c in the midst of it: keep what there is
            self._put(source, events)
            raise
        self._put(source, events)
        if record.limiter is not None:
            self._spend(source, record.limiter, len(events))

    def _collect(
        self, source: Any, made: deque[Iterator[Event]], events: list[Event]
    ) -> bool:
        """Collect a turn's worth of events; return whether that was all."""
        limit = TURN
        if source.lane != IDLE:
            limit = min(TURN, self._queue.bound - len(self._queue.lanes[source.lane]))
        now = self._registrations.now()
        limiter = source.registration.limiter
        if limiter is not None:
            limit = min(limit, limiter.available(now))
        add = events.append
        while made:
            for event in islice(made[0], max(0, limit - len(events))):
                if event.source is None:
                    event.source = source
                event.time = event.time or now
                add(event)
            if len(events) >= limit:
                return False
            made.popleft()
        return True

    def _put(self, source: Any, events: list[Event]) -> None:
        """Put a source's events into its lane, as the policies of their classes say."""
        if not events:
            return
        record = source.registration
        record.made += len(events)
        if record.pending is None and self._are_plain(events):
            self._queue.lanes[source.lane].extend(events)
        else:
            self._queue.pending.put(source, events)

    def _are_plain(self, events: list[Event]) -> bool:
        """Whether no class of the events has a policy, as far as that is known."""
        policies = self._policies.by_class
        for cls in set(map(type, events)):  # noqa: SIM110 (half the time)
            if policies.get(cls, cls) is not None:
                return False
        return True

    def _put_final_events(self, record: Registration) -> None:
        """Put a source's final events; the queue's bound does not hold them back."""
        source = record.source
        if record.finished or source is None or not source.has_final_events:
            return
        record.finished = True
        record.source = None  # nothing asks it any more: end the reference cycle
        events = list(source.final_events())
        now = self._registrations.now()
        for event in events:
            event.source = source
            event.time = now
        self._put(source, events)

    def _fail(self, source: Any, error: Exception) -> None:
        """End a source that raised; its `error` comes after all that it made."""
        self._registrations.clear_leftover(source.registration)
        self._put(source, self._end(source, error))

    def _end(self, source: Any, error: Exception) -> list[Event]:
        """End a source that raised, and return its `error` events."""
        errors = [error]
        try:
            # First, so that handlers see it closed.
            self._registrations.unregister(source, discard=False)
        except Exception as second:
            errors.append(second)
        now = self._registrations.now()
        return [Error(each, source=source, time=now) for each in errors]

    # -- what the poller does not report -----------------------------------------------------

    def _ask_woken(self) -> None:
        registrations = self._registrations
        asked: set[Registration] = set()
        # One by one, so that an exception in the midst loses none.
        for _ in range(len(registrations.woken)):
            record = registrations.woken.popleft()
            if record in asked:
                continue
            asked.add(record)
            with registrations.lock:
                if record.leftover is not None:
                    record.woken = True  # once is enough, however often it was called
                elif record.closed:
                    self._put_final_events(record)
                elif record.source is not None:
                    self._turn(record, record.source.on_wake)

    def _ask_waiting(self) -> None:
        registrations = self._registrations
        for record in list(registrations.more):
            self._take_leftover(record)
        for record in list(registrations.ready):
            with registrations.lock:
                if record in registrations.ready and record.leftover is None:
                    self._ask_always_ready(record)

    def _ask_always_ready(self, record: Registration) -> None:
        registrations = self._registrations
        if self._queue.free_space(record.source.lane) <= 0:
            return
        if record.inode is None:  # it asks again if it has not read to the end
            del registrations.ready[record]
        # Of a file that can't be polled, nothing else would notice that it was closed.
        verify = record.inode is not None or self._is_suspect(record, 0)
        if verify and not registrations.pollers.owns_fd(record):
            self._fail(record.source, closed_elsewhere(record.source))
        else:
            self._turn(record, record.source.on_ready, record.mask)

    def _expire(self) -> None:
        """Ask the owners of the deadlines that are over now."""
        registrations = self._registrations
        now = registrations.now()
        before = registrations.timers.count  # what they add waits for the next poll
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
        """Count events of a source, and pause it if they used up its tokens."""
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
        """Resume a source, or report that it keeps to its rate again."""
        record, limiter.timer_id = limiter.source, None
        source = record.source
        was_held = limiter.state == HELD
        limiter.expire(now)
        if was_held:
            self._hold(source, held=False)
            source.on_released()
        if limiter.state != FREE and not record.closed:
            self._registrations.set_check(limiter)
        if was_held:
            self._take_leftover(record)  # which may use up the tokens again
        elif limiter.state == FREE:
            self._put_throttled(source, limiter, active=False)
            if limiter.is_lifted:
                record.limiter = None

    def _hold(self, source: Any, *, held: bool) -> None:
        try:
            self._registrations.hold(source, held=held)
        except OSError as error:  # its descriptor was closed by other code
            self._fail(source, error)

    def _put_throttled(
        self, source: Any, limiter: RateLimiter, *, active: bool
    ) -> None:
        now = self._registrations.now()
        self._put(source, [Throttled(active, limiter.rate, source=source, time=now)])


def _later(ask: Ask, *arguments: Any) -> Iterator[Event]:
    yield from ask(*arguments)


def _begun(made: Iterator[Event]) -> Iterator[Event]:
    """Run an iterator up to its first event: a connection held back writes and closes there."""
    for first in made:
        return chain((first,), made)
    return _EMPTY


_EMPTY: Iterator[Event] = iter(())
