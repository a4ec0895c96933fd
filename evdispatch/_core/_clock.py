"""Clocks, and the alarms that wake the poller at a deadline.

No other module reads a clock. An *alarm* is a descriptor that is readable from its deadline on.
On the real clock it is a timerfd, which has nanoseconds; the timeout of a poller is rounded up to
a millisecond.
"""

import math
import os
import struct
import sys
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import ctypes

_FAR = 2.0**32  # seconds (136 years): much longer times overflow in the kernel


class Alarm(Protocol):
    """A descriptor that is readable from a deadline on."""

    def fileno(self) -> int:
        """Return the descriptor to poll."""

    def set(self, deadline: float | None) -> None:
        """Make it readable from this time on, and not before; None means never."""

    def close(self) -> None:
        """Release the descriptor."""


class Clock(Protocol):
    """A source of time: seconds from an arbitrary start, which never go back."""

    def now(self) -> float:
        """Return the time in seconds."""

    def alarm(self) -> Alarm:
        """Return a new alarm on this clock."""


class MonotonicClock:
    """CLOCK_MONOTONIC: setting the date does not change it.

    The clock does not advance while the system is suspended.
    """

    now = staticmethod(time.monotonic)

    def alarm(self) -> Alarm:
        """Return a timerfd.

        Raises:
            OSError: The process has no descriptor left.
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
        """Make it readable from this time on; until then it is not readable."""
        if deadline is None or deadline == math.inf:
            nanoseconds = 0  # disarms
        else:
            # Rounded up, so that it is never early; 0 would disarm it.
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
        # PyDLL keeps the GIL: releasing it takes longer than the call. Importing ctypes
        # takes longer than importing this package, so it is imported here.
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
        flags = os.O_NONBLOCK | os.O_CLOEXEC  # as TFD_NONBLOCK, TFD_CLOEXEC
        return _check(_load().timerfd_create(time.CLOCK_MONOTONIC, flags))

    def _set(fd: int, nanoseconds: int) -> None:
        # struct itimerspec: interval and value, each of two native longs.
        spec = struct.pack("4l", 0, 0, *divmod(nanoseconds, 1_000_000_000))
        absolute = 1  # TFD_TIMER_ABSTIME
        _check(_load().timerfd_settime(fd, absolute, spec, None))
