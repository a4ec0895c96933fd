"""A storm: random changes of a directory tree at full speed, by a process of its own.

    python tests/helpers/file_storm.py ROOT OUTSIDE SEED COUNT

Makes directories, files and links, writes, renames (also into the tree and out of it, over
what is there), has two paths change places, and deletes whole trees, below ROOT and OUTSIDE.
"""

import contextlib
import ctypes
import os
import random
import shutil
import sys

NAMES = "abcdefgh"
DEPTH = 4
KINDS = ("", ".txt", ".link")  # directories, files, links

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_libc = ctypes.CDLL(None, use_errno=True)


def exchange(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> None:
    """Have two paths change places: renameat2(2)."""
    paths = os.fsencode(one), os.fsencode(other)
    if _libc.renameat2(
        _AT_FDCWD, paths[0], _AT_FDCWD, paths[1], ctypes.c_uint(_RENAME_EXCHANGE)
    ):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fspath(one))


class Storm:
    """Changes two trees, the one that is watched more often."""

    def __init__(self, root: str, outside: str, seed: int) -> None:
        self.random = random.Random(seed)
        self.root = root
        self.outside = outside

    def path(self, *, outside: float = 0.1) -> str:
        chance = self.random
        top = self.outside if chance.random() < outside else self.root
        names = [chance.choice(NAMES) for _ in range(chance.randint(1, DEPTH))]
        return os.path.join(top, *names)

    def make(self) -> None:
        os.makedirs(self.path(), exist_ok=True)

    def write(self) -> None:
        path = self.path() + ".txt"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write("some text")

    def save(self) -> None:
        path = self.path() + ".txt"
        with open(path + "~", "w") as file:
            file.write("some text")
        os.rename(path + "~", path)

    def rename(self) -> None:
        os.rename(self.path(outside=0.2), self.path(outside=0.2))

    def rename_file(self) -> None:
        os.rename(self.path(outside=0.2) + ".txt", self.path(outside=0.2) + ".txt")

    def delete(self) -> None:
        shutil.rmtree(self.path())

    def unlink(self) -> None:
        os.unlink(self.path() + ".txt")

    def link(self) -> None:
        # To what is beside it: wherever it is moved to, it leads out of no tree, and
        # nothing else is ever deleted.
        os.symlink(self.random.choice(NAMES), self.path() + ".link")

    def link_anew(self) -> None:
        path = self.path() + ".link"
        os.symlink(self.random.choice(NAMES), path + "~")
        os.rename(path + "~", path)

    def hard_link(self) -> None:
        os.link(self.path(outside=0.2) + ".txt", self.path() + ".txt")

    def change_mode(self) -> None:
        os.chmod(self.path() + self.random.choice(KINDS), 0o700)

    def exchange(self) -> None:
        one, other = (self.path(outside=0.2) for _ in range(2))
        kinds = self.random.choices(KINDS, k=2)
        exchange(one + kinds[0], other + kinds[1])

    def step(self) -> None:
        """Do one thing; most fail where there is nothing."""
        doings = (
            *(self.make, self.make, self.make, self.write, self.write, self.write),
            *(self.save, self.rename, self.rename, self.rename, self.rename_file),
            *(self.delete, self.unlink, self.link, self.link_anew, self.hard_link),
            *(self.change_mode, self.exchange, self.exchange),
        )
        with contextlib.suppress(OSError):
            self.random.choice(doings)()


def main() -> None:
    root, outside, seed, count = sys.argv[1:]
    storm = Storm(root, outside, int(seed))
    for _ in range(int(count)):
        storm.step()


if __name__ == "__main__":
    main()
