"""When a source is read: not while the user has paused it, or its rate is used up.

`held_back` covers both, and is what a source asks before it reads. `paused` is the user's
alone: a paused timer skips its ticks, while those of one held back by its rate wait.
"""

import contextlib

from evdispatch._core._rate_limit import HELD, RateLimiter, check_rate
from evdispatch.sources._host import Host

BY_USER, BY_RATE = 1, 2  # why a source is not read


class Flow:
    """The part of a `Source` that pauses it."""

    __slots__ = ("_host", "_inode", "_limiter", "_paused")

    def __init__(self) -> None:
        self._host: Host | None = None
        self._inode: tuple[int, int] | None = None  # which one, if it can't be polled
        self._paused = 0  # bits of BY_USER, BY_RATE
        self._limiter: RateLimiter | None = None  # if its rate is limited

    @property
    def paused(self) -> bool:
        """Whether the source is paused."""
        return self._paused & BY_USER != 0

    @property
    def held_back(self) -> bool:
        """Whether the source is not read: it is paused, or its rate is used up."""
        return self._paused != 0

    @property
    def _pollable(self) -> bool:
        """Whether the poller reports when it is ready; else it always is."""
        return self._inode is None

    @property
    def _held_back(self) -> bool:
        """Whether the source is not read since its rate is used up."""
        return self._limiter is not None and self._limiter.state == HELD

    def pause(self) -> None:
        """Stop reading until `resume`, from any thread; queued events are handled.

        Deadlines and calls of `wake` still cause up to a turn's worth of events.
        """
        self._pause(paused=True)

    def resume(self) -> None:
        """Read again. From any thread."""
        self._pause(paused=False)

    def _pause(self, *, paused: bool) -> None:
        host = self._host
        with contextlib.nullcontext() if host is None else host.lock:
            self._set_paused(BY_USER, paused=paused)
            if host is not None:
                host.update(self)

    def _set_paused(self, why: int, *, paused: bool) -> None:
        self._paused = self._paused | why if paused else self._paused & ~why

    def limit_rate(self, rate: float | None, burst: int | None = None) -> None:
        """Limit the events a second. From any thread, also before the source is added.

        While the limit is used up, the source is not read: the kernel pushes back, and
        nothing is lost. A `throttled` event reports when that begins. Another one, with
        ``active`` False, reports when so few events have come for so long that a whole
        burst would be possible again. `error` events, and the last events of a source that
        is closed, are not delayed, nor is what a source does while it is paused. Each
        connection of a listener has its own limit.

        Args:
            rate: In events a second, above 0; None or infinity: no limit.
            burst: How many may come at once after a while without any. None: as many as in
                a tenth of a second, at least 1.

        Raises:
            TypeError: They are not numbers.
            ValueError: NaN; a rate that is not above 0, a burst below 1.
        """
        checked, most = check_rate(rate, burst)
        if self._host is not None:
            self._host.limit(self, checked, most)
        elif checked is None:
            self._limiter = None
        else:
            self._limiter = RateLimiter(self, checked, most)

    def on_released(self) -> None:
        """The source is read again after its rate was used up."""
