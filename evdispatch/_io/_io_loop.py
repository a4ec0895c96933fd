"""The IO side: descriptors and deadlines in, events out. `_driver` says who runs it.

    wait (poll) -> ask each ready source -> put its events into the queue
                -> the sources that were woken
                -> the sources that had more than a turn's worth
                -> the deadlines that are over

Rules:

- One thread pumps at a time. It waits without the registrations's lock and asks each source
  under it, so any thread may add, close or change a source between two turns.
- Readiness is only believed for a source that was watched before the poll began and is
  still: a number that was closed and given out anew meanwhile belongs to somebody else.
- A turn takes at most `TURN` events of a source; what it has beyond that comes after
  everybody else's turn.
- When a lane is full its sources are not even polled: the kernel pushes back.
"""

import functools
from collections import deque
from collections.abc import Callable

from evdispatch._core._poller import (
    EDGE,
    ERROR,
    HANGUP,
    INVALID,
    NO_INTEREST,
    ONESHOT,
    WRITE,
    ready_now,
)
from evdispatch._core._queue import Queue
from evdispatch._core._rate_limit import RateLimiter
from evdispatch._errors import InternalError
from evdispatch._events import IDLE, NORMAL, URGENT
from evdispatch._io._intake import Intake
from evdispatch._io._pollers import closed_behind_our_back
from evdispatch._io._registrations import Registrations
from evdispatch._stats import Counts
from evdispatch.sources._base import Source

Tap = Callable[..., None]
"""Is called with a function that asks a source, the source, and further arguments."""

_MANY = 16  # ready at once: it costs a look of 0.4 us which of them are urgent
_ASKING = ("_answer_held", "_turn", "_go_on")  # which take the source first


class IoLoop(Intake):
    """Asks the sources of a registrations that are ready."""

    def __init__(
        self, queue: Queue, registrations: Registrations, posts: Counts
    ) -> None:
        super().__init__(queue, registrations, posts)
        self.polls = 0
        self._taps: list[Tap] = []
        self._now = 0.0  # when the poll returned: what is read then bears this time

    def poll_once(self, timeout: float | None, *, inline: bool) -> None:
        """Poll once, ask the ready sources, and put their events into the queue.

        Args:
            timeout: How long to wait for readiness, in seconds; None: for ever.
            inline: Whether this is the thread that dispatches.
        """
        registrations = self._registrations
        try:
            ready = self._wait(timeout)
            if inline:
                self._queue.sleeping = False  # nobody is to be woken for what comes now
            self.polls += 1
            registrations.timers.at_work = True
            self._now = registrations.now()
            if inline:  # no handler waits for the lock meanwhile
                with registrations.lock:
                    due = self._answer_all(ready, self._answer_held)
            else:
                due = self._answer_all(ready, self._answer)
            if registrations.more or registrations.woken or registrations.ready:
                self._serve_waiting()
            if due:
                self._expire()
        except BaseException:  # SystemExit, say: some that are ready were not asked
            registrations.rearm()
            raise
        self._queue.notify()

    def add_tap(self, tap: Tap) -> None:
        """Have all that asks a source go through a function. On the dispatch thread.

        It hides the class's methods, so that without one nothing looks for any.
        """
        self._taps.append(tap)
        for name in _ASKING:
            setattr(self, name, functools.partial(tap, getattr(self, name)))

    def remove_tap(self, tap: Tap) -> None:
        """Take a tap away; a turn that is under way has it to its end."""
        taps, self._taps = self._taps, []
        for name in _ASKING:
            delattr(self, name)
        for each in taps:
            if each != tap:
                self.add_tap(each)

    def _answer_all(
        self,
        ready: list[tuple[int, int]],
        answer: Callable[[Source, int, int], None],
    ) -> bool:
        """Ask the sources that are ready; return whether a deadline is over."""
        registrations = self._registrations
        by_fd = registrations.by_fd
        due = False
        for fd, mask in ready:
            source = by_fd[fd]
            if source is not None:
                answer(source, fd, mask)
            elif fd == registrations.timers.alarm.fileno():
                due = True
            elif fd == registrations.wakeup.fileno():
                registrations.wakeup.clear()
            else:
                registrations.rebuild()
        return due

    def prepare_to_wait(self) -> None:
        """Have all that is asked for from now on noticed by who waits on `fileno`."""
        with self._registrations.lock:
            self._registrations.timers.prepare_to_wait()

    def fileno(self) -> int:
        """Return a descriptor that is readable when a pump has something to do."""
        return self._registrations.fileno()

    def _wait(self, timeout: float | None) -> list[tuple[int, int]]:
        full = self._queue.full_lane
        with self._registrations.lock:
            self._registrations.timers.prepare_to_wait()  # before the look: what is asked for now wakes us
            if self._has_work():
                timeout = 0
            if full != IDLE and timeout != 0 and not self._queue.wait_for_low_water():
                full = IDLE
            self._registrations.serial += 1
        if full == URGENT:
            self._registrations.wakeup.wait(timeout)
            return []
        pollers = self._registrations.pollers
        if full == NORMAL:
            return pollers.urgent.poll(timeout)
        ready = pollers.all.poll(timeout)
        return ready if len(ready) < _MANY else self._urgent_first(ready)

    def _urgent_first(self, ready: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Have a key asked for before a hundred sockets, each of which takes its time."""
        first = dict(self._registrations.pollers.urgent.poll(0))
        return [*first.items(), *(pair for pair in ready if pair[0] not in first)]

    def has_work(self) -> bool:
        """Whether a pump has something to do without waiting."""
        with self._registrations.lock:
            return self._has_work()

    def _has_work(self) -> bool:
        registrations = self._registrations
        if registrations.woken:
            return True
        if not registrations.more and not registrations.ready:
            return False
        room = self._queue.free_space
        return any(
            room(source.lane) > 0
            for source in (*registrations.more, *registrations.ready)
        )

    def _answer(self, source: Source, fd: int, mask: int) -> None:
        """Ask a source that the poller says is ready."""
        with self._registrations.lock:
            self._answer_held(source, fd, mask)

    def _answer_held(self, source: Source, fd: int, mask: int) -> None:
        registrations = self._registrations
        if (
            mask != source._mask
            or source._serial == registrations.serial
            or source._leftover is not None
            or not source._direct
        ):
            self._answer_with_care(source, fd, mask)
            return
        # The usual; what follows is `_turn`, for what makes a few events at once.
        try:
            made = source.on_ready(mask)
        except Exception as error:
            self._fail(source, error)
            return
        queue = self._queue
        lane = queue.lanes[source.lane]
        if type(made) is not tuple or len(made) > queue.bound - len(lane):
            self._take(source, deque((iter(made),)))
            return
        for event in made:
            if event.source is None:
                event.source = source
            event.time = event.time or self._now
            lane.append(event)
        source.counts.made += len(made)

    def _answer_with_care(self, source: Source, fd: int, mask: int) -> None:
        registrations = self._registrations
        if mask & EDGE:
            self._check_stall(source, mask)
        elif source._mask == NO_INTEREST:
            if source._serial == registrations.serial:
                return  # paused or unwatched since the poll began
            if mask & ~ready_now(fd, 0):  # hung up, it is told so once, and no more
                registrations.rebuild()  # the number was closed, and a duplicate lives
        elif source._serial == registrations.serial or source._leftover is not None:
            # Registered since the poll began, or what it has made comes first. The
            # poller tells it again; but not an arrival, nor what it was to tell once.
            if (
                source._paused
                and mask & WRITE
                and source._serial != registrations.serial
            ):
                self._ask_meanwhile(source, mask)
            elif source._edge or source._mask & ONESHOT:
                registrations.reschedule(source)
        elif source.verifies or registrations.pollers.owns_fd(source):
            if mask & INVALID:  # the call will tell
                mask = ERROR | HANGUP
            source._direct = source._direct or self._is_direct(source)
            self._turn(source, source.on_ready, mask)
        else:
            self._fail(source, closed_behind_our_back(source))

    def _check_stall(self, source: Source, mask: int) -> None:
        """End a source that is ready and would not be told so any more."""
        waits = source._leftover is not None or source in self._registrations.ready
        waits = waits or bool(source._paused)  # which tells it again when it goes on
        if not source._edge or waits or not source.drained:
            return
        if ready_now(source._fd, source._mask) & mask & source._mask:  # still
            what = f"{source!r} is edge-triggered, ready (mask {mask & ~EDGE})"
            self._fail(source, InternalError(f"{what}, and was not read to the end"))

    def _serve_waiting(self) -> None:
        registrations = self._registrations
        served: set[Source] = set()
        # One by one: who leaves in the midst loses none.
        for _ in range(len(registrations.woken)):
            source = registrations.woken.popleft()
            if source in served:
                continue
            served.add(source)
            with registrations.lock:
                if source._leftover is not None:
                    source._woken = True  # once is enough, however often it was called
                elif source._closed:
                    self._put_final_events(source)
                else:
                    self._turn(source, source.on_wake)
        for source in list(registrations.more):
            self._go_on(source)
        for source in list(registrations.ready):
            with registrations.lock:
                free = (
                    source._leftover is None and self._queue.free_space(source.lane) > 0
                )
                if not free or source not in registrations.ready:
                    continue
                if source._pollable:  # it asks again if it has not read to the end
                    del registrations.ready[source]
                if source.verifies or registrations.pollers.owns_fd(source):
                    self._turn(source, source.on_ready, source._mask)
                else:
                    self._fail(source, closed_behind_our_back(source))

    def _expire(self) -> None:
        """Ask the owners of the deadlines that are over now."""
        now = self._registrations.now()
        before = (
            self._registrations.timers.count
        )  # what they add waits for the next pump
        while True:
            with self._registrations.lock:
                owner = self._registrations.timers.pop(now, before)
                if owner is None:
                    return
                if isinstance(owner, Source):
                    owner._deadline = None
                    self._turn(owner, owner.on_deadline, now)
                elif isinstance(owner, RateLimiter):
                    self._expire_limit(owner, now)
                else:
                    calls = list(owner.on_deadline(now))
                    self._posts.made += len(calls)
                    self._queue.put(NORMAL, calls)
