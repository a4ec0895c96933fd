"""inotify, through pyinotify: one instance, its watches, and what is read from it.

What is pyinotify's: the constants, the calls into libc, and the owner of the descriptor.
Reading and decoding are ours, since its own reader loses the rest of a batch at a name
that is not UTF-8, and makes a text of each event (20 microseconds).

Facts, inotify(7):

- One watch for each inode and instance: a second path gives the same watch descriptor.
  IN_MASK_ADD keeps what others asked of it.
- Watch descriptors are not used again (they count up), so a late record is known to be
  nobody's.
- A read buffer that is too small for the next event is EINVAL: a name has 255 bytes at most.
- The descriptor is readable for as long as something is queued, 16,384 events at most; what
  comes then is lost, and told by one IN_Q_OVERFLOW.
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
    """Import pyinotify, which imports asyncore for a class that we have no use for.

    CPython 3.12 has no asyncore any more, and before it warns of it. The module also adds
    a handler to the log, at import; that is for the program to decide.
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


_pyinotify = _import_pyinotify()  # it has no types, so its classes are none to mypy

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
IN_EXCL_UNLINK = (
    0x04000000  # it does not know this one: no noise of unlinked open files
)

FLAGS = IN_ONLYDIR | IN_DONT_FOLLOW | IN_MASK_ADD  # how to watch, and not what for

_HEADER = struct.Struct(
    "iIII"
)  # struct inotify_event: wd, mask, cookie, length of the name
_CHUNK = 65_536  # far above the largest event, and 2,000 of the usual ones
FULL = 200  # records: with fewer a read was not full, since the longest has 272 bytes
_ENCODING = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()


Record = tuple[int, int, int, str]
"""What inotify has told: wd (-1: it lost some), mask, cookie, name. A tuple: a class of
its own would take eight times as long to make."""


class _Calls(_pyinotify.INotifyWrapper):  # type: ignore[misc, name-defined]
    """The three calls, by the libc that is loaded.

    pyinotify's own looks for libc with a child process, for each instance: whoever waits
    for children would be told of its end. It can't open close-on-exec either.
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
    """Owns the descriptor; its table of watches stays empty."""

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
        """Return the descriptor, to be polled for reading; -1: closed."""
        return self._fd

    def watch(self, path: str, mask: int) -> int:
        """Watch what is at a path, and return the watch descriptor.

        Raises:
            OSError: ENOENT, ENOTDIR (with IN_ONLYDIR), EACCES; ENOSPC: the limit of
                watches is reached.
        """
        wd = self._calls.add_watch(self._fd, path, mask | IN_MASK_ADD)
        if wd < 0:
            raise _watch_error(self._calls.get_errno(), path)
        return wd

    def narrow(self, wd: int, path: str, mask: int) -> int:
        """Have a watch ask for this alone, if it is the one of what is at a path.

        The path is looked up once and held: it may lead elsewhere the next time, and a
        mask that replaces another's would make that one deaf.

        Returns:
            The watch descriptor of what is there; -1: there is none, or it can't be told.
        """
        try:
            fd = os.open(path, os.O_PATH | os.O_NOFOLLOW)
        except OSError:
            return -1
        try:
            same = f"/proc/self/fd/{fd}"
            # What each watch has anyhow: another's is not to ask for more than it did.
            least = IN_DELETE_SELF | IN_MASK_ADD
            found = int(self._calls.add_watch(self._fd, same, least))
            if found == wd:
                self._calls.add_watch(self._fd, same, mask)
            return found
        finally:
            os.close(fd)

    def unwatch(self, wd: int) -> None:
        """End a watch; one that has ended by itself is none of ours any more."""
        self._calls.remove_watch(self._fd, wd)

    def read(self) -> list[Record]:
        """Return what is queued, up to some 2,000 records; nothing: no more is."""
        try:
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return []
        return decode(data)

    @property
    def has_more(self) -> bool:
        """Whether something is queued."""
        size = fcntl.ioctl(self._fd, termios.FIONREAD, b"\0\0\0\0")
        return size != b"\0\0\0\0"

    def close(self) -> None:
        """Close the descriptor, and with it all watches."""
        if self._fd >= 0:
            self._fd = -1
            self._manager.close()


def decode(data: bytes) -> list[Record]:
    """Return the records of a buffer that was read."""
    records: list[Record] = []
    unpack, size_of_header = _HEADER.unpack_from, _HEADER.size
    make = records.append
    encoding, errors = _ENCODING  # as os.fsdecode has it, which takes twice as long
    at, end = 0, len(data)
    raw, name = b"", ""
    while at < end:
        wd, mask, cookie, size = unpack(data, at)
        begin = at + size_of_header
        at = begin + size
        # Created, written, closed: mostly the same name as before, and the same str has
        # its hash already; together a tenth of the whole way to the handler.
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
