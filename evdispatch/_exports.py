"""The public names and where they live. Each is loaded when it is first asked for.

So ``import evdispatch`` takes a millisecond, and a program that has no terminal never loads
the decoder; with all of it, it would be 60 ms, most of them for making attrs classes.

It only knows names, and imports nothing by itself: that is why it may stand below all.
"""

import importlib
import re
from typing import Any

_HOMES = {
    "debug._why_alive": ("Alive Pending Waiting"),
    "_core._callbacks": ("Handle"),
    "_core._clock": ("Alarm Clock MonotonicClock"),
    "_dispatcher": ("Dispatcher"),
    "_errors": (
        "AlreadyRunningError ClosedError EvdispatchError FilterError "
        "ForkedError FrameError HandlerError HandlerTypeError InternalError "
        "QueueFull SourceError StateError UnknownEventError"
    ),
    "_events": (
        "Connect Data Disconnect Drain Dropped Eof Error Event Hangup Idle Line "
        "Start Stop Throttled"
    ),
    "sources.files._events": (
        "Attributes Change Closed Created Deleted Existing Modified Moved "
        "Overflow PathEvent Ready Rescan RootGone Settled TreeEvent Unmounted"
    ),
    "debug._explain": ("Explanation Verdict"),
    "sources.stream._framing": ("Length"),
    "_handlers._handler": ("HANDLED on"),
    "debug._slow": ("Slow"),
    "_core._poller": ("ERROR HANGUP PRIORITY READ WRITE"),
    "_stats": ("HandlerStats SourceStats Stats"),
    "debug._trace": ("Trace"),
    "sources.net._bind": ("activated_sockets"),
    "sources._base": ("Source"),
    "sources.tty._dialogue": ("Size"),
    "sources._connection": ("Connection"),
    "sources._datagram": ("Datagram Packet"),
    "sources._fd": ("Fd Priority Readable Writable"),
    "sources._descriptors": ("Credentials"),
    "sources._listener": ("Listener"),
    "sources.net._opening": ("Backoff"),
    "sources._pipe": ("Pipe"),
    "sources._terminal": ("Terminal"),
    "sources._timer": ("Tick Timer"),
    "sources._watch": ("Watch"),
    "terminal": (
        "Answer Click Drag Enter Focus Key Leave Mouse Move Paste Press Region "
        "Release Reply Resize Resume Scroll Suspend Unknown"
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
_PACKAGES = ("terminal", "testing")


def snake_case(name: str) -> str:
    """Return a class name as an event name: ``RootGone`` -> ``root_gone``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


# Who asks for an event by its name need not have imported its class.
_EVENTS = {
    *("_events", "sources.files._events", "debug._slow", "terminal"),
    *("sources._datagram", "sources._fd"),
}
_CLASSES = {
    snake_case(name): name for name, home in _HOME_OF.items() if home in _EVENTS
} | {"datagram": "Packet", "tick": "Tick"}


def names() -> list[str]:
    """Return the public names: constants, then classes, then functions."""
    kind = {
        name: 0 if name.isupper() else 1 if name[0].isupper() else 2
        for name in _HOME_OF
    }
    return sorted(_HOME_OF, key=lambda name: (kind[name], name))


def load(name: str) -> Any:
    """Return what a public name stands for; None: there is none."""
    if name in _PACKAGES:
        return importlib.import_module(f"evdispatch.{name}")
    home = _HOME_OF.get(name)
    if home is None:
        return None
    return getattr(importlib.import_module(f"evdispatch.{home}"), name)


def load_module(name: str) -> Any:
    """Import a module of this package when it is first needed."""
    return importlib.import_module(f"evdispatch.{name}")


def load_event(name: str | None) -> None:
    """Load the class of an event of ours, by the event's name; None: all of them."""
    for each in _CLASSES if name is None else (name,):
        if each in _CLASSES:
            load(_CLASSES[each])
