"""The IO side: descriptors and deadlines in, events out. Loop 1 of 2 is `IoThread.run`.

    wait (poll) -> ask each ready source -> put its events into the queue
                -> the sources that were woken
                -> the sources that had more than a turn's worth
                -> the deadlines that are over

Rules:

- One thread pumps at a time. It waits without the roster's lock and asks each source
  under it, so any thread may add, close or change a source between two turns.
- Readiness is only believed for a source that was watched before the poll began and is
  still: a number that was closed and given out anew meanwhile belongs to somebody else.
- A turn takes at most `TURN` events of a source; what it has beyond that comes after
  everybody else's turn.
- When a lane is full its sources are not even polled: the kernel pushes back.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from evdispatch._events import IDLE, NORMAL, URGENT, Error, Event
from evdispatch._poller import NOTHING, Wakeup, ready_now
from evdispatch._pollers import closed_behind_our_back
from evdispatch._queue import Queue
from evdispatch._roster import Roster
from evdispatch._stats import Counts
from evdispatch._threads import Worker
from evdispatch.sources._base import Source

TURN = 256
"""Events of one source in one turn: long enough to pay for the poll, and well below a
millisecond, so that a key pressed under a firehose waits its turn unnoticed."""


class IoSide:
    """Asks the sources of a roster, and puts what they make into the queue."""

    def __init__(self, queue: Queue, roster: Roster, posts: Counts) -> None:
        self.polls = 0
        self._posts = posts  # the counts of what has no source
        self._queue = queue
        self._roster = roster

    def pump(self, timeout: float | None) -> None:
        """Poll once, ask the ready sources, and put their events into the queue.

        Args:
            timeout: How long to wait for readiness, in seconds; None: for ever.
        """
        ready = self._wait(timeout)
        self.polls += 1
        roster = self._roster
        try:
            roster.at_work = True
            due = False
            for fd, mask in ready:
                source = roster.by_fd.get(fd)
                if source is not None:
                    self._answer(source, fd, mask)
                elif fd == roster.alarm.fileno():
                    due = True
                elif fd == roster.wakeup.fileno():
                    roster.wakeup.clear()
                else:
                    roster.rebuild()
            if roster.more or roster.woken or roster.always:
                self._serve_waiting()
            if due:
                self._expire()
        finally:
            with roster.lock:
                roster.at_work = False
                roster.arm()

    def _wait(self, timeout: float | None) -> list[tuple[int, int]]:
        full = self._queue.full_lane
        with self._roster.lock:
            if self._has_work():
                timeout = 0
            if full != IDLE and timeout != 0 and not self._queue.stall():
                full = IDLE
            self._roster.serial += 1
        if full == URGENT:
            self._roster.wakeup.wait(timeout)
            return []
        pollers = self._roster.pollers
        poller = pollers.urgent if full == NORMAL else pollers.all
        return poller.poll(timeout)

    def has_work(self) -> bool:
        """Whether a pump has something to do without waiting."""
        with self._roster.lock:
            return self._has_work()

    def _has_work(self) -> bool:
        if self._roster.woken:
            return True
        room = self._queue.room
        return any(
            room(source.lane) > 0
            for source in (*self._roster.more, *self._roster.always)
        )

    def _answer(self, source: Source, fd: int, mask: int) -> None:
        """Ask a source that the poller says is ready."""
        roster = self._roster
        with roster.lock:
            if source._serial == roster.serial:
                return  # registered, paused or unwatched since the poll began
            if source._mask == NOTHING:
                if mask & ~ready_now(fd, 0):  # hung up, it is told so once, and no more
                    roster.rebuild()  # the number was closed, and a duplicate lives
            elif source._rest is not None:  # what it has made comes first
                return
            elif source.verifies or roster.pollers.knows(source):
                self._turn(source, source.on_ready, mask)
            else:
                self._fail(source, closed_behind_our_back(source))

    def _serve_waiting(self) -> None:
        roster = self._roster
        woken = [roster.woken.popleft() for _ in range(len(roster.woken))]
        for source in dict.fromkeys(woken):
            if source._rest is None:
                self._turn(source, source.on_wake)
            else:
                source._woken = True  # once is enough, however often it was called
        for source in list(roster.more):
            self._go_on(source)
        for source in list(roster.always):
            with roster.lock:
                free = source._rest is None and self._queue.room(source.lane) > 0
                if not free or source not in roster.always:
                    continue
                if source.verifies or roster.pollers.knows(source):
                    self._turn(source, source.on_ready, source._mask)
                else:
                    self._fail(source, closed_behind_our_back(source))

    def _go_on(self, source: Source) -> None:
        """Take more of what a source has made before."""
        with self._roster.lock:
            if source._silenced:
                source._rest = None
                self._roster.more.pop(source, None)
            elif source in self._roster.more and source._rest is not None:
                self._take(
                    source, source._rest
                )  # not paused by another thread meanwhile

    def _turn(
        self, source: Source, ask: Callable[..., Iterable[Event]], *arguments: Any
    ) -> None:
        """Ask a source for events, and put them into the queue."""
        with self._roster.lock:
            rest = source._rest
            if source._silenced:
                return
            if rest is not None:
                # First what it has made before, and only then what is asked now.
                rest.append(_later(ask, *arguments))
                if source not in self._roster.more:  # paused
                    return
            elif source._closed:
                return
            else:
                try:
                    rest = deque((iter(ask(*arguments)),))
                except Exception as error:
                    self._fail(source, error)
                    return
            self._take(source, rest)

    def _take(self, source: Source, made: deque[Iterator[Event]]) -> None:
        """Put what a source has made into the queue, up to a turn's worth."""
        events: list[Event] = []
        try:
            if self._collect(source, made, events):
                source._rest = None
                self._roster.more.pop(source, None)
                if source._woken:
                    source._woken = False
                    self._roster.woken.append(source)
            else:
                source._rest = made
                if source._closed or not source._paused:  # else the resume does it
                    self._roster.more[source] = None
        except Exception as error:
            self._put(source, events)
            self._fail(source, error)
            return
        except BaseException:  # ctrl+c in the midst of it: keep what there is
            self._put(source, events)
            raise
        self._put(source, events)

    def _collect(
        self, source: Source, made: deque[Iterator[Event]], events: list[Event]
    ) -> bool:
        """Collect a turn's worth of events; return whether that was all."""
        limit = min(TURN, self._queue.room(source.lane))
        now = self._roster.now()
        while made:
            for event in islice(made[0], max(0, limit - len(events))):
                if event.source is None:
                    event.source = source
                event.time = event.time or now
                events.append(event)
            if len(events) >= limit:
                return False
            made.popleft()
        return True

    def _put(self, source: Source, events: list[Event]) -> None:
        if events:
            source.counts.made += len(events)
            self._queue.put(source.lane, events)

    def _fail(self, source: Source, error: Exception) -> None:
        """End a source that raised, and tell it after all that it made."""
        source._rest = None
        self._roster.more.pop(source, None)
        errors = [error]
        try:
            self._roster.detach(source, silence=False)  # first: handlers see it closed
        except Exception as second:
            errors.append(second)
        now = self._roster.now()
        self._put(source, [Error(each, source=source, time=now) for each in errors])

    def _expire(self) -> None:
        """Ask the owners of the deadlines that are over now."""
        now = self._roster.now()
        before = self._roster.deadlines.count  # what they add waits for the next pump
        while True:
            with self._roster.lock:
                owner = self._roster.deadlines.pop(now, before)
                if owner is None:
                    return
                if isinstance(owner, Source):
                    owner._deadline = None
                    self._turn(owner, owner.on_deadline, now)
                else:
                    calls = list(owner.on_deadline(now))
                    self._posts.made += len(calls)
                    self._queue.put(NORMAL, calls)


class IoThread(Worker):
    """Pumps for ever, on a thread of its own."""

    def __init__(
        self, io: IoSide, wakeup: Wakeup, on_crash: Callable[[], None]
    ) -> None:
        self._io = io
        self._wakeup = wakeup
        self._on_crash = on_crash
        self.ending = False
        super().__init__(self.run, "evdispatch-io")

    def run(self) -> None:
        """Loop 1 of 2: pump until told to end."""
        while not self.ending:
            self._io.pump(None)

    def on_failure(self) -> None:
        """Wake the dispatch side, which raises it."""
        self._on_crash()

    def end(self) -> None:
        """End the thread and wait for it."""
        self.ending = True
        self._wakeup.set()
        self.wait()


def _later(ask: Callable[..., Iterable[Event]], *arguments: Any) -> Iterator[Event]:
    yield from ask(*arguments)
