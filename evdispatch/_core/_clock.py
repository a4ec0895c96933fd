"""Time as an argument: where "now" comes from, and what wakes the poller at a deadline.

Nothing else in the package reads a clock. An *alarm* is a descriptor that is readable
from its deadline on, so that a deadline is one more thing the poller waits for: on the
real clock a timerfd, which fires to the nanosecond where a poller's own timeout rounds
up to a millisecond.
"""

import math
import os
import struct
import sys
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import ctypes

_FAR = 2.0**32  # seconds, 136 years; much more overflows the kernel's time


class Alarm(Protocol):
    """A descriptor that is readable from a deadline on."""

    def fileno(self) -> int:
        """Return the descriptor to poll."""

    def set(self, deadline: float | None) -> None:
        """Be readable from this time on and not before; None: never."""

    def close(self) -> None:
        """Release the descriptor."""


class Clock(Protocol):
    """A source of time: seconds that never go back, from an arbitrary start."""

    def now(self) -> float:
        """Return the present time in seconds."""

    def alarm(self) -> Alarm:
        """Return a new alarm on this clock."""


class MonotonicClock:
    """The machine's CLOCK_MONOTONIC: setting the date changes nothing.

    It stands still while the machine is suspended.
    """

    now = staticmethod(time.monotonic)

    def alarm(self) -> Alarm:
        """Return a timerfd.

        Raises:
            OSError: No descriptor is left.
        """
        return TimerFd()


class TimerFd:
    """A timerfd with absolute deadlines (timerfd_create(2))."""

    __slots__ = ("_fd",)

    def __init__(self) -> None:
        self._fd = _create()

    def fileno(self) -> int:
        """Return the descriptor to poll."""
        return self._fd

    def set(self, deadline: float | None) -> None:
        """Arm it for this time; arming anew also ends its being readable."""
        if deadline is None or deadline == math.inf:
            nanoseconds = 0  # disarms
        else:
            # Up, so that it is never early; and 0 would disarm.
            nanoseconds = max(1, math.ceil(min(max(deadline, 0.0), _FAR) * 1e9))
        _set(self._fd, nanoseconds)

    def close(self) -> None:
        """Release the descriptor."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


if sys.version_info >= (3, 13):

    def _create() -> int:
        flags = os.TFD_NONBLOCK | os.TFD_CLOEXEC
        return os.timerfd_create(time.CLOCK_MONOTONIC, flags=flags)

    def _set(fd: int, nanoseconds: int) -> None:
        os.timerfd_settime_ns(fd, flags=os.TFD_TIMER_ABSTIME, initial=nanoseconds)

else:
    _libc: "ctypes.PyDLL | None" = None

    def _load() -> "ctypes.PyDLL":
        # PyDLL keeps the GIL: the call takes less time than handing the GIL over.
        # ctypes is imported here, since the import costs more than all our modules.
        global _libc  # noqa: PLW0603 (loaded once, on the first timer)
        if _libc is None:
            import ctypes  # noqa: PLC0415

            _libc = ctypes.PyDLL(None, use_errno=True)
            _libc.timerfd_settime.argtypes = (
                ctypes.c_int,
                ctypes.c_int,
                ctypes.c_char_p,
                ctypes.c_void_p,
            )
        return _libc

    def _check(result: int) -> int:
        if result < 0:
            import ctypes  # noqa: PLC0415

            errno = ctypes.get_errno()
            raise OSError(errno, os.strerror(errno), "timerfd")
        return result

    def _create() -> int:
        flags = os.O_NONBLOCK | os.O_CLOEXEC  # TFD_* are these by definition
        return _check(_load().timerfd_create(time.CLOCK_MONOTONIC, flags))

    def _set(fd: int, nanoseconds: int) -> None:
        # struct itimerspec: interval and value, each of two native longs.
        spec = struct.pack("4l", 0, 0, *divmod(nanoseconds, 1_000_000_000))
        absolute = 1  # TFD_TIMER_ABSTIME
        _check(_load().timerfd_settime(fd, absolute, spec, None))
