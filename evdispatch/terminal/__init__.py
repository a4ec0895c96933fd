"""What a terminal sends, decoded, and what switches it on: no IO, and no clock.

::

    bytes -> Decoder -> events -> Pointer -> ClickTracker -> events, with targets and clicks
             Modes   -> bytes to write    (of Regions)

Whoever owns the tty reads and writes, and tells what time it is. Key bindings are read
by `parse_binding`; ``on("key", key="ctrl+s")`` uses it.
"""

from evdispatch.terminal._bindings import Binding as Binding
from evdispatch.terminal._bindings import parse_binding as parse_binding
from evdispatch.terminal._clicks import ClickTracker as ClickTracker
from evdispatch.terminal._decoder import Decoder as Decoder
from evdispatch.terminal._events import Answer as Answer
from evdispatch.terminal._events import Click as Click
from evdispatch.terminal._events import Drag as Drag
from evdispatch.terminal._events import Enter as Enter
from evdispatch.terminal._events import Focus as Focus
from evdispatch.terminal._events import Key as Key
from evdispatch.terminal._events import Leave as Leave
from evdispatch.terminal._events import Mouse as Mouse
from evdispatch.terminal._events import Move as Move
from evdispatch.terminal._events import Paste as Paste
from evdispatch.terminal._events import Press as Press
from evdispatch.terminal._events import Release as Release
from evdispatch.terminal._events import Reply as Reply
from evdispatch.terminal._events import Resize as Resize
from evdispatch.terminal._events import Resume as Resume
from evdispatch.terminal._events import Scroll as Scroll
from evdispatch.terminal._events import Suspend as Suspend
from evdispatch.terminal._events import Unknown as Unknown
from evdispatch.terminal._keys import is_key_name as is_key_name
from evdispatch.terminal._modes import BEGIN_SYNCHRONIZED as BEGIN_SYNCHRONIZED
from evdispatch.terminal._modes import END_SYNCHRONIZED as END_SYNCHRONIZED
from evdispatch.terminal._modes import Modes as Modes
from evdispatch.terminal._regions import Pointer as Pointer
from evdispatch.terminal._regions import Region as Region
from evdispatch.terminal._regions import Regions as Regions

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
