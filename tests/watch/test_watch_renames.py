"""A watch: renames, within the tree, into it, and out of it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.file_storm import exchange
from helpers.trees import Watched, fill

from evdispatch import Moved
from evdispatch.testing import VirtualClock, settle

pytestmark = pytest.mark.cross

Watching = Callable[..., Watched]


class TestRenames:
    def test_of_a_file_is_one_event(self, watched: Watched) -> None:
        fill(watched.root, "a", "d/")
        watched.rest()
        os.rename(watched.root / "a", watched.root / "d/b")
        assert watched.rest() == ["moved a -> d/b"]
        assert watched.names() == ["d", "d/b"]

    def test_of_a_directory_is_one_event_and_all_below_it_has_its_new_path(
        self, watched: Watched
    ) -> None:
        fill(watched.root, "d/e/f", "x/")
        watched.rest()
        os.rename(watched.root / "d", watched.root / "x/y")
        assert watched.rest() == ["moved d/ -> x/y/"]
        fill(watched.root, "x/y/e/g")
        assert "created x/y/e/g" in watched.rest()
        assert watched.names() == ["x", "x/y", "x/y/e", "x/y/e/f", "x/y/e/g"]
        assert watched.unwatched() == []

    def test_into_the_tree_tells_all_that_is_in_it(
        self, watched: Watched, tmp_path: Path
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

    def test_out_of_the_tree_is_one_deletion_and_no_event_comes_from_there(
        self, watched: Watched, tmp_path: Path
    ) -> None:
        fill(watched.root, "d/e/f", "a")
        watched.rest()
        os.rename(watched.root / "d", tmp_path / "d")
        os.rename(watched.root / "a", tmp_path / "a")
        assert watched.rest() == ["deleted d/", "deleted a"]
        fill(tmp_path, "d/e/f", "d/e/g")
        assert watched.rest() == []
        assert watched.watches() == len(watched.root.parts)  # it, and the way to it

    def test_several_at_once(self, watched: Watched) -> None:
        fill(watched.root, "a", "b", "c")
        watched.rest()
        for before, after in (("a", "x"), ("b", "a"), ("c", "b"), ("x", "c")):
            os.rename(watched.root / before, watched.root / after)
        assert watched.rest() == [
            *("moved a -> x", "moved b -> a", "moved c -> b", "moved x -> c"),
        ]
        assert watched.names() == ["a", "b", "c"]

    def test_over_a_file_is_its_new_content(self, watched: Watched) -> None:
        fill(watched.root, "a", "t")
        watched.rest()
        os.rename(watched.root / "t", watched.root / "a")
        assert watched.rest() == ["deleted t", "modified a!"]
        assert watched.names() == ["a"]

    def test_over_an_empty_directory(self, watched: Watched) -> None:
        fill(watched.root, "a/b", "d/")
        watched.rest()
        os.rename(watched.root / "a", watched.root / "d")
        assert watched.rest() == ["deleted d/", "moved a/ -> d/"]
        assert watched.names() == ["d", "d/b"]
        assert watched.unwatched() == []

    def test_raw_is_told_as_it_is(self, watching: Watching) -> None:
        watched = watching(raw=True)
        fill(watched.root, "a", "t", "u")
        watched.rest()
        os.rename(watched.root / "t", watched.root / "a")
        (watched.root / "u").unlink()
        assert watched.rest() == ["moved t -> a!", "deleted u"]
        last = [each for each in watched.events if isinstance(each, Moved)][-1]
        assert last.replaced

    @pytest.mark.parametrize(
        ("names", "told"),
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
    def test_two_change_places(
        self, watched: Watched, names: tuple[str, str], told: list[str]
    ) -> None:
        fill(watched.root, *names)
        watched.rest()
        exchange(*(watched.root / name.split("/")[0] for name in names))
        assert watched.rest() == told
        assert watched.unwatched() == []
        known = watched.names()
        assert (
            len(known) == len(set(known)) == sum(name.count("/") + 1 for name in names)
        )

    def test_two_change_places_of_which_one_is_not_kept(
        self, watching: Watching
    ) -> None:
        watched = watching("", include=["*.py"])
        fill(watched.root, "d/x.py", "f.txt")
        watched.rest()
        for name in ("f.txt", "d"):
            exchange(watched.root / "d", watched.root / "f.txt")
            assert watched.rest() != []
            assert watched.names() == [name, f"{name}/x.py"]
            assert watched.unwatched() == []

    def test_one_changes_places_with_what_is_not_watched(
        self, watched: Watched, tmp_path: Path
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

    def test_a_directory_changes_places_with_a_file_outside(
        self, watched: Watched, tmp_path: Path
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

    def test_there_and_back_is_no_exchange(self, watched: Watched) -> None:
        fill(watched.root, "a", "b")
        watched.rest()
        os.rename(watched.root / "a", watched.root / "b")
        os.rename(watched.root / "b", watched.root / "a")
        assert watched.rest() == ["deleted a", "modified b!", "moved b -> a"]
        assert watched.names() == ["a"]

    def test_their_halves_may_come_in_any_order(self, watched: Watched) -> None:
        """As they do where several processors rename at the same time."""
        fill(watched.root, "a", "b", "d/")
        watched.rest()
        tracker = watched.watch._tracker
        assert tracker is not None
        hub = tracker.hub
        with hub.host.lock:  # nobody else reads it
            os.rename(watched.root / "a", watched.root / "x")
            os.rename(watched.root / "b", watched.root / "d/y")
            os.rename(watched.root / "x", watched.root / "z")
            one, two, three, four, five, six = hub._inotify.read()
            now = watched.clock.now()
            hub._hand_out([one, three, four, two, five, six], {}, now)
            tracker.wake()
        assert watched.rest() == ["moved a -> x", "moved b -> d/y", "moved x -> z"]
        assert watched.names() == ["d", "d/y", "z"]

    def test_a_half_that_waits_holds_up_what_comes_later_and_no_longer_than_it_must(
        self, watched: Watched, tmp_path: Path, clock: VirtualClock
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
