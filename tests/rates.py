"""What the tests of rates share."""

import os
from collections.abc import Callable

import attrs

from evdispatch import (
    Event,
    Throttled,
)


@attrs.define(eq=False)
class Numbered(Event):
    number: int


Later = Callable[[float], None]


def told(seen: list[Throttled]) -> list[bool]:
    return [event.active for event in seen]


def write_lines(fd: int, count: int) -> None:
    os.write(fd, b"".join(b"%d\n" % number for number in range(count)))
