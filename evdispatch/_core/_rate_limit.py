"""Rate limits of sources: a bucket of tokens, one for each event.

    FREE --no token--> HELD --half full--> RECOVERING --full--> FREE
                         ^----no token---------'

The bucket is full at first, holds ``burst`` tokens, and gets ``rate`` tokens a second. A source
is not read in HELD. It is read again at half of the tokens, so that it is not woken for each
event. A deadline exists only in HELD and RECOVERING: a source that keeps to its rate causes no
wake-up. Time is an argument. `IoLoop._spend` and `IoLoop._expire_limit` act on the states.
"""

import math
from collections.abc import Iterable
from typing import Any

from evdispatch._checks import check_count, check_interval
from evdispatch._core._timers import TimerId

_ROUNDING = 1e-6  # tokens that may be missing from a whole one
_MANY = 1 << 30  # more events than any turn has
_SHARE = 0.1  # seconds: the default burst is the tokens of this time

FREE, HELD, RECOVERING = range(3)


class RateLimiter:
    """The rate limit of one source.

    Attributes:
        record: The registration of the source.
        rate: In events a second.
        burst: The maximum number of events at once; infinity: the limit was removed.
        state: FREE; HELD: no token is left, and the source is not read; RECOVERING: the
            source is read again, and the `throttled` event with ``active`` False is due.
        timer_id: Its deadline, if it has one: see `due`.
    """

    __slots__ = ("_at", "_tokens", "burst", "rate", "record", "state", "timer_id")

    def __init__(self, record: Any, rate: float, burst: float) -> None:
        self.record = record
        self.rate = rate
        self.burst = burst
        self.state = FREE
        self.timer_id: TimerId | None = None
        self._tokens = burst
        self._at = -math.inf  # when `_tokens` was computed

    def change(self, rate: float, burst: float, now: float) -> None:
        """Change the rate from now on."""
        self._fill(now)
        self.rate = rate
        self.burst = burst
        self._tokens = min(self._tokens, burst)

    def lift(self) -> None:
        """Remove the limit."""
        self.burst = self._tokens = math.inf

    @property
    def is_lifted(self) -> bool:
        """Whether the limit was removed."""
        return self.burst == math.inf

    def available(self, now: float) -> int:
        """Return how many events may be made now."""
        self._fill(now)
        return int(min(self._tokens + _ROUNDING, _MANY))

    def spend(self, events: int, now: float) -> bool:
        """Take the tokens of some events; return whether the state has become HELD."""
        self._tokens -= events
        if self.state == HELD or self.available(now):
            return False
        self.state = HELD
        return True

    def due(self) -> float:
        """Return when to call `expire`, if no event is made until then."""
        enough = self.burst if self.state == RECOVERING else max(1.0, self.burst / 2)
        missing = enough - self._tokens if self._tokens < enough else 0.0
        return self._at + missing / self.rate

    def expire(self, now: float) -> None:
        """Enter the next state: from HELD to RECOVERING, from there to FREE if full."""
        self._fill(now)
        if self.state == HELD:
            self.state = RECOVERING
        elif self._tokens + _ROUNDING >= self.burst:
            self.state = FREE

    def on_deadline(self, now: float) -> Iterable[Any]:
        """Return no events: the IO side calls `expire` instead."""
        return ()

    def _fill(self, now: float) -> None:
        if now > self._at:
            if self._tokens < self.burst:
                more = (now - self._at) * self.rate
                self._tokens = min(self.burst, self._tokens + more)
            self._at = now


def check_rate(rate: Any, burst: Any) -> tuple[float | None, float]:
    """Return a rate and a burst, or the default burst; no rate if it is None or infinite.

    Raises:
        TypeError: They are not numbers.
        ValueError: The rate is NaN or not above 0, or the burst is below 1.
    """
    if rate is None:
        return None, 1.0
    rate = check_interval("rate", rate)
    if burst is not None:
        burst = float(min(check_count("burst", burst), _MANY))
    if rate == math.inf:
        return None, 1.0
    return rate, burst or min(max(1.0, rate * _SHARE), _MANY)
