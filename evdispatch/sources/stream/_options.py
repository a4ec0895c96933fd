"""What can be asked of a connection: one such object for all of a listener's."""

import errno
import socket
from typing import TYPE_CHECKING, Any

import attrs

from evdispatch._checks import check_interval
from evdispatch._errors import FrameError
from evdispatch.sources.stream._framing import Framing, framer
from evdispatch.sources.stream._writing import WriteBuffer

if TYPE_CHECKING:
    import ssl  # takes 10 ms, and many programs do without


@attrs.frozen(kw_only=True)
class StreamOptions:
    """The options of a `Connection`, which tells of them.

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

    def __attrs_post_init__(self) -> None:
        framer(self.framing, self.max_line)
        WriteBuffer(self.high, self.low, self.limit)
        for name in _TIMEOUTS:
            seconds = getattr(self, name)
            if seconds is not None:
                check_interval(name, seconds)
        if self.tls is not None and not hasattr(self.tls, "wrap_bio"):
            raise TypeError(f"tls is an ssl.SSLContext, not {self.tls!r}")


_TIMEOUTS = ("idle_timeout", "total_timeout", "handshake_timeout", "close_timeout")


def reason_of(error: BaseException) -> str:
    """Return the word for what ended a connection."""
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
