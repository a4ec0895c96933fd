"""Events to be heard."""

import attrs

from evdispatch import Dispatcher, Event
from evdispatch.testing import settle


@attrs.define(eq=False)
class Bell(Event):
    pitch: int = 0


@attrs.define(eq=False)
class Horn(Event): ...


@attrs.define(eq=False)
class Gong(Event):
    loud: int = 0


def ring(app: Dispatcher, *events: Event) -> None:
    for event in events or (Bell(),):
        app.post(event)
    settle(app)
