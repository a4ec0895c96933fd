"""How a connection ends: its deadlines, closing, and the one `disconnect`.

- Closing a socket that has unread input resets it, and the other side may lose what we
  wrote last. So what is there is read, and thrown away.
- The end of the input is not that of the connection: what handlers still have to answer
  comes first. So it is closed when the handlers are through with `eof`, not before.
"""

import contextlib
import socket
import struct
from collections.abc import Iterable
from typing import ClassVar

import attrs

from evdispatch._events import Disconnect, Eof, Event
from evdispatch.sources.stream._options import StreamOptions
from evdispatch.sources.stream._output import (
    CHUNK,
    CLOSING,
    HANDSHAKING,
    OPEN,
    OPENING,
    Output,
)

_NO_LINGER = struct.pack("ii", 1, 0)  # close with a reset, socket(7)
_LEFT = 16  # reads of what nobody wants, before it is left to a reset
_UNHEARD = "unheard"
_TOO_LONG = {
    OPENING: "it could not be opened in time",
    HANDSHAKING: "the TLS handshake took too long",
    CLOSING: "what was still to be written was not taken in time",
}


@attrs.define(eq=False)
class StreamEof(Eof):
    """The end of a connection's input; the handlers may still answer."""

    name: ClassVar[str] = "eof"
    names: ClassVar[frozenset[str]] = Eof.names
    has_hooks: ClassVar[bool] = True

    def on_handled(self) -> None:
        """All that came in is handled."""
        self.source.answered()


class Ending(Output):
    """What ends. `Connection` is what users see of it."""

    __slots__ = ("_active", "_error", "_reason", "_total_at", "_until")

    def __init__(self, options: StreamOptions, name: str) -> None:
        super().__init__(options, name)
        self._reason = ""
        self._error: BaseException | None = None
        self._until: float | None = None  # the deadline of the phase
        self._total_at: float | None = None
        self._active = 0.0  # when a byte went either way, if that counts

    # -- deadlines -------------------------------------------------------------------

    def _moved(self) -> None:
        if self._options.idle_timeout is not None:
            self._active = self.host.now()

    def _arm(self) -> None:
        idle = self._options.idle_timeout
        idle_at = None if idle is None else self._active + idle
        times = [t for t in (self._until, self._total_at, idle_at) if t is not None]
        if times or self.registration.deadline is not None:
            self.set_deadline(min(times, default=None))

    def on_deadline(self, now: float) -> Iterable[Event]:
        """End what takes too long."""
        idle = self._options.idle_timeout
        if self._until is not None and now >= self._until:
            return self._end("timeout", TimeoutError(_TOO_LONG[self._phase]))
        if self._total_at is not None and now >= self._total_at:
            return self._end("timeout", TimeoutError("the time for it is over"))
        if self.registration.held:  # that is not the other side's fault
            self._active = now
        if idle is not None and now >= self._active + idle:
            return self._end("timeout", TimeoutError(f"no byte for {idle:g} s"))
        self._arm()
        return ()

    # -- the end ---------------------------------------------------------------------

    def resume(self) -> None:
        """Go on reading. From any thread."""
        super().resume()
        self.on_released()

    def on_released(self) -> None:
        """Go on with the end that was waited with."""
        if self._failure is not None:
            self.wake()

    def answered(self) -> None:
        """The handlers are through with all that came in; dispatch side."""
        host = self.registration.host
        if host is not None and not self._options.half_open:
            with host.lock:
                if not self._input_open:  # else it has been opened anew since
                    self._leave("eof")
                    self.wake()

    def _leave(self, reason: str) -> None:
        """Write what is buffered, and then end."""
        if self._phase != CLOSING and not self.registration.closed:
            self._reason = reason
            if self._tls is not None:
                self._tls.close()
                self._transmit(self._tls.take())
            self._phase = CLOSING
            self._plain = False
            self._until = self.host.now() + self._options.close_timeout
            self._arm()
            self._rewatch()

    def close(self) -> None:
        """Write what is buffered, within ``close_timeout``, and close. From any thread.

        What has come in and was not handled is dropped; `disconnect` is still told.
        """
        host = self.registration.host
        if host is None:
            super().close()
            return
        with host.lock:
            host.discard_pending(self)
            if self._phase == OPEN:
                self._leave("closed")
            if self._phase != CLOSING or not self.buffered:
                self._reason = self._reason or "closed"
                host.unregister(self, discard=True)

    def abort(self) -> None:
        """Close at once, with a reset, and drop what is buffered. From any thread."""
        host = self.registration.host
        if host is None:
            super().close()
            return
        with host.lock:
            if (
                not self.registration.closed
            ):  # by itself, while this thread came for the lock
                self._reason = "aborted"
            host.unregister(self, discard=True)

    def _end(self, reason: str, error: BaseException | None = None) -> Iterable[Event]:
        """End it; IO side."""
        self._reason, self._error = reason, error
        self.finish()
        return ()

    def on_close(self) -> None:
        """Close the socket."""
        self._plain = False
        sock, self._socket = self._socket, None
        if sock is not None:
            if self._reason == "aborted" or self.buffered:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            elif self._input_open:
                _discard(sock)
            sock.close()
        # An exception holds the frames it went through, and so this: a cycle.
        self._buffer = self._tls = self._failure = None

    def forget(self) -> None:
        """End it without a word: no handler has heard of it; IO side."""
        self._reason = _UNHEARD
        if self.registration.host is not None:
            self.registration.host.unregister(self, discard=True)

    def final_events(self) -> Iterable[Event]:
        """Tell why it is over."""
        if self._reason == _UNHEARD:
            return ()
        error, self._error = self._error, None  # a cycle, too
        return (Disconnect(self._reason or "closed", error),)


def _discard(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        for _ in range(_LEFT):
            if not sock.recv(CHUNK):
                return
