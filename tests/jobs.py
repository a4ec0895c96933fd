"""What a loop has to do: work, and work that cannot wait."""

from typing import ClassVar

import attrs

from evdispatch import Event
from evdispatch._events import URGENT


@attrs.define(eq=False)
class Work(Event):
    number: int = 0


@attrs.define(eq=False)
class Rush(Event):
    lane: ClassVar[int] = URGENT
