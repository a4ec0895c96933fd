"""Sources that are held back, since they exceed the rate that the user has set for them.

- It begins when the tokens of a source are used up (`_rates`), and is over when half of
  them are there again; and so again and again, for as long as more comes than may.
- It is told when it begins for the first time, and when all tokens are there again: once
  each, however often the source was held back in between.
- Only while that lasts is there a deadline; who keeps to the rate costs nobody a wake-up.
- All of it is called under the registrations's lock.
"""

import abc

from evdispatch._core._rates import Bucket
from evdispatch._events import Event, Throttled
from evdispatch._io._registrations import Registrations
from evdispatch.sources._base import Source


class RateLimiter(abc.ABC):
    """The part of the IO side that holds sources back."""

    _registrations: Registrations

    @abc.abstractmethod
    def _put(self, source: Source, events: list[Event]) -> None:
        """Put what a source has made into the queue."""

    @abc.abstractmethod
    def _fail(self, source: Source, error: Exception) -> None:
        """End a source that raised."""

    @abc.abstractmethod
    def _go_on(self, source: Source) -> None:
        """Take more of what a source has made before."""

    def _spend(self, source: Source, bucket: Bucket, events: int) -> None:
        """Count events of a source, and hold it back if they were the last it may make."""
        bucket.spend(events)
        registrations = self._registrations
        if source._closed and source._leftover is None:
            registrations.free(source)
            return
        if source._held_back or bucket.available(registrations.now()):
            return
        registrations.look_at(bucket, bucket.half_at())
        if not bucket.told and not source._closed:
            bucket.told = True
            self._tell(source, bucket, active=True)
        self._hold(source, held=True)

    def _relieve(self, bucket: Bucket, now: float) -> None:
        """It is time to let a source go on, or to tell that it keeps to its rate again."""
        source, bucket.deadline = bucket.source, None
        if source._held_back:
            self._hold(source, held=False)
            source.on_released()
            if not source._closed:
                # It may be full, if this comes late: what has waited comes first.
                self._registrations.look_at(bucket, bucket.full_at())
            self._go_on(source)  # which may hold it back again
        elif bucket.is_full(now):
            self._tell_end(source, bucket)
        else:
            self._registrations.look_at(bucket, bucket.full_at())

    def _tell_end(self, source: Source, bucket: Bucket) -> None:
        bucket.told = False
        self._tell(source, bucket, active=False)
        if bucket.lifted:
            source._bucket = None

    def _hold(self, source: Source, *, held: bool) -> None:
        try:
            self._registrations.hold(source, held=held)
        except OSError as error:  # its number was closed behind our back
            self._fail(source, error)

    def _tell(self, source: Source, bucket: Bucket, *, active: bool) -> None:
        now = self._registrations.now()
        told = Throttled(active, bucket.rate, source=source, time=now)
        self._put(source, [told])
