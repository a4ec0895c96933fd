"""The events of a `Watch`: what became of a path, and what became of the tree."""

import os
from typing import Any, ClassVar

import attrs

from evdispatch._events import Event


@attrs.define(eq=False)
class PathEvent(Event):
    """The base of all events of a `Watch`.

    Attributes:
        path: Absolute, in str; bytes that are no text are surrogates (`os.fsdecode`).
    """

    path: str

    @property
    def path_bytes(self) -> bytes:
        """The path as the kernel has it."""
        return os.fsencode(self.path)


@attrs.define(eq=False)
class Change(PathEvent):
    """The base of the events of one file or directory.

    Attributes:
        is_dir: Whether it is, or was, a directory.
    """

    is_dir: bool = False


@attrs.define(eq=False)
class Existing(Change):
    """It was there when the watch began; asked for by ``initial=True``."""


@attrs.define(eq=False)
class Created(Change):
    """It is there now, and was not: made, linked, or moved in from outside.

    Attributes:
        synthetic: It was found, not told: it is older than its directory's watch.
    """

    synthetic: bool = False


@attrs.define(eq=False)
class Modified(Change):
    """Its content has changed.

    Attributes:
        atomic: Another file has taken its place, by a rename over it: it is complete.
    """

    queue_policy: ClassVar[str] = "merge"

    atomic: bool = False

    def merge(self, later: Any) -> Event | None:
        """Two writes to a file are one change of it."""
        same = (later.path, later.atomic) == (self.path, self.atomic)
        return later if same else None


@attrs.define(eq=False)
class Closed(Change):
    """Who had it open for writing has closed it: the write is finished."""


@attrs.define(eq=False)
class Attributes(Change):
    """Its mode, owner, times, extended attributes or number of links have changed."""


@attrs.define(eq=False)
class Deleted(Change):
    """It is gone: deleted, or moved out. A directory with all that was in it."""


@attrs.define(eq=False)
class Moved(Change):
    """It has another path now; a directory with all that is in it.

    Attributes:
        src_path: Where it was.
        replaced: Whether it has taken another one's place; with ``raw=True`` only.
    """

    src_path: str = ""
    replaced: bool = False


@attrs.define(eq=False)
class TreeEvent(PathEvent):
    """The base of the events of a whole tree, or a part of it."""


@attrs.define(eq=False)
class Ready(TreeEvent):
    """All that was there is watched now; the path is the root's."""


@attrs.define(eq=False)
class Settled(TreeEvent):
    """The tree is quiet, and known exactly; the path is the root's."""


@attrs.define(eq=False)
class Overflow(TreeEvent):
    """The kernel's queue was full: changes were lost. A `rescan` follows."""


@attrs.define(eq=False)
class Rescan(TreeEvent):
    """What is below the path was looked at anew.

    What had come or gone was told before, by `created` and `deleted`; what was only
    modified may not have been.
    """


@attrs.define(eq=False)
class RootGone(TreeEvent):
    """The root was deleted or moved away. It is waited for: `created` tells of it."""


@attrs.define(eq=False)
class Unmounted(TreeEvent):
    """The file system of this directory was unmounted."""
