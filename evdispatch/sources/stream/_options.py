"""The options of a connection, its deadlines, and the word for what ended it."""

import errno
import math
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from evdispatch._checks import check_interval
from evdispatch._errors import FrameError
from evdispatch.sources.stream._framing import Framer, Framing, framer_factory
from evdispatch.sources.stream._writer import WriteBuffer

if TYPE_CHECKING:
    import ssl  # takes 10 ms, and many programs do without


@attrs.frozen(kw_only=True)
class StreamOptions:
    """The options of a `Connection`: one such object for all of a listener's.

    Raises:
        TypeError: One has the wrong type.
        ValueError: One is out of range.
    """

    framing: Framing = "raw"
    max_line: int = 65_536
    tls: "ssl.SSLContext | None" = None
    server_hostname: str | None = None
    high: int = 65_536
    low: int = 16_384
    limit: int = 64 * 2**20
    half_open: bool = False
    idle_timeout: float | None = None
    total_timeout: float | None = None
    handshake_timeout: float = 30.0
    close_timeout: float = 10.0
    edge: bool | None = None
    new_framer: Callable[[], Framer] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.new_buffer()
        for name in _TIMEOUTS:
            seconds = getattr(self, name)
            if seconds is not None:
                check_interval(name, seconds)
        if self.tls is not None and not hasattr(self.tls, "wrap_bio"):
            raise TypeError(f"tls must be an ssl.SSLContext, got {self.tls!r}")

    @new_framer.default
    def _check_framing(self) -> Callable[[], Framer]:
        return framer_factory(self.framing, self.max_line)

    def new_buffer(self) -> WriteBuffer:
        """Return an empty write buffer."""
        return WriteBuffer(self.high, self.low, self.limit)


_TIMEOUTS = ("idle_timeout", "total_timeout", "handshake_timeout", "close_timeout")


class Timeouts:
    """When an open connection has to end. A connection without timeouts has none of it.

    Args:
        options: Those of the connection.
        now: The time at which it was opened.

    Attributes:
        active: When the last byte went in either direction.
        phase: When the handshake, or the closing, must be over, and the error's text.
    """

    __slots__ = ("_idle", "_total", "active", "phase")

    def __init__(self, options: StreamOptions, now: float) -> None:
        total = options.total_timeout
        self._idle = options.idle_timeout
        self._total = (now + (total or math.inf), "total_timeout is over")
        self.active = now
        self.phase = _NEVER

    def nearest(self) -> tuple[float, str]:
        """Return the nearest deadline, and the error's text; infinity: there is none."""
        idle = _NEVER
        if self._idle is not None:
            idle = self.active + self._idle, f"no byte for {self._idle:g} s"
        return min(self.phase, self._total, idle)


_NEVER = math.inf, ""


def reason_of(error: BaseException) -> str:
    """Return the `disconnect` event's word for an error."""
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    if type(error).__module__ == "ssl":
        return "tls"
    number: Any = getattr(error, "errno", None)
    return {errno.ENOBUFS: "overflow"}.get(number, "error")


_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (FrameError, "frame"),
    (ConnectionRefusedError, "refused"),
    (ConnectionResetError, "reset"),
    (BrokenPipeError, "reset"),
    (TimeoutError, "timeout"),
    (socket.gaierror, "unresolved"),
)
