"""The events of a terminal: keys, mouse, paste, focus, size, replies.

Names of keys and modifiers are those of the kitty keyboard protocol in lower case: the
only published set that covers every key.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, get_args

import attrs

from evdispatch._events import Event
from evdispatch.terminal import _bindings
from evdispatch.terminal._keys import NO_MODS

_COMBO_ORDER = ("ctrl", "alt", "shift", "super", "hyper", "meta")
_MOUSE_MODIFIERS = ("shift", "alt", "ctrl")
QueryName = Literal["cursor", "background", "foreground", "version", "device"]
_ACTIONS = ("press", "repeat", "release")
_BUTTONS = (
    *("left", "middle", "right", "back", "forward", "button10", "button11"),
    *("wheel_up", "wheel_down", "wheel_left", "wheel_right", "none"),
)


@attrs.define(eq=False)
class Key(Event):
    """A key was pressed (or repeated or released, where the terminal reports that).

    Attributes:
        key: The key's name: its unshifted character, or a name such as ``page_up``.
        mods: Of ctrl, alt, shift, super, hyper, meta, caps_lock, num_lock.
        text: What the key types, or None.
        action: ``press``, ``repeat`` or ``release``.
        shifted: The shifted character, where the terminal reports it.
        base: The key at this place of a US keyboard, where the terminal reports it.
        raw: The bytes it was decoded from.
    """

    filter_names: ClassVar[frozenset[str]] = frozenset({"keys", "within"})

    key: str
    mods: frozenset[str] = NO_MODS
    text: str | None = None
    action: str = "press"
    shifted: str | None = None
    base: str | None = None
    raw: bytes = attrs.field(default=b"", repr=False)

    @property
    def combo(self) -> str:
        """The canonical name: modifiers (without locks) and key, ``ctrl+shift+up``."""
        if not self.mods:
            return self.key
        return "+".join([*(mod for mod in _COMBO_ORDER if mod in self.mods), self.key])

    @classmethod
    def compile_filter(
        cls, field: str, value: Any, fields: Mapping[str, Any]
    ) -> Callable[[Any], bool] | None:
        """Read bindings, modifiers and actions by name.

        ``key`` and ``combo`` take a binding such as ``ctrl+s`` (`parse_binding`), or a
        collection of them, of which any may match. They match presses and repeats,
        unless ``action`` is given as well. ``mods`` takes one name or several and
        matches exactly these, locks aside. ``keys`` takes the bindings of a sequence, in
        order, and ``within`` how long the next one may take, in seconds.
        """
        if field == "keys":
            return _bindings.keys_test(value, fields)
        if field == "within":
            return _bindings.within_test(fields)
        if field in ("key", "combo"):
            return _bindings.key_test(value, fields)
        if field == "mods":
            return _bindings.mods_test(value, _bindings.BINDABLE_MODIFIERS)
        if field == "action":
            return _bindings.choice_test(field, value, _ACTIONS)
        return super().compile_filter(field, value, fields)


@attrs.define(eq=False)
class Mouse(Event):
    """The base of all mouse events.

    Attributes:
        x: Column, from 0.
        y: Row, from 0.
        button: left, middle, right, wheel_up, wheel_down, wheel_left, wheel_right,
            back, forward, button10, button11 or none.
        mods: Of ctrl, alt, shift.
        count: 1, 2 or 3 on press and click, else 0.
        target: The name of the region it is for, or None: the innermost one under the
            pointer; on drags and releases the one in which the button was pressed.
        raw: The bytes it was decoded from.
        x_px: The column in pixels, from 0, where the terminal reports it; else None.
        y_px: As x_px, the row.
    """

    x: int
    y: int
    button: str = "none"
    mods: frozenset[str] = NO_MODS
    count: int = 0
    target: str | None = None
    raw: bytes = attrs.field(default=b"", repr=False)
    x_px: int | None = None
    y_px: int | None = None

    @classmethod
    def compile_filter(
        cls, field: str, value: Any, fields: Mapping[str, Any]
    ) -> Callable[[Any], bool] | None:
        """Check the names of buttons; ``mods`` matches exactly these modifiers."""
        if field == "button":
            return _bindings.choice_test(field, value, _BUTTONS)
        if field == "mods":
            return _bindings.mods_test(value, _MOUSE_MODIFIERS)
        return super().compile_filter(field, value, fields)


@attrs.define(eq=False)
class Press(Mouse):
    """A button was pressed."""


@attrs.define(eq=False)
class Release(Mouse):
    """A button was released."""


@attrs.define(eq=False)
class Click(Mouse):
    """A button was pressed and released on the same cell, or in the same region."""


@attrs.define(eq=False)
class Move(Mouse):
    """The mouse moved with no button held."""

    queue_policy: ClassVar[str] = "latest"


@attrs.define(eq=False)
class Drag(Mouse):
    """The mouse moved with a button held."""


@attrs.define(eq=False)
class Scroll(Mouse):
    """The wheel turned by one notch."""


@attrs.define(eq=False)
class Enter(Event):
    """The pointer entered a region.

    An inner region counts as another one: entering it leaves the outer one.

    Attributes:
        target: The region's name.
        x: The pointer's column, from 0.
        y: The pointer's row, from 0.
        raw: The bytes of the mouse event that reported this; empty if the region
            changed.
    """

    target: str
    x: int
    y: int
    raw: bytes = attrs.field(default=b"", repr=False)


@attrs.define(eq=False)
class Leave(Event):
    """The pointer left a region, or entered an inner one of another name.

    Attributes:
        target: The region's name.
        x: The pointer's column, from 0: usually beyond the region.
        y: The pointer's row, from 0.
        raw: As of `Enter`; empty too if the focus was lost.
    """

    target: str
    x: int
    y: int
    raw: bytes = attrs.field(default=b"", repr=False)


@attrs.define(eq=False)
class Paste(Event):
    """Text was pasted.

    Attributes:
        text: The text, line ends as the terminal sent them.
        truncated: Whether the end is missing: it did not come, or follows in another
            event, as the paste is above the limit.
        raw: The bytes it was decoded from.
    """

    text: str
    truncated: bool = False
    raw: bytes = attrs.field(default=b"", repr=False)


@attrs.define(eq=False)
class Focus(Event):
    """The terminal's window gained or lost the focus."""

    gained: bool
    raw: bytes = attrs.field(default=b"", repr=False)


@attrs.define(eq=False)
class Resize(Event):
    """The terminal has a new size, in cells and (0 where unknown) in pixels."""

    queue_policy: ClassVar[str] = "latest"

    columns: int
    rows: int
    width_px: int = 0
    height_px: int = 0
    raw: bytes = attrs.field(default=b"", repr=False)


@attrs.define(eq=False)
class Reply(Event):
    """The terminal answered a query.

    Attributes:
        kind: da1, da2, dsr, cpr, decrpm, kitty_flags, modify_keys, color_scheme,
            window, osc, dcs, apc, pm or sos.
        params: The numbers, as sent: a cpr is (row, column) from 1, a decrpm (mode, state).
        data: The payload of a string (osc ... sos), or ``dark`` or ``light``.
        private: For a dsr, cpr or decrpm: whether it is the form with the marker ``?``.
        raw: The bytes it was decoded from.
    """

    kind: str
    params: tuple[int, ...] = ()
    data: str = ""
    private: bool = False
    raw: bytes = attrs.field(default=b"", repr=False)


@attrs.define(eq=False)
class Answer(Event):
    """The answer to `Terminal.ask`, or the end of waiting for it.

    Attributes:
        query: What was asked for: cursor, background, foreground, version or device.
        value: The cursor's (column, row) from 0; a colour's (red, green, blue) up to 255;
            the version's text; the numbers of DA1. None: the terminal did not answer.
        raw: The bytes it was decoded from.
    """

    query: str
    value: Any = None
    raw: bytes = attrs.field(default=b"", repr=False)

    @classmethod
    def compile_filter(
        cls, field: str, value: Any, fields: Mapping[str, Any]
    ) -> Callable[[Any], bool] | None:
        """Check the names of queries."""
        if field == "query":
            return _bindings.choice_test(field, value, get_args(QueryName))
        return super().compile_filter(field, value, fields)


@attrs.define(eq=False)
class Unknown(Event):
    """Bytes that mean nothing here: an unknown, aborted or invalid sequence."""

    raw: bytes = b""


@attrs.define(eq=False)
class Suspend(Event):
    """The process is about to stop (ctrl+z): it stops after the handlers."""

    has_hooks: ClassVar[bool] = True

    def on_handled(self) -> None:
        """Give the terminal back, and stop; a test's source has nothing to stop."""
        if (stop := getattr(self.source, "stop_process", None)) is not None:
            stop()


@attrs.define(eq=False)
class Resume(Event):
    """The terminal was taken again after a stop."""
