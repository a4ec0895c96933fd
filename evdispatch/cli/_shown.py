"""Which events both forms show, and which keys end them."""

from typing import Final

from evdispatch import (
    Answer,
    Event,
    Focus,
    Hangup,
    Key,
    Mouse,
    Paste,
    Reply,
    Resize,
    Resume,
    Suspend,
    Unknown,
)

# Not `Eof`: nobody takes it, so that the end of the input stops the dispatcher. Not
# `Error` either: nobody takes it, so that it is raised.
SHOWN: Final[tuple[type[Event], ...]] = (
    *(
        Key,
        Mouse,
        Paste,
        Focus,
        Resize,
        Reply,
        Answer,
        Unknown,
        Suspend,
        Resume,
        Hangup,
    ),
)

LEAVE: Final = frozenset({"q", "ctrl+c"})
