"""inotify through pyinotify: one instance, its watches, and its records. See inotify(7).

From pyinotify: the constants, the libc wrapper, and the owner of the descriptor. Its reader is
not used: it loses the rest of a batch at a name that is not UTF-8, and formats each event as
text (20 us). One inode has one watch per instance: a second path gives the same watch
descriptor, and IN_MASK_ADD keeps the bits that were asked for before. Watch descriptors count
up and are never reused, so a late record matches no watch.
"""

import contextlib
import ctypes
import errno
import fcntl
import logging
import os
import resource
import struct
import sys
import termios
import types
from typing import Any


def _import_pyinotify() -> Any:
    """Import pyinotify with a stub for asyncore, and undo its changes to logging.

    It imports asyncore for a class that is not used here; CPython 3.11 warns of that module,
    and 3.12 has removed it. It also adds a log handler, which is the program's decision.
    """
    if "pyinotify" in sys.modules:
        return sys.modules["pyinotify"]
    stub: Any = types.ModuleType("asyncore")
    stub.file_dispatcher = type("file_dispatcher", (), {})
    before = sys.modules.get("asyncore")
    sys.modules["asyncore"] = stub
    try:
        import pyinotify  # noqa: PLC0415, TID251 (the stub must be there; the one place)
    finally:
        if before is None:
            del sys.modules["asyncore"]
        else:
            sys.modules["asyncore"] = before
    log = logging.getLogger("pyinotify")
    log.handlers[:] = [logging.NullHandler()]
    log.setLevel(logging.NOTSET)
    return pyinotify


_pyinotify = _import_pyinotify()  # untyped, so mypy cannot check its classes

IN_MODIFY: int = _pyinotify.IN_MODIFY
IN_ATTRIB: int = _pyinotify.IN_ATTRIB
IN_CLOSE_WRITE: int = _pyinotify.IN_CLOSE_WRITE
IN_MOVED_FROM: int = _pyinotify.IN_MOVED_FROM
IN_MOVED_TO: int = _pyinotify.IN_MOVED_TO
IN_CREATE: int = _pyinotify.IN_CREATE
IN_DELETE: int = _pyinotify.IN_DELETE
IN_DELETE_SELF: int = _pyinotify.IN_DELETE_SELF
IN_MOVE_SELF: int = _pyinotify.IN_MOVE_SELF
IN_UNMOUNT: int = _pyinotify.IN_UNMOUNT
IN_Q_OVERFLOW: int = _pyinotify.IN_Q_OVERFLOW
IN_IGNORED: int = _pyinotify.IN_IGNORED
IN_ONLYDIR: int = _pyinotify.IN_ONLYDIR
IN_DONT_FOLLOW: int = _pyinotify.IN_DONT_FOLLOW
IN_MASK_ADD: int = _pyinotify.IN_MASK_ADD
IN_ISDIR: int = _pyinotify.IN_ISDIR
IN_EXCL_UNLINK = 0x04000000  # missing in pyinotify: no events of unlinked open files

FLAGS = IN_ONLYDIR | IN_DONT_FOLLOW | IN_MASK_ADD
"""The bits that say how to add a watch, not for which events."""
CHANGES = IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB
CHANGES |= IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF
"""The events that a tree wants of its directories."""

_HEADER = struct.Struct("iIII")  # struct inotify_event: wd, mask, cookie, name length
_CHUNK = 65_536  # about 2,000 records; a buffer too small for one record gives EINVAL
FULL = 200  # a read of fewer records was not cut off: the longest record has 272 bytes
_ENCODING = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()


Record = tuple[int, int, int, str]
"""wd (-1 for IN_Q_OVERFLOW), mask, cookie, name. A class would take eight times as long."""


class _Calls(_pyinotify.INotifyWrapper):  # type: ignore[misc, name-defined]
    """The three system calls, through the libc that is already loaded.

    pyinotify's own wrapper searches libc with a child process for each instance, so the
    program would receive a SIGCHLD. It cannot open the descriptor close-on-exec either.
    """

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._init = libc.inotify_init1
        self._add = libc.inotify_add_watch
        self._add.argtypes = ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32
        self._remove = libc.inotify_rm_watch
        self._remove.argtypes = ctypes.c_int, ctypes.c_int

    def _get_errno(self) -> int:
        return ctypes.get_errno()

    def _inotify_init(self) -> int:
        return int(self._init(os.O_CLOEXEC | os.O_NONBLOCK))  # IN_CLOEXEC, IN_NONBLOCK

    def add_watch(self, fd: int, path: str, mask: int) -> int:
        return int(self._add(fd, os.fsencode(path), mask))

    def remove_watch(self, fd: int, wd: int) -> int:
        return int(self._remove(fd, wd))


class _Manager(_pyinotify.WatchManager):  # type: ignore[misc, name-defined]
    """Owns the descriptor. Its own initializer would search libc; its table stays empty."""

    def __init__(self, calls: _Calls) -> None:
        self._ignore_events = False
        self._exclude_filter = None
        self._wmd: dict[int, Any] = {}
        self._inotify_wrapper = calls
        self._fd = calls.inotify_init()
        if self._fd < 0:
            raise _instance_error(calls.get_errno())


class Inotify:
    """One inotify instance. Its calls are safe from any thread.

    Raises:
        OSError: The limit of instances or of open files is reached (EMFILE), or another.
    """

    def __init__(self) -> None:
        self._calls = _Calls()
        self._manager = _Manager(self._calls)
        self._fd: int = self._manager.get_fd()

    def fileno(self) -> int:
        """Return the descriptor; -1 after `close`."""
        return self._fd

    def watch(self, path: str, mask: int) -> int:
        """Add events to the watch of the file at a path; return its watch descriptor.

        Raises:
            OSError: ENOENT, ENOTDIR (with IN_ONLYDIR), EACCES; ENOSPC at the limit of watches.
        """
        wd = self._calls.add_watch(self._fd, path, mask | IN_MASK_ADD)
        if wd < 0:
            raise _watch_error(self._calls.get_errno(), path)
        return wd

    def narrow(self, wd: int, path: str, mask: int) -> int:
        """Reduce a watch to these events, if the file at a path is the watched one.

        The path is resolved once and held open: replacing the mask of another file's watch
        would lose that file's events.

        Returns:
            The watch descriptor of the file at the path; -1 if it has none.
        """
        try:
            fd = os.open(path, os.O_PATH | os.O_NOFOLLOW)
        except OSError:
            return -1
        try:
            same = f"/proc/self/fd/{fd}"
            # Every watch has this bit, so another file's watch does not change.
            least = IN_DELETE_SELF | IN_MASK_ADD
            found = int(self._calls.add_watch(self._fd, same, least))
            if found == wd:
                self._calls.add_watch(self._fd, same, mask)
            return found
        finally:
            os.close(fd)

    def unwatch(self, wd: int) -> None:
        """Remove a watch; one that the kernel has removed already is ignored."""
        self._calls.remove_watch(self._fd, wd)

    def read(self) -> list[Record]:
        """Return queued records, some 2,000 at most; an empty list if there are none."""
        try:
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return []
        return decode(data)

    @property
    def has_more(self) -> bool:
        """Whether records are queued."""
        size = fcntl.ioctl(self._fd, termios.FIONREAD, b"\0\0\0\0")
        return size != b"\0\0\0\0"

    def close(self) -> None:
        """Close the descriptor, which removes all watches."""
        if self._fd >= 0:
            self._fd = -1
            self._manager.close()


def decode(data: bytes) -> list[Record]:
    """Decode the records in a buffer."""
    records: list[Record] = []
    unpack, size_of_header = _HEADER.unpack_from, _HEADER.size
    make = records.append
    encoding, errors = _ENCODING  # as in os.fsdecode, which takes twice as long
    at, end = 0, len(data)
    raw, name = b"", ""
    while at < end:
        wd, mask, cookie, size = unpack(data, at)
        begin = at + size_of_header
        at = begin + size
        # Create, write, close: the name is mostly that of the record before, and the same
        # str object has its hash already. Together a tenth of the time up to the handler.
        if data[begin:at] != raw:
            raw = data[begin:at]
            name = raw.rstrip(b"\0").decode(encoding, errors)
        make((wd, mask, cookie, name))
    return records


def _limit(name: str) -> str:
    value = "unknown"
    with contextlib.suppress(OSError), open(f"/proc/sys/fs/inotify/{name}") as file:
        value = file.read().strip()
    return f"fs.inotify.{name} is {value}"


def _instance_error(number: int) -> OSError:
    text = os.strerror(number)
    if number == errno.EMFILE:  # of instances or of open files: the same error
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        text = f"no more inotify instances: {_limit('max_user_instances')}"
        text += f", and {files} files may be open"
    return OSError(number, text)


def _watch_error(number: int, path: str) -> OSError:
    text = os.strerror(number)
    if number == errno.ENOSPC:
        text = f"no more inotify watches: {_limit('max_user_watches')}"
    return OSError(number, text, path)
