"""The file of a trace: records in Chrome's JSON array format, which Perfetto opens too.

- An array of records, one a line. If a program ends without closing it, the ``]`` at the end is
  missing: viewers accept this; other readers must append it. (The object format,
  ``{"traceEvents": ...}``, is invalid unless complete.)
- Records are written in batches of `BATCH`, each in one write, so that a forked child has no
  buffered output. Any thread may add records.
- A failed write ends the trace with a warning in the log.
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
    """Return a text as a JSON string."""
    return json.dumps(text)


class TraceFile:
    """Writes records.

    Args:
        target: A path, or a text file, which is flushed and not closed.

    Attributes:
        ended: Whether the trace has ended.

    Raises:
        OSError: It can't be opened or written.
        TypeError: It is neither a path nor a text file.
    """

    def __init__(self, target: Target) -> None:
        self.ended = False
        self.pid = os.getpid()
        self._lock = threading.RLock()
        self._records: list[str] = []
        self._places: dict[int, str] = {}  # of the threads whose name was written
        self._fd = -1
        self._file: TextIO | None = None
        if isinstance(target, (str, os.PathLike)):
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            self._fd = os.open(target, flags, 0o666)
        elif callable(getattr(target, "write", None)):
            self._file = target
        else:
            raise TypeError(
                f"the target of a trace must be a path or a text file, got {target!r}"
            )
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
            name: Its name, quoted.
            kind: Its category.
            times: When it began and ended, in seconds.
            args: Further values, as a JSON object.
        """
        # In whole nanoseconds, so that the next span does not seem to overlap.
        began, ended = int(times[0] * 1e9), int(times[1] * 1e9)
        self._add(
            f'{{"name":{name},"cat":"{kind}","ph":"X","ts":{began / 1e3:.3f},'
            f'"dur":{(ended - began) / 1e3:.3f},{self._place()},"args":{args}}}'
        )

    def wait(self, name: str, number: int, times: tuple[float, float]) -> None:
        """Add a wait. Waits are not bound to a thread; ids distinguish them."""
        began, ended = int(times[0] * 1e9), int(times[1] * 1e9)
        common = f'{{"name":{name},"cat":"queue","id":"{number:x}",{self._place()}'
        self._add(
            f'{common},"ph":"b","ts":{began / 1e3:.3f}}},\n'
            f'{common},"ph":"e","ts":{ended / 1e3:.3f}}}'
        )

    def _place(self) -> str:
        """Return process and thread as JSON members; write the thread's name on first use."""
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
        except Exception as error:  # a text file of the user may raise anything
            self.abandon()
            _log.warning("a trace has ended, because writing failed: %r", error)

    def _write(self, text: str) -> None:
        if self._file is not None:
            self._file.write(text)
            self._file.flush()
            return
        data = text.encode()
        while data:
            data = data[os.write(self._fd, data) :]

    def close(self) -> None:
        """Write the remaining records and the end; again does nothing."""
        with self._lock:
            if not self.ended:
                self._flush("\n]\n")
                self.abandon()

    def abandon(self) -> None:
        """Write no more. It takes no lock: a forked child may have a locked one."""
        self.ended = True
        self._lock = threading.RLock()  # its holder may not exist in a forked child
        self._records = []
        self._file = None
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def as_args(**values: Any) -> str:
    """Return values as a JSON object, for `TraceFile.span`."""
    return json.dumps(values)
