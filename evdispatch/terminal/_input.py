"""From bytes to everything a terminal can tell, clicks and timers included: still no IO.

The decoder knows no time and the click tracker no bytes; here they work together. The
caller says what time it is, and comes back when `patience` is over.
"""

from evdispatch._events import Event
from evdispatch.terminal._clicks import ClickTracker
from evdispatch.terminal._decoder import Decoder
from evdispatch.terminal._events import Mouse

# Seconds of silence after which something unfinished is taken for what it is. Only a lone
# escape is a matter of a moment: within a sequence, waiting costs nobody a key.
_PATIENCE = {"seq": 1.0, "string": 1.0, "paste": 5.0}


class Input:
    """Decodes what a terminal sends.

    Args:
        decoder: Decodes the bytes.
        escape_timeout: How long to wait, in seconds, to tell the Escape key from a
            sequence that begins with its byte.
    """

    def __init__(self, decoder: Decoder, escape_timeout: float) -> None:
        self._decoder = decoder
        self._escape_timeout = escape_timeout
        self._clicks = ClickTracker()

    def feed(self, data: bytes, now: float) -> list[Event]:
        """Return the events that these bytes complete."""
        return self._with_clicks(self._decoder.feed(data), now)

    def flush(self, now: float) -> list[Event]:
        """Take what is unfinished for what it is: the patience or the input is over."""
        return self._with_clicks(self._decoder.flush(), now)

    @property
    def patience(self) -> float | None:
        """How many seconds to wait for the rest of what is unfinished; None: nothing is."""
        pending = self._decoder.pending
        if pending is None:
            return None
        return _PATIENCE.get(pending, self._escape_timeout)

    def _with_clicks(self, events: list[Event], now: float) -> list[Event]:
        result: list[Event] = []
        for event in events:
            if isinstance(event, Mouse):
                result += self._clicks.track(event, now)
            else:
                result.append(event)
        return result
