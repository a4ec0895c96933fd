"""`Dispatcher.why_alive`: what a dispatcher waits for.

It is a snapshot, taken under `Registrations.lock`, of the data that the IO side itself uses.
"""

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from evdispatch._core._callbacks import Handle
from evdispatch._core._poller import PRIORITY, READ, WRITE
from evdispatch._core._queue import Queue
from evdispatch._core._timers import Owner
from evdispatch._events import IDLE, NORMAL, URGENT
from evdispatch._handlers._handler import describe
from evdispatch._handlers._throttle import DelayedCall
from evdispatch._io._registrations import Registrations
from evdispatch.sources._base import Source

_LANES = {"urgent": URGENT, "normal": NORMAL, "idle": IDLE}
_INTERESTS = {READ: "reading", WRITE: "writing", PRIORITY: "priority data of"}
_BITS = READ | WRITE | PRIORITY
_STATES = {
    "open": "not running; when it runs, it waits for:",
    "running": "running until stop(); it waits for:",
    "stopping": "stopping; what there is:",
    "closed": "closed",
}


@attrs.frozen
class Waiting:
    """What an open source waits for.

    Attributes:
        source: The source.
        fd: The descriptor that is watched for it, or None.
        interest: Bits of READ, WRITE, PRIORITY; 0: only a hang-up. None if ``fd`` is None.
        always_ready: Whether its file can't be polled, so it is asked in each turn.
        due_in: Seconds until its deadline; None: it has none.
        more: Whether it has leftover events, or was woken.
        paused: Whether it is paused.
        held: Whether it is held back by its rate (`Source.limit_rate`).
    """

    source: Source
    fd: int | None
    interest: int | None
    always_ready: bool
    due_in: float | None
    more: bool
    paused: bool
    held: bool = False

    @property
    def by_itself(self) -> bool:
        """Whether it may make events without a call from the program."""
        return self.fd is not None or self.due_in is not None or self.more

    def __str__(self) -> str:
        return f"{self.source!r}: {', '.join(self._parts()) or 'its wake() alone'}"

    def _parts(self) -> Iterator[str]:
        if self.paused:
            yield "paused"
        if self.held:
            yield "held back by its rate"
        if self.interest is not None:
            kinds = [name for bit, name in _INTERESTS.items() if self.interest & bit]
            what = " and ".join(kinds) or "a hang-up of"
            ready = ", which is always ready" if self.always_ready else ""
            yield f"{what} fd {self.fd}{ready}"
        if self.due_in is not None:
            yield f"due in {self.due_in:.3f} s"
        if self.more:
            yield "has more events"


@attrs.frozen
class Pending:
    """A call that is due later.

    Attributes:
        function: The function of `Dispatcher.after` or `every`, or the handler whose interval
            ends then. None: that handler was removed.
        due_in: Seconds until the call.
        every: The interval of `every`, in seconds; else None.
        paced: Whether it is a handler with ``throttle`` or ``debounce``.
    """

    function: Callable[..., Any] | None
    due_in: float
    every: float | None
    paced: bool

    def __str__(self) -> str:
        what = "the end of its interval" if self.paced else "called"
        again = "" if self.every is None else f", then every {self.every:g} s"
        function = self.function
        name = "a handler that is gone" if function is None else describe(function)
        return f"{name}: {what} in {self.due_in:.3f} s{again}"


@attrs.frozen
class Alive:
    """What may still make events; its text has a line for each.

    `run` continues until `stop` is called, even if no event can come.

    Attributes:
        state: ``"running"``, ``"stopping"``, ``"closed"``, or ``"open"``: not running.
        sources: What each open source waits for, in the order they were added.
        calls: The calls that are due later, the nearest first.
        queued: The number of waiting events in each lane of the queue, by its name.
        full: Whether a lane is full, so that its sources are not read.
    """

    state: str
    sources: tuple[Waiting, ...]
    calls: tuple[Pending, ...]
    queued: dict[str, int]
    full: bool

    @property
    def by_itself(self) -> bool:
        """Whether an event may come without another thread."""
        sources = any(each.by_itself for each in self.sources)
        return sources or bool(self.calls) or any(self.queued.values())

    @classmethod
    def look(cls, state: str, registrations: Registrations, queue: Queue) -> "Alive":
        """Take a snapshot. From any thread."""
        with registrations.lock:
            now = registrations.now()
            pending = registrations.timers.pending()
            due = {owner: when - now for when, owner in pending}
            sources = tuple(
                _waiting(s, registrations, due) for s in registrations.sources
            )
            calls = tuple(
                _pending(owner, when - now)
                for when, owner in pending
                if isinstance(owner, Handle)
            )
            return cls(
                state=state,
                sources=sources,
                calls=calls,
                queued={name: len(queue.lanes[lane]) for name, lane in _LANES.items()},
                full=queue.full_lane != IDLE,
            )

    def __str__(self) -> str:
        lines = [_STATES[self.state]]
        if self.state == "closed":
            return lines[0]
        lines += [f"  {each}" for each in (*self.sources, *self.calls)]
        queued = [f"{count} {lane}" for lane, count in self.queued.items() if count]
        if queued:
            full = "; it is full, so its sources are not read" if self.full else ""
            lines.append(f"  in the queue: {', '.join(queued)}{full}")
        if not self.by_itself:
            lines.append("  nothing: only posts from other threads can wake it")
        return "\n".join(lines)


def _waiting(
    source: Source, registrations: Registrations, due: dict[Owner, float]
) -> Waiting:
    record = source.registration
    interest = source.interest_in_pause if record.held else source.interest
    fd = record.fd
    watched = fd >= 0 and interest is not None
    owners: tuple[Any, ...] = (record, record.limiter if record.rate_held else None)
    return Waiting(
        source=source,
        fd=fd if watched else None,
        interest=interest & _BITS if interest is not None and watched else None,
        always_ready=watched and record.inode is not None,
        due_in=min((due[each] for each in owners if each in due), default=None),
        more=record in registrations.more or record in registrations.woken,
        paused=source.paused,
        held=record.rate_held,
    )


def _pending(handle: Handle, due_in: float) -> Pending:
    function = handle.function
    paced = isinstance(function, DelayedCall)
    return Pending(
        function=function.registered if isinstance(function, DelayedCall) else function,
        due_in=due_in,
        every=handle.every,
        paced=paced,
    )
