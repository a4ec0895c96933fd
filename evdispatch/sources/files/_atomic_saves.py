"""How editors save: which events of a file belong together. No IO, and no clock.

- A rename over a file is that file's new content: ``deleted`` of the one, ``modified``
  with ``atomic`` of the other.
- A file that is deleted and made again within `HOLD` seconds was modified. So what tells
  of a deleted file waits that long.
"""

from collections import deque
from collections.abc import Iterable

from evdispatch._events import Event
from evdispatch.sources.files._events import (
    Change,
    Closed,
    Created,
    Deleted,
    Modified,
    Moved,
)

HOLD = 0.1  # seconds
_GRAIN = 0.01  # seconds; what ends within them is told at once, with one timer


class AtomicSaveFilter:
    """Holds what tells of deleted files. The events of each path keep their order."""

    def __init__(self) -> None:
        self._held: dict[str, Event] = {}
        # In the order they end, all being held as long. What is not held any more stays:
        # the first key of a dict that loses its first keys takes ever longer to find.
        self._ends: deque[tuple[float, str, Event]] = deque()

    @property
    def due(self) -> float | None:
        """When `expire` may have something to return."""
        return self._ends[0][0] + _GRAIN if self._held else None

    def feed(self, events: Iterable[Event], now: float) -> list[Event]:
        """Return the events to be told now."""
        told: list[Event] = []
        held = self._held
        for event in events:
            cls = type(event)
            if cls is Modified or cls is Closed:
                told.append(event)
            elif not isinstance(event, Change) or event.is_dir:
                told += self.flush()
                told.append(event)
            elif cls is Deleted:
                held[event.path] = event
                self._ends.append((now + HOLD, event.path, event))
            elif isinstance(event, Moved):
                self._move(event, told)
            elif cls is Created and held.pop(event.path, None) is not None:
                told.append(Modified(event.path, time=event.time))
            else:
                told.append(event)
        return told

    def _move(self, event: Moved, told: list[Event]) -> None:
        held = self._held.pop(event.path, None)
        if held is None and not event.replaced:
            told.append(event)
            return
        told.append(Deleted(event.src_path, time=event.time))
        told.append(Modified(event.path, atomic=True, time=event.time))

    def expire(self, now: float) -> list[Event]:
        """Return what has waited long enough."""
        over: list[Event] = []
        held, ends = self._held, self._ends
        while ends and ends[0][0] <= now:
            _, path, event = ends.popleft()
            if held.get(path) is event:
                del held[path]
                over.append(event)
        return over

    def flush(self) -> list[Event]:
        """Return all that waits."""
        events = list(self._held.values())
        self._held.clear()
        self._ends.clear()
        return events
