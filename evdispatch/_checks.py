"""Checks of arguments: a wrong one raises in the call, with the argument's name."""

import math
from typing import Any, Protocol

_DAY = 86_400.0  # seconds


def check_seconds(what: str, seconds: Any) -> float:
    """Return seconds as a float.

    Raises:
        TypeError: It is not a number.
        ValueError: It is NaN, which has no order and would break the heap of deadlines.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{what} must be a number of seconds, got {seconds!r}")
    if seconds != seconds:  # noqa: PLR0124  # math.isnan fails on a huge whole number
        raise ValueError(f"{what} must be a number of seconds, got NaN")
    try:
        return float(seconds)
    except OverflowError:  # a whole number of more than 300 digits
        return math.inf if seconds > 0 else -math.inf


def check_timeout(seconds: Any) -> float:
    """Return a timeout, limited to 0 to one day: pollers overflow on much longer waits.

    Raises:
        TypeError: It is not a number.
        ValueError: It is NaN.
    """
    return min(max(0.0, check_seconds("timeout", seconds)), _DAY)


def check_interval(what: str, seconds: Any) -> float:
    """Return an interval as a float.

    Raises:
        TypeError: It is not a number.
        ValueError: It is NaN, zero or negative.
    """
    interval = check_seconds(what, seconds)
    if interval <= 0:
        raise ValueError(f"{what} must be above 0 seconds, got {interval:g}")
    return interval


def check_count(what: str, number: Any) -> int:
    """Return a count as it is.

    Raises:
        TypeError: It is not a whole number.
        ValueError: It is less than 1.
    """
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"{what} must be a whole number, got {number!r}")
    if number < 1:
        raise ValueError(f"{what} must be at least 1, got {number}")
    return number


def check_choice(what: str, value: Any, choices: tuple[Any, ...]) -> None:
    """Check that an option has one of its values.

    Raises:
        ValueError: It has another value.
    """
    kinds = tuple(type(each) for each in choices)  # 4.0 and True would equal a number
    if value not in choices or not isinstance(value, kinds) or isinstance(value, bool):
        raise ValueError(f"{what} must be one of {choices}, got {value!r}")


def check_name(what: str, name: Any) -> None:
    """Check the name of an event.

    Raises:
        TypeError: It is not a str.
        ValueError: It is not an identifier in lower case.
    """
    if not isinstance(name, str):
        raise TypeError(f"{what} must be a str, got {name!r}")
    if not name.isidentifier() or name != name.lower():
        raise ValueError(f"{what} must be an identifier in lower_case, got {name!r}")


class HasFileno(Protocol):
    """An object with a descriptor, such as a file or a socket."""

    def fileno(self) -> int:
        """Return the descriptor."""


FileLike = int | HasFileno


def descriptor(fileobj: Any) -> int:
    """Return the descriptor of a number or of an object with a ``fileno()``.

    Raises:
        TypeError: It is neither.
        ValueError: It is closed, or not in the range of descriptors.
    """
    if isinstance(fileobj, bool):
        raise TypeError("a descriptor must be a number or have a fileno(), got a bool")
    fd = fileobj
    if not isinstance(fd, int):
        fileno = getattr(fileobj, "fileno", None)
        if not callable(fileno):
            kind = type(fileobj).__name__
            raise TypeError(
                f"a descriptor must be a number or have a fileno(), got {kind}"
            )
        fd = fileno()
    if not isinstance(fd, int) or not 0 <= fd < 2**31:  # a C int
        raise ValueError(
            f"a descriptor must be from 0 to 2**31 - 1, got {fd!r} (closed?)"
        )
    return fd
