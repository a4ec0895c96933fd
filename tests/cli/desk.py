"""A terminal with the view's regions, without a tty: it adds targets to events."""

import copy

from evdispatch import Event, Focus, Mouse
from evdispatch.cli._state import Layout, State
from evdispatch.terminal import Pointer, Regions


class Desk:
    """Passes events to a state as the view gets them: with targets.

    Args:
        state: Takes them.
        places: Where things are.
    """

    def __init__(self, state: State, places: Layout) -> None:
        self._state = state
        self._places = places
        regions = Regions()
        self._pointer = Pointer(regions)
        for name, rect in places.regions.items():
            regions.add(name, *rect)

    def take(self, event: Event) -> str | None:
        """Take an event and what comes before it; return the button that was pushed."""
        event = copy.copy(event)  # a test may use it again
        crossings: list[Event] = []
        if isinstance(event, Mouse):
            crossings = self._pointer.follow(event)
        elif isinstance(event, Focus) and not event.gained:
            crossings = self._pointer.forget()
        for crossing in crossings:
            assert self._state.take(crossing, self._places) is None
        return self._state.take(event, self._places)
