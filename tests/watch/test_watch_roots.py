"""Watch: roots that are missing, gone, moved and back again."""

import os
from pathlib import Path

import pytest
from helpers.trees import Watched, Watching, clear, fill, plain, real_tree

from evdispatch import Dispatcher, Watch
from evdispatch.testing import VirtualClock, run_until, settle


def test_root_missing_is_waited_for(watching: Watching) -> None:
    watched = watching("a/b/c")
    assert watched.rest() == ["ready ."]
    assert watched.names() == []
    above = watched.root.parent.parent
    fill(above, "b/", "x/")  # a is not there
    assert watched.rest() == []


def test_root_missing_comes_step_by_step_is_watched(watching: Watching) -> None:
    watched = watching("a/b/c")
    watched.rest()
    root = watched.root
    for path in (root.parent.parent, root.parent):
        path.mkdir()
        assert watched.rest() == []
    root.mkdir()
    assert watched.rest() == ["created ./"]
    fill(root, "f")
    assert watched.rest() == ["created f", "modified f"]


def test_root_missing_comes_at_once_is_watched(watching: Watching) -> None:
    watched = watching("a/b/c")
    watched.rest()
    fill(watched.root, "d/f")
    reported = plain(watched.rest())
    assert reported[:3] == ["created ./", "created d/", "created d/f"]
    assert watched.unwatched() == []


def test_root_with_many_directories_comes_settles_after_all_events(
    watching: Watching,
) -> None:
    watched = watching("a", quiet=("modified", "closed"))
    watched.rest()
    fill(watched.root, *(f"d{number}/f" for number in range(300)))
    wanted = {*real_tree(watched.root)}

    def has_settled() -> bool:
        watched.clock.advance(0.001)  # too little for anything to come to rest by
        return watched.watch.settled and bool(watched.names())

    run_until(watched.app, has_settled)
    assert watched.watch.snapshot() == wanted
    settle(watched.app)
    assert watched.told.count("settled .") == 1
    assert watched.told[-1] == "settled ."


def test_root_found_neighbours_change_causes_no_wake_up(
    timed: Dispatcher, clock: VirtualClock, tmp_path: Path
) -> None:
    """Another watch waited in the same directory, and its wider mask is narrowed again."""
    two = [Watched(timed, clock, tmp_path / name) for name in "ab"]
    for watched in two:
        watched.rest()
    for watched in two:
        watched.root.mkdir()
        assert watched.rest() == ["created ./"]
    tracker = two[0].watch._tracker
    assert tracker is not None
    fill(tmp_path, "c", "d/")
    (tmp_path / "c").unlink()
    assert not tracker.hub.has_more
    two[0].watch.close()
    settle(timed)
    fill(tmp_path, "a/x", "c")
    assert not tracker.hub.has_more
    os.rename(tmp_path / "b", tmp_path / "e")
    assert two[1].rest() == ["root_gone ."]


def test_is_at_another_directory_there_widens_no_watch(
    watching: Watching, tmp_path: Path
) -> None:
    watched = watching()
    watched.rest()
    tracker = watched.watch._tracker
    assert tracker is not None
    root = tracker.tree.root
    assert root is not None
    assert not tracker.visitor.is_at(str(tmp_path), root.wd, root)
    fill(tmp_path, "beside")
    assert not tracker.hub.has_more


def test_watch_widened_while_elsewhere_is_narrowed_when_it_is_back(
    timed: Dispatcher, clock: VirtualClock, tmp_path: Path
) -> None:
    fill(tmp_path, "a/there/")
    there, missing = (
        Watched(timed, clock, tmp_path / "a" / name) for name in ("there", "missing")
    )
    for watched in (there, missing):
        watched.rest()
    tracker = there.watch._tracker
    assert tracker is not None
    with tracker.hub.host.lock:
        os.rename(tmp_path / "a", tmp_path / "b")
        missing.watch.close()  # its watch can't be looked for
        os.rename(tmp_path / "b", tmp_path / "a")
    assert there.rest() == []
    fill(tmp_path, "a/c")
    assert not tracker.hub.has_more


def test_root_moved_into_place_is_watched(watching: Watching, tmp_path: Path) -> None:
    watched = watching("a/b")
    watched.rest()
    fill(tmp_path, "x/b/f")
    os.rename(tmp_path / "x", tmp_path / "root/a")
    assert watched.rest() == ["created ./", "created f*"]


def test_root_path_goes_and_comes_is_followed(
    watching: Watching, tmp_path: Path
) -> None:
    watched = watching("a/b/c")
    watched.rest()
    (tmp_path / "root/a").mkdir()
    watched.rest()
    (tmp_path / "root/a").rmdir()
    assert watched.rest() == []
    fill(watched.root, "f")
    assert plain(watched.rest())[:2] == ["created ./", "created f"]


def test_root_deleted_and_made_again_is_watched_again(watched: Watched) -> None:
    fill(watched.root, "a")
    watched.rest()
    clear(watched.root)
    watched.root.rmdir()
    assert watched.rest() == ["deleted a", "root_gone ."]
    assert watched.names() == []
    fill(watched.root, "b")
    assert plain(watched.rest())[:2] == ["created ./", "created b"]
    fill(watched.root, "c")
    assert watched.rest() == ["created c", "modified c"]


def test_root_moved_away_and_back_is_watched_again(
    watched: Watched, tmp_path: Path
) -> None:
    fill(watched.root, "d/a")
    watched.rest()
    os.rename(watched.root, tmp_path / "else")
    assert watched.rest() == ["root_gone ."]
    fill(tmp_path / "else", "d/b", "c")
    assert watched.rest() == []
    os.rename(tmp_path / "else", watched.root)
    assert sorted(watched.rest()) == sorted(
        ["created ./", "created c*", "created d/*", "created d/a*", "created d/b*"]
    )
    assert watched.unwatched() == []


def test_root_directory_above_moved_away_and_back_is_watched_again(
    watching: Watching, tmp_path: Path
) -> None:
    fill(tmp_path / "root", "a/b/c")
    watched = watching("a/b")
    watched.rest()
    os.rename(tmp_path / "root/a", tmp_path / "root/x")
    assert watched.rest() == ["root_gone ."]
    fill(tmp_path / "root", "x/b/d")
    assert watched.rest() == []
    os.rename(tmp_path / "root/x", tmp_path / "root/a")
    assert sorted(watched.rest()) == ["created ./", "created c*", "created d*"]


def test_root_replaced_at_once_gives_root_gone_and_created(
    watched: Watched, tmp_path: Path
) -> None:
    fill(tmp_path, "other/x")
    fill(watched.root, "a")
    watched.rest()
    os.rename(watched.root, tmp_path / "old")
    os.rename(tmp_path / "other", watched.root)
    reported = watched.rest()
    assert reported == ["root_gone .", "created ./", "created x*"]
    fill(tmp_path, "old/b")
    fill(watched.root, "y")
    assert watched.rest() == ["created y", "modified y"]


def test_root_replaced_by_a_file_watches_the_file(watched: Watched) -> None:
    watched.root.rmdir()
    watched.rest()
    watched.root.write_text("text")
    reported = watched.rest()
    assert reported[0].startswith("created .")
    watched.root.write_text("more")
    assert set(watched.rest()) == {"modified ."}


def test_root_deleted_and_made_many_times_leaves_no_watches(watched: Watched) -> None:
    for _ in range(20):
        watched.root.rmdir()
        assert watched.rest() == ["root_gone ."]
        watched.root.mkdir()
        assert watched.rest() == ["created ./"]
    assert watched.watches() == len(watched.root.parts)


def test_watches_two_of_one_directory_are_independent(
    timed: Dispatcher, clock: VirtualClock, tmp_path: Path
) -> None:
    fill(tmp_path, "r/d/")
    whole = Watched(timed, clock, tmp_path / "r")
    part = Watched(timed, clock, tmp_path / "r/d")
    whole.rest(), part.rest()
    fill(tmp_path, "r/d/a")
    assert whole.rest() == ["created d/a", "modified d/a"]
    assert part.rest() == ["created a", "modified a"]
    part.watch.close()
    fill(tmp_path, "r/d/b")
    assert whole.rest() == ["created d/b", "modified d/b"]
    assert part.told == []
    os.rename(tmp_path / "r/d", tmp_path / "out")
    assert whole.rest() == ["deleted d/"]


def test_rename_from_one_tree_into_another_is_deleted_and_created(
    timed: Dispatcher, clock: VirtualClock, tmp_path: Path
) -> None:
    fill(tmp_path, "one/d/a", "two/")
    one = Watched(timed, clock, tmp_path / "one")
    two = Watched(timed, clock, tmp_path / "two")
    one.rest(), two.rest()
    os.rename(tmp_path / "one/d", tmp_path / "two/d")
    assert two.rest() == ["created d/", "created d/a*"]
    assert one.rest() == ["deleted d/"]
    fill(tmp_path, "two/d/b")
    assert two.rest() == ["created d/b", "modified d/b"]
    assert one.rest() == []
    assert two.unwatched() == []


@pytest.mark.parametrize("path", ["/", "/proc/self"])
def test_root_slash_or_proc_is_listed(timed: Dispatcher, path: str) -> None:
    watch = timed.add(Watch(path, recursive=False))
    settle(timed)
    assert len(watch.snapshot()) > 3
    assert all(os.path.dirname(each) == path for each in watch.snapshot())
