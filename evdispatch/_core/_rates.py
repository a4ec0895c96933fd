"""How much a source may make: a bucket of tokens, one for each event. See `_holding`.

- It is full at first, holds `burst` tokens, and gets `rate` more a second until it is full.
- A source whose bucket is empty is held back until half of it is there again, so that it
  is not looked at for each event.
- The time is an argument, and no thread is started: see `_deadlines`.
"""

import math
from collections.abc import Iterable
from typing import Any

from evdispatch._checks import check_count, check_interval
from evdispatch._core._timers import TimerId

_HAIR = 1e-6  # tokens: what is missing of a whole one by rounding
_MANY = 1 << 30  # more than a turn's worth
_SHARE = 0.1  # seconds' worth of tokens, unless it is said


class Bucket:
    """What a source may still make.

    Attributes:
        source: The source.
        rate: In events a second.
        lifted: Whether it is limited no more, as soon as that was told.
        burst: How many events may come at once.
        held: Whether the source is held back.
        paused: Whether the user has paused it.
        told: Whether a `throttled` event has told its beginning, and none its end.
        deadline: When it is to be looked at, if it is.
    """

    __slots__ = (
        "_at",
        "_tokens",
        "burst",
        "deadline",
        "held",
        "lifted",
        "paused",
        "rate",
        "source",
        "told",
    )

    def __init__(
        self, source: Any, rate: float, burst: float, *, paused: bool = False
    ) -> None:
        self.source = source
        self.rate = rate
        self.burst = burst
        self.held = False
        self.paused = paused
        self.told = False
        self.lifted = False
        self.deadline: TimerId | None = None
        self._tokens = burst
        self._at = -math.inf  # when there were so many

    def change(self, rate: float, burst: float, now: float) -> None:
        """Fill it at another rate from now on."""
        self._fill(now)
        self.rate = rate
        self.burst = burst
        self._tokens = min(self._tokens, burst)
        self.lifted = False

    def lift(self) -> None:
        """Be full, and limit nothing."""
        self._tokens = self.burst
        self.lifted = True

    def available(self, now: float) -> int:
        """Return how many events may be made now."""
        self._fill(now)
        return _MANY if self.lifted else int(self._tokens + _HAIR)

    def spend(self, events: int) -> None:
        """Take the tokens of events out; as many as `available` has told at most."""
        self._tokens -= events

    def is_full(self, now: float) -> bool:
        """Whether its source exceeds its rate no more."""
        self._fill(now)
        return self.lifted or self._tokens + _HAIR >= self.burst

    def half_at(self) -> float:
        """Return when half of it is there, and one token at least."""
        return self._at + (max(1.0, self.burst / 2) - self._tokens) / self.rate

    def full_at(self) -> float:
        """Return when it is full, if nothing is made."""
        return self._at + (self.burst - self._tokens) / self.rate

    def on_deadline(self, now: float) -> Iterable[Any]:
        """Return nothing: the IO side knows what to do (`_holding`)."""
        return ()

    def _fill(self, now: float) -> None:
        if now > self._at:
            if self._tokens < self.burst:
                more = (now - self._at) * self.rate
                self._tokens = min(self.burst, self._tokens + more)
            self._at = now


def check_rate(rate: Any, burst: Any) -> tuple[float | None, float]:
    """Return a rate, or None, and a burst, with the default where that is None.

    A rate without end is none.

    Raises:
        TypeError: They are no numbers.
        ValueError: NaN, or not above 0.
    """
    if rate is None:
        return None, 1.0
    rate = check_interval("rate", rate)
    if burst is not None:
        burst = float(min(check_count("burst", burst), _MANY))
    if rate == math.inf:
        return None, 1.0
    return rate, burst or min(max(1.0, rate * _SHARE), _MANY)
