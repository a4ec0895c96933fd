"""Every error evdispatch raises, in one place.

Each is an `EvdispatchError`, and also the builtin whose meaning it has, so that
``except ValueError`` and the like do what they say.
"""

from typing import Any


class EvdispatchError(Exception):
    """The base of all errors of this package."""


class UnknownEventError(EvdispatchError, ValueError):
    """No event has this name."""


class FilterError(EvdispatchError, ValueError):
    """A filter names a field its event lacks, or a value that can never come."""


class HandlerTypeError(EvdispatchError, TypeError):
    """This can't be a handler: not callable with one or no argument, or async."""


class SourceError(EvdispatchError, RuntimeError):
    """A source failed and nobody handled its `error` event.

    Attributes:
        event: The `Error` event; its ``exception`` is this error's cause.
    """

    def __init__(self, message: str, event: Any = None) -> None:
        super().__init__(message)
        self.event = event


class HandlerError(EvdispatchError, RuntimeError):
    """A handler raised; the exception it raised is this error's ``__cause__``.

    Attributes:
        event: The event that was being handled.
        handler: The function that raised.
    """

    def __init__(self, message: str, event: Any = None, handler: Any = None) -> None:
        super().__init__(message)
        self.event = event
        self.handler = handler


class StateError(EvdispatchError, RuntimeError):
    """The call does not fit the present state."""


class AlreadyRunningError(StateError):
    """`run`, `start` or `step` while the dispatcher runs, or closing it then."""


class ClosedError(StateError):
    """The dispatcher or source was closed before."""


class ForkedError(StateError):
    """The dispatcher belongs to the parent process; make a new one in the child."""


class QueueFull(EvdispatchError, TimeoutError):  # noqa: N818 (as queue.Full)
    """The queue had no room for a post within its timeout."""


class FrameError(EvdispatchError, ValueError):
    """The input breaks its framing: a line or a length above the limit."""


class InternalError(EvdispatchError, RuntimeError):
    """The IO side crashed: a fault of evdispatch itself. Please report it."""
