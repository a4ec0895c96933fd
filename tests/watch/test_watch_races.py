"""Watch: changes at the worst moment, during a visit or a walk."""

import functools
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.file_storm import exchange
from helpers.trees import Watched, Watching, clear, fill, real_tree

from evdispatch import Created, Moved
from evdispatch.sources.files._inotify import Inotify
from evdispatch.sources.files._tree import CHECK
from evdispatch.testing import settle


class Meddler(Inotify):
    """Calls a function just before, or just after, a directory is watched."""

    before: Callable[[str], None] | None = None
    after: Callable[[str], None] | None = None

    def watch(self, path: str, mask: int) -> int:
        if (before := Meddler.before) is not None:
            Meddler.before = None
            before(path)
        wd = super().watch(path, mask)
        if (after := Meddler.after) is not None:
            Meddler.after = None
            after(path)
        return wd


@pytest.fixture
def meddler(monkeypatch: pytest.MonkeyPatch) -> type[Meddler]:
    monkeypatch.setattr("evdispatch.sources.files._hub.Inotify", Meddler)
    monkeypatch.setattr(Meddler, "before", None)
    monkeypatch.setattr(Meddler, "after", None)
    return Meddler


def meddle(
    meddler: type[Meddler], moment: str, root: Path, what: Callable[[], None]
) -> None:
    """Do something when the directory `d` of a root is being watched."""

    def do(path: str) -> None:
        if path == str(root / "d"):
            what()
        else:
            setattr(meddler, moment, do)

    setattr(meddler, moment, do)


def exact(watched: Watched) -> None:
    assert watched.watch.snapshot() == set(real_tree(watched.root))
    assert watched.unwatched() == []
    assert watched.errors == []


Happening = Callable[[Callable[[], None]], None]


@pytest.fixture(params=["at the beginning", "later"])
def happening(
    request: pytest.FixtureRequest,
    meddler: type[Meddler],
    moment: str,
    watching: Watching,
    tmp_path: Path,
) -> Happening:
    """Makes a change at the moment that a directory is watched; checks the tree afterwards."""
    root = tmp_path / "root"
    fill(tmp_path, "new/a/b")

    def happen(what: Callable[[], None]) -> None:
        if request.param == "later":
            watched = watching()
            watched.rest()
            meddle(meddler, moment, root, what)
            os.rename(tmp_path / "new", root / "d")
        else:
            os.rename(tmp_path / "new", root / "d")
            meddle(meddler, moment, root, what)
            watched = watching()
        watched.rest()
        exact(watched)
        fill(root, "d/a/late", "d/later")
        watched.rest()
        exact(watched)

    return happen


@pytest.mark.parametrize("moment", ["before", "after"])
class TestDirectoryBeingWatched:
    def test_directory_filled_while_it_is_watched_is_exact(
        self, happening: Happening, tmp_path: Path
    ) -> None:
        happening(lambda: fill(tmp_path / "root", "d/new/x", "d/file"))

    def test_directory_renamed_while_it_is_watched_is_exact(
        self, happening: Happening, tmp_path: Path
    ) -> None:
        happening(lambda: os.rename(tmp_path / "root/d", tmp_path / "root/e"))

    def test_directory_moved_out_while_it_is_watched_is_exact(
        self, happening: Happening, tmp_path: Path
    ) -> None:
        happening(lambda: os.rename(tmp_path / "root/d", tmp_path / "e"))

    def test_directory_replaced_while_it_is_watched_is_exact(
        self, happening: Happening, tmp_path: Path
    ) -> None:
        def swap() -> None:
            os.rename(tmp_path / "root/d", tmp_path / "out")
            fill(tmp_path / "root", "d/other")

        happening(swap)


@pytest.mark.parametrize("below", ["", "r"])
@pytest.mark.parametrize("moments", [["before"], ["after"], ["before", "after"]])
def test_root_path_directory_and_link_exchanged_during_the_walk_is_exact(
    meddler: type[Meddler],
    watching: Watching,
    tmp_path: Path,
    moments: list[str],
    below: str,
) -> None:
    """They may change back, too: the watches of the walk are those of another directory."""
    tmp_path /= "root"
    fill(tmp_path, "d/r/a", "other/r/b")
    (tmp_path / "link").symlink_to("other")
    change_places = functools.partial(exchange, tmp_path / "d", tmp_path / "link")
    for moment in moments:
        meddle(meddler, moment, tmp_path, change_places)
    watched = watching(f"d/{below}")
    watched.rest()
    exact(watched)
    fill(tmp_path, "d/r/late")
    watched.rest()
    exact(watched)
    change_places()
    watched.rest()
    exact(watched)


def test_root_path_link_circle_made_during_the_walk_recovers(
    meddler: type[Meddler], watching: Watching, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    fill(root, "d/r/")

    def turn() -> None:
        os.rename(root / "d", root / "was")
        (root / "d").symlink_to("d")

    meddle(meddler, "before", root, turn)
    watched = watching("d/r/x")
    watched.rest()
    assert watched.errors == []
    (root / "d").unlink()
    os.rename(root / "was", root / "d")
    fill(root, "d/r/x/f")
    watched.rest()
    exact(watched)


def test_directories_nested_and_many_at_once_are_reported_once(
    watched: Watched,
) -> None:
    for number in range(200):
        fill(watched.root, f"{number}/b/c/")
        if number % 20 == 0:
            settle(watched.app)
    reported = watched.rest()
    made = [each for each in watched.events if isinstance(each, Created)]
    assert len(reported) == len(made) == len({each.path for each in made}) == 600
    exact(watched)


def test_renames_many_at_once_leave_nothing_behind(watched: Watched) -> None:
    fill(watched.root, "d/", "a")
    watched.rest()
    for number in range(500):
        os.rename(
            watched.root / ("d" if number % 2 == 0 else "e"),
            watched.root / ("e" if number % 2 == 0 else "d"),
        )
        os.rename(watched.root / "a", watched.root / "b")
        os.rename(watched.root / "b", watched.root / "a")
    watched.rest()
    assert sum(isinstance(each, Moved) for each in watched.events) == 1_500
    tracker = watched.watch._tracker
    assert tracker is not None
    assert not tracker.tree.records
    assert not tracker.tree.doubtful
    assert not tracker.tree.missed
    exact(watched)


def test_rename_of_a_reused_name_replayed_late_is_exact(watched: Watched) -> None:
    """A move by name would move the directory into itself."""
    fill(watched.root, "d/one", "e/two")
    watched.rest()
    tracker = watched.watch._tracker
    assert tracker is not None
    with tracker.hub.host.lock:
        os.rename(watched.root / "d", watched.root / "e/d")
        fill(watched.root, "d/three")
        os.rename(watched.root / "e", watched.root / "d/e")
        assert tracker.tree.root is not None
        tracker.tree.todo.append((tracker.tree.root, CHECK))
        while tracker.step():  # all is listed before the records are read
            tracker.tree.events.clear()
    watched.rest()
    assert watched.names() == ["d", "d/e", "d/e/d", "d/e/d/one", "d/e/two", "d/three"]
    exact(watched)


def test_directory_mounted_twice_is_watched_at_the_first_path(
    watching: Watching, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path, "root/a/x", "root/b/")
    done = subprocess.run(
        ["mount", "--bind", tmp_path / "root/a", tmp_path / "root/b"],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("may not mount")
    try:
        watched = watching()
        watched.rest()
        assert caplog.text.count("it is watched there") == 1
        fill(tmp_path, "root/a/y")
        (reported,) = {each.partition("/")[2] for each in watched.rest()}
        assert reported == "y"
        watched.watch.close()
    finally:
        subprocess.run(["umount", tmp_path / "root/b"], check=True)


def test_memory_map_written_makes_no_event(watched: Watched) -> None:
    """It is a documented blind spot; if the kernel reports it one day, the page is wrong."""
    import mmap  # noqa: PLC0415

    (watched.root / "a").write_bytes(b"\0" * mmap.PAGESIZE)
    watched.rest()
    with open(watched.root / "a", "r+b") as file:
        with mmap.mmap(file.fileno(), 0) as memory:
            memory[0] = 1
            memory.flush()
        assert watched.rest() == []


def test_directory_in_doubt_deleted_settles(watched: Watched) -> None:
    """It must settle though nothing is left to be visited."""
    fill(watched.root, "d/a")
    watched.rest()
    tracker = watched.watch._tracker
    assert tracker is not None
    with tracker.hub.host.lock:
        tracker.tree.dirty[watched.nodes[1]] = None
        clear(watched.root)
    assert watched.rest() == ["deleted d/a", "deleted d/"]
    exact(watched)


def test_file_renamed_in_and_out_replaced_by_a_directory_is_exact(
    watched: Watched, tmp_path: Path
) -> None:
    """Names are of another kind by the time their records are read."""
    fill(tmp_path, "new")
    fill(watched.root, "f")
    watched.rest()
    os.rename(tmp_path / "new", watched.root / "f")
    os.rename(watched.root / "f", tmp_path / "out")
    fill(watched.root, "f/x")
    watched.rest()
    exact(watched)


def test_files_renamed_back_and_forth_replaced_by_a_directory_are_exact(
    watched: Watched,
) -> None:
    fill(watched.root, "a", "b")
    watched.rest()
    os.rename(watched.root / "a", watched.root / "b")
    os.rename(watched.root / "b", watched.root / "a")
    fill(watched.root, "b/x")
    watched.rest()
    exact(watched)
