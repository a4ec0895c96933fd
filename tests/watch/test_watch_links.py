"""Links on the way to a root, and a root that is one."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.trees import Watched, fill, plain

from evdispatch import Dispatcher
from evdispatch.testing import VirtualClock

Watching = Callable[..., Watched]


class TestLinks:
    def test_the_root_may_be_one_and_come_to_point_elsewhere(
        self, timed: Dispatcher, clock: VirtualClock, tmp_path: Path
    ) -> None:
        fill(tmp_path, "one/a", "two/b")
        (tmp_path / "link").symlink_to("one")
        watched = Watched(timed, clock, tmp_path / "link")
        watched.rest()
        assert watched.names() == ["a"]
        (tmp_path / "new").symlink_to("two")
        os.rename(tmp_path / "new", tmp_path / "link")
        assert watched.rest() == ["root_gone .", "created ./", "created b*"]
        fill(tmp_path, "one/x", "two/y")
        assert watched.rest() == ["created y", "modified y"]

    def test_one_on_the_way_comes_to_point_elsewhere(
        self, timed: Dispatcher, clock: VirtualClock, tmp_path: Path
    ) -> None:
        fill(tmp_path, "one/r/a", "two/r/b")
        (tmp_path / "link").symlink_to("one")
        watched = Watched(timed, clock, tmp_path / "link/r")
        watched.rest()
        (tmp_path / "link").unlink()
        assert watched.rest() == ["root_gone ."]
        (tmp_path / "link").symlink_to("two")
        assert watched.rest() == ["created ./", "created b*"]
        (tmp_path / "new").symlink_to("one")
        os.rename(tmp_path / "new", tmp_path / "link")  # at once
        assert watched.rest() == ["root_gone .", "created ./", "created a*"]

    def test_one_that_leads_nowhere(
        self, timed: Dispatcher, clock: VirtualClock, tmp_path: Path
    ) -> None:
        (tmp_path / "link").symlink_to("nowhere")
        watched = Watched(timed, clock, tmp_path / "link")
        assert watched.rest() == ["ready ."]
        fill(tmp_path, "one/a")
        (tmp_path / "link").unlink()
        (tmp_path / "link").symlink_to("one")
        assert watched.rest() == ["created ./", "created a*"]

    def test_a_link_to_a_link_comes_to_point_elsewhere(
        self, timed: Dispatcher, clock: VirtualClock, tmp_path: Path
    ) -> None:
        fill(tmp_path, "one/r/a", "two/r/b", "links/")
        (tmp_path / "links/second").symlink_to("../one")
        (tmp_path / "first").symlink_to(tmp_path / "links/second")
        watched = Watched(timed, clock, tmp_path / "first/r")
        watched.rest()
        (tmp_path / "links/new").symlink_to("../two")
        os.rename(tmp_path / "links/new", tmp_path / "links/second")
        assert watched.rest() == ["root_gone .", "created ./", "created b*"]

    def test_the_way_to_its_target_goes_and_comes(
        self, timed: Dispatcher, clock: VirtualClock, tmp_path: Path
    ) -> None:
        fill(tmp_path, "x/y/r/a")
        (tmp_path / "link").symlink_to("x/y/r")
        watched = Watched(timed, clock, tmp_path / "link")
        watched.rest()
        os.rename(tmp_path / "x", tmp_path / "z")
        assert watched.rest() == ["root_gone ."]
        assert watched.watch.snapshot() == set()
        fill(tmp_path, "x/y/r/b")
        assert plain(watched.rest())[:2] == ["created ./", "created b"]
        assert watched.unwatched() == []

    def test_the_way_to_its_target_leads_up_again(
        self, timed: Dispatcher, clock: VirtualClock, tmp_path: Path
    ) -> None:
        fill(tmp_path, "x/", "r/a", "other/r/b", "other/y/", "links/")
        (tmp_path / "links/link").symlink_to("../x/../r")
        watched = Watched(timed, clock, tmp_path / "links/link")
        watched.rest()
        os.rename(tmp_path / "x", tmp_path / "z")
        assert watched.rest() == ["root_gone ."]
        (tmp_path / "x").symlink_to("other/y")
        assert watched.rest() == ["created ./", "created b*"]

    def test_a_target_that_is_not_there_yet(
        self, timed: Dispatcher, clock: VirtualClock, tmp_path: Path
    ) -> None:
        (tmp_path / "link").symlink_to("x/y")
        watched = Watched(timed, clock, tmp_path / "link")
        assert watched.rest() == ["ready ."]
        fill(tmp_path, "x/y/a")
        assert plain(watched.rest())[:2] == ["created ./", "created a"]

    def test_a_circle_is_no_way(
        self, timed: Dispatcher, clock: VirtualClock, tmp_path: Path
    ) -> None:
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "b").symlink_to("a")
        watched = Watched(timed, clock, tmp_path / "a/r")
        assert watched.rest() == ["ready ."]
        fill(tmp_path, "one/r/f")
        (tmp_path / "b").unlink()
        (tmp_path / "b").symlink_to("one")
        assert watched.rest() == ["created ./", "created f*"]

    def test_a_target_that_the_kernel_does_not_know_is_not_there(
        self, timed: Dispatcher, clock: VirtualClock, tmp_path: Path
    ) -> None:
        fill(tmp_path, "f", "d/a")
        (tmp_path / "link").symlink_to("f/../d")
        watched = Watched(timed, clock, tmp_path / "link")
        assert watched.rest() == ["ready ."]
        assert watched.names() == []
        (tmp_path / "f").unlink()
        (tmp_path / "f").mkdir()
        assert watched.rest() == ["created ./", "created a*"]

    def test_a_file_on_the_way_gives_place_to_a_directory(
        self, watching: Watching, tmp_path: Path
    ) -> None:
        fill(tmp_path / "root", "a")
        watched = watching("a/b")
        assert watched.rest() == ["ready ."]
        (tmp_path / "root/a").unlink()
        fill(tmp_path / "root", "a/b/c")
        assert plain(watched.rest())[:2] == ["created ./", "created c"]


class TestLinksToFiles:
    """As a mounted configuration has them: the data are swapped by a link."""

    @pytest.fixture
    def watched(
        self, timed: Dispatcher, clock: VirtualClock, tmp_path: Path
    ) -> Watched:
        fill(tmp_path, "one/cfg", "two/cfg")
        (tmp_path / "data").symlink_to("one")
        (tmp_path / "cfg").symlink_to("data/cfg")
        watched = Watched(timed, clock, tmp_path / "cfg")
        assert watched.rest() == ["ready ."]
        assert watched.watch.snapshot() == {str(tmp_path / "cfg")}
        return watched

    def test_what_is_written_to_the_target_is_told_by_the_links_path(
        self, watched: Watched, tmp_path: Path
    ) -> None:
        (tmp_path / "one/cfg").write_text("new")
        assert set(watched.rest()) == {"modified ."}
        fill(tmp_path, "one/new", "one/else")
        os.rename(tmp_path / "one/new", tmp_path / "one/cfg")
        assert watched.rest() == ["modified .!"]
        (tmp_path / "one/cfg").unlink()
        assert watched.rest() == ["deleted ."]
        fill(tmp_path, "one/cfg")
        assert watched.rest()[0] == "created ."

    def test_a_swap_is_one_modified(self, watched: Watched, tmp_path: Path) -> None:
        for name in ("two", "one"):
            (tmp_path / "new").symlink_to(name)
            os.rename(tmp_path / "new", tmp_path / "data")
            assert watched.rest() == ["modified .!"]
            (tmp_path / name / "cfg").write_text("new")
            assert set(watched.rest()) == {"modified ."}
        assert watched.watch.snapshot() == {str(tmp_path / "cfg")}

    def test_it_comes_to_lead_to_a_directory(
        self, watched: Watched, tmp_path: Path
    ) -> None:
        fill(tmp_path, "three/cfg/a")
        (tmp_path / "new").symlink_to("three")
        os.rename(tmp_path / "new", tmp_path / "data")
        assert watched.rest() == ["deleted .", "created ./", "created a*"]
        (tmp_path / "new").symlink_to("one")
        os.rename(tmp_path / "new", tmp_path / "data")
        assert watched.rest() == ["root_gone .", "created .*"]

    def test_the_link_is_deleted_and_made_again(
        self, watched: Watched, tmp_path: Path
    ) -> None:
        (tmp_path / "cfg").unlink()
        assert watched.rest() == ["root_gone ."]
        assert watched.watch.snapshot() == set()
        (tmp_path / "cfg").symlink_to("two/cfg")
        assert watched.rest() == ["created .*"]


class TestFollowed:
    """Links within the tree, with ``follow_symlinks``."""

    def test_one_that_is_renamed_before_it_was_looked_at(
        self, watching: Watching, tmp_path: Path
    ) -> None:
        """As a deployment does: ``ln -s v2 new; mv -T new current``."""
        fill(tmp_path, "v1/a", "v2/b")
        root = tmp_path / "root"
        (root / "current").symlink_to("../v1")
        watched = watching(follow_symlinks=True)
        watched.rest()
        assert watched.names() == ["current", "current/a"]
        for version, name in (("v2", "b"), ("v1", "a")):
            (root / "new").symlink_to(f"../{version}")
            os.rename(root / "new", root / "current")
            watched.rest()
            assert watched.names() == ["current", f"current/{name}"]
        fill(tmp_path, "v1/late")
        assert watched.rest() == ["created current/late", "modified current/late"]

    def test_a_new_one_is_renamed_before_it_was_looked_at(
        self, watching: Watching, tmp_path: Path
    ) -> None:
        fill(tmp_path, "v1/a")
        watched = watching(follow_symlinks=True)
        watched.rest()
        (watched.root / "new").symlink_to("../v1")
        os.rename(watched.root / "new", watched.root / "current")
        watched.rest()
        assert watched.names() == ["current", "current/a"]
