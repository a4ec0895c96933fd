"""The exceptions that evdispatch raises.

Each is an `EvdispatchError`, and also the builtin exception with its meaning, so that
``except ValueError`` catches a `FilterError`.
"""

from typing import Any


class EvdispatchError(Exception):
    """The base of all errors of this package."""


class UnknownEventError(EvdispatchError, ValueError):
    """No event has this name."""


class FilterError(EvdispatchError, ValueError):
    """A filter names a field that its event lacks, or a value that the field never has."""


class HandlerTypeError(EvdispatchError, TypeError):
    """A handler is not callable with one or no argument, or is async or a generator."""


class SourceError(EvdispatchError, RuntimeError):
    """A source failed, and its `error` event had no handler.

    Attributes:
        event: The `Error` event; its ``exception`` is this error's cause.
    """

    def __init__(self, message: str, event: Any = None) -> None:
        super().__init__(message)
        self.event = event


class HandlerError(EvdispatchError, RuntimeError):
    """A handler raised; its exception is the ``__cause__`` of this error.

    Attributes:
        event: The event that was being handled.
        handler: The function that raised.
    """

    def __init__(self, message: str, event: Any = None, handler: Any = None) -> None:
        super().__init__(message)
        self.event = event
        self.handler = handler


class StateError(EvdispatchError, RuntimeError):
    """The call is not allowed in the present state."""


class AlreadyRunningError(StateError):
    """`run`, `start`, `step` or `close` was called while the dispatcher runs."""


class ClosedError(StateError):
    """The dispatcher or source is closed."""


class ForkedError(StateError):
    """The dispatcher belongs to the parent process; make a new one in the child."""


class QueueFull(EvdispatchError, TimeoutError):  # noqa: N818 (as queue.Full)
    """The queue had no room for a post within its timeout."""


class FrameError(EvdispatchError, ValueError):
    """The input breaks its framing: a line or a length above the limit."""


class InternalError(EvdispatchError, RuntimeError):
    """The IO side crashed: a fault of evdispatch itself. Please report it."""
