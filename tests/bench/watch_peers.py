"""The libraries that the benchmark of file watching compares, and the process of one of them.

    python -m bench.watch_peers NAME DIRECTORY EVENTS BATCH [WRITER ...]

Watches the directory, with the writer's files in it if there is one, and prints what came
of it as JSON. Each library gets its events as it gives them to any program: by a handler,
a callback or a loop, each of which makes one call. It is asked for files that are created
and deleted, and for no more where it can be told so.
"""

import gc
import json
import logging
import os
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

import attrs

QUIET = 1.0  # seconds after the last event, and the writer's end: no more will come
_TICK = 0.05


@attrs.frozen
class Reading:
    """What the process has used: user and system time of all its threads, and memory."""

    wall: float = attrs.Factory(time.perf_counter)
    cpu: float = attrs.Factory(time.process_time)

    @staticmethod
    def resident() -> int:
        """Return the memory of the process, in bytes."""
        pages = Path("/proc/self/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def since(self, before: "Reading") -> dict[str, float]:
        return {"wall": self.wall - before.wall, "cpu": self.cpu - before.cpu}


class Heard:
    """Counts what is delivered, and has the writer go on when all of a batch was."""

    def __init__(self, events: int, batch: int, writer: list[str]) -> None:
        self.count = 0
        self.overflows = 0
        self.result: dict[str, Any] = {}
        self.is_ready = threading.Event()
        self._events, self._batch, self._wanted = events, batch, 0
        self._writer = None
        if writer:
            self._writer = subprocess.Popen(writer, stdin=subprocess.PIPE, bufsize=0)
        self._done = threading.Event()
        self._end: Reading | None = None

    def begin(self) -> None:
        """Read the clocks: the library is imported."""
        gc.collect()
        self._resident = Reading.resident()
        self._begin = Reading()

    def ready(self, _event: object = None) -> None:
        """Read the clocks: all is watched."""
        self.result["setup"] = Reading().since(self._begin)
        gc.collect()
        self.result["setup"]["resident"] = Reading.resident() - self._resident
        self.is_ready.set()

    def event(self, _event: object = None) -> None:
        """Count one that was created or deleted."""
        self.count += 1
        if self.count == self._wanted:
            self._go_on()

    def overflow(self, _event: object = None) -> None:
        """Count a message that events were lost."""
        self.overflows += 1

    def _go_on(self) -> None:
        if self.count == self._events:
            self._end = Reading()
            self._done.set()
            return
        self._wanted += self._batch
        if self._writer is not None and self._writer.stdin is not None:
            self._writer.stdin.write(b"\n")

    def supervise(self) -> None:
        """Wait for all events, print what came of them, and end the process."""
        self.is_ready.wait()
        if self._writer is not None:
            self._collect(self._writer)
        self.result["watches"] = watches()
        print(json.dumps(self.result), flush=True)
        os._exit(0)  # no library has a say in it

    def _collect(self, writer: subprocess.Popen[bytes]) -> None:
        begin = last = Reading()
        self._go_on()
        seen, quiet = 0, 0.0
        while not self._done.wait(_TICK) and quiet < QUIET:
            quiet = 0.0 if writer.poll() is None else quiet + _TICK
            if self.count != seen:
                seen, quiet, last = self.count, 0.0, Reading()
        told = {"delivered": self.count, "overflows": self.overflows}
        self.result["events"] = (self._end or last).since(begin) | told


def watches() -> int:
    """Return how many watches the process has with the kernel."""
    count = 0
    for info in Path("/proc/self/fdinfo").iterdir():
        try:
            count += info.read_text().count("inotify wd:")
        except FileNotFoundError:  # the directory's own
            continue
    return count


def _evdispatch(
    path: str,
    heard: Heard,
    *,
    recursive: bool,
    io: Literal["auto", "thread", "inline"] = "auto",
    raw: bool = False,
) -> None:
    """Watch as by default, which is recursive."""
    from evdispatch import Dispatcher, Watch

    heard.begin()
    app = Dispatcher(io=io)
    watch = app.add(Watch(path, raw=raw))
    watch.on("ready")(heard.ready)
    watch.on("created")(heard.event)
    watch.on("deleted")(heard.event)
    watch.on("overflow")(heard.overflow)
    app.run()


def _thread(path: str, heard: Heard, *, recursive: bool) -> None:
    _evdispatch(path, heard, recursive=recursive, io="thread")


def _raw(path: str, heard: Heard, *, recursive: bool) -> None:
    _evdispatch(path, heard, recursive=recursive, raw=True)


def _pyinotify(path: str, heard: Heard, *, recursive: bool) -> None:
    """Run the stock notifier, which 3.12 can't import without a module of that name."""
    if sys.version_info >= (3, 12):
        stub: Any = types.ModuleType("asyncore")
        stub.file_dispatcher = type("file_dispatcher", (), {})
        sys.modules["asyncore"] = stub
    import pyinotify

    heard.begin()
    manager = pyinotify.WatchManager()
    handler = pyinotify.ProcessEvent()
    handler.process_IN_CREATE = handler.process_IN_DELETE = heard.event
    handler.process_IN_Q_OVERFLOW = heard.overflow
    notifier = pyinotify.Notifier(manager, handler)
    mask = pyinotify.IN_CREATE | pyinotify.IN_DELETE
    manager.add_watch(path, mask, rec=recursive, auto_add=recursive)
    heard.ready()
    notifier.loop()


def _watchdog(path: str, heard: Heard, *, recursive: bool) -> None:
    from watchdog.events import (
        FileCreatedEvent,
        FileDeletedEvent,
        FileSystemEventHandler,
    )
    from watchdog.observers import Observer

    class Log(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "events were lost" in record.getMessage():  # nothing else tells
                heard.overflow()

    logging.getLogger("watchdog").addHandler(Log())
    heard.begin()
    handler = FileSystemEventHandler()
    handler.on_created = handler.on_deleted = heard.event
    observer = Observer()
    kinds = [FileCreatedEvent, FileDeletedEvent]
    observer.schedule(handler, path, recursive=recursive, event_filter=kinds)
    observer.start()
    heard.ready()
    observer.join()


def _inotify_simple(path: str, heard: Heard, *, recursive: bool) -> None:
    """Walk the tree ourselves, since it does not."""
    from inotify_simple import INotify, flags

    heard.begin()
    inotify = INotify()
    mask = flags.CREATE | flags.DELETE
    paths = {}
    for folder, _, _ in os.walk(path):
        paths[inotify.add_watch(folder, mask)] = folder
        if not recursive:
            break
    heard.ready()
    while True:
        for event in inotify.read():
            if event.mask & flags.Q_OVERFLOW:
                heard.overflow()
            else:
                heard.event(event)


def _asyncinotify(path: str, heard: Heard, *, recursive: bool) -> None:
    import asyncio

    from asyncinotify import Inotify, Mask, RecursiveInotify

    async def loop() -> None:
        mask = Mask.CREATE | Mask.DELETE
        if recursive:
            inotify = RecursiveInotify()
            inotify.add_recursive_watch(Path(path), mask)
        else:
            inotify = Inotify()
            inotify.add_watch(path, mask)
        heard.ready()
        async for event in inotify:
            if Mask.Q_OVERFLOW in event.mask:
                heard.overflow()
            else:
                heard.event(event)

    heard.begin()
    asyncio.run(loop())


def _watchfiles(path: str, heard: Heard, *, recursive: bool) -> None:
    """Count the changes of each set; an empty one tells that all is watched."""
    from watchfiles import Change, watch

    heard.begin()
    for changes in watch(
        path,
        recursive=recursive,
        watch_filter=None,
        rust_timeout=1,
        yield_on_timeout=True,
    ):
        if not heard.is_ready.is_set():
            heard.ready()
        for change, _ in changes:
            if change is not Change.modified:
                heard.event()


@attrs.frozen
class Peer:
    """A library, by its name in the figures.

    ``tells`` is whether it says that events were lost.
    """

    name: str
    package: str
    watch: Callable[..., None]
    tells: bool = True


OURS: Final = Peer("evdispatch", "evdispatch", _evdispatch)
PEERS: Final = (
    OURS,
    Peer("evdispatch, thread", "evdispatch", _thread),
    Peer("evdispatch, raw", "evdispatch", _raw),
    Peer("pyinotify", "pyinotify", _pyinotify),
    Peer("inotify_simple", "inotify_simple", _inotify_simple),
    Peer("asyncinotify", "asyncinotify", _asyncinotify),
    Peer("watchdog", "watchdog", _watchdog),
    Peer("watchfiles", "watchfiles", _watchfiles, tells=False),
)


def main(name: str, path: str, events: str, batch: str, *writer: str) -> None:
    """Watch with one library; without a writer, a whole tree."""
    peer = next(peer for peer in PEERS if peer.name == name)
    heard = Heard(int(events), int(batch), list(writer))
    threading.Thread(target=heard.supervise, daemon=True).start()
    peer.watch(path, heard, recursive=not writer)


if __name__ == "__main__":
    main(*sys.argv[1:])
