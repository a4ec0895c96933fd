"""From bytes to all events of a terminal, clicks and answers included: still no IO.

`Input` joins the decoder, which has no clock, the click tracker, which sees no bytes, and
the pointer, which knows regions only. Its owner passes the time, writes `take_request`,
and calls `expire` at `until`.
"""

from evdispatch._events import Event
from evdispatch.terminal._clicks import ClickTracker
from evdispatch.terminal._decoder import Decoder
from evdispatch.terminal._events import Focus, Mouse, Reply
from evdispatch.terminal._queries import AMBIGUOUS_REQUEST, Queries
from evdispatch.terminal._regions import Pointer

# Seconds of silence after which something incomplete is decoded as it is. Only for a lone
# escape do they matter: while a sequence is incomplete, waiting delays no key.
_PATIENCE = {"seq": 1.0, "string": 1.0, "paste": 5.0}


class Input:
    """Decodes what a terminal sends.

    Args:
        decoder: Decodes the bytes.
        escape_timeout: How long to wait, in seconds, before an escape byte is the Escape
            key, and not the beginning of a sequence.
        pointer: Knows in which region the mouse is.

    Attributes:
        escape_timeout: As the argument; a terminal that sends no lone escape byte (kitty)
            gets more time.
        patience: How many seconds to wait for the rest of what is incomplete; None:
            nothing is.
        cell: A cell's width and height in pixels, where the mouse reports pixels.
        queries: What the terminal was asked.
    """

    def __init__(
        self, decoder: Decoder, escape_timeout: float, pointer: Pointer
    ) -> None:
        self.escape_timeout = escape_timeout
        self.patience: float | None = None
        self.cell: tuple[float, float] | None = None
        self.queries = Queries()
        self._decoder = decoder
        self._pointer = pointer
        self._clicks = ClickTracker()
        self._flush_at: float | None = None

    def feed(self, data: bytes, now: float) -> list[Event]:
        """Return the events that these bytes complete."""
        events = self._interpret(self._decoder.feed(data), now)
        pending = self._decoder.pending
        if pending is None:
            self.patience = self._flush_at = None
        else:
            self.patience = _PATIENCE.get(pending, self.escape_timeout)
            self._flush_at = now + self.patience
        return events

    def flush(self, now: float) -> list[Event]:
        """Return the events of what is incomplete: the input has ended."""
        self.patience = self._flush_at = None
        return self._interpret(self._decoder.flush(), now)

    def expire(self, now: float) -> list[Event]:
        """Return the events of what is overdue: incomplete input, and queries."""
        events: list[Event] = []
        if self._flush_at is not None and self._flush_at <= now:
            events += self.flush(now)
        events += self.queries.expire(now)
        if self.queries.until is None:
            self._decoder.expect_cpr = 0
        return events

    @property
    def until(self) -> float | None:
        """When to call `expire`, in seconds of the caller's clock; None: never."""
        queries = self.queries.until
        if queries is None or self._flush_at is None:
            return self._flush_at if queries is None else queries
        return min(self._flush_at, queries)

    def take_request(self) -> bytes:
        """Return what is to be written to the terminal, once."""
        request = self.queries.request
        if request:
            self.queries.request = b""
            self._decoder.expect_cpr += request.count(AMBIGUOUS_REQUEST)
        return request

    def _interpret(self, events: list[Event], now: float) -> list[Event]:
        """Add targets and clicks, and replace replies by the answers to queries."""
        result: list[Event] = []
        for event in events:
            if isinstance(event, Mouse):
                if self.cell is not None:
                    _to_cells(event, *self.cell)
                result += self._pointer.follow(event)
                result += self._clicks.track(event, now)
            elif isinstance(event, Reply):
                answers = self.queries.take(event)
                result += [event] if answers is None else answers
            else:
                if isinstance(event, Focus) and not event.gained:
                    result += self._pointer.forget()
                result.append(event)
        return result


def _to_cells(event: Mouse, width: float, height: float) -> None:
    event.x_px, event.y_px = event.x, event.y
    event.x, event.y = int(event.x / width), int(event.y / height)
