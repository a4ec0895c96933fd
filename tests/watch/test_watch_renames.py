"""Watch: renames within the tree, into it, and out of it."""

import os
from pathlib import Path

import pytest
from helpers.file_storm import exchange
from helpers.trees import Watched, Watching, fill

from evdispatch import Moved
from evdispatch.testing import VirtualClock, settle

pytestmark = pytest.mark.cross


def test_rename_of_a_file_is_one_moved(watched: Watched) -> None:
    fill(watched.root, "a", "d/")
    watched.rest()
    os.rename(watched.root / "a", watched.root / "d/b")
    assert watched.rest() == ["moved a -> d/b"]
    assert watched.names() == ["d", "d/b"]


def test_rename_of_a_directory_is_one_moved_with_everything_below(
    watched: Watched,
) -> None:
    fill(watched.root, "d/e/f", "x/")
    watched.rest()
    os.rename(watched.root / "d", watched.root / "x/y")
    assert watched.rest() == ["moved d/ -> x/y/"]
    fill(watched.root, "x/y/e/g")
    assert "created x/y/e/g" in watched.rest()
    assert watched.names() == ["x", "x/y", "x/y/e", "x/y/e/f", "x/y/e/g"]
    assert watched.unwatched() == []


def test_rename_into_the_tree_reports_everything_in_it(
    watched: Watched, tmp_path: Path
) -> None:
    fill(tmp_path, "d/e/f", "a")
    os.rename(tmp_path / "d", watched.root / "d")
    os.rename(tmp_path / "a", watched.root / "a")
    assert watched.rest() == [
        "created d/",
        "created d/e/*",
        "created d/e/f*",
        "created a",
    ]
    assert watched.unwatched() == []


def test_rename_out_of_the_tree_is_one_deleted_and_ends_its_events(
    watched: Watched, tmp_path: Path
) -> None:
    fill(watched.root, "d/e/f", "a")
    watched.rest()
    os.rename(watched.root / "d", tmp_path / "d")
    os.rename(watched.root / "a", tmp_path / "a")
    assert watched.rest() == ["deleted d/", "deleted a"]
    fill(tmp_path, "d/e/f", "d/e/g")
    assert watched.rest() == []
    assert watched.watches() == len(watched.root.parts)  # it, and the way to it


def test_renames_several_at_once_keep_their_order(watched: Watched) -> None:
    fill(watched.root, "a", "b", "c")
    watched.rest()
    for before, after in (("a", "x"), ("b", "a"), ("c", "b"), ("x", "c")):
        os.rename(watched.root / before, watched.root / after)
    assert watched.rest() == [
        *("moved a -> x", "moved b -> a", "moved c -> b", "moved x -> c"),
    ]
    assert watched.names() == ["a", "b", "c"]


def test_rename_over_a_file_is_an_atomic_modified(watched: Watched) -> None:
    fill(watched.root, "a", "t")
    watched.rest()
    os.rename(watched.root / "t", watched.root / "a")
    assert watched.rest() == ["deleted t", "modified a!"]
    assert watched.names() == ["a"]


def test_rename_over_an_empty_directory_is_deleted_and_moved(watched: Watched) -> None:
    fill(watched.root, "a/b", "d/")
    watched.rest()
    os.rename(watched.root / "a", watched.root / "d")
    assert watched.rest() == ["deleted d/", "moved a/ -> d/"]
    assert watched.names() == ["d", "d/b"]
    assert watched.unwatched() == []


def test_rename_raw_is_reported_as_the_kernel_does(watching: Watching) -> None:
    watched = watching(raw=True)
    fill(watched.root, "a", "t", "u")
    watched.rest()
    os.rename(watched.root / "t", watched.root / "a")
    (watched.root / "u").unlink()
    assert watched.rest() == ["moved t -> a!", "deleted u"]
    last = [each for each in watched.events if isinstance(each, Moved)][-1]
    assert last.replaced


@pytest.mark.parametrize(
    ("names", "reported"),
    [
        (("a", "b"), ["deleted a", "modified b!", "created a"]),
        (
            ("d/x", "e/y"),
            [
                *("deleted e/", "moved d/ -> e/"),
                *("created d/", "created d/y*"),
            ],
        ),
        (
            ("a", "d/x"),
            ["deleted d/", "moved a -> d", "created a/", "created a/x*"],
        ),
        (
            ("d/x", "a"),
            ["deleted a", "moved d/ -> a/", "created d"],
        ),
    ],
    ids=["files", "directories", "file and directory", "directory and file"],
)
def test_exchange_of_two_paths_reports_both(
    watched: Watched, names: tuple[str, str], reported: list[str]
) -> None:
    fill(watched.root, *names)
    watched.rest()
    exchange(*(watched.root / name.split("/")[0] for name in names))
    assert watched.rest() == reported
    assert watched.unwatched() == []
    known = watched.names()
    assert len(known) == len(set(known)) == sum(name.count("/") + 1 for name in names)


def test_exchange_with_an_ignored_file_keeps_the_tree_exact(watching: Watching) -> None:
    watched = watching("", include=["*.py"])
    fill(watched.root, "d/x.py", "f.txt")
    watched.rest()
    for name in ("f.txt", "d"):
        exchange(watched.root / "d", watched.root / "f.txt")
        assert watched.rest() != []
        assert watched.names() == [name, f"{name}/x.py"]
        assert watched.unwatched() == []


def test_exchange_of_a_file_with_one_outside_is_modified(
    watched: Watched, tmp_path: Path
) -> None:
    fill(tmp_path, "outside")
    fill(watched.root, "a")
    watched.rest()
    exchange(watched.root / "a", tmp_path / "outside")
    assert watched.rest() == ["modified a"]  # it goes, and one comes
    assert watched.names() == ["a"]
    exchange(tmp_path / "outside", watched.root / "a")
    assert watched.rest() == ["modified a!"]
    os.rename(watched.root / "a", tmp_path / "gone")
    assert watched.rest() == ["deleted a"]


def test_exchange_of_a_directory_with_a_file_outside_is_deleted_and_created(
    watched: Watched, tmp_path: Path
) -> None:
    fill(tmp_path, "outside")
    fill(watched.root, "d/x")
    watched.rest()
    exchange(watched.root / "d", tmp_path / "outside")
    assert watched.rest() == ["deleted d/", "created d"]
    assert watched.names() == ["d"]
    exchange(watched.root / "d", tmp_path / "outside")
    assert watched.rest() == ["deleted d", "created d/", "created d/x*"]
    assert watched.unwatched() == []


def test_rename_there_and_back_is_no_exchange(watched: Watched) -> None:
    fill(watched.root, "a", "b")
    watched.rest()
    os.rename(watched.root / "a", watched.root / "b")
    os.rename(watched.root / "b", watched.root / "a")
    assert watched.rest() == ["deleted a", "modified b!", "moved b -> a"]
    assert watched.names() == ["a"]


def test_rename_halves_in_any_order_are_paired(watched: Watched) -> None:
    """Several processors that rename at the same time mix the records."""
    fill(watched.root, "a", "b", "d/")
    watched.rest()
    tracker = watched.watch._tracker
    assert tracker is not None
    hub = tracker.hub
    with hub.host.lock:  # nothing else reads it
        os.rename(watched.root / "a", watched.root / "x")
        os.rename(watched.root / "b", watched.root / "d/y")
        os.rename(watched.root / "x", watched.root / "z")
        one, two, three, four, five, six = hub._inotify.read()
        now = watched.clock.now()
        hub._deliver([one, three, four, two, five, six], {}, now)
        tracker.tree.wake()
    assert watched.rest() == ["moved a -> x", "moved b -> d/y", "moved x -> z"]
    assert watched.names() == ["d", "d/y", "z"]


def test_rename_half_without_partner_holds_later_records_for_a_limited_time(
    watched: Watched, tmp_path: Path, clock: VirtualClock
) -> None:
    fill(watched.root, "d/")
    watched.rest()
    os.rename(watched.root / "d", tmp_path / "d")
    os.mkdir(watched.root / "e")
    settle(watched.app)
    assert watched.told == []
    clock.advance(0.051)
    settle(watched.app)
    assert watched.told == ["deleted d/", "created e/"]
