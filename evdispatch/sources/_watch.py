"""A source of what happens to files: a tree that is has_hooks, and how it is told.

::

    InotifyHub -> records -> Tracker -> events -> AtomicSaveFilter or Debouncer -> the queue
"""

import errno
import os
from collections.abc import Iterator
from typing import ClassVar

from evdispatch._checks import check_interval
from evdispatch._errors import ClosedError
from evdispatch._events import Error, Event
from evdispatch.sources._base import Source
from evdispatch.sources.files._atomic_saves import AtomicSaveFilter
from evdispatch.sources.files._debounce import Debouncer
from evdispatch.sources.files._events import Settled
from evdispatch.sources.files._globs import (
    PathSpec,
    Patterns,
    compile_patterns,
    is_by_path,
)
from evdispatch.sources.files._hub import InotifyHub
from evdispatch.sources.files._model import Options, TreeContext
from evdispatch.sources.files._tracker import Tracker

_SLICE = 128  # directories visited in one turn, 10 to 20 us each
_LONGEST = 10  # times the debounce
_NAME_MAX = 255  # bytes, linux/limits.h


class Watch(Source):
    """Watches a file or a directory tree: `created`, `modified`, `deleted`, `moved` ...

    The path may be missing yet, and come back after it has gone. When `add` returns, a
    tree of some hundred directories is watched; a larger one when `ready` has come.

    Args:
        path: The file or directory; a relative one is meant as of now.
        recursive: Whether all directories below it are watched, or its own entries alone.
        include: Patterns of the files to be told of, like those of gitignore; nothing:
            all. Directories are told of, and descended into, whatever they are called.
        ignore: Patterns of what is left out; a directory with all that is below it. For
            both, an object of the pathspec library may be given instead.
        follow_symlinks: Whether links to directories are descended into. The path itself
            may be a link at any rate.
        initial: Whether `existing` tells of what was there, before `ready`.
        debounce: One event for each path with the net effect, when it has been quiet for
            so many seconds; None: each event at once.
        max_wait: How long such an event waits at most, in seconds; default: ten times
            ``debounce``.
        one_file_system: Whether directories of other file systems are left out.
        raw: Whether events are told as the kernel has them: a save by rename is a `moved`,
            one by deleting and writing anew `deleted` and `created`.
        name: A label for messages.

    Raises:
        TypeError: The path is no path, or a pattern no str.
        ValueError: The path is empty or has a null byte; an interval is zero or less; a
            pattern is empty; both ``debounce`` and ``raw``.
        OSError: A name of the path is longer than any may be (ENAMETOOLONG).
    """

    has_final_events: ClassVar[bool] = True

    __slots__ = (
        "_deaf",
        "_due",
        "_job",
        "_made",
        "_missed",
        "_options",
        "_stage",
        "_tracker",
        "path",
    )

    def __init__(
        self,
        path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        *,
        recursive: bool = True,
        include: Patterns = (),
        ignore: Patterns = (),
        follow_symlinks: bool = False,
        initial: bool = False,
        debounce: float | None = None,
        max_wait: float | None = None,
        one_file_system: bool = False,
        raw: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self.path = _absolute(path)
        if not isinstance(include, PathSpec) and not isinstance(include, str):
            include = tuple(include)
        if not isinstance(ignore, PathSpec) and not isinstance(ignore, str):
            ignore = tuple(ignore)
        self._options = Options(
            recursive,
            compile_patterns(include),
            compile_patterns(ignore),
            follow_symlinks,
            initial,
            one_file_system,
            is_by_path(include) or is_by_path(ignore),
        )
        self._stage = _stage(debounce, max_wait, raw=raw)
        self._tracker: Tracker | None = None
        self._job: Iterator[list[Event] | Event | None] | None = None
        self._made: list[Event] = []  # before the IO side could ask for it
        self._missed = False  # something, in a pause
        self._due: float | None = None
        self._deaf = False  # it ended since the hub's number was closed behind our back

    # -- for the user ----------------------------------------------------------------

    def snapshot(self) -> set[str]:
        """Return the paths that are known below the root; of a file, its own if it is there.

        From any thread. It is what the events add up to, and may be ahead of those that
        are still queued.
        """
        tracker = self._tracker
        if tracker is None:
            return set()
        with self.host.lock:
            return tracker.snapshot()

    @property
    def settled(self) -> bool:
        """Whether the tree is quiet, known exactly, and all of it was made into events."""
        tracker = self._tracker
        if tracker is None or self.closed:
            return False
        with self.host.lock:
            return self._is_settled(tracker) and not tracker.hub.has_more

    def resume(self) -> None:
        """Go on, from any thread. What was missed is looked for, and ends in a `rescan`."""
        super().resume()
        self.wake()

    # -- for the IO side -------------------------------------------------------------

    def on_add(self) -> None:
        """Watch the first directories: what happens from now on is told."""
        hub: InotifyHub = self.host.shared(InotifyHub)
        # What is unheard may end what is debounced, or hold it back.
        heard = self._stage is None or isinstance(self._stage, AtomicSaveFilter)
        unheard = self.has_no_handlers if heard else _never
        around = TreeContext(hub, self.host.now, self.wake, self.finish, unheard)
        self._tracker = Tracker(around, self.path, self._options)
        hub.enlist(self._tracker)
        try:
            self._made = list(self._follow())
        except BaseException:
            self.on_close()
            self._deaf = False  # who adds it is told by this
            raise
        self.wake()

    def on_wake(self) -> Iterator[Event]:
        """Work on what inotify has told."""
        return self._work()

    def on_deadline(self, now: float) -> Iterator[Event]:
        """Tell what has waited, and settle."""
        self._due = None
        return self._work()

    def on_close(self) -> None:
        """Give back the watches."""
        tracker, self._tracker = self._tracker, None
        if tracker is not None:
            self._deaf = tracker.hub.fd_lost
            tracker.close()

    def final_events(self) -> Iterator[Event]:
        """Tell that it hears nothing more, though nobody has closed it."""
        if self._deaf:
            yield Error(
                OSError(errno.EBADF, "inotify was closed by somebody else", self.path)
            )

    def _work(self) -> Iterator[Event]:
        try:
            yield from self._follow()
        except ClosedError:
            if not self._deaf:
                raise
            # `final_events` tells, as where another watch has noticed.

    def _follow(self) -> Iterator[Event]:
        """Yield what has become of the tree. The first time `on_add` asks, and is told."""
        yield from self._take_made()
        tracker = self._tracker
        if tracker is None or self._is_muted(tracker):
            return
        stage = self._stage
        left = _SLICE
        if self._job is None:
            self._job = tracker.work()
        for made in self._job:
            if made:
                events = made if isinstance(made, list) else [made]
                tracker.stirred = True
                yield from (
                    events if stage is None else stage.feed(events, tracker.now())
                )
                if self._tracker is None:  # it has ended with the hub meanwhile
                    return
            elif made is None and (left := left - 1) == 0:
                self.wake()
                return
        self._job = None
        if not self.closed:  # with the hub
            yield from self._finish_turn(tracker)

    def _is_muted(self, tracker: Tracker) -> bool:
        """Whether it is paused; what was told meanwhile is to be looked for afterwards."""
        if self.paused:
            self._missed |= bool(tracker.records)
            tracker.records.clear()
            tracker.hub.go_on()
        elif self._missed:
            self._missed = False
            tracker.look_again()
        return self.paused

    def _finish_turn(self, tracker: Tracker) -> Iterator[Event]:
        if self._stage is not None:
            yield from self._stage.expire(tracker.now())
        if tracker.stirred and self._is_settled(tracker):
            tracker.stirred = False
            yield Settled(self.path)
        self._plan(tracker)

    def _take_made(self) -> list[Event]:
        made, self._made = self._made, []
        return made

    def _is_settled(self, tracker: Tracker) -> bool:
        waits = self._stage is not None and self._stage.due is not None
        unseen = self.paused or self._missed
        return tracker.settled and not (tracker.records or waits or unseen)

    def _plan(self, tracker: Tracker) -> None:
        """Have the deadline set for what comes next; one that is too early does no harm."""
        due = tracker.due
        if self._stage is not None and (other := self._stage.due) is not None:
            due = other if due is None else min(due, other)
        if due is not None and (self._due is None or due < self._due):
            self._due = due
            self.set_deadline(due)


def _never(_: type[Event]) -> bool:
    return False


def _absolute(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> str:
    text = os.fsdecode(path)
    if not text or "\0" in text:
        raise ValueError(f"no path: {path!r}")
    if any(len(os.fsencode(name)) > _NAME_MAX for name in text.split("/")):
        # It would be waited for for ever.
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), text)
    if ".." in text.split("/"):  # not by its text alone: a link may be on the way
        above, name = os.path.split(text)
        text = os.path.realpath(text if name == ".." else above)
        text = text if name == ".." else os.path.join(text, name)
    return os.path.abspath(text)


def _stage(
    debounce: float | None, max_wait: float | None, *, raw: bool
) -> AtomicSaveFilter | Debouncer | None:
    if debounce is None:
        if max_wait is not None:
            raise ValueError("max_wait is for debounce alone")
        return None if raw else AtomicSaveFilter()
    if raw:
        raise ValueError("what is debounced is not raw")
    quiet = check_interval("debounce", debounce)
    longest = quiet * _LONGEST if max_wait is None else max_wait
    return Debouncer(quiet, check_interval("max_wait", longest))
