"""What a terminal sends, decoded, and what switches it on: no IO, and no clock.

::

    bytes -> Decoder -> events -> Pointer -> ClickTracker -> events, with targets and clicks
             Modes   -> bytes to write    (of Regions)

The owner of the tty reads, writes and passes the time. `parse_binding` reads key
bindings; ``on("key", key="ctrl+s")`` uses it. `explain`, a package of its own, says by
which protocol an event came; the decoder does not need it.
"""

from evdispatch.terminal._bindings import Binding, parse_binding
from evdispatch.terminal._clicks import ClickTracker
from evdispatch.terminal._decoder import Decoder
from evdispatch.terminal._events import (
    Answer,
    Click,
    Drag,
    Enter,
    Focus,
    Key,
    Leave,
    Mouse,
    Move,
    Paste,
    Press,
    Release,
    Reply,
    Resize,
    Resume,
    Scroll,
    Suspend,
    Unknown,
)
from evdispatch.terminal._keys import is_key_name
from evdispatch.terminal._modes import BEGIN_SYNCHRONIZED, END_SYNCHRONIZED, Modes
from evdispatch.terminal._regions import Pointer, Region, Regions

__all__ = [
    "BEGIN_SYNCHRONIZED",
    "END_SYNCHRONIZED",
    "Answer",
    "Binding",
    "Click",
    "ClickTracker",
    "Decoder",
    "Drag",
    "Enter",
    "Focus",
    "Key",
    "Leave",
    "Modes",
    "Mouse",
    "Move",
    "Paste",
    "Pointer",
    "Press",
    "Region",
    "Regions",
    "Release",
    "Reply",
    "Resize",
    "Resume",
    "Scroll",
    "Suspend",
    "Unknown",
    "is_key_name",
    "parse_binding",
]
