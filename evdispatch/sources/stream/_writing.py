"""What is still to be written: a buffer with marks, so that a slow reader costs no memory."""

import errno
from collections import deque
from collections.abc import Callable
from itertools import islice

Write = Callable[[list[memoryview]], int]
"""Takes pieces, and returns how many bytes it has written."""

_PARTS = 64  # of one writev(2): many small writes cost one call; IOV_MAX is 1024


class WriteBuffer:
    """Bytes in order, with a high and a low mark and a limit, all in bytes.

    Above the high mark it does not flow; it flows again at the low mark.

    Raises:
        TypeError: They are no whole numbers.
        ValueError: Not 0 <= low <= high <= limit.
    """

    __slots__ = ("_high", "_limit", "_low", "_parts", "flowing", "size")

    def __init__(self, high: int, low: int, limit: int) -> None:
        if not all(isinstance(mark, int) for mark in (high, low, limit)):
            raise TypeError(f"marks are numbers of bytes: not {low}, {high}, {limit}")
        if not 0 <= low <= high <= limit:
            raise ValueError(f"0 <= low <= high <= limit: not {low}, {high}, {limit}")
        self._high = high
        self._low = low
        self._limit = limit
        self._parts: deque[memoryview] = deque()
        self.size = 0
        self.flowing = True

    def check(self, size: int) -> None:
        """Check that so many bytes more may be buffered.

        Raises:
            OSError: They would grow above the limit (ENOBUFS).
        """
        if self.size + size > self._limit:
            raise OSError(
                errno.ENOBUFS,
                f"{self.size} bytes wait and {size} more exceed {self._limit}",
            )

    def add(self, data: bytes | memoryview) -> None:
        """Append bytes, which nobody changes any more."""
        if data:
            self._parts.append(memoryview(data))
            self.size += len(data)
            self.flowing = self.flowing and self.size <= self._high

    def send(self, write: Write, size: int) -> bool:
        """Write up to ``size`` bytes, in one call of ``write``.

        Returns:
            Whether it has just begun to flow again.

        Raises:
            OSError: As ``write``; BlockingIOError too.
        """
        parts: list[memoryview] = []
        for part in islice(self._parts, _PARTS):
            parts.append(part[:size])
            size -= len(parts[-1])
            if not size:
                break
        self._drop(write(parts))
        was_flowing, self.flowing = self.flowing, self.flowing or self.size <= self._low
        return self.flowing and not was_flowing

    def clear(self) -> None:
        """Drop what is buffered: nobody will take it."""
        self._parts.clear()
        self.size = 0

    def _drop(self, size: int) -> None:
        self.size -= size
        while size:
            part = self._parts.popleft()
            if len(part) > size:
                self._parts.appendleft(part[size:])
                return
            size -= len(part)
