"""Who is told what inotify has told: what the hub knows of a tree, and of its directories."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from evdispatch.sources.files._inotify import (
    IN_ATTRIB,
    IN_CLOSE_WRITE,
    IN_CREATE,
    IN_DELETE,
    IN_DELETE_SELF,
    IN_MODIFY,
    IN_MOVED_FROM,
    IN_MOVED_TO,
)

# What all are watched for, so that to ask for it is to see what is there, and no more.
LEAST = IN_DELETE_SELF
# What a directory is watched for.
ALL = (
    IN_MODIFY
    | IN_ATTRIB
    | IN_CLOSE_WRITE
    | IN_CREATE
    | IN_DELETE
    | IN_DELETE_SELF
    | IN_MOVED_FROM
    | IN_MOVED_TO
)


class Observer(Protocol):
    """Who wants to know of a watch descriptor."""

    wd: int

    @property
    def unasked(self) -> int:
        """Return the bits of `ALL` that it is not to be told of, though others are."""

    @property
    def asked(self) -> int:
        """Return what it is watched for."""

    @property
    def path(self) -> str | None:
        """Return where it is, so that its watch can be made to ask for less."""

    @property
    def tree(self) -> "Tree":
        """Return whose it is."""

    def children(self) -> "Iterable[Observer]":
        """Return the observers below it."""


InotifyRecord = tuple[Any, int, int, str, float]
"""Who observes it (None: all), mask, cookie, name, and when it was read."""


class Tree(Protocol):
    """Who has observers."""

    records: deque[InotifyRecord]
    wake: Callable[[], None]
    """Have the records worked on soon."""
    finish: Callable[[], None]
    """End: there is nothing more to come."""
