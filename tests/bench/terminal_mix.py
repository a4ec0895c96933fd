"""What the terminal benchmark decodes: made by rule from a seed, so that all get the same.

The mix is 45 % ASCII text, 15 % cursor and function keys, 37 % SGR mouse and 3 % other
text, counted in sequences. Each is drawn by itself, so that runs of text are short, as
they are while a mouse moves. A sequence is what one event comes of.
"""

import random
from collections.abc import Iterable
from typing import Final

READ: Final = 4096  # a tty gives no more at once
PASTE_START: Final = b"\x1b[200~"
PASTE_END: Final = b"\x1b[201~"

SHARES: Final = {"text": 45, "keys": 15, "mouse": 37, "unicode": 3}
_TEXT = [bytes([code]) for code in range(ord(" "), ord("~") + 1)]
# Keys that all of the decoders know, as one: alt is a key of its own to prompt_toolkit.
_KEYS = [
    *(b"\x1b[" + final for final in (b"A", b"B", b"C", b"D", b"F", b"H")),
    *(b"\x1bO" + final for final in (b"P", b"Q", b"R", b"S")),
    *(b"\x1b[%d~" % number for number in (2, 3, 5, 6, 15, 17, 18, 19, 20, 21, 23, 24)),
    *(b"\x1b[1;%d%c" % (bits, final) for bits in (2, 5, 6) for final in b"ABCD"),
]
_UNICODE = [char.encode() for char in "äéñßøλжд中文語日€→✓😀🚀"]
# Press, release, drag, move and wheel; as often as each comes.
_BUTTONS = [(0, b"M"), (0, b"m"), (32, b"M"), (35, b"M"), (64, b"M"), (65, b"M")]
_WEIGHTS = [1, 1, 4, 10, 2, 2]
_COLUMNS, _ROWS = 200, 50


class _Pointer:
    """A mouse that goes a few cells at a time."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._x, self._y = _COLUMNS // 2, _ROWS // 2

    def report(self) -> bytes:
        self._x = min(max(self._x + self._rng.randint(-3, 3), 1), _COLUMNS)
        self._y = min(max(self._y + self._rng.randint(-1, 1), 1), _ROWS)
        code, final = self._rng.choices(_BUTTONS, _WEIGHTS)[0]
        return b"\x1b[<%d;%d;%d%b" % (code, self._x, self._y, final)


def mix(size: int, seed: int = 1) -> list[bytes]:
    """Return sequences of at least so many bytes in all. A shorter mix begins a longer."""
    rng = random.Random(seed)
    pointer = _Pointer(rng)
    kinds, weights = list(SHARES), list(SHARES.values())
    sequences: list[bytes] = []
    length = 0
    while length < size:
        kind = rng.choices(kinds, weights)[0]
        if kind == "mouse":
            sequence = pointer.report()
        elif kind == "keys":
            sequence = rng.choice(_KEYS)
        else:
            sequence = rng.choice(_TEXT if kind == "text" else _UNICODE)
        sequences.append(sequence)
        length += len(sequence)
    return sequences


def paste(size: int, seed: int = 1) -> list[bytes]:
    """Return a paste of so many bytes of text: its markers, and its words between them."""
    rng = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words: list[bytes] = []
    length = 0
    while length < size:
        # A terminal sends a carriage return for a line's end.
        end = "\r" if rng.random() < 0.1 else " "
        word = "".join(rng.choices(letters, k=rng.randint(1, 9))) + end
        words.append(word.encode()[: size - length])
        length += len(words[-1])
    return [PASTE_START, *words, PASTE_END]


def cut(sequences: Iterable[bytes], limit: int = READ) -> list[bytes]:
    """Join sequences to reads of at most so many bytes; none of them is cut."""
    reads: list[bytes] = []
    read = bytearray()
    for sequence in sequences:
        if read and len(read) + len(sequence) > limit:
            reads.append(bytes(read))
            read.clear()
        read += sequence
    if read:
        reads.append(bytes(read))
    return reads
