"""Text that is safe to show: what a user pastes must not control the screen.

Whatever `str.isprintable` refuses is escaped: controls, but also invisible and
direction-changing characters, lone surrogates and private-use ones. So what remains
takes 0, 1 or 2 cells.
"""

import unicodedata
from bisect import bisect_right
from itertools import accumulate

_ELLIPSIS = "…"
_DELETE = 0x7F


def printable(text: str) -> str:
    """Return the text, with what is not printable as Python escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def escaped(raw: bytes) -> str:
    r"""Return bytes as a shell's ``$'...'`` has them: ``\e[A``."""
    return "".join(map(_escaped_byte, raw))


def _escaped_byte(byte: int) -> str:
    if byte == 0x1B:  # noqa: PLR2004 (ESC)
        return r"\e"
    if ord(" ") <= byte < _DELETE:
        return "\\\\" if byte == ord("\\") else chr(byte)
    return f"\\x{byte:02x}"


def width(text: str) -> int:
    """Return how many cells printable text takes."""
    return len(text) if text.isascii() else sum(map(_char_width, text))


def clip(text: str, cells: int) -> str:
    """Return the text, cut to so many cells; an ellipsis marks the cut."""
    if width(text) <= cells:
        return text
    if cells <= 0:
        return ""
    ends = list(accumulate(map(_char_width, text)))
    return text[: bisect_right(ends, cells - width(_ELLIPSIS))] + _ELLIPSIS


def _char_width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
