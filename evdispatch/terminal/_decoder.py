"""The decoder: bytes of a terminal in, events out. It does no IO and reads no clock.

Data may be cut anywhere; the events do not depend on where. A sequence that the data cuts
is held until its rest comes, or `flush`. No bytes raise. A sequence above its limit makes
an `Unknown` of its beginning, and the rest is skipped. So memory is bounded, and time is
linear in the bytes: what is held is examined when it begins and when it ends.

There are few different key sequences, and each comes often. So each one that was decoded is
kept as a recipe that makes a new event, and a read that is just one of them is one look-up.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Final, Literal

import attrs

from evdispatch._events import Event
from evdispatch.terminal import _keyboard, _reports
from evdispatch.terminal._events import Key, Unknown
from evdispatch.terminal._grammar import (
    LONG,
    PENDING,
    SEQUENCE,
    SGR_MOUSE,
    TEXT,
    UTF8,
    X10_MOUSE,
    Long,
    MalformedError,
    Pending,
    Sequence,
    grammar,
    parse_csi,
)
from evdispatch.terminal._keyboard import Modifiers
from evdispatch.terminal._keys import modifier_sets
from evdispatch.terminal._paste import START, PasteReader

PASTE_LIMIT: Final = 1 << 24
KNOWN_LIMIT: Final = 4096  # how many sequences are kept ...
KNOWN_LENGTH: Final = 64  # ... of at most so many bytes each
_ESC = _keyboard.ESC
_XTERM_MODIFIERS = range(2, 17)
_AMBIGUOUS_POSITION = re.compile(rb"\x1b\[[0-9]+;[0-9]+R")


def _recipe(event: Event) -> Callable[[], Event]:
    """Return a function that makes events like this one."""
    cls = type(event)
    values = [getattr(event, f.name) for f in attrs.fields(cls) if not f.kw_only]
    return partial(cls, *values)


_PRINTABLE = {
    code: _recipe(_keyboard.character(chr(code)))
    for code in range(ord(" "), ord("~") + 1)
}
_CHARACTERS = {bytes([code]): make for code, make in _PRINTABLE.items()}


class Decoder:
    """Turns the bytes of a terminal into events.

    Not thread-safe: one thread at a time.

    Attributes:
        pending: What is incomplete, which says how long to wait before `flush`. ``esc``:
            the Escape key, alt and a key, or the beginning of a sequence. ``seq``: a
            sequence of which more than the introducer came. ``string``: the same of an
            OSC, DCS and the like. ``paste``: a paste. None: nothing.
        expect_cpr: How many position reports (``CSI 6 n``) are awaited. Each that comes
            lowers it; while it is 0, what can be F3 with modifiers is F3.

    Args:
        erase: The tty's VERASE character: with 8, ctrl+h is the key backspace.
        mod8: What the terminal means by the modifier bit 8: ``super``, ``meta`` (xterm)
            or ``alt`` (iTerm2).
        mouse_utf8: Whether X10 mouse reports come as UTF-8 (mode 1005).
        paste_newlines: ``raw``, or ``lf`` for line feeds only.
        term: The value of TERM. ``linux`` sends ESC TAB for shift+tab.
        expect_cpr: As the attribute.
        paste_limit: Bytes of a paste after which it comes in pieces.

    Raises:
        ValueError: An option has a value it can't have.
    """

    def __init__(
        self,
        *,
        erase: int = 0x7F,
        mod8: str = "super",
        mouse_utf8: bool = False,
        paste_newlines: str = "raw",
        term: str | None = None,
        expect_cpr: int = 0,
        paste_limit: int = PASTE_LIMIT,
    ) -> None:
        self.expect_cpr = expect_cpr
        self.pending: Pending | Literal["paste"] | None = None
        self._modifiers = modifier_sets(mod8)
        self._grammar = grammar(mouse_utf8=mouse_utf8)
        self._mouse_utf8 = mouse_utf8
        own = _keyboard.own_keys(erase, term)
        self._own = {raw: _recipe(key) for raw, key in own.items()}
        self._known = dict(self._own)
        self._held = bytearray()  # the beginning of a sequence, or of a paste's end
        self._long: Long | None = None  # the kind of what is held, if it can be long
        self._excess: Long | None = None  # the kind of a sequence that is being skipped
        self._paste = PasteReader(newlines=paste_newlines, limit=paste_limit)

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that are complete with these bytes."""
        if self.pending is None:
            if len(data) <= KNOWN_LENGTH:  # most reads are one key
                make = _CHARACTERS.get(data) or self._known.get(data)
                if make is not None:
                    return [make()]
        elif self._only_longer(data):
            self._held += data
            return []
        if self._held:
            data = self._take_held() + data
        return self._decode(data, final=False)

    def flush(self) -> list[Event]:
        """Return the events of what is held, as if nothing followed it."""
        data = self._take_held()
        self.pending = self._excess = None
        if self._paste.active:
            return [*self._paste.stop(data)]
        return self._decode(data, final=True)

    def _decode(self, data: bytes, *, final: bool) -> list[Event]:
        events: list[Event] = []
        pos = 0
        while pos < len(data):
            if self.pending is None:
                pos = self._read_tokens(data, pos, events, final=final)
            elif self._excess is None:
                pos = self._read_paste(data, pos, events)
            else:
                pos = self._skip_excess(data, pos, self._excess)
        return events

    def _read_tokens(
        self, data: bytes, start: int, events: list[Event], *, final: bool
    ) -> int:
        """Decode tokens up to where they stop being tokens, and return that place."""
        known = self._known
        for match in self._grammar.token.finditer(data, start):
            kind = match.lastindex
            if kind == SGR_MOUSE:
                event = _reports.sgr(match)
                if event is not None:
                    events.append(event)
            elif kind == SEQUENCE:
                make = known.get(match[0])
                if make is not None:
                    events.append(make())
                elif not self._learn(match[0], events):
                    return match.start() + 1
                elif self.pending is not None:  # a paste begins
                    return match.end()
            elif kind == TEXT:
                events += [_PRINTABLE[byte]() for byte in match[0]]
            elif kind is None:
                return self._read_prefix(data, match.start(), events, final=final)
            else:
                events += self._rare(kind, match[0])
        return len(data)

    def _rare(self, kind: int, token: bytes) -> list[Event]:
        if kind == UTF8:
            return [_keyboard.character(char) for char in token.decode()]
        if kind == X10_MOUSE:
            return [_reports.x10(token, utf8=self._mouse_utf8)]
        return [_reports.string(token)]

    def _learn(self, token: bytes, events: list[Event]) -> bool:
        """Decode a sequence that is not known, and keep its recipe.

        Returns:
            Whether all of it was used; if not, only an ESC before a report was.
        """
        if token == START:
            self._paste.start()
            self.pending = "paste"
            return True
        sequence = token[1:] if token.startswith(_ESC * 2) else token
        may_be_position = _AMBIGUOUS_POSITION.fullmatch(sequence) is not None
        awaited = may_be_position and self.expect_cpr > 0
        event = _sequence_event(sequence, self._modifiers, position_awaited=awaited)
        if sequence is not token:
            if not isinstance(event, Key):  # ESC is no modifier of reports
                events.append(_keyboard.escape())
                return False
            event = _keyboard.with_alt(event)
        events.append(event)
        if awaited:
            self.expect_cpr -= 1
        elif not may_be_position and len(token) <= KNOWN_LENGTH:
            if len(self._known) >= KNOWN_LIMIT:
                self._known.clear()
                self._known.update(self._own)
            self._known[token] = _recipe(event)
        return True

    def _read_prefix(
        self, data: bytes, start: int, events: list[Event], *, final: bool
    ) -> int:
        """Hold a sequence that the data cuts, or make events of one that was broken off.

        Returns:
            Where to continue.
        """
        match = self._grammar.prefix.match(data, start)
        if match is None or match.lastgroup is None:
            events.append(Unknown(data[start : start + 1]))
            return start + 1
        kind, end = match.lastgroup, match.end(match.lastgroup)
        if match.end() == len(data) and not final:
            self._held += memoryview(data)[start:]
            self.pending = PENDING[kind]
            self._long = LONG.get(kind) if end == match.end() else None
            return len(data)
        if kind in ("escape", "alt") or data.startswith(_ESC * 2, start):
            events.append(_keyboard.escape())
            return start + 1
        token = data[start:end]
        if kind == "introducer":
            events.append(_keyboard.escaped(token))
            return end
        events.append(Unknown(token))
        long = LONG.get(kind)
        # What could continue it here would belong to the prefix, but for the limit.
        if long is not None and long.skip(data, end)[0] > end:
            self._excess = long
            self.pending = "string" if long.split_end else "seq"
        return end

    def _read_paste(self, data: bytes, start: int, events: list[Event]) -> int:
        pieces, stop = self._paste.read(data, start)
        events += pieces
        if self._paste.active:
            self._held += memoryview(data)[stop:]
            return len(data)
        self.pending = None
        return stop

    def _skip_excess(self, data: bytes, start: int, long: Long) -> int:
        """Skip what is left of a sequence above its limit."""
        stop, ended = long.skip(data, start)
        rest = data[stop : stop + 2]
        if ended or rest not in ((b"", _ESC) if long.split_end else (b"",)):
            self.pending = self._excess = None
            return stop
        self._held += rest
        return len(data)

    def _only_longer(self, data: bytes) -> bool:
        """Return whether the held sequence surely continues beyond this data."""
        long = self._long
        return (
            long is not None
            and len(self._held) + len(data) <= long.limit
            and long.run.fullmatch(data) is not None
        )

    def _take_held(self) -> bytes:
        held = bytes(self._held)
        self._held.clear()
        if self._excess is None and not self._paste.active:
            self.pending = self._long = None
        return held


def _sequence_event(
    raw: bytes, modifiers: Modifiers, *, position_awaited: bool
) -> Event:
    """Return the event of a complete sequence: a control, or what begins with ESC.

    Args:
        raw: The bytes.
        modifiers: The modifiers for each sum of bits.
        position_awaited: Whether ``CSI row ; column R`` is a report, and not F3.
    """
    if raw.startswith(b"\x1b[["):
        return _keyboard.linux(raw)
    if raw.startswith(b"\x1b["):
        return _csi_event(raw, modifiers, position_awaited=position_awaited)
    if raw.startswith(b"\x1bO"):
        return _keyboard.ss3(raw, modifiers)
    if raw.startswith(b"\x1b"):
        return _keyboard.escaped(raw)
    if len(raw) > 1:  # a C1 control in UTF-8
        return Unknown(raw)
    return _keyboard.control(raw[0])


def _csi_event(raw: bytes, modifiers: Modifiers, *, position_awaited: bool) -> Event:
    try:
        sequence = parse_csi(raw)
        form = sequence.form
        if form == "R" and (position_awaited or _must_be_position(sequence)):
            return _reports.position(sequence)
        if form in _keyboard.CSI_KEYS:
            return _keyboard.CSI_KEYS[form](sequence, modifiers)
        if form in _reports.CSI_REPORTS:
            return _reports.CSI_REPORTS[form](sequence)
    except MalformedError:
        pass
    return Unknown(raw)


def _must_be_position(sequence: Sequence) -> bool:
    """Return whether ``CSI row ; column R`` can't be F3, ``CSI 1 ; modifiers R``.

    See ctlseqs, note at "Report Cursor Position". The answer to DECXCPR (``CSI ? 6 n``)
    is never ambiguous.
    """
    if [len(field) for field in sequence.fields] != [1, 1]:
        return False
    row, column = sequence.numbers
    return row > 1 or (row == 1 and column not in _XTERM_MODIFIERS)
