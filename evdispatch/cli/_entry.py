"""An event as the view keeps it: as text, and not too much of it.

A paste may have megabytes. The view holds hundreds of events and draws them 30 times a
second, so what can't be on the screen anyway is cut off when the event comes.
"""

from typing import Any, Final, NamedTuple

import attrs

from evdispatch import Event
from evdispatch.cli._lines import headline
from evdispatch.cli._text import printable

_KEPT: Final = 1000  # characters: more than the widest terminal shows
_NOTHING: Final = "-"


class Field(NamedTuple):
    """A field of an event, and whether its value is another than the usual one."""

    name: str
    value: str
    telling: bool


@attrs.frozen
class Entry:
    """An event as text.

    Attributes:
        name: Its name.
        time: When it was read.
        told: What a person wants to know first.
        fields: All fields but time and bytes.
        raw: The bytes it was decoded from.
        repeats: How many there were in a row, if it stands for a movement.
    """

    name: str
    time: float
    told: str
    fields: tuple[Field, ...]
    raw: bytes
    repeats: int = 1

    @classmethod
    def of(cls, event: Event) -> "Entry":
        """Return an event's entry."""
        raw: bytes = getattr(event, "raw", b"")
        told = headline(event)[:_KEPT]
        return cls(event.name, event.time, told, tuple(_fields(event)), raw[:_KEPT])


def _fields(event: Event) -> list[Field]:
    return [
        Field(field.name, _value(value)[:_KEPT], value != field.default)
        for field in attrs.fields(type(event))
        if field.name not in ("source", "time", "raw")
        for value in [getattr(event, field.name)]
    ]


def _value(value: Any) -> str:
    if isinstance(value, frozenset):
        return "+".join(sorted(value)) or _NOTHING
    if value is None or value == "":
        return _NOTHING
    return repr(value) if isinstance(value, str) else printable(str(value))
