"""What a terminal can do, found out by asking it; and the modes that follow: no IO.

There are two rounds, since some terminals print queries that they do not know. The first
asks for the device and for kitty's keyboard protocol, a query that all others ignore. The
second asks a VT220 or better which private modes it knows.

Source: kitty "Detection of support for this protocol"; ctlseqs "Send Device Attributes",
"DECRQM".
"""

from typing import Any, Final, Literal

import attrs

from evdispatch._events import Event
from evdispatch.terminal._modes import PIXELS, RESIZE, Modes
from evdispatch.terminal._queries import DEVICE, KITTY, Queries, knows_mode

Keyboard = Literal["auto", "legacy", "kitty"]
"""``kitty``: all of the protocol, releases too; ``auto``: the part of it that makes keys
unambiguous; ``legacy``: neither."""

_FLAGS: Final[dict[Keyboard, int]] = {"auto": 1, "legacy": 0, "kitty": 31}
_VT220 = 62  # the first number of DA1, for all that know DECRQM


class Negotiation:
    """Adds modes that the terminal turns out to know.

    Attributes:
        modes: The modes to switch on by now.
        kitty: Whether the terminal speaks kitty's keyboard protocol.
        finished: Whether it has identified itself.

    Args:
        modes: The modes to switch on in any case.
        keyboard: Which keyboard protocol to use.
        pixels: Whether to use the mouse's position in pixels.
        term: The value of TERM.
    """

    def __init__(
        self, modes: Modes, keyboard: Keyboard, *, pixels: bool, term: str | None
    ) -> None:
        self.modes = modes
        self.kitty = False
        self.finished = False
        self._keyboard = keyboard
        self._pixels = pixels
        self._can_modify = term != "linux"  # the console takes it for colours

    def ask(self, queries: Queries, until: float) -> None:
        """Send the first round of queries; its answers send the second."""
        if self._keyboard == "legacy" and not self._pixels:
            return

        def learn_device(value: Any, raw: bytes) -> list[Event]:
            if value is not None:
                self._learn(value, queries, until)
            return []

        if self._keyboard == "legacy":
            queries.ask(DEVICE, until, learn_device)
        else:
            queries.ask(KITTY, until, self._learn_kitty, learn_device)

    def _learn_kitty(self, value: Any, raw: bytes) -> list[Event]:
        self.kitty = value is not None
        return []

    def _learn(self, device: tuple[int, ...], queries: Queries, until: float) -> None:
        self.finished = True
        if self.kitty:
            self._add(keyboard=_FLAGS[self._keyboard])
        elif self._keyboard != "legacy" and self._can_modify:
            self._add(modify_other_keys=True)
        if device[:1] >= (_VT220,):
            queries.ask(knows_mode(RESIZE), until, self._adder("resize"))
            if self._pixels:
                queries.ask(knows_mode(PIXELS), until, self._adder("pixels"))

    def _adder(self, name: str) -> Any:
        def learn_mode(value: Any, raw: bytes) -> list[Event]:
            if value:
                self._add(**{name: True})
            return []

        return learn_mode

    def _add(self, **modes: Any) -> None:
        self.modes = attrs.evolve(self.modes, **modes)
