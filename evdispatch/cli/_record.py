"""An event as plain values, for the report: the notation of the test vectors.

What has no vector, since no bytes of its own make it, is told in the same manner.
"""

from typing import Any, Final

from evdispatch import (
    Answer,
    Drag,
    Event,
    Focus,
    Key,
    Mouse,
    Paste,
    Reply,
    Resize,
    Unknown,
)

_STRINGS: Final = ("osc", "dcs", "apc", "pm", "sos")
_XTVERSION: Final = ">|"


def record(event: Event) -> dict[str, Any]:
    """Return an event as values that JSON has."""
    return {"type": _kind(event), **_fields(event)}


def answer(event: Event) -> str | None:
    """Return which question about the terminal an event answers, if it does."""
    if isinstance(event, Answer):
        return event.query
    if not isinstance(event, Reply):
        return None
    if event.kind == "dcs" and event.data.startswith(_XTVERSION):
        return "xtversion"
    return event.kind if event.kind in ("da1", "da2") else None


def _kind(event: Event) -> str:
    return "mouse" if isinstance(event, Mouse) else event.name


def _fields(event: Event) -> dict[str, Any]:
    match event:
        case Key():
            return _key(event)
        case Mouse():
            action = "move" if isinstance(event, Drag) else event.name
            cell = {"button": event.button, "x": event.x, "y": event.y}
            return {"action": action, **cell, "mods": sorted(event.mods)}
        case Paste():
            truncated = {"truncated": True} if event.truncated else {}
            return {"text": event.text, **truncated}
        case Resize():
            cells = {"cols": event.columns, "rows": event.rows}
            return {**cells, "width_px": event.width_px, "height_px": event.height_px}
        case Reply():
            private = {"private": True} if event.private else {}
            return {"kind": event.kind, **_reply(event), **private}
        case _:
            return _small(event)


def _small(event: Event) -> dict[str, Any]:
    if isinstance(event, Focus):
        return {"gained": event.gained}
    if isinstance(event, Answer):
        return {"query": event.query, "value": event.value}
    return {"hex": event.raw.hex()} if isinstance(event, Unknown) else {}


def _key(event: Key) -> dict[str, Any]:
    reported = {"shifted": event.shifted, "base": event.base}
    return {
        "key": event.key,
        "mods": sorted(event.mods),
        "text": event.text,
        "action": event.action,
        **{name: key for name, key in reported.items() if key is not None},
    }


def _reply(event: Reply) -> dict[str, Any]:
    params = event.params
    match event.kind:
        case "cpr":
            return {"x": params[1] - 1, "y": params[0] - 1}
        case "decrpm":
            return {"mode": params[0], "value": params[1]}
        case "kitty_flags":
            return {"flags": params[0]}
        case "color_scheme":
            return {"value": event.data}
        case kind if kind in _STRINGS:
            return {"data": event.data}
        case _:
            return {"params": list(params)}
