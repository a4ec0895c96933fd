"""The file of a trace: records in Chrome's JSON array format, which Perfetto opens too.

- An array of records, one a line. A program that ends without closing leaves it without
  the ``]`` at its end: viewers do without, and whoever loads it by other means appends it.
  (The object format, ``{"traceEvents": ...}``, is worth nothing unless it is complete.)
- Records are written `BATCH` at a time, each batch at once, so that a forked child has
  nothing of ours to write. Any thread may add some.
- What can't be written ends the trace, with a warning in the log, and nothing else.
"""

import functools
import json
import logging
import os
import threading
from typing import Any, TextIO

_log = logging.getLogger("evdispatch")

BATCH = 256  # records that are written at once

Target = str | os.PathLike[str] | TextIO
"""Where a trace is written to: a path, or a text file."""


@functools.lru_cache(1024)
def quoted(text: str) -> str:
    """Return what a record has in the place of a text."""
    return json.dumps(text)


class TraceFile:
    """Writes records.

    Args:
        target: A path, or a text file; that is flushed, and not closed.

    Attributes:
        ended: Whether nothing is written any more.

    Raises:
        OSError: It can't be opened or written.
        TypeError: It is neither.
    """

    def __init__(self, target: Target) -> None:
        self.ended = False
        self.pid = os.getpid()
        self._lock = threading.RLock()
        self._records: list[str] = []
        self._places: dict[int, str] = {}  # of the threads that have said their names
        self._fd = -1
        self._file: TextIO | None = None
        if isinstance(target, (str, os.PathLike)):
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            self._fd = os.open(target, flags, 0o666)
        elif callable(getattr(target, "write", None)):
            self._file = target
        else:
            raise TypeError(f"trace takes a path or a text file, not {target!r}")
        try:
            self._write("[\n" + self._meta("process_name", self.pid, "evdispatch"))
        except BaseException:
            self.abandon()
            raise

    def _meta(self, name: str, tid: int, value: str) -> str:
        return (
            f'{{"name":"{name}","ph":"M","pid":{self.pid},"tid":{tid},'
            f'"args":{{"name":{quoted(value)}}}}}'
        )

    def span(self, name: str, kind: str, times: tuple[float, float], args: str) -> None:
        """Add a span of the calling thread.

        Args:
            name: What it shows, quoted.
            kind: Its category.
            times: When it began and ended, in seconds.
            args: More about it, as a JSON object.
        """
        # In whole nanoseconds, so that what follows does not seem to overlap.
        began, ended = int(times[0] * 1e9), int(times[1] * 1e9)
        self._add(
            f'{{"name":{name},"cat":"{kind}","ph":"X","ts":{began / 1e3:.3f},'
            f'"dur":{(ended - began) / 1e3:.3f},{self._place()},"args":{args}}}'
        )

    def wait(self, name: str, number: int, times: tuple[float, float]) -> None:
        """Add a wait that is no thread's; the numbers tell one from another."""
        began, ended = int(times[0] * 1e9), int(times[1] * 1e9)
        common = f'{{"name":{name},"cat":"queue","id":"{number:x}",{self._place()}'
        self._add(
            f'{common},"ph":"b","ts":{began / 1e3:.3f}}},\n'
            f'{common},"ph":"e","ts":{ended / 1e3:.3f}}}'
        )

    def _place(self) -> str:
        """Return which process and thread this is; at its first time, tell its name."""
        tid = threading.get_native_id()
        place = self._places.get(tid)
        if place is None:
            place = self._places[tid] = f'"pid":{self.pid},"tid":{tid}'
            self._add(self._meta("thread_name", tid, threading.current_thread().name))
        return place

    def _add(self, record: str) -> None:
        with self._lock:
            if not self.ended:
                self._records.append(record)
                if len(self._records) >= BATCH:
                    self._flush("")

    def _flush(self, end: str) -> None:
        records, self._records = self._records, []
        try:
            self._write("".join(f",\n{each}" for each in records) + end)
        except Exception as error:  # a file of the user's may raise anything
            self.abandon()
            _log.warning("a trace has ended, for it can't be written: %r", error)

    def _write(self, text: str) -> None:
        if self._file is not None:
            self._file.write(text)
            self._file.flush()
            return
        data = text.encode()
        while data:
            data = data[os.write(self._fd, data) :]

    def close(self) -> None:
        """Write what is left, and the end; again does nothing."""
        with self._lock:
            if not self.ended:
                self._flush("\n]\n")
                self.abandon()

    def abandon(self) -> None:
        """Write nothing more; without the lock, which a fork may have left held."""
        self.ended = True
        self._lock = threading.RLock()  # who held it is not in a forked child
        self._records = []
        self._file = None
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def as_args(**values: Any) -> str:
    """Return more about a span, as a JSON object."""
    return json.dumps(values)
