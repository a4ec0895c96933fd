"""Events as plain values, so that tests can compare them."""

from typing import Any

import attrs

from evdispatch._events import Event
from evdispatch.terminal import (
    Decoder,
    Drag,
    Focus,
    Key,
    Mouse,
    Paste,
    Reply,
    Resize,
    Unknown,
)

STRINGS = ("osc", "dcs", "apc", "pm", "sos")


def values(event: Event) -> tuple[Any, ...]:
    """Return all fields of an event but those that the IO side fills in."""
    names = [field.name for field in attrs.fields(type(event)) if not field.kw_only]
    return type(event).__name__, *(getattr(event, name) for name in names)


def with_target(event: Any) -> str:
    """Return an event in short: its name, and its target if it has one."""
    return f"{event.name} {event.target}" if hasattr(event, "target") else event.name


def names(data: bytes, *, flush: bool = False, **options: Any) -> list[str]:
    """Return events in short: a key's combo, or the event's name and raw bytes."""
    decoder = Decoder(**options)
    events: list[Any] = decoder.feed(data)
    if flush:
        events += decoder.flush()
    return [
        event.combo if isinstance(event, Key) else f"{event.name} {event.raw!r}"
        for event in events
    ]


def as_vector(event: Event) -> dict[str, Any]:
    """Return an event in the notation of vectors.jsonl; modifiers as a set."""
    fields: dict[str, Any]
    match event:
        case Key(key=key, mods=mods, text=text, action=action):
            fields = {"key": key, "mods": mods, "text": text, "action": action}
            reported = {"shifted": event.shifted, "base": event.base}
            fields |= {name: key for name, key in reported.items() if key is not None}
        case Mouse(button=button, x=x, y=y, mods=mods):
            action = "move" if isinstance(event, Drag) else event.name
            fields = {"action": action, "button": button, "x": x, "y": y, "mods": mods}
            return {"type": "mouse", **fields}
        case Paste(text=text, truncated=truncated):
            fields = {"text": text} | ({"truncated": True} if truncated else {})
        case Focus(gained=gained):
            fields = {"gained": gained}
        case Resize(columns=columns, rows=rows):
            size = {"width_px": event.width_px, "height_px": event.height_px}
            fields = {"cols": columns, "rows": rows, **size}
        case Reply():
            private = {"private": True} if event.private else {}
            fields = {"kind": event.kind, **_reply(event), **private}
        case Unknown(raw=raw):
            fields = {"hex": raw.hex()}
        case _:
            raise AssertionError(event)
    return {"type": event.name, **fields}


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
        case kind if kind in STRINGS:
            return {"data": event.data}
        case _:
            return {"params": list(params)}
