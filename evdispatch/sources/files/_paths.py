"""A set of paths that knows which of them are below a directory. No IO, no clock."""

from collections import Counter
from collections.abc import Iterator


class Paths:
    """Paths as often as they were added, found by the directories above them.

    Adding and finding cost the directories on the way, whatever else there is.
    """

    def __init__(self) -> None:
        self._members: Counter[str] = Counter()
        # Of each directory above a member, what in it is a member or above one.
        self._entries: dict[str, dict[str, None]] = {}

    def add(self, path: str) -> None:
        """Take in a path, once more if it is there."""
        self._members[path] += 1
        while path:
            above = path.rpartition("/")[0]
            entries = self._entries.setdefault(above, {})
            if path in entries:
                return
            entries[path] = None
            path = above

    def remove(self, path: str) -> None:
        """Take out a path, as often as it was added."""
        self._members[path] -= 1
        if self._members[path]:
            return
        del self._members[path]
        while path and path not in self._members and path not in self._entries:
            above = path.rpartition("/")[0]
            entries = self._entries[above]
            del entries[path]
            if entries:
                return
            del self._entries[above]
            path = above

    def below(self, path: str) -> Iterator[str]:
        """Yield a path, if it is there, and all that are below it."""
        found = [path]
        for each in found:
            if each in self._members:
                yield each
            found.extend(self._entries.get(each, ()))
