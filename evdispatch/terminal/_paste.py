"""Bracketed paste: everything between its two markers is data.

The end marker may be cut, so up to five bytes that may begin it are held back. A paste
above the limit comes in pieces, each but the last truncated; where it is cut depends on
its bytes alone.

Source: ctlseqs "Bracketed Paste Mode".
"""

from typing import Final

from evdispatch.terminal._events import Paste

START: Final = b"\x1b[200~"
END: Final = b"\x1b[201~"
_SMALLEST_LIMIT = 16
_CONTINUATION_BYTES = range(0x80, 0xC0)


class PasteReader:
    """Collects one paste after another.

    Attributes:
        active: Whether a start marker came, and no end marker yet.

    Args:
        newlines: ``raw``, or ``lf`` to make CR and CR LF line feeds.
        limit: Bytes after which a paste comes in pieces.

    Raises:
        ValueError: An argument has a value it can't have.
    """

    def __init__(self, *, newlines: str, limit: int) -> None:
        if newlines not in ("raw", "lf"):
            raise ValueError(f"paste_newlines must be 'raw' or 'lf', got {newlines!r}")
        if limit < _SMALLEST_LIMIT:
            raise ValueError(
                f"paste_limit must be at least {_SMALLEST_LIMIT}, got {limit!r}"
            )
        self.active = False
        self._lf = newlines == "lf"
        self._limit = limit
        self._head = b""  # the start marker, if this piece has it
        self._body = bytearray()

    def start(self) -> None:
        """Begin a paste: its start marker came."""
        self.active = True
        self._head = START

    def read(self, data: bytes, start: int) -> tuple[list[Paste], int]:
        """Take the paste's part of the data; return pieces and where it stopped.

        If the paste is still active, what is left begins an end marker: pass it again,
        with what follows.
        """
        # One byte is found much faster than six, and most pastes hold no other ESC.
        escape = data.find(END[:1], start)
        end = data.find(END, escape) if escape >= 0 else -1
        if end >= 0:
            self._body += memoryview(data)[start:end]
            return [*self._full(), self._piece(len(self._body), END)], end + len(END)
        # The marker holds one ESC, its first byte: only the last ESC can begin it.
        last = data.rfind(END[:1], start)
        stop = last if last >= 0 and END.startswith(data[last:]) else len(data)
        self._body += memoryview(data)[start:stop]
        return self._full(), stop

    def stop(self, rest: bytes) -> list[Paste]:
        """End a paste whose end does not come, with what `read` left."""
        self._body += rest
        return [*self._full(), self._piece(len(self._body), b"")]

    def _full(self) -> list[Paste]:
        pieces = []
        while len(self._body) > self._limit:
            pieces.append(self._piece(self._cut(), None))
        return pieces

    def _cut(self) -> int:
        """Return where to cut: not within a character, nor within CR LF."""
        body, cut = self._body, self._limit
        if body[cut] == ord("\n") and body[cut - 1] == ord("\r"):
            return cut - 1
        while body[cut] in _CONTINUATION_BYTES and cut > self._limit - 3:
            cut -= 1
        return cut

    def _piece(self, size: int, tail: bytes | None) -> Paste:
        """Make an event of the first bytes; ``tail`` is None if there are more."""
        payload = bytes(self._body[:size])
        del self._body[:size]
        raw = b"".join((self._head, payload, tail or b""))
        self._head = b""
        self.active = tail is None
        text = payload.decode(errors="replace")
        if self._lf:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return Paste(text, truncated=tail != END, raw=raw)
