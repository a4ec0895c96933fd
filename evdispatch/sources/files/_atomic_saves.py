"""How editors save: which events of a file belong together. No IO, no clock.

- A rename over a file gives that file new content: `deleted` of the one, `modified` with
  ``atomic`` of the other.
- A file that is deleted and made again within `HOLD` seconds was modified. So `deleted` of a
  file waits that long.
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
_GRAIN = 0.01  # seconds; what ends within them is made at once, with one timer


class AtomicSaveFilter:
    """Holds `deleted` events of files back. The events of each path keep their order.

    Attributes:
        waiting: The events that are held back, by path.
    """

    def __init__(self) -> None:
        self.waiting: dict[str, Event] = {}
        # In the order they end, because all wait equally long. An event that no longer waits
        # stays here: a dict that loses its first keys takes ever longer to find the first.
        self._ends: deque[tuple[float, str, Event]] = deque()

    @property
    def due(self) -> float | None:
        """When `expire` may have something to return."""
        return self._ends[0][0] + _GRAIN if self.waiting else None

    def feed(self, events: Iterable[Event], now: float) -> list[Event]:
        """Take in events, and return those to be made now."""
        made: list[Event] = []
        waiting = self.waiting
        for event in events:
            cls = type(event)
            if cls is Modified or cls is Closed:
                made.append(event)
            elif not isinstance(event, Change) or event.is_dir:
                made += self.flush()
                made.append(event)
            elif cls is Deleted:
                waiting[event.path] = event
                self._ends.append((now + HOLD, event.path, event))
            elif isinstance(event, Moved):
                self._move(event, made)
            elif cls is Created and waiting.pop(event.path, None) is not None:
                made.append(Modified(event.path, time=event.time))
            else:
                made.append(event)
        return made

    def _move(self, event: Moved, made: list[Event]) -> None:
        waiting = self.waiting.pop(event.path, None)
        if waiting is None and not event.replaced:
            made.append(event)
            return
        made.append(Deleted(event.src_path, time=event.time))
        made.append(Modified(event.path, atomic=True, time=event.time))

    def expire(self, now: float) -> list[Event]:
        """Return the events that have waited long enough."""
        over: list[Event] = []
        waiting, ends = self.waiting, self._ends
        while ends and ends[0][0] <= now:
            _, path, event = ends.popleft()
            if waiting.get(path) is event:
                del waiting[path]
                over.append(event)
        return over

    def flush(self) -> list[Event]:
        """Return all that wait."""
        events = list(self.waiting.values())
        self.waiting.clear()
        self._ends.clear()
        return events
