"""What an `Fd` tells, in short."""

from typing import Any

from evdispatch import Dispatcher, Event, Fd


def names(events: list[Any]) -> list[str]:
    return [event.name for event in events]


def heard(app: Dispatcher, source: Fd) -> list[Any]:
    """Record what a source makes."""
    seen: list[Any] = []
    source.on(Event)(seen.append)
    return seen
