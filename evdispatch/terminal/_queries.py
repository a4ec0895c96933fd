"""Queries to a terminal, and which of its replies answers which: no IO, and no clock.

A terminal answers in order, and ignores queries that it does not know. Nearly all
terminals answer a query for their device attributes (DA1). So each other query is followed
by that one, as a fence: when the fence's answer comes first, the query is not supported.

Source: ctlseqs "DECXCPR", "DA1", "XTVERSION", "OSC 10, 11"; kitty "Detection of support".
"""

import re
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import attrs

from evdispatch._events import Event
from evdispatch.terminal._events import Reply

_COLOR = re.compile(r"rgba?:([0-9a-f]+)/([0-9a-f]+)/([0-9a-f]+)", re.IGNORECASE)
_NEVER = float("inf")
_MAX_EXPIRED = 64  # some terminals never answer
_DEC_MODES_KNOWN = (1, 2, 3)  # of DECRPM: set, reset, permanently set


@attrs.frozen
class Query:
    """A query.

    Attributes:
        name: What is asked for.
        request: The bytes to write.
        read: Returns the value in a reply, or None if it answers another query.
        otherwise: The query to send if there is no answer.
    """

    name: str
    request: bytes
    read: Callable[[Reply], Any]
    otherwise: "Query | None" = None


Then = Callable[[Any, bytes], list[Event]]
"""Makes events of an answer and its bytes; the answer is None if there is none."""


@attrs.frozen
class _Waiting:
    query: Query
    until: float
    then: Then

    @property
    def is_fence(self) -> bool:
        return self.query is DEVICE


def _cell(reply: Reply) -> tuple[int, int] | None:
    if reply.kind != "cpr":
        return None
    row, column = reply.params[:2]
    return column - 1, row - 1


def _color(number: str) -> Callable[[Reply], tuple[int, int, int] | None]:
    def read(reply: Reply) -> tuple[int, int, int] | None:
        code, _, value = reply.data.partition(";")
        match = _COLOR.match(value)
        if reply.kind != "osc" or code != number or match is None:
            return None
        red, green, blue = (
            int(part, 16) * 255 // (16 ** len(part) - 1) for part in match.groups()
        )
        return red, green, blue

    return read


def _version(reply: Reply) -> str | None:
    if reply.kind != "dcs" or not reply.data.startswith(">|"):
        return None
    return reply.data.removeprefix(">|")


def _attributes(reply: Reply) -> tuple[int, ...] | None:
    return reply.params if reply.kind == "da1" else None


def _kitty_flags(reply: Reply) -> int | None:
    return reply.params[0] if reply.kind == "kitty_flags" else None


AMBIGUOUS_REQUEST: Final = b"\x1b[6n"  # its reply can be taken for F3 with modifiers
_CPR = Query("cursor", AMBIGUOUS_REQUEST, _cell)
DEVICE: Final = Query("device", b"\x1b[c", _attributes)
KITTY: Final = Query("kitty", b"\x1b[?u", _kitty_flags)
QUERIES: Final = {
    query.name: query
    for query in (
        Query("cursor", b"\x1b[?6n", _cell, otherwise=_CPR),
        Query("background", b"\x1b]11;?\x1b\\", _color("11")),
        Query("foreground", b"\x1b]10;?\x1b\\", _color("10")),
        Query("version", b"\x1b[>q", _version),
        DEVICE,
    )
}


def knows_mode(mode: int) -> Query:
    """Return the query whether the terminal knows a private mode (DECRQM)."""

    def read(reply: Reply) -> bool | None:
        if reply.kind != "decrpm" or not reply.private or reply.params[0] != mode:
            return None
        return reply.params[1] in _DEC_MODES_KNOWN

    return Query(f"mode {mode}", b"\x1b[?%d$p" % mode, read)


class Queries:
    """The queries that are not answered yet.

    Attributes:
        answered: Whether the terminal has answered anything, ever.
        request: Bytes to write to the terminal; clear it when they are written.
        until: When to call `expire`; None: no answer is awaited.
    """

    def __init__(self) -> None:
        self.answered = False
        self.request = b""
        self.until: float | None = None
        self._waiting: deque[_Waiting] = deque()
        self._cancelled: list[Event] = []  # for `expire` to return

    def ask(
        self, query: Query, until: float, then: Then, then_device: Then | None = None
    ) -> None:
        """Add a query, and its fence.

        Args:
            query: The query.
            until: When to wait no longer, in seconds of the caller's clock.
            then: Makes events of the answer.
            then_device: Makes events of the fence's answer, which is that of DEVICE.
        """
        self._waiting.append(_Waiting(query, until, then))
        self.request += query.request
        if query is not DEVICE:
            self._waiting.append(_Waiting(DEVICE, until, then_device or _nothing))
            self.request += DEVICE.request
        self._set_until()

    @property
    def fences(self) -> int:
        """How many answers to DEVICE are still to come."""
        return sum(waiting.is_fence for waiting in self._waiting)

    def take(self, reply: Reply) -> list[Event] | None:
        """Return the events of an answer; None: it answers no query."""
        for index, waiting in enumerate(self._waiting):
            value = waiting.query.read(reply)
            if value is None:
                continue
            self.answered = True
            del self._waiting[index]
            events: list[Event] = []
            if waiting.is_fence:  # queries before it will not be answered any more
                for _ in range(index):
                    events += self._give_up(self._waiting.popleft())
            self._set_until()
            return events + waiting.then(value, reply.raw)
        return None

    def expire(self, now: float) -> list[Event]:
        """Stop waiting for what is overdue; return the events of that."""
        events, self._cancelled = self._cancelled, []
        for index, waiting in enumerate(self._waiting):
            if waiting.until <= now:
                events += waiting.then(None, b"")
                # A late reply is still this one's, and must not be taken for the next's.
                self._waiting[index] = _Waiting(waiting.query, _NEVER, _nothing)
        while len(self._waiting) > _MAX_EXPIRED and self._waiting[0].until == _NEVER:
            self._waiting.popleft()
        self._set_until()
        return events

    def forget(self) -> None:
        """Cancel all queries, as another program has read the answers.

        `expire` returns the events of that.
        """
        waiting, self._waiting = self._waiting, deque()
        self.request = b""
        self._cancelled += [event for w in waiting for event in w.then(None, b"")]
        self._set_until()

    def _set_until(self) -> None:
        until = min((waiting.until for waiting in self._waiting), default=_NEVER)
        self.until = 0.0 if self._cancelled else None if until == _NEVER else until

    def _give_up(self, waiting: _Waiting) -> list[Event]:
        query = waiting.query.otherwise
        if query is None or waiting.until == _NEVER:
            return waiting.then(None, b"")
        self.ask(query, waiting.until, waiting.then)
        return []


def _nothing(value: Any, raw: bytes) -> list[Event]:
    return []
