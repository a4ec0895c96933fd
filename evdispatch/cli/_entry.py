"""An event as the view keeps it: as text, and not too much of it.

A paste may have megabytes. The view holds hundreds of events and draws them 30 times a
second, so what can't be on the screen anyway is cut off when the event comes.
"""

from typing import Any, Final, NamedTuple

import attrs

from evdispatch import Event
from evdispatch.cli._lines import headline
from evdispatch.cli._text import printable
from evdispatch.cli._why import why

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
        made_by: Labels and texts that tell what made it, if that is asked for.
        repeats: How many there were in a row, if it stands for a movement.
    """

    name: str
    time: float
    told: str
    fields: tuple[Field, ...]
    raw: bytes
    made_by: tuple[tuple[str, str], ...] = ()
    repeats: int = 1

    @classmethod
    def of(cls, event: Event, *, explain: bool = False) -> "Entry":
        """Return an event's entry; ``explain``: with what made it."""
        raw: bytes = getattr(event, "raw", b"")
        told = headline(event)[:_KEPT]
        made_by = why(event) if explain else ()
        fields = tuple(_fields(event))
        return cls(event.name, event.time, told, fields, raw[:_KEPT], made_by)


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
