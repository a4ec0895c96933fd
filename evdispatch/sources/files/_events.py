"""The events of a `Watch`: of one path, and of the whole tree."""

import os
from typing import Any, ClassVar

import attrs

from evdispatch._events import Event


@attrs.define(eq=False)
class PathEvent(Event):
    """The base of all events of a `Watch`.

    Attributes:
        path: Absolute. Bytes that are no text are surrogates, as in `os.fsdecode`.
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
    """It was there when the watch began. Made with ``initial=True`` only."""


@attrs.define(eq=False)
class Created(Change):
    """It is new: made, linked, or moved in from outside.

    Attributes:
        synthetic: It was found by a listing: it is older than its directory's watch.
    """

    synthetic: bool = False


@attrs.define(eq=False)
class Modified(Change):
    """Its content has changed.

    Attributes:
        atomic: Another file was renamed over it, so it is complete.
    """

    queue_policy: ClassVar[str] = "merge"

    atomic: bool = False

    def merge(self, later: Any) -> Event | None:
        """Merge two writes to a file."""
        same = (later.path, later.atomic) == (self.path, self.atomic)
        return later if same else None


@attrs.define(eq=False)
class Closed(Change):
    """A writer closed the file (IN_CLOSE_WRITE): the write is finished."""


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
        replaced: Whether it was renamed over another one; with ``raw=True`` only.
    """

    src_path: str = ""
    replaced: bool = False


@attrs.define(eq=False)
class TreeEvent(PathEvent):
    """The base of the events of a whole tree, or a part of it."""


@attrs.define(eq=False)
class Ready(TreeEvent):
    """Everything that was there is watched now. The path is the root's."""


@attrs.define(eq=False)
class Settled(TreeEvent):
    """The tree is quiet and known exactly. The path is the root's."""


@attrs.define(eq=False)
class Overflow(TreeEvent):
    """The kernel's queue was full: changes were lost. A `rescan` follows."""


@attrs.define(eq=False)
class Rescan(TreeEvent):
    """Everything below the path was listed again.

    What had come or gone has made `created` and `deleted` events before. What was only
    modified may have made none.
    """


@attrs.define(eq=False)
class RootGone(TreeEvent):
    """The root was deleted or moved away. `created` follows if it comes back."""


@attrs.define(eq=False)
class Unmounted(TreeEvent):
    """The file system of this directory was unmounted."""
