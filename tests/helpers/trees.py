"""A directory that is watched, and what was told of it, in few words."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from helpers.waiting import PATIENCE

from evdispatch import (
    Change,
    Created,
    Deleted,
    Dispatcher,
    Error,
    Existing,
    Modified,
    Moved,
    PathEvent,
    Watch,
)
from evdispatch.sources.files._debounce import Paths
from evdispatch.sources.files._tree import Node
from evdispatch.testing import VirtualClock, run_until, settle

STEP = 0.02  # seconds that pass while the tree comes to rest


class Watched:
    """A `Watch` on virtual time.

    Attributes:
        told: Its events since the last look, ``closed`` and ``settled`` left out unless
            asked for: ``created x/``, ``moved a -> b``; ``*`` is synthetic, ``!`` atomic.
        errors: What its `error` events bore.
    """

    def __init__(
        self,
        app: Dispatcher,
        clock: VirtualClock,
        root: Path | str,
        *,
        quiet: tuple[str, ...] = ("settled", "closed"),
        **options: Any,
    ) -> None:
        self.app = app
        self.clock = clock
        self.root = Path(root)
        self.quiet = quiet
        self.events: list[PathEvent] = []
        self.told: list[str] = []
        self.errors: list[BaseException] = []
        self.watch = Watch(root, **options)
        app.on(Error)(lambda event: self.errors.append(event.exception))
        app.add(self.watch)
        self.watch.on(PathEvent)(self.hear)

    def hear(self, event: PathEvent) -> None:
        self.events.append(event)
        if event.name not in self.quiet:
            self.told.append(describe(event, self.root))

    def rest(self) -> list[str]:
        """Let it come to rest; return what was told since the last time."""
        come_to_rest(self.app, self.clock, self.watch)
        told, self.told = self.told, []
        return told

    def names(self) -> list[str]:
        """Return what is known, relative to the root."""
        return sorted(
            os.path.relpath(path, self.root) for path in self.watch.snapshot()
        )

    @property
    def nodes(self) -> list[Node]:
        tracker = self.watch._tracker
        assert tracker is not None
        return [] if tracker.tree.root is None else list(below(tracker.tree.root))

    def watches(self) -> int:
        """Return how many watches the kernel has for it."""
        tracker = self.watch._tracker
        assert tracker is not None
        with open(f"/proc/self/fdinfo/{tracker.hub.fileno()}") as file:
            return file.read().count("inotify wd:")

    def unwatched(self) -> list[str]:
        """Return the directories that are not watched under their path."""
        tracker = self.watch._tracker
        assert tracker is not None
        return [
            path
            for node in self.nodes
            if (path := tracker.tree.path(node)) is not None
            and not tracker.visitor.is_at(path, node.wd, node)
        ]


Watching = Callable[..., Watched]
"""The fixture ``watching``."""


def come_to_rest(app: Dispatcher, clock: VirtualClock, watch: Watch) -> None:
    for _ in range(500):
        settle(app)
        if watch.settled:
            return
        clock.advance(STEP)
    raise TimeoutError(f"no rest: {watch!r}")


def below(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children():
        yield from below(child)


def describe(event: PathEvent, root: Path) -> str:
    def short(path: str) -> str:
        return os.path.relpath(path, root) + "/" * is_dir

    is_dir = isinstance(event, Change) and event.is_dir
    mark = "*" if isinstance(event, Created) and event.synthetic else ""
    if isinstance(event, Modified) and event.atomic:
        mark = "!"
    if isinstance(event, Moved):
        mark = "!" if event.replaced else ""
        return f"moved {short(event.src_path)} -> {short(event.path)}{mark}"
    return f"{event.name} {short(event.path)}{mark}"


def plain(told: list[str]) -> list[str]:
    """Leave out whether something was told or found: with a thread it depends."""
    return [each.rstrip("*") for each in told]


def real_tree(root: Path | str) -> dict[str, bool]:
    """Return what is below a directory, and whether it is a directory itself."""
    found: dict[str, bool] = {}
    for above, directories, files in os.walk(root):
        for name in directories:
            path = os.path.join(above, name)
            found[path] = not os.path.islink(path)
        found |= {os.path.join(above, name): False for name in files}
    return found


class Replay:
    """What somebody knows who is told the events alone.

    Attributes:
        paths: What is there, and whether it is a directory.
        strange: Events that can't be, from all that was told before.
    """

    def __init__(self, root: Path | str, paths: dict[str, bool] | None = None) -> None:
        self.root = str(root)
        self.paths: dict[str, bool] = {}
        self.strange: list[Change] = []
        self._index = Paths()  # a storm's trees are large, and move often
        self.learn(paths or {})

    def learn(self, paths: dict[str, bool]) -> None:
        """Take in what is there."""
        for path, is_dir in paths.items():
            if path not in self.paths:
                self._index.add(path)
            self.paths[path] = is_dir

    def forget(self, *paths: str) -> None:
        """Take out what is not there."""
        for path in paths:
            if self.paths.pop(path, None) is not None:
                self._index.remove(path)

    def below(self, path: str) -> list[str]:
        """Return what is known in a directory."""
        return [each for each in self._index.below(path) if each != path]

    def hear(self, event: Change) -> None:
        path = event.path
        if path == self.root:
            return
        if isinstance(event, (Created, Existing)):
            self.learn({path: event.is_dir})
        elif isinstance(event, Moved):
            if event.src_path not in self.paths:
                self.strange.append(event)
            self._move(event.src_path, path, event)
        elif path not in self.paths:
            self.strange.append(event)
        elif isinstance(event, Deleted):
            is_dir = event.is_dir or self.paths[path]  # a listing may be newer
            self.forget(path, *(self.below(path) if is_dir else ()))

    def _move(self, source: str, path: str, event: Moved) -> None:
        moved = {path: self.paths.get(source, event.is_dir)}
        below = self.below(source)
        for each in below:
            moved[path + each[len(source) :]] = self.paths[each]
        self.forget(source, *below)
        self.learn(moved)


def storm(
    root: Path, outside: Path, seed: int, count: int
) -> "subprocess.Popen[bytes]":
    """Begin a storm in a process of its own."""
    program = Path(__file__).with_name("file_storm.py")
    command = [sys.executable, program, root, outside, str(seed), str(count)]
    return subprocess.Popen([str(part) for part in command])


def weather(
    app: Dispatcher, watch: Watch, *children: "subprocess.Popen[bytes]"
) -> None:
    """Wait until storms are over, and the watch has come to rest, in real time."""
    try:
        run_until(
            app, lambda: all(c.poll() is not None for c in children), timeout=PATIENCE
        )
        run_until(app, lambda: watch.settled, timeout=PATIENCE)
        settle(app)
    finally:
        for child in children:
            child.kill()
            child.wait()


def ride_out(
    app: Dispatcher, tmp_path: Path, seeds: Sequence[int], count: int, **options: Any
) -> None:
    """Watch a tree through storms, and compare everything."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    assert storm(root, outside, seeds[0] + 1000, 300).wait(PATIENCE) == 0
    replay = Replay(root)
    watch = app.add(Watch(root, initial=True, **options))
    watch.on(Change)(replay.hear)
    weather(app, watch)
    assert replay.paths == real_tree(root)
    weather(app, watch, *(storm(root, outside, seed, count) for seed in seeds))
    known = real_tree(root)
    assert watch.snapshot() == set(known)
    assert replay.paths == known
    assert replay.strange == []
    tracker = watch._tracker
    assert tracker is not None
    assert tracker.tree.root is not None
    for node in below(tracker.tree.root):
        path = tracker.tree.path(node)
        assert path is not None
        assert tracker.visitor.is_at(path, node.wd, node), f"{path} is not watched"
    assert app.stats().balanced
    watch.close()


def inotify_fds() -> int:
    """Return how many inotify descriptors this process has."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += "inotify" in os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue  # the listing's own
    return found


def fill(root: Path, *names: str) -> None:
    """Make files, and directories where a name ends with a slash."""
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("text")


def clear(root: Path) -> None:
    """Delete all that is in a directory."""
    for path in root.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
