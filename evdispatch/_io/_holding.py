"""Rate limits on the IO side: a source is paused, and a deadline resumes it.

A `throttled` event reports the first pause, and another one that all tokens are there
again, however often the source was paused in between. See `RateLimiter` for the states.
"""

import abc

from evdispatch._core._rate_limit import FREE, HELD, RateLimiter
from evdispatch._events import Event, Throttled
from evdispatch._io._registrations import Registrations
from evdispatch.sources._base import Source


class RateLimits(abc.ABC):
    """The part of the IO side that pauses sources. All of it is called under the lock."""

    _registrations: Registrations

    @abc.abstractmethod
    def _put(self, source: Source, events: list[Event]) -> None: ...

    @abc.abstractmethod
    def _fail(self, source: Source, error: Exception) -> None: ...

    @abc.abstractmethod
    def _go_on(self, source: Source) -> None: ...

    def _spend(self, source: Source, limiter: RateLimiter, events: int) -> None:
        """Count events of a source, and pause it if they used up its tokens."""
        registrations = self._registrations
        if source._closed and source._leftover is None:
            registrations.free(source)
            return
        begins = limiter.state == FREE
        if limiter.spend(events, registrations.now()):
            registrations.look_at(limiter)
            if begins and not source._closed:
                self._put_throttled(limiter, active=True)
            self._hold(source, held=True)

    def _expire_limit(self, limiter: RateLimiter, now: float) -> None:
        """Resume a source, or report that it keeps to its rate again."""
        source, limiter.timer_id = limiter.source, None
        was_held = limiter.state == HELD
        limiter.expire(now)
        if was_held:
            self._hold(source, held=False)
            source.on_released()
        if limiter.state != FREE and not source._closed:
            self._registrations.look_at(limiter)
        if was_held:
            self._go_on(source)  # which may use up the tokens again
        elif limiter.state == FREE:
            self._put_throttled(limiter, active=False)
            if limiter.is_lifted:
                source._limiter = None

    def _hold(self, source: Source, *, held: bool) -> None:
        try:
            self._registrations.hold(source, held=held)
        except OSError as error:  # its descriptor was closed by other code
            self._fail(source, error)

    def _put_throttled(self, limiter: RateLimiter, *, active: bool) -> None:
        now = self._registrations.now()
        source = limiter.source
        self._put(source, [Throttled(active, limiter.rate, source=source, time=now)])
