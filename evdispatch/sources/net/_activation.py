"""Sockets that a service manager has opened before it started the program.

The protocol is sd_listen_fds(3)'s: LISTEN_FDS descriptors from number 3 on are for the
process LISTEN_PID, and LISTEN_FDNAMES has their names, with colons in between. The
variables are taken from the environment at the first call, and no descriptor is inherited
from then on: else a program that this one turns into by exec, which keeps the number of
the process, would take its own descriptors for them. A forked child has none of them.
LISTEN_PIDFDID, which tells LISTEN_PID from a later process of that number, goes with them:
a child that is passed sockets of its own would refuse them because of ours.
"""

import os
import socket
import stat

_FIRST = 3
_VARIABLES = ("LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES")
_UNNAMED = "unknown"  # as sd_listen_fds_with_names(3) calls it

_Passed = tuple[str, int]  # a name and a descriptor

_waiting: list[_Passed] = []  # passed, and not asked for yet
os.register_at_fork(after_in_child=_waiting.clear)


def activated_sockets(name: str | None = None) -> list[socket.socket]:
    """Return the sockets that the service manager has passed, each to be had once.

    Give each to a `Listener` or a `Datagram`. They are yours to close, and children do not
    inherit them. Call it early: only the first call sees to that, and takes the variables
    from ``os.environ``. From any thread, but from one at a time.

    Args:
        name: Only those of this name (``FileDescriptorName=`` of a socket unit).

    Returns:
        The sockets in the order they were passed; an empty list if there are none (any
        more), or if they are meant for another process.

    Raises:
        ValueError: The environment variables are malformed, or what was passed is no
            socket.
    """
    if _is_for_us():
        _waiting.extend(_passed())
        for variable in _VARIABLES:
            os.environ.pop(variable, None)
    taken = [each for each in _waiting if name is None or each[0] == name]
    for own, fd in taken:
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            raise ValueError(f"descriptor {fd}, {own!r}, is no socket")
    for each in taken:
        _waiting.remove(each)
    return [socket.socket(fileno=fd) for _, fd in taken]


def _is_for_us() -> bool:
    text = os.environ.get("LISTEN_PID")
    return text is not None and _number("LISTEN_PID", text) == os.getpid()


def _passed() -> list[_Passed]:
    count = os.environ.get("LISTEN_FDS", "")
    fds = []
    for fd in range(_FIRST, _FIRST + _number("LISTEN_FDS", count)):
        try:
            os.set_inheritable(fd, False)  # noqa: FBT003 (it takes no keywords)
        except OSError:
            text = f"LISTEN_FDS is {count}, but descriptor {fd} is not open"
            raise ValueError(text) from None
        fds.append(fd)
    text = os.environ.get("LISTEN_FDNAMES", "")
    names = text.split(":") if text else [_UNNAMED] * len(fds)
    if len(names) != len(fds):
        raise ValueError(f"LISTEN_FDNAMES has not {len(fds)} names: {text!r}")
    return list(zip(names, fds, strict=True))


def _number(variable: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{variable} is a number, not {text!r}")
    return int(text)
