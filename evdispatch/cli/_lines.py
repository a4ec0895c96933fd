r"""An event as one line, which tools may parse.

::

    key ctrl+s                   the canonical name; then `repeat` or `release`, if it is
    press left 4,2 x2            button, column and row from 0, count if above 1
    release ctrl+left 4,2        modifiers before the button, in the order ctrl, alt, shift
    click left 4,2 x3            as press
    drag left 5,2                button held
    scroll wheel_up 4,2
    move 4,2                     no button; modifiers alone: `move shift 4,2`
    paste 'text'                 the text as a Python literal; then `truncated`, if it is
    focus gained                 or `lost`
    resize 80x24                 columns and rows
    reply cpr 3;5                kind; then `private`, numbers, and data as a literal
    answer cursor 4,2            the query, and the answer or `-`
    unknown 1b5b3c               the bytes in hexadecimal
    suspend   resume   hangup    the name alone

A line is printable and holds no line end: what is not printable is escaped as in a Python
literal. The end of the input has no line.
"""

from functools import singledispatch
from typing import Final

from evdispatch import (
    Answer,
    Click,
    Event,
    Focus,
    Hangup,
    Key,
    Mouse,
    Move,
    Paste,
    Press,
    Reply,
    Resize,
    Resume,
    Suspend,
    Unknown,
)
from evdispatch.cli._text import printable
from evdispatch.terminal.explain import explain

# Without `Eof` and `Error`: the end of the input stops the dispatcher, and an error is
# raised, only if no handler takes them.
SHOWN: Final[tuple[type[Event], ...]] = (
    *(Key, Mouse, Paste, Focus, Resize, Reply, Answer, Unknown),
    *(Suspend, Resume, Hangup),
)
"""The events that ``evdispatch keys`` shows."""

LEAVE: Final = frozenset({"q", "ctrl+c"})
"""The keys that end ``evdispatch keys``."""

_MAX_BYTES: Final = 32  # in a line: a paste may have megabytes
_NOTHING: Final = "-"
_MODS = ("ctrl", "alt", "shift")


def line(event: Event) -> str:
    """Return the event's line."""
    text = headline(event)
    return f"{event.name} {text}" if text else event.name


@singledispatch
def headline(event: Event) -> str:
    """Return the event's line without its name."""
    return ""


@headline.register
def _(event: Key) -> str:
    combo = printable(event.combo)
    return combo if event.action == "press" else f"{combo} {event.action}"


@headline.register
def _(event: Mouse) -> str:
    names = [mod for mod in _MODS if mod in event.mods]
    if not isinstance(event, Move):
        names.append(event.button)
    words = ["+".join(names)] if names else []
    words.append(f"{event.x},{event.y}")
    if isinstance(event, Press | Click) and event.count > 1:
        words.append(f"x{event.count}")
    return " ".join(words)


@headline.register
def _(event: Paste) -> str:
    return repr(event.text) + (" truncated" if event.truncated else "")


@headline.register
def _(event: Focus) -> str:
    return "gained" if event.gained else "lost"


@headline.register
def _(event: Resize) -> str:
    return f"{event.columns}x{event.rows}"


@headline.register
def _(event: Answer) -> str:
    value = event.value
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return f"{event.query} {_NOTHING if value is None else printable(str(value))}"


@headline.register
def _(event: Reply) -> str:
    words = [event.kind]
    if event.private:
        words.append("private")
    if event.params:
        words.append(";".join(map(str, event.params)))
    if event.data:
        words.append(repr(event.data))
    return " ".join(words)


@headline.register
def _(event: Unknown) -> str:
    return event.raw.hex()


def why(event: Event) -> dict[str, str]:
    """Return what made an event, for ``--explain``: printable texts by label.

    The texts are for people, and may change with any version.
    """
    explanation = explain(raw_of(event), event)
    pairs = {
        "protocol": explanation.protocol,
        "mode": explanation.mode,
        "form": explanation.form,
        "parts": ", ".join(explanation.parts) or _NOTHING,
    }
    return {label: printable(text) for label, text in pairs.items()}


def why_lines(event: Event) -> str:
    """Return indented lines that say what made an event."""
    raw = raw_of(event)
    shown = raw.hex(" ") or _NOTHING
    if len(raw) > _MAX_BYTES:
        shown = f"{raw[:_MAX_BYTES].hex(' ')} ... ({len(raw)} bytes)"
    pairs = {**why(event), "bytes": shown}
    return "".join(f"    {label:<9}{text}\n" for label, text in pairs.items())


def raw_of(event: Event) -> bytes:
    """Return the bytes that an event was decoded from; a click has none of its own."""
    return b"" if isinstance(event, Click) else getattr(event, "raw", b"")
