"""A source of the changes of files.

::

    InotifyHub -> records -> Tracker -> events -> AtomicSaveFilter or Debouncer -> the queue
"""

import errno
import math
import os
from collections.abc import Iterator, Sequence
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
from evdispatch.sources.files._tracker import QUIET, Tracker
from evdispatch.sources.files._tree import Options, TreeContext

_SLICE = 128  # steps in one turn: a directory takes 10 to 20 us
_TURN = 64  # events that the IO side takes at once; the last step may make more
_LONGEST = 10  # times the debounce
_NAME_MAX = 255  # bytes, linux/limits.h


class Watch(Source):
    """Watches a file or a directory tree: `created`, `modified`, `deleted`, `moved` ...

    The path need not exist yet, and may come back after it is gone. When `add` returns, a
    tree of some hundred directories is watched; a larger one when `ready` has come.

    Args:
        path: The file or directory. A relative path is resolved now.
        recursive: Watch all directories below the path, not only its own entries.
        include: Patterns of the files that make events, like those of gitignore; default:
            all files. Directories always make events and are always descended into.
        ignore: Patterns of what is left out; a directory with everything below it. For
            both, an object of the pathspec library may be given instead.
        follow_symlinks: Descend into links to directories. The path itself may always be
            a link.
        initial: Make an `existing` event for everything that is there, before `ready`.
        debounce: Make one event for each path, with the net effect, when nothing has happened
            to it for so many seconds; None: make each event at once.
        max_wait: How long a debounced event waits at most, in seconds; default: ten times
            ``debounce``.
        one_file_system: Leave out directories on other file systems.
        raw: Make events as the kernel reports them: a save by rename is a `moved`, one by
            deleting and writing again `deleted` and `created`.
        name: A label for messages.

    Raises:
        TypeError: The path is no path, or a pattern no str.
        ValueError: The path is empty or has a null byte; an interval is zero or less; a
            pattern is empty; both ``debounce`` and ``raw``.
        OSError: A name of the path is longer than NAME_MAX (ENAMETOOLONG).
    """

    has_final_events: ClassVar[bool] = True

    __slots__ = (
        "_deadline_at",
        "_early",
        "_hub_lost",
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
        include, ignore = (
            each if isinstance(each, (PathSpec, str)) else tuple(each)
            for each in (include, ignore)
        )
        self._options = Options(
            recursive=recursive,
            include=compile_patterns(include),
            ignore=compile_patterns(ignore),
            follow_symlinks=follow_symlinks,
            initial=initial,
            one_file_system=one_file_system,
            by_path=is_by_path(include) or is_by_path(ignore),
        )
        self._stage = _stage(debounce, max_wait, raw=raw)
        self._tracker: Tracker | None = None
        self._early: list[Event] = []  # made before it was registered
        self._missed = False  # records, during a pause
        self._deadline_at = math.inf
        self._hub_lost = False  # someone else has closed the inotify descriptor

    # -- for the user ----------------------------------------------------------------

    def snapshot(self) -> set[str]:
        """Return the paths that are known below the root; of a file, its own if it is there.

        From any thread. It is the sum of the events, and may be ahead of those that are
        still queued.
        """
        tracker = self._tracker
        if tracker is None:
            return set()
        with self.host.lock:
            return tracker.tree.snapshot()

    @property
    def settled(self) -> bool:
        """Whether the tree is quiet, known exactly, and all its events were made."""
        tracker = self._tracker
        if tracker is None or self.closed:
            return False
        waits = self._stage is not None and self._stage.waiting
        with self.host.lock:
            if waits or self.paused or self._missed or tracker.tree.records:
                return False
            quiet = tracker.exact and tracker.now() >= tracker.quiet_at
            return quiet and not tracker.hub.has_more

    def resume(self) -> None:
        """Go on, from any thread. What was missed is looked for, and ends in a `rescan`."""
        super().resume()
        self.wake()

    # -- for the IO side -------------------------------------------------------------

    def on_add(self) -> None:
        """Watch the first directories: changes make events from now on."""
        hub: InotifyHub = self.host.shared(InotifyHub)
        # Also an event without handlers may end a debounced one, or hold it back.
        debounced = isinstance(self._stage, Debouncer)
        needless = (lambda _: False) if debounced else self.has_no_handlers
        context = TreeContext(hub, self.host.now, self.wake, self.finish, needless)
        self._tracker = Tracker(context, self.path, self._options)
        try:
            self._work(self._tracker, self._early, math.inf)
        except BaseException:
            self.on_close()
            self._hub_lost = False  # the exception says it
            raise
        self.wake()

    def on_wake(self) -> Sequence[Event]:
        """Replay the new records."""
        made, self._early = self._early, []
        tracker = self._tracker
        if tracker is None:
            return made
        if self.paused:  # not only held back by its rate
            self._missed |= tracker.skip_records()
            return made
        if self._missed:
            self._missed = False
            tracker.replayer.look_again()
        try:
            self._work(tracker, made, _TURN)
        except ClosedError:
            if not self._hub_lost:
                raise
            self._add_events(tracker, made)  # `final_events` reports the end
        return made if len(made) > _TURN else tuple(made)

    def on_deadline(self, now: float) -> Sequence[Event]:
        """Make the events that have waited, and settle."""
        self._deadline_at = math.inf
        return self.on_wake()

    def on_close(self) -> None:
        """Remove the watches."""
        tracker, self._tracker = self._tracker, None
        if tracker is not None:
            self._hub_lost = tracker.hub.fd_lost
            tracker.close()

    def final_events(self) -> Iterator[Event]:
        """Report that the watch has ended though the user has not closed it."""
        if self._hub_lost:
            what = "inotify was closed, and not through its source"
            yield Error(OSError(errno.EBADF, what, self.path))

    def _work(self, tracker: Tracker, made: list[Event], limit: float) -> None:
        """Do what is to be done, up to a turn's worth, and add the events of it."""
        for _ in range(_SLICE):
            more = tracker.step()
            if tracker.tree.events:
                self._add_events(tracker, made)
            if not more:
                self._finish_turn(tracker, made)
                return
            if len(made) >= limit:
                break
        self.wake()

    def _add_events(self, tracker: Tracker, made: list[Event]) -> None:
        events, stage = tracker.tree.events, self._stage
        tracker.replayer.stirred = True
        made += events if stage is None else stage.feed(events, tracker.now())
        events.clear()

    def _finish_turn(self, tracker: Tracker, made: list[Event]) -> None:
        """Add the events that are due, and set the deadline of the next ones."""
        now, stage = tracker.now(), self._stage
        waits: float | None = None
        if stage is not None and stage.waiting:
            made += stage.expire(now)
            waits = stage.due
        settles: float | None = None
        replayer = tracker.replayer
        if replayer.stirred and tracker.exact and waits is None:
            if self.has_no_handlers(Settled):
                pass  # it is not worth a wake-up
            elif now < tracker.quiet_at:
                settles = tracker.quiet_at
            elif tracker.hub.has_more:
                settles = now + QUIET
            else:
                replayer.stirred = False
                made.append(Settled(self.path))
        for due in (tracker.due, waits, settles):
            # A deadline that is too early does no harm.
            if due is not None and due < self._deadline_at:
                self._deadline_at = due
                self.set_deadline(due)


def _absolute(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> str:
    text = os.fsdecode(path)
    if not text or "\0" in text:
        raise ValueError(f"path must not be empty or have null bytes, got {path!r}")
    if any(len(os.fsencode(name)) > _NAME_MAX for name in text.split("/")):
        # It can never exist, so waiting for it would never end.
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), text)
    if ".." in text.split("/"):  # abspath ignores that the name before may be a link
        above, name = os.path.split(text)
        text = os.path.realpath(text if name == ".." else above)
        text = text if name == ".." else os.path.join(text, name)
    return os.path.abspath(text)


def _stage(
    debounce: float | None, max_wait: float | None, *, raw: bool
) -> AtomicSaveFilter | Debouncer | None:
    if debounce is None:
        if max_wait is not None:
            raise ValueError("max_wait cannot be given without debounce")
        return None if raw else AtomicSaveFilter()
    if raw:
        raise ValueError("debounce and raw=True cannot be combined")
    quiet = check_interval("debounce", debounce)
    longest = quiet * _LONGEST if max_wait is None else max_wait
    return Debouncer(quiet, check_interval("max_wait", longest))
