"""The GUI's event model for everything with a file descriptor.

::

        IO side                                     |           dispatch side
 fd -> poller -> source.on_ready -> events ==put==> [ QUEUE ] ==take==> route -> handlers

>>> from evdispatch import Dispatcher, Timer
>>> app = Dispatcher()
>>> timer = app.add(Timer("tick", after=0.01))
>>> @app.on("tick")
... def stop(event):
...     print("tick", event.count)
...     app.stop()
>>> app.run()
tick 1
>>> app.close()
"""

import typing

from evdispatch import _exports

if typing.TYPE_CHECKING:
    from evdispatch._core._callbacks import Handle as Handle
    from evdispatch._core._clock import Alarm as Alarm
    from evdispatch._core._clock import Clock as Clock
    from evdispatch._core._clock import MonotonicClock as MonotonicClock
    from evdispatch._core._poller import ERROR as ERROR
    from evdispatch._core._poller import HANGUP as HANGUP
    from evdispatch._core._poller import PRIORITY as PRIORITY
    from evdispatch._core._poller import READ as READ
    from evdispatch._core._poller import WRITE as WRITE
    from evdispatch._dispatcher import Dispatcher as Dispatcher
    from evdispatch._errors import AlreadyRunningError as AlreadyRunningError
    from evdispatch._errors import ClosedError as ClosedError
    from evdispatch._errors import EvdispatchError as EvdispatchError
    from evdispatch._errors import FilterError as FilterError
    from evdispatch._errors import ForkedError as ForkedError
    from evdispatch._errors import FrameError as FrameError
    from evdispatch._errors import HandlerError as HandlerError
    from evdispatch._errors import HandlerTypeError as HandlerTypeError
    from evdispatch._errors import InternalError as InternalError
    from evdispatch._errors import QueueFull as QueueFull
    from evdispatch._errors import SourceError as SourceError
    from evdispatch._errors import StateError as StateError
    from evdispatch._errors import UnknownEventError as UnknownEventError
    from evdispatch._events import Connect as Connect
    from evdispatch._events import Data as Data
    from evdispatch._events import Disconnect as Disconnect
    from evdispatch._events import Drain as Drain
    from evdispatch._events import Dropped as Dropped
    from evdispatch._events import Eof as Eof
    from evdispatch._events import Error as Error
    from evdispatch._events import Event as Event
    from evdispatch._events import Hangup as Hangup
    from evdispatch._events import Idle as Idle
    from evdispatch._events import Line as Line
    from evdispatch._events import Start as Start
    from evdispatch._events import Stop as Stop
    from evdispatch._events import Throttled as Throttled
    from evdispatch._handlers._handler import HANDLED as HANDLED
    from evdispatch._handlers._handler import on as on
    from evdispatch._stats import HandlerStats as HandlerStats
    from evdispatch._stats import SourceStats as SourceStats
    from evdispatch._stats import Stats as Stats
    from evdispatch.debug._explain import Explanation as Explanation
    from evdispatch.debug._explain import Verdict as Verdict
    from evdispatch.debug._slow import Slow as Slow
    from evdispatch.debug._trace import Trace as Trace
    from evdispatch.debug._why_alive import Alive as Alive
    from evdispatch.debug._why_alive import Pending as Pending
    from evdispatch.debug._why_alive import Waiting as Waiting
    from evdispatch.sources._base import Source as Source
    from evdispatch.sources._connection import Connection as Connection
    from evdispatch.sources._datagram import Datagram as Datagram
    from evdispatch.sources._datagram import Packet as Packet
    from evdispatch.sources._descriptors import Credentials as Credentials
    from evdispatch.sources._fd import Fd as Fd
    from evdispatch.sources._fd import Priority as Priority
    from evdispatch.sources._fd import Readable as Readable
    from evdispatch.sources._fd import Writable as Writable
    from evdispatch.sources._listener import Listener as Listener
    from evdispatch.sources._pipe import Pipe as Pipe
    from evdispatch.sources._terminal import Terminal as Terminal
    from evdispatch.sources._timer import Tick as Tick
    from evdispatch.sources._timer import Timer as Timer
    from evdispatch.sources._watch import Watch as Watch
    from evdispatch.sources.files._events import Attributes as Attributes
    from evdispatch.sources.files._events import Change as Change
    from evdispatch.sources.files._events import Closed as Closed
    from evdispatch.sources.files._events import Created as Created
    from evdispatch.sources.files._events import Deleted as Deleted
    from evdispatch.sources.files._events import Existing as Existing
    from evdispatch.sources.files._events import Modified as Modified
    from evdispatch.sources.files._events import Moved as Moved
    from evdispatch.sources.files._events import Overflow as Overflow
    from evdispatch.sources.files._events import PathEvent as PathEvent
    from evdispatch.sources.files._events import Ready as Ready
    from evdispatch.sources.files._events import Rescan as Rescan
    from evdispatch.sources.files._events import RootGone as RootGone
    from evdispatch.sources.files._events import Settled as Settled
    from evdispatch.sources.files._events import TreeEvent as TreeEvent
    from evdispatch.sources.files._events import Unmounted as Unmounted
    from evdispatch.sources.net._bind import (
        activated_sockets as activated_sockets,
    )
    from evdispatch.sources.net._opening import Backoff as Backoff
    from evdispatch.sources.stream._framing import Length as Length
    from evdispatch.sources.tty._dialogue import Size as Size
    from evdispatch.terminal import Answer as Answer
    from evdispatch.terminal import Click as Click
    from evdispatch.terminal import Drag as Drag
    from evdispatch.terminal import Enter as Enter
    from evdispatch.terminal import Focus as Focus
    from evdispatch.terminal import Key as Key
    from evdispatch.terminal import Leave as Leave
    from evdispatch.terminal import Mouse as Mouse
    from evdispatch.terminal import Move as Move
    from evdispatch.terminal import Paste as Paste
    from evdispatch.terminal import Press as Press
    from evdispatch.terminal import Region as Region
    from evdispatch.terminal import Release as Release
    from evdispatch.terminal import Reply as Reply
    from evdispatch.terminal import Resize as Resize
    from evdispatch.terminal import Resume as Resume
    from evdispatch.terminal import Scroll as Scroll
    from evdispatch.terminal import Suspend as Suspend
    from evdispatch.terminal import Unknown as Unknown

__version__ = "0.1.0"

__all__ = _exports.names()  # noqa: PLE0605 (the one list of them is there)


if not typing.TYPE_CHECKING:  # for a checker every name would be there

    def __getattr__(name: str) -> typing.Any:
        """Load a public name when it is first asked for: see `evdispatch._exports`."""
        value = _exports.load(name)
        if value is None:
            raise AttributeError(f"module 'evdispatch' has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
