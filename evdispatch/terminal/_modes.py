"""What to write to a terminal to switch its modes on, and off again.

The alternate screen is switched on first and off last: kitty keeps keyboard flags for each
screen, and what is drawn meanwhile belongs to it.

Sources: ctlseqs "DEC Private Mode Set (DECSET)", "XTMODKEYS", "XTWINOPS" 22 and 23 (the
stack of titles); kitty "Progressive enhancement"; in-band resize (2048) and synchronized
output (2026).
"""

from typing import Final, Literal

import attrs

MouseMode = Literal[False, "click", "drag", "move"]

# 1006 makes reports unambiguous and unlimited. 1015 is not set: xterm uses one encoding,
# the last one that was set.
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
    """Return OSC 2: set the window's title, without control characters."""
    text = "".join(char for char in title if char.isprintable())
    return b"\x1b]2;%s\x1b\\" % text.encode(errors="replace")


BEGIN_SYNCHRONIZED: Final = set_mode(_SYNCHRONIZED)
"""Write this before a frame, for the terminal to show nothing of it yet."""
END_SYNCHRONIZED: Final = reset_mode(_SYNCHRONIZED)
"""Write this after a frame, for the terminal to show it at once."""


def _check_mouse(instance: object, attribute: object, value: object) -> None:
    if value is not False and value not in ("click", "drag", "move"):
        raise ValueError(
            f"mouse must be False, 'click', 'drag' or 'move', got {value!r}"
        )


def _check_keyboard(instance: object, attribute: object, value: int) -> None:
    if value not in range(32):
        raise ValueError(f"keyboard must be kitty's flags, 0 to 31, got {value!r}")


@attrs.frozen(kw_only=True)
class Modes:
    """The modes to switch on.

    Attributes:
        mouse: False, or which reports of the mouse: ``click`` (presses, releases and the
            wheel), ``drag`` (and motion with a button held), ``move`` (all motion).
        paste: Bracketed paste.
        focus: Reports of the focus.
        alternate_screen: The alternate screen; leaving it restores what was shown.
        hide_cursor: No cursor.
        resize: Reports of the size within the input.
        keyboard: Flags of kitty's keyboard protocol; 0 leaves the keyboard as it is.
        modify_other_keys: xterm's modifyOtherKeys, which distinguishes ctrl+i from tab.
        pixels: The mouse's position in pixels; only with ``mouse``.
        title: The window's title; the previous one is restored afterwards.
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
        return b"".join(on for on, _ in _switches(self))

    def disable(self) -> bytes:
        """Return what switches these modes off, in reverse order."""
        return b"".join(off for _, off in reversed(_switches(self)))

    def enable_after(self, before: "Modes") -> bytes:
        """Return what switches on those that were not on before."""
        on = _switches(before)
        return b"".join(each[0] for each in _switches(self) if each not in on)


def _switches(modes: Modes) -> list[tuple[bytes, bytes]]:
    """Return what switches each mode on, and off, in the order of switching on."""
    switches = []
    if modes.alternate_screen:
        switches.append(_switch(_ALTERNATE_SCREEN))
    if modes.hide_cursor:
        switches.append((reset_mode(_CURSOR), set_mode(_CURSOR)))
    if modes.keyboard:
        switches.append((b"\x1b[>%du" % modes.keyboard, b"\x1b[<u"))
    if modes.modify_other_keys:
        switches.append((b"\x1b[>4;1m", b"\x1b[>4m"))
    if modes.title is not None:
        switches.append((b"\x1b[22;2t" + set_title(modes.title), b"\x1b[23;2t"))
    private = list(_MOUSE[modes.mouse])
    if modes.mouse and modes.pixels:  # the last encoding that is set is used
        private.append(PIXELS)
    reports = (_PASTE, modes.paste), (_FOCUS, modes.focus), (RESIZE, modes.resize)
    private += [mode for mode, wanted in reports if wanted]
    return [*switches, *map(_switch, private)]


def _switch(mode: int) -> tuple[bytes, bytes]:
    return set_mode(mode), reset_mode(mode)
