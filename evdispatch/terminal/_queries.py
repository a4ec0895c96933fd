"""Questions to a terminal, and which of its replies answers which: no IO, and no clock.

A terminal answers in order, and says nothing to what it does not know. Nearly all answer
one question, who they are (DA1); so that is asked after each other one, as a fence: when
its answer comes first, the other one will not come any more.

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
_MOST = 64  # of those that nobody waits for any more: some terminals never answer
_DEC_MODES_KNOWN = (1, 2, 3)  # of DECRPM: set, reset, set for good


@attrs.frozen
class Query:
    """A question.

    Attributes:
        name: What is asked for.
        request: The bytes to write.
        read: Returns what a reply tells, or None if it answers something else.
        otherwise: What to ask if there is no answer.
    """

    name: str
    request: bytes
    read: Callable[[Reply], Any]
    otherwise: "Query | None" = None


Then = Callable[[Any, bytes], list[Event]]
"""Makes events of an answer and its bytes; the answer None is that there is none."""


@attrs.frozen
class _Waiting:
    query: Query
    until: float
    then: Then


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


AMBIGUOUS_REQUEST: Final = b"\x1b[6n"
_REPORTED = Query("cursor", AMBIGUOUS_REQUEST, _cell)  # by who does not know the other

DEVICE: Final = Query("device", b"\x1b[c", _attributes)
_FENCE: Final = Query("fence", DEVICE.request, _attributes)
KITTY: Final = Query("kitty", b"\x1b[?u", _kitty_flags)
QUERIES: Final = {
    query.name: query
    for query in (
        # Its reply can't be taken for F3 with modifiers.
        Query("cursor", b"\x1b[?6n", _cell, _REPORTED),
        Query("background", b"\x1b]11;?\x1b\\", _color("11")),
        Query("foreground", b"\x1b]10;?\x1b\\", _color("10")),
        Query("version", b"\x1b[>q", _version),
        DEVICE,
    )
}


def knows_mode(mode: int) -> Query:
    """Return the question whether the terminal knows a private mode (DECRQM)."""

    def read(reply: Reply) -> bool | None:
        if reply.kind != "decrpm" or not reply.private or reply.params[0] != mode:
            return None
        return reply.params[1] in _DEC_MODES_KNOWN

    return Query(f"mode {mode}", b"\x1b[?%d$p" % mode, read)


class Queries:
    """What was asked, and not answered yet.

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
        self._untold: list[Event] = []  # of what was forgotten

    def ask(
        self, query: Query, until: float, then: Then, then_device: Then | None = None
    ) -> None:
        """Ask, and have the answer told.

        Args:
            query: The question.
            until: When to wait no longer, in seconds of the caller's clock.
            then: What to make of the answer.
            then_device: What to make of the fence's, which is that of DEVICE.
        """
        self._waiting.append(_Waiting(query, until, then))
        self.request += query.request
        if query is not DEVICE:
            self._waiting.append(_Waiting(_FENCE, until, then_device or _nothing))
            self.request += _FENCE.request
        self._set_until()

    @property
    def fences(self) -> int:
        """How many times the terminal has still to tell who it is."""
        return sum(waiting.query in (DEVICE, _FENCE) for waiting in self._waiting)

    def take(self, reply: Reply) -> list[Event] | None:
        """Return the events of an answer; None: nobody here has asked for it."""
        for index, waiting in enumerate(self._waiting):
            value = waiting.query.read(reply)
            if value is None:
                continue
            self.answered = True
            del self._waiting[index]
            events: list[Event] = []
            if waiting.query in (DEVICE, _FENCE):  # before it, nothing will be answered
                for _ in range(index):
                    events += self._give_up(self._waiting.popleft())
            self._set_until()
            return events + waiting.then(value, reply.raw)
        return None

    def expire(self, now: float) -> list[Event]:
        """Wait no longer for what is over; return what that tells."""
        untold, self._untold = self._untold, []
        for index, waiting in enumerate(self._waiting):
            if waiting.until <= now:
                untold += waiting.then(None, b"")
                # A late reply is still this one's, and must not be taken for the next's.
                self._waiting[index] = _Waiting(waiting.query, _NEVER, _nothing)
        while len(self._waiting) > _MOST and self._waiting[0].until == _NEVER:
            self._waiting.popleft()
        self._set_until()
        return untold

    def forget(self) -> None:
        """Wait for nothing: somebody else has read the answers. `expire` tells of it."""
        waiting, self._waiting = self._waiting, deque()
        self.request = b""
        self._untold += [event for w in waiting for event in w.then(None, b"")]
        self._set_until()

    def _set_until(self) -> None:
        until = min((waiting.until for waiting in self._waiting), default=_NEVER)
        self.until = 0.0 if self._untold else None if until == _NEVER else until

    def _give_up(self, waiting: _Waiting) -> list[Event]:
        query = waiting.query.otherwise
        if query is None or waiting.until == _NEVER:
            return waiting.then(None, b"")
        self.ask(query, waiting.until, waiting.then)
        return []


def _nothing(value: Any, raw: bytes) -> list[Event]:
    return []
