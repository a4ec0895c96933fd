"""The schedule of a repeating timer: instants that do not drift. Reads no clock."""

_SHORTEST = 1e-9  # seconds: the clock's resolution; keeps the counts finite


class Schedule:
    """The instants ``start + n * every``, for n = 1, 2, 3 ...

    Each is computed from the start, so that rounding errors don't add up.

    Attributes:
        count: The number of the last instant that was taken; 0 before the first.
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
        """The last instant that was taken, in seconds."""
        return self._at(self.count)

    @property
    def next(self) -> float:
        """The next instant, in seconds."""
        return self._at(self.count + 1)

    def take(self, now: float) -> int:
        """Take the latest instant that is not after now; return how many were skipped.

        Call it when `next` is due: it takes at least one.
        """
        first = self.count + 1
        latest = max(first, int((now - self._start) / self._every))
        # The division may round up or down; the multiplication in `next` decides.
        if latest > first and self._at(latest) > now:
            latest -= 1
        elif self._at(latest + 1) <= now:
            latest += 1
        skipped = latest - first
        self.count = latest
        return skipped

    def _at(self, n: int) -> float:
        return self._start + n * self._every
