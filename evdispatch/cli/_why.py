"""What made an event, as text: for `--explain`.

The lines are for people, and may change with any version.
"""

from typing import Final

from evdispatch import Click, Event
from evdispatch.cli._text import printable
from evdispatch.terminal.explain import explain

_SHOWN: Final = 32  # bytes: a paste may have megabytes
_NOTHING: Final = "-"


def why(event: Event) -> tuple[tuple[str, str], ...]:
    """Return what made an event: labels and printable texts."""
    told = explain(raw_of(event), event)
    parts = ", ".join(told.parts) or _NOTHING
    pairs = {
        "protocol": told.protocol,
        "mode": told.mode,
        "form": told.form,
        "parts": parts,
    }
    return tuple((label, printable(text)) for label, text in pairs.items())


def why_lines(event: Event) -> str:
    """Return indented lines that tell what made an event."""
    raw = raw_of(event)
    pairs = [*why(event), ("bytes", _hex(raw))]
    return "".join(f"    {label:<9}{text}\n" for label, text in pairs)


def raw_of(event: Event) -> bytes:
    """Return the bytes that an event was decoded from; a click has none of its own."""
    if isinstance(event, Click):
        return b""
    raw: bytes = getattr(event, "raw", b"")
    return raw


def _hex(raw: bytes) -> str:
    if len(raw) > _SHOWN:
        return f"{raw[:_SHOWN].hex(' ')} ... ({len(raw)} bytes)"
    return raw.hex(" ") or _NOTHING
