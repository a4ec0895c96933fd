"""`Batch`: events of one class that are made when the queue takes them."""

from collections.abc import Iterator
from typing import Any

from evdispatch._events import Event

_AT_ONCE = 64  # events that `__iter__` makes at once, since all would take much memory
_new = object.__new__


class Batch:
    """One event per frame of a read.

    All have the same class, source and time, so the IO loop looks up the policy and checks the
    events once for all of them. A frame has no event until the queue has room for it.

    Attributes:
        cls: The class of the events. Its own field is ``data``.
    """

    __slots__ = ("_frames", "_source", "_taken", "cls")

    def __init__(self, cls: type[Event], frames: list[bytes], source: Any) -> None:
        self.cls = cls
        self._frames = frames
        self._source = source
        self._taken = 0

    def __len__(self) -> int:
        return len(self._frames) - self._taken

    def __iter__(self) -> Iterator[Event]:
        while self:
            yield from self.take(_AT_ONCE, 0.0)

    def take(self, limit: int, time: float) -> list[Event]:
        """Return the next events, at most ``limit``, with this time."""
        begin, frames = self._taken, self._frames
        if begin or limit < len(frames):
            frames = frames[begin : begin + limit]
        self._taken = begin + len(frames)
        new, cls, source = _new, self.cls, self._source
        events = []
        for frame in frames:
            event: Any = new(cls)  # as cls(frame, source=source), in half of the time
            event.data = frame
            event.source = source
            event.time = time
            events.append(event)
        return events
