"""The decoders that the terminal benchmark compares, each fed as its own library feeds it.

A decoder takes the bytes of one read, and returns what came of them. Where a library
decodes characters first, its incremental UTF-8 decoder is part of it. Where it decodes
the rest only later (prompt_toolkit hands mouse reports on as text), that is not counted.

What is quadratic in what has been read gets a part of the input, from its beginning. That
can only help it.
"""

import codecs
import importlib.metadata
import io
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

import attrs
import blessed
import urwid
from bench.terminal_mix import READ, cut, mix, paste
from blessed.dec_modes import DecModeResponse
from prompt_toolkit.input.vt100_parser import Vt100Parser
from textual._xterm_parser import XTermParser
from urwid.display.raw import Screen

from evdispatch.terminal import Decoder

Decode = Callable[[bytes], Sequence[Any]]
KIB: Final = 1 << 10
MIB: Final = 1 << 20
# The modes a program has on that wants what the input holds, for who asks.
_MODES = (1003, 1006, 2004)


@attrs.frozen
class Load:
    """Reads to decode, and how much they are: sequences, or MB of pasted text."""

    reads: list[bytes]
    sequences: int
    amount: float

    @classmethod
    @cache
    def mix(cls, size: int) -> "Load":
        sequences = mix(size)
        return cls(cut(sequences, READ), len(sequences), len(sequences))

    @classmethod
    @cache
    def paste(cls, size: int, read: int) -> "Load":
        return cls(cut(paste(size), read), 1, size / 1e6)


@attrs.frozen
class Peer:
    """A decoder, and how much it gets of the mix and of the paste, in bytes.

    ``pasted`` tells how many characters the events of one paste hold.
    """

    name: str
    entry: str
    make: Callable[[], Decode]
    pasted: Callable[[list[Any]], int]
    mix: int = MIB
    paste: int = MIB
    paste_read: int = READ

    @property
    def version(self) -> str:
        return importlib.metadata.version(self.name)

    def loads(self) -> dict[str, Load]:
        paste = Load.paste(self.paste, self.paste_read)
        return {"mix": Load.mix(self.mix), "paste": paste}


def _evdispatch() -> Decode:
    return Decoder().feed


def _prompt_toolkit() -> Decode:
    keys: list[Any] = []
    parser = Vt100Parser(keys.append)
    decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode

    def feed(data: bytes) -> list[Any]:
        keys.clear()
        parser.feed(decode(data))
        return keys

    return feed


def _textual() -> Decode:
    parser = XTermParser()
    decode = codecs.getincrementaldecoder("utf-8")().decode

    def feed(data: bytes) -> list[Any]:
        return list(parser.feed(decode(data)))

    return feed


def _urwid() -> Decode:
    urwid.set_encoding("utf-8")
    screen = Screen()

    def feed(data: bytes) -> Sequence[Any]:
        keys: Sequence[Any] = screen.parse_input(None, None, list(data))[0]
        return keys

    return feed


def _blessed() -> Decode:
    """Make a terminal which reads from memory: no system call is counted."""
    term = blessed.Terminal("xterm-256color", stream=io.StringIO(), force_styling=True)
    # It decodes mouse reports and pastes only if it has switched them on, which needs
    # a tty.
    term._dec_mode_cache.update(dict.fromkeys(_MODES, DecModeResponse.SET))
    decode = codecs.getincrementaldecoder("utf-8")().decode
    unread = bytearray()

    def kbhit(timeout: float | None = None) -> bool:
        return bool(unread)

    def getch(decode_latin1: bool = False) -> str:
        return decode(bytes((unread.pop(0),)))

    term.kbhit, term.getch = kbhit, getch

    def feed(data: bytes) -> list[Any]:
        unread[:] = data
        keys = []
        while key := term.inkey(timeout=0):
            keys.append(key)
        return keys

    return feed


OURS: Final = Peer(
    name="evdispatch",
    entry="terminal.Decoder.feed",
    make=_evdispatch,
    pasted=lambda events: len(events[0].text),
)
PEERS: Final = (
    Peer(
        name="prompt_toolkit",
        entry="Vt100Parser.feed",
        make=_prompt_toolkit,
        pasted=lambda events: len(events[0].data),
        mix=512 * KIB,
    ),
    Peer(
        name="textual",
        entry="XTermParser.feed",
        make=_textual,
        pasted=lambda events: len(events[0].text),
        mix=64 * KIB,
        paste=128 * KIB,
    ),
    Peer(
        name="urwid",
        entry="Screen.parse_input",
        make=_urwid,
        # A key for each character, between two for the markers.
        pasted=lambda events: len(events) - 2,
        mix=64 * KIB,
        paste=64 * KIB,
    ),
    Peer(
        name="blessed",
        entry="Terminal.inkey",
        make=_blessed,
        pasted=lambda events: len(events[0].text),
        mix=8 * KIB,
        paste=16 * KIB,
        paste_read=MIB,  # one that isn't all there it may take for keys
    ),
)
