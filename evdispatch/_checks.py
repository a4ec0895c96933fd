"""Checks of what users pass: an error at the call, in the words of the call."""

import math
from typing import Any, Protocol

_DAY = 86_400.0  # seconds


def check_seconds(what: str, seconds: Any) -> float:
    """Return seconds as a float.

    Raises:
        TypeError: It is no number.
        ValueError: It is NaN, which compares with nothing and would spoil the heap.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{what} is a number of seconds, not {seconds!r}")
    if seconds != seconds:  # noqa: PLR0124  # math.isnan fails on a huge whole number
        raise ValueError(f"{what} can't be NaN")
    try:
        return float(seconds)
    except OverflowError:  # a whole number of more than 300 digits
        return math.inf if seconds > 0 else -math.inf


def check_timeout(seconds: Any) -> float:
    """Return how long to wait, from 0 to a day: pollers overflow on much longer waits.

    Raises:
        TypeError: It is no number.
        ValueError: It is NaN.
    """
    return min(max(0.0, check_seconds("timeout", seconds)), _DAY)


def check_interval(what: str, seconds: Any) -> float:
    """Return an interval as a float.

    Raises:
        TypeError: It is no number.
        ValueError: It is NaN, zero or negative.
    """
    interval = check_seconds(what, seconds)
    if interval <= 0:
        raise ValueError(f"{what} must be above 0 seconds, not {interval:g}")
    return interval


def check_count(what: str, number: Any) -> int:
    """Return a number of things as it is.

    Raises:
        TypeError: It is no whole number.
        ValueError: It is less than 1.
    """
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"{what} is a whole number, not {number!r}")
    if number < 1:
        raise ValueError(f"{what} must be at least 1, not {number}")
    return number


def check_choice(what: str, value: Any, choices: tuple[Any, ...]) -> None:
    """Check that an option has one of its values.

    Raises:
        ValueError: It has not.
    """
    kinds = tuple(type(each) for each in choices)  # 4.0 and True would equal a number
    if value not in choices or not isinstance(value, kinds) or isinstance(value, bool):
        raise ValueError(f"{what} must be one of {choices}, not {value!r}")


def check_name(what: str, name: Any) -> None:
    """Check that an event may be called so.

    Raises:
        TypeError: It is no text.
        ValueError: It is no identifier in lower case.
    """
    if not isinstance(name, str):
        raise TypeError(f"{what} is that of its events, not {name!r}")
    if not name.isidentifier() or name != name.lower():
        raise ValueError(f"{what} is a word in lower_case, not {name!r}")


class HasFileno(Protocol):
    """A file, a socket, and the like."""

    def fileno(self) -> int:
        """Return its descriptor."""


FileLike = int | HasFileno


def descriptor(fileobj: Any) -> int:
    """Return the descriptor of a number or of an object with a ``fileno()``.

    Raises:
        TypeError: It is neither.
        ValueError: It is closed, or negative.
    """
    if isinstance(fileobj, bool):
        raise TypeError("a descriptor is a number or has a fileno(), not a bool")
    fd = fileobj
    if not isinstance(fd, int):
        fileno = getattr(fileobj, "fileno", None)
        if not callable(fileno):
            kind = type(fileobj).__name__
            raise TypeError(f"a descriptor is a number or has a fileno(), not {kind}")
        fd = fileno()
    if not isinstance(fd, int) or not 0 <= fd < 2**31:  # a C int
        raise ValueError(f"no descriptor: {fd!r} (closed?)")
    return fd
