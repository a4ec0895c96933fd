"""When a timer is due: a grid of instants that does not drift. Reads no clock."""


class Schedule:
    """The instants ``start + n * every``, for n = 1, 2, 3 ...

    Each is computed from the start, so that errors don't add up.

    Attributes:
        count: The number of the latest instant that was taken; 0 before the first.
    """

    __slots__ = ("_every", "_start", "count")

    def __init__(self, start: float, every: float) -> None:
        self._start = start
        self._every = every
        self.count = 0

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
        latest = max(self.count + 1, int((now - self._start) / self._every))
        if latest > self.count + 1 and self._at(latest) > now:
            latest -= 1  # the division rounded up
        skipped = latest - self.count - 1
        self.count = latest
        return skipped

    def _at(self, n: int) -> float:
        return self._start + n * self._every
