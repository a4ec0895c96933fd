"""An event to handle, and a handler that fails."""

import attrs

from evdispatch import Event


@attrs.define(eq=False)
class Load(Event):
    number: int = 0


def fail() -> None:
    raise LookupError("no luck")
