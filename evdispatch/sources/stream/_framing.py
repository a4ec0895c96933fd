"""Framing: from bytes as they come to frames, without IO.

A framer is fed pieces of input and yields the frames that they complete. What is wrong
with the input is a `FrameError` in the place of a frame, so that it keeps its place among
them; after one that can't be overcome the framer is ``broken``.
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal, Protocol

import attrs

from evdispatch._checks import check_choice, check_count
from evdispatch._errors import FrameError
from evdispatch._events import Data, Line
from evdispatch._handlers._handler import check_one_argument, describe

Frame = Callable[[bytearray], bytes | None]
"""An incremental function: take the first frame out of the buffer, or return None."""


@attrs.frozen
class Length:
    """Framing by a big-endian length before each frame.

    Args:
        size: Bytes of the length: 1, 2, 4 or 8.

    Raises:
        ValueError: It is another.
    """

    size: int = 4

    def __attrs_post_init__(self) -> None:
        check_choice("the size of a length", self.size, (1, 2, 4, 8))

    def __call__(self, buffer: bytearray) -> bytes | None:
        """Take the first frame out of the buffer, or return None."""
        end = self.size + int.from_bytes(buffer[: self.size])
        if len(buffer) < max(self.size, end):
            return None
        frame = bytes(buffer[self.size : end])
        del buffer[:end]
        return frame

    def needs(self, buffer: bytearray) -> int:
        """Return the length that the buffer announces; 0 if it is not there yet."""
        if len(buffer) < self.size:
            return 0
        return int.from_bytes(buffer[: self.size])


Framing = Literal["raw", "lines"] | Length | Frame


class Framer(Protocol):
    """What `framer` returns."""

    event: type[Data | Line]  # what a frame becomes
    broken: bool  # nothing more will come

    def feed(self, data: bytes) -> list[bytes] | Iterator[bytes | FrameError]:
        """Return the frames that this piece completes; a list if all is well with them."""

    def end(self) -> Iterator[bytes | FrameError]:
        """Yield what the end of the input completes."""


def framer(framing: Framing, limit: int) -> Framer:
    """Return a new framer.

    Args:
        framing: ``"raw"``, ``"lines"``, a `Length`, or a function that takes a
            bytearray, removes its first frame and returns it, or returns None.
        limit: The longest line or frame, in bytes.

    Raises:
        TypeError: The limit is no number, or the function can't be called so.
        ValueError: There is no such framing, or the limit is not above 0.
    """
    check_count("the longest line", limit)
    if framing == "raw":
        return _RAW
    if framing == "lines":
        return _Lines(limit)
    if isinstance(framing, type):
        raise TypeError(f"framing is called for each frame: not a class, {framing!r}")
    if callable(framing):
        check_one_argument(framing)
        return _Frames(framing, limit)
    raise ValueError(
        f"framing is 'raw', 'lines', a Length or a function, not {framing!r}"
    )


class _Raw:
    event: type[Data | Line] = Data
    broken = False

    def feed(self, data: bytes) -> list[bytes]:
        return [data]

    def end(self) -> Iterator[bytes | FrameError]:
        return iter(())


_RAW = _Raw()  # one for all: it keeps nothing


class _Lines:
    __slots__ = ("_limit", "_rest", "_skipping")

    event: type[Data | Line] = Line
    broken = False

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = bytearray()  # grows in place: joining bytes would be quadratic
        self._skipping = False  # the rest of a line that was too long

    def feed(self, data: bytes) -> list[bytes] | Iterator[bytes | FrameError]:
        # All of them in one go, in C: a generator costs as much as the rest for each line.
        lines = data.split(b"\n")
        rest = lines.pop()
        if lines and self._skipping:
            self._skipping = False
            del lines[0]
        elif lines and self._rest:
            lines[0] = bytes(self._rest) + lines[0]
            self._rest.clear()
        if b"\r" in data or (lines and lines[0].endswith(b"\r")):
            lines = [line.removesuffix(b"\r") for line in lines]
        if not self._skipping:
            self._rest += rest
        too_long = len(self._rest) > self._limit + 1  # 1: a CR may be the end's
        if too_long:
            self._rest.clear()
            self._skipping = True
        if too_long or max(map(len, lines), default=0) > self._limit:
            return iter([*map(self._check, lines), *[self._too_long()] * too_long])
        return lines

    def _check(self, line: bytes) -> bytes | FrameError:
        return line if len(line) <= self._limit else self._too_long()

    def _too_long(self) -> FrameError:
        return FrameError(f"a line of more than {self._limit} bytes was left out")

    def end(self) -> Iterator[bytes | FrameError]:
        rest = bytes(self._rest)  # without an LF its CR is not an end's, but data
        self._rest.clear()
        if rest:
            yield rest if len(rest) <= self._limit else self._too_long()


class _Frames:
    __slots__ = ("_buffer", "_limit", "_take", "broken")

    event: type[Data | Line] = Data

    def __init__(self, take: Frame, limit: int) -> None:
        self.broken = False
        self._take = take
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes | FrameError]:
        buffer = self._buffer
        buffer += data
        while not self.broken:
            if self._announces_too_much():
                yield self._too_long()
                return
            before = len(buffer)
            frame: Any = self._take(buffer)
            if frame is None:
                break
            if not isinstance(frame, (bytes, bytearray)):
                self.broken = True
                yield FrameError(
                    f"{describe(self._take)} returned {frame!r}, not bytes"
                )
                return
            if len(buffer) == before:
                self.broken = True
                yield FrameError(
                    f"{describe(self._take)} returned what it did not take"
                )
                return
            if len(frame) > self._limit:
                yield self._too_long()
                return
            yield bytes(frame)
        if len(buffer) > self._limit + _HEADER:
            yield self._too_long()

    def _too_long(self) -> FrameError:
        self.broken = True
        return FrameError(f"a frame of more than {self._limit} bytes")

    def _announces_too_much(self) -> bool:
        take: Any = self._take
        return isinstance(take, Length) and take.needs(self._buffer) > self._limit

    def end(self) -> Iterator[bytes | FrameError]:
        if self._buffer and not self.broken:
            self.broken = True
            yield FrameError(
                f"the input ended within a frame ({len(self._buffer)} bytes)"
            )


_HEADER = 64  # what a framing may put around a frame
