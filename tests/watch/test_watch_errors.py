"""Watch: odd names, trees that vanish, missing rights, limits."""

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.processes import UNTRACED
from helpers.trees import Replay, Watched, Watching, clear, fill, plain
from helpers.waiting import PATIENCE

from evdispatch import Change, Dispatcher, Watch
from evdispatch.sources.files._inotify import Inotify
from evdispatch.testing import VirtualClock, settle


def test_names_not_utf8_are_surrogates(watched: Watched) -> None:
    root = bytes(watched.root)
    os.mkdir(root + b"/\xff")
    with open(root + b"/\xff/\xfe\n", "w"):
        pass
    reported = plain(watched.rest())
    assert reported[:2] == ["created \udcff/", "created \udcff/\udcfe\n"]
    paths = [event.path_bytes for event in watched.events]
    assert root + b"/\xff/\xfe\n" in paths
    assert watched.names() == ["\udcff", "\udcff/\udcfe\n"]
    os.rename(root + b"/\xff", root + b"/\xfd")
    assert watched.rest() == ["moved \udcff/ -> \udcfd/"]
    assert watched.unwatched() == []


def test_root_name_not_utf8_is_watched(
    timed: Dispatcher, clock: VirtualClock, tmp_path: Path
) -> None:
    os.mkdir(bytes(tmp_path) + b"/\xff")
    watched = Watched(timed, clock, os.fsdecode(bytes(tmp_path) + b"/\xff"))
    watched.rest()
    fill(watched.root, "a")
    assert watched.rest() == ["created a", "modified a"]


def test_names_of_255_bytes_are_reported(watched: Watched) -> None:
    for letter in "abc":
        fill(watched.root, letter * 255)
    reported = watched.rest()
    assert [each for each in reported if each.startswith("created")] == [
        f"created {letter * 255}" for letter in "abc"
    ]


def test_path_with_a_name_too_long_raises_os_error() -> None:
    with pytest.raises(OSError, match="too long") as caught:
        Watch(f"/tmp/{'é' * 128}/x")
    assert caught.value.errno == errno.ENAMETOOLONG


def test_tree_150_levels_deep_is_watched(watched: Watched) -> None:
    """No path is longer than PATH_MAX, and nothing here recurses."""
    name = "/".join(["d" * 20] * 150)
    (watched.root / name).mkdir(parents=True)
    reported = watched.rest()
    assert len(reported) == 150
    assert watched.unwatched() == []
    os.rename(watched.root / ("d" * 20), watched.root / "x")
    watched.rest()
    assert watched.unwatched() == []


def test_fifo_socket_and_dangling_link_are_created(watched: Watched) -> None:
    import socket  # noqa: PLC0415

    (watched.root / "d").mkdir()
    os.mkfifo(watched.root / "d/fifo")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(watched.root / "d/sock"))
        (watched.root / "d/dangling").symlink_to("nowhere")
        reported = plain(watched.rest())
    assert sorted(reported[1:]) == [
        "created d/dangling",
        "created d/fifo",
        "created d/sock",
    ]


def test_tree_deleted_while_it_is_listed_ends_empty(watched: Watched) -> None:
    for _ in range(20):
        fill(watched.root, *(f"d/{one}/{two}/f" for one in "abc" for two in "abc"))
        settle(watched.app)
        fill(watched.root, *(f"e/{one}/{two}/f" for one in "abc" for two in "abc"))
        clear(watched.root)
        settle(watched.app)
    watched.rest()
    assert watched.names() == []
    assert watched.errors == []
    replay = Replay(watched.root)
    for event in watched.events:
        if isinstance(event, Change):
            replay.hear(event)
    assert replay.paths == {}


# -- rights and limits -----------------------------------------------------------------

# Root may do everything, so these run as another user, in a process of their own.
WITHOUT_RIGHTS = """
import os, sys
sys.path[:0] = sys.argv[1:]
from pathlib import Path
import tempfile
from helpers.trees import Watched, Watching, fill
from evdispatch import Dispatcher
from evdispatch.testing import VirtualClock
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
with tempfile.TemporaryDirectory(dir="/tmp") as name:
    root = Path(name)
    fill(root, "a/f", "b/f")
    (root / "a").chmod(0)
    clock = VirtualClock()
    with Dispatcher(io="inline", clock=clock) as app:
        watched = Watched(app, clock, root)
        print(watched.rest(), [type(e).__name__ + e.filename[len(name):] for e in watched.errors])
        fill(root, "b/g")
        print(watched.rest(), len(watched.errors))
        (root / "a").chmod(0o700)
        print(watched.rest(), watched.unwatched())
        fill(root, "a/g")
        print(watched.rest(), watched.errors[1:])
        watched.watch.close()
        watched.errors.clear()
        root.chmod(0)
        watched = Watched(app, clock, root)
        print(watched.rest(), len(watched.errors), len(watched.watch.snapshot()))
        root.chmod(0o700)
        watched.rest()
        print(len(watched.watch.snapshot()), watched.unwatched())
        for directory in (root / "b", root):  # it may be listed, and not searched
            watched.watch.close()
            fill(root, "b/c/d")
            directory.chmod(0o600)
            watched = Watched(app, clock, root)
            watched.rest()
            directory.chmod(0o700)
            print(watched.rest()[0], len(watched.watch.snapshot()), watched.unwatched())
        watched.watch.close()
        fill(root, "b/on/the/way")
        (root / "b").chmod(0o600)
        watched = Watched(app, clock, root / "b/on/the")
        print(watched.rest())
        (root / "b").chmod(0o700)
        print(watched.rest())
"""


def test_directory_without_rights_is_one_error_and_is_tried_again() -> None:
    here = Path(__file__).parents[1]
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", WITHOUT_RIGHTS]
    command += [str(here), str(here.parent)]
    done = subprocess.run(
        command,
        capture_output=True,
        env=UNTRACED,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert done.stdout.splitlines() == [
        "['ready .'] ['PermissionError/a']",
        "['created b/g', 'modified b/g'] 1",
        "['attributes a/', 'created a/f*'] []",
        "['created a/g', 'modified a/g'] []",
        "['ready .'] 1 0",
        "6 []",
        "attributes b/ 8 []",
        "attributes ./ 8 []",
        "['ready .']",
        "['created ./', 'created way*']",
    ]
    assert done.stderr == ""


class Limited(Inotify):
    """Has a limit of watches of its own.

    `fs.inotify.max_user_watches` limits the whole machine, in a user namespace too.
    """

    left = 0

    def watch(self, path: str, mask: int) -> int:
        before = self._count()
        wd = super().watch(path, mask)
        if self._count() > before >= Limited.left:
            self.unwatch(wd)
            raise OSError(errno.ENOSPC, "no more inotify watches: stand-in", path)
        return wd

    def _count(self) -> int:
        with open(f"/proc/self/fdinfo/{self.fileno()}") as file:
            return file.read().count("inotify wd:")


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> type[Limited]:
    monkeypatch.setattr("evdispatch.sources.files._hub.Inotify", Limited)
    return Limited


def test_watches_exhausted_is_one_error_and_is_tried_again(
    watching: Watching, tmp_path: Path, limited: type[Limited]
) -> None:
    fill(tmp_path / "root", "a/f", "b/f", "c/f")
    limited.left = len((tmp_path / "root").parts) + 1
    watched = watching()
    assert watched.rest() == ["ready ."]
    assert len(watched.errors) == 1  # for all of them
    assert "no more inotify watches" in str(watched.errors[0])
    assert f"this dispatcher has {limited.left}" in str(watched.errors[0])
    assert watched.names() == ["a", "a/f", "b", "b/f", "c", "c/f"]
    (seen,) = {"a", "b", "c"} - {path[-1] for path in watched.unwatched()} or {""}
    fill(watched.root, "a/g", "b/g", "c/g")
    assert [each[8] for each in watched.rest() if each.startswith("created")] == [seen]
    limited.left = 100
    watched.clock.advance(5.1)
    reported = watched.rest()
    assert sorted(reported) == sorted(
        f"created {name}/g*" for name in {*"abc"} - {seen}
    )
    assert watched.unwatched() == []
    assert len(watched.errors) == 1


def test_instances_exhausted_raises_os_error(app: Dispatcher, tmp_path: Path) -> None:
    """The limit of open files gives the same error as that of instances."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    app.step(0)
    used = max(int(name) for name in os.listdir("/proc/self/fd"))
    taken: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 1, hard))
    try:
        while True:
            try:
                taken.append(os.dup(2))
            except OSError:
                break
        with pytest.raises(OSError, match="max_user_instances is") as caught:
            app.add(Watch(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in taken:
            os.close(fd)
    assert caught.value.errno == errno.EMFILE
    assert app.sources == ()
    app.add(Watch(tmp_path)).close()
