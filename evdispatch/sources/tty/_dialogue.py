"""What a terminal is asked, what its answers change, and how long to wait for them.

No IO and no clock. The owner passes the time, writes what `take_request` returns, and
switches `modes` on when they have `changed`. A terminal is asked once what it supports:
what is behind a pty hardly changes while a program runs.
"""

import functools
import os
import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import attrs

from evdispatch._events import Event
from evdispatch.terminal import Answer, Decoder, Pointer, Resize
from evdispatch.terminal._events import QueryName
from evdispatch.terminal._input import Input
from evdispatch.terminal._negotiation import Negotiation
from evdispatch.terminal._queries import DEVICE, QUERIES

# All in seconds.
_ANSWER_WITHIN = 2.0  # a satellite link takes less
_CUT_ESCAPE = 1.0  # where a lone escape byte can only be the beginning of a sequence
_LOCAL_ESCAPE = 0.025
_SSH_ESCAPE = 0.1  # a sequence may arrive in two packets
_FENCE = 0.2  # for the next reply
_LONGEST_FENCE = 1.0  # for all replies: the mouse may move all the time

_DEVICE_REPLY = re.compile(rb"\x1b\[\?[0-9;]*c")


class Size(NamedTuple):
    """A terminal's size in cells, and in pixels where the terminal reports them (else 0)."""

    columns: int
    rows: int
    width_px: int = 0
    height_px: int = 0


class Dialogue:
    """Knows what the terminal supports, and which modes follow from that.

    Args:
        negotiation: Finds out what the terminal supports.
        pointer: Knows in which region the mouse is.
        paste_limit: Bytes of a paste after which it comes in pieces.
        escape_timeout: Seconds to wait for what may follow an escape byte.

    Attributes:
        modes: The modes that are to be on.
        size: The last size that a `resize` event has reported, or need not report.
        input: Makes events of bytes, and knows the queries that are not answered yet.
    """

    def __init__(
        self,
        negotiation: Negotiation,
        pointer: Pointer,
        *,
        paste_limit: int,
        escape_timeout: float,
    ) -> None:
        self.modes = negotiation.modes
        self.size: Size | None = None
        self._negotiation = negotiation
        self._negotiated = negotiation.modes
        self._pointer = pointer
        self._paste_limit = paste_limit
        self._escape_timeout = escape_timeout
        self._asked_at = 0.0
        self.input = self.open()

    def open(self, **decoder: Any) -> Input:
        """Replace the input by one whose decoder knows this tty's keys, and return it."""
        made = Decoder(paste_limit=self._paste_limit, **decoder)
        self.input = Input(made, self._escape_timeout, self._pointer)
        return self.input

    @property
    def keyboard(self) -> str:
        """How keys are encoded: ``legacy``, ``modify_other_keys`` or ``kitty``."""
        if self.modes.keyboard:
            return "kitty"
        return "modify_other_keys" if self.modes.modify_other_keys else "legacy"

    # -- queries -------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """Ask what the terminal supports, unless that is known: it was taken just now."""
        queries = self.input.queries
        queries.forget()  # another program has read the answers
        if not self._negotiation.finished:
            self._negotiation.ask(queries, now + _ANSWER_WITHIN)

    def ask(self, query: QueryName, until: float) -> None:
        """Add a query of the user's; its `answer` event comes by this time."""
        answer = functools.partial(_answer, query)
        self.input.queries.ask(QUERIES[query], until, answer)

    def take_request(self, now: float) -> bytes:
        """Return what is to be written to the terminal, once."""
        request = self.input.take_request()
        if request:
            self._asked_at = now
        return request

    def fence(self, now: float) -> "Fence | None":
        """Return what waits for the last reply, or None where no reply will come."""
        queries = self.input.queries
        late = now - self._asked_at >= _ANSWER_WITHIN or not queries.fences
        if late and not queries.answered:
            return None
        return Fence(queries.fences)

    # -- modes and size ------------------------------------------------------------------

    @property
    def changed(self) -> bool:
        """Whether the terminal supports more modes than `update` has seen."""
        return self._negotiation.modes is not self._negotiated

    def update(self, size: Size) -> None:
        """Add the modes that the terminal supports.

        Args:
            size: The present size.
        """
        self._negotiated = modes = self._negotiation.modes
        if not size.width_px:  # no cell could be found from pixels
            modes = attrs.evolve(modes, pixels=False)
        self.modes = attrs.evolve(modes, title=self.modes.title)
        if self._negotiation.kitty:
            self.input.escape_timeout = max(_CUT_ESCAPE, self._escape_timeout)
        self._measure(size)

    def set_title(self, title: str) -> None:
        """Add a title to the modes, or replace it."""
        self.modes = attrs.evolve(self.modes, title=title)

    def resize(self, size: Size) -> None:
        """Note the size that the tty has now."""
        self.size = size
        self._measure(size)

    def without_known_sizes(self, events: Iterable[Event]) -> list[Event]:
        """Return the events without the sizes that are known already."""
        return [e for e in events if not isinstance(e, Resize) or self._is_new(e)]

    def _is_new(self, event: Resize) -> bool:
        if not self.modes.resize:
            return True
        known = self.size
        size = Size(event.columns, event.rows, event.width_px, event.height_px)
        self.resize(size)
        if known is None:
            return True
        # The tty may know the cells only: pixels beside the same cells are no new size.
        return known[:2] != size[:2] or known[2:] not in ((0, 0), size[2:])

    def _measure(self, size: Size) -> None:
        if self.modes.pixels and size.width_px and size.height_px:
            cell = size.width_px / size.columns, size.height_px / size.rows
            self.input.cell = cell


class Fence:
    """Waits for the replies that are still to come when the program ends or stops.

    A late reply would be typed into the shell. So the last thing written is a
    device-attributes query: what comes before its answer is dropped.

    Args:
        replies: How many answers to that query are still to come.
    """

    request: Final = DEVICE.request

    def __init__(self, replies: int) -> None:
        self._replies = replies + 1
        self._seen = b""
        self._deadline: float | None = None

    def patience(self, now: float) -> float:
        """Return how many seconds to wait for more; 0: nothing more is to come."""
        if self._deadline is None:
            self._deadline = now + _LONGEST_FENCE
        if len(_DEVICE_REPLY.findall(self._seen)) >= self._replies:
            return 0.0
        return max(0.0, min(_FENCE, self._deadline - now))

    def drop(self, data: bytes) -> None:
        """Look for answers in bytes that are not wanted otherwise."""
        self._seen += data


def escape_delay() -> float:
    """Return how long to wait after an ESC for the rest of a sequence, in seconds.

    ESCDELAY (milliseconds, as ncurses reads it) decides; else it is 25 ms, and 100 ms over
    SSH.
    """
    try:
        return max(0.001, int(os.environ["ESCDELAY"]) / 1000)
    except (KeyError, ValueError):
        remote = "SSH_CONNECTION" in os.environ or "SSH_TTY" in os.environ
        return _SSH_ESCAPE if remote else _LOCAL_ESCAPE


def _answer(query: str, value: Any, raw: bytes) -> list[Event]:
    return [Answer(query, value, raw)]
