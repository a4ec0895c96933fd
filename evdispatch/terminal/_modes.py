"""What to write to a terminal to switch its modes on, and off again.

The alternate screen comes first and goes last: kitty keeps its keyboard flags by screen,
and what is drawn meanwhile belongs to it.

Source: ctlseqs "DEC Private Mode Set (DECSET)"; kitty "Progressive enhancement"; the
in-band resize notification (2048) and synchronized output (2026); ctlseqs
"XTMODKEYS", "XTWINOPS" 22 and 23 (the stack of titles).
"""

from typing import Final, Literal

import attrs

MouseMode = Literal[False, "click", "drag", "move"]

# 1006 makes reports unambiguous and unlimited. 1015 is left alone: xterm keeps one
# encoding, and the last one asked for wins.
_MOUSE: Final[dict[MouseMode, tuple[int, ...]]] = {
    False: (),
    "click": (1000, 1006),
    "drag": (1000, 1002, 1006),
    "move": (1000, 1002, 1003, 1006),
}
PIXELS = 1016
_ALTERNATE_SCREEN = 1049
_CURSOR = 25
_FOCUS = 1004
_PASTE = 2004
_SYNCHRONIZED = 2026
RESIZE = 2048


def set_mode(mode: int) -> bytes:
    """Return DECSET: switch a private mode on."""
    return b"\x1b[?%dh" % mode


def reset_mode(mode: int) -> bytes:
    """Return DECRST: switch a private mode off."""
    return b"\x1b[?%dl" % mode


def set_title(title: str) -> bytes:
    """Return OSC 2: set the window's title. What would end it is left out."""
    text = "".join(char for char in title if char.isprintable())
    return b"\x1b]2;%s\x1b\\" % text.encode(errors="replace")


BEGIN_SYNCHRONIZED: Final = set_mode(_SYNCHRONIZED)
"""Write it before a frame is drawn: the terminal shows nothing of it yet ..."""
END_SYNCHRONIZED: Final = reset_mode(_SYNCHRONIZED)
"""... and this after it."""


def _check_mouse(instance: object, attribute: object, value: object) -> None:
    if value is not False and value not in ("click", "drag", "move"):
        raise ValueError(
            f"mouse must be False, 'click', 'drag' or 'move', not {value!r}"
        )


def _check_keyboard(instance: object, attribute: object, value: int) -> None:
    if value not in range(32):
        raise ValueError(f"keyboard must be kitty's flags, 0 to 31, not {value!r}")


@attrs.frozen(kw_only=True)
class Modes:
    """A choice of modes.

    Attributes:
        mouse: False, or which reports of the mouse: ``click`` (presses, releases and the
            wheel), ``drag`` (and motion with a button held), ``move`` (all motion).
        paste: Bracketed paste.
        focus: Reports of the focus.
        alternate_screen: The alternate screen; leaving it restores what was shown.
        hide_cursor: No cursor.
        resize: Reports of the size within the input.
        keyboard: Flags of kitty's keyboard protocol; 0 leaves the keyboard alone.
        modify_other_keys: xterm's way to tell ctrl+i from tab, where it is not kitty's.
        pixels: The mouse's place in pixels; only with ``mouse``.
        title: The window's title; the one before comes back.
    """

    mouse: MouseMode = attrs.field(default=False, validator=_check_mouse)
    paste: bool = False
    focus: bool = False
    alternate_screen: bool = False
    hide_cursor: bool = False
    resize: bool = False
    keyboard: int = attrs.field(default=0, validator=_check_keyboard)
    modify_other_keys: bool = False
    pixels: bool = False
    title: str | None = None

    def enable(self) -> bytes:
        """Return what switches the modes on."""
        return b"".join(on for on, _ in self._switches())

    def disable(self) -> bytes:
        """Return what switches them off, in reverse order, and nothing else."""
        return b"".join(off for _, off in reversed(self._switches()))

    def enable_after(self, before: "Modes") -> bytes:
        """Return what switches on those that were not on before."""
        on = before._switches()
        return b"".join(each[0] for each in self._switches() if each not in on)

    def _switches(self) -> list[tuple[bytes, bytes]]:
        private = [(_PASTE, self.paste), (_FOCUS, self.focus), (RESIZE, self.resize)]
        switches = []
        if self.alternate_screen:
            switches.append(_switch(_ALTERNATE_SCREEN))
        if self.hide_cursor:
            switches.append((reset_mode(_CURSOR), set_mode(_CURSOR)))
        if self.keyboard:
            switches.append((b"\x1b[>%du" % self.keyboard, b"\x1b[<u"))
        if self.modify_other_keys:
            switches.append((b"\x1b[>4;1m", b"\x1b[>4m"))
        if self.title is not None:
            switches.append((b"\x1b[22;2t" + set_title(self.title), b"\x1b[23;2t"))
        switches += [_switch(mode) for mode in _MOUSE[self.mouse]]
        if self.mouse and self.pixels:  # the last encoding that is asked for wins
            switches.append(_switch(PIXELS))
        switches += [_switch(mode) for mode, wanted in private if wanted]
        return switches


def _switch(mode: int) -> tuple[bytes, bytes]:
    return set_mode(mode), reset_mode(mode)
