"""When a timer is due: a grid of instants that does not drift. Reads no clock."""

_SHORTEST = 1e-9  # seconds: the clock shows no less, and the number stays finite


class Schedule:
    """The instants ``start + n * every``, for n = 1, 2, 3 ...

    Each is computed from the start, so that errors don't add up.

    Attributes:
        count: The number of the latest instant that was taken; 0 before the first.
    """

    __slots__ = ("_every", "_start", "count")

    def __init__(self, start: float, every: float) -> None:
        self._start = start
        self._every = max(every, _SHORTEST)
        self.count = 0

    @property
    def every(self) -> float:
        """The interval, in seconds."""
        return self._every

    @property
    def due(self) -> float:
        """The latest instant that was taken."""
        return self._at(self.count)

    @property
    def next(self) -> float:
        """The next instant, in seconds."""
        return self._at(self.count + 1)

    def take(self, now: float) -> int:
        """Go on to the latest instant that is not after now; return how many it skipped.

        At least one instant is taken: call it when `next` is due.
        """
        first = self.count + 1
        latest = max(first, int((now - self._start) / self._every))
        # The division rounds, up or down; what `next` says is what holds.
        if latest > first and self._at(latest) > now:
            latest -= 1
        elif self._at(latest + 1) <= now:
            latest += 1
        skipped = latest - first
        self.count = latest
        return skipped

    def _at(self, n: int) -> float:
        return self._start + n * self._every
