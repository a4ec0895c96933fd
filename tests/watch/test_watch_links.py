"""Watch: links on the way to a root, a root that is a link, and links that are followed."""

import os
from pathlib import Path

import pytest
from helpers.trees import Watched, Watching, fill, plain

from evdispatch import Dispatcher
from evdispatch.testing import VirtualClock


def test_root_link_changed_leads_to_the_new_target(
    timed: Dispatcher, clock: VirtualClock, tmp_path: Path
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


def test_link_on_the_way_changed_leads_to_the_new_target(
    timed: Dispatcher, clock: VirtualClock, tmp_path: Path
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


def test_root_link_to_nothing_waits_for_its_target(
    timed: Dispatcher, clock: VirtualClock, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    watched = Watched(timed, clock, tmp_path / "link")
    assert watched.rest() == ["ready ."]
    fill(tmp_path, "one/a")
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("one")
    assert watched.rest() == ["created ./", "created a*"]


def test_link_to_a_link_changed_leads_to_the_new_target(
    timed: Dispatcher, clock: VirtualClock, tmp_path: Path
) -> None:
    fill(tmp_path, "one/r/a", "two/r/b", "links/")
    (tmp_path / "links/second").symlink_to("../one")
    (tmp_path / "first").symlink_to(tmp_path / "links/second")
    watched = Watched(timed, clock, tmp_path / "first/r")
    watched.rest()
    (tmp_path / "links/new").symlink_to("../two")
    os.rename(tmp_path / "links/new", tmp_path / "links/second")
    assert watched.rest() == ["root_gone .", "created ./", "created b*"]


def test_root_link_path_of_its_target_goes_and_comes_is_followed(
    timed: Dispatcher, clock: VirtualClock, tmp_path: Path
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


def test_root_link_target_through_dotdot_changed_is_followed(
    timed: Dispatcher, clock: VirtualClock, tmp_path: Path
) -> None:
    fill(tmp_path, "x/", "r/a", "other/r/b", "other/y/", "links/")
    (tmp_path / "links/link").symlink_to("../x/../r")
    watched = Watched(timed, clock, tmp_path / "links/link")
    watched.rest()
    os.rename(tmp_path / "x", tmp_path / "z")
    assert watched.rest() == ["root_gone ."]
    (tmp_path / "x").symlink_to("other/y")
    assert watched.rest() == ["created ./", "created b*"]


def test_root_link_target_missing_is_waited_for(
    timed: Dispatcher, clock: VirtualClock, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to("x/y")
    watched = Watched(timed, clock, tmp_path / "link")
    assert watched.rest() == ["ready ."]
    fill(tmp_path, "x/y/a")
    assert plain(watched.rest())[:2] == ["created ./", "created a"]


def test_link_circle_on_the_way_is_waited_for(
    timed: Dispatcher, clock: VirtualClock, tmp_path: Path
) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    watched = Watched(timed, clock, tmp_path / "a/r")
    assert watched.rest() == ["ready ."]
    fill(tmp_path, "one/r/f")
    (tmp_path / "b").unlink()
    (tmp_path / "b").symlink_to("one")
    assert watched.rest() == ["created ./", "created f*"]


def test_root_link_target_unknown_to_the_kernel_is_not_there(
    timed: Dispatcher, clock: VirtualClock, tmp_path: Path
) -> None:
    fill(tmp_path, "f", "d/a")
    (tmp_path / "link").symlink_to("f/../d")
    watched = Watched(timed, clock, tmp_path / "link")
    assert watched.rest() == ["ready ."]
    assert watched.names() == []
    (tmp_path / "f").unlink()
    (tmp_path / "f").mkdir()
    assert watched.rest() == ["created ./", "created a*"]


def test_file_on_the_way_replaced_by_a_directory_is_followed(
    watching: Watching, tmp_path: Path
) -> None:
    fill(tmp_path / "root", "a")
    watched = watching("a/b")
    assert watched.rest() == ["ready ."]
    (tmp_path / "root/a").unlink()
    fill(tmp_path / "root", "a/b/c")
    assert plain(watched.rest())[:2] == ["created ./", "created c"]


@pytest.fixture
def linked(timed: Dispatcher, clock: VirtualClock, tmp_path: Path) -> Watched:
    """Watches a link to a file whose directory is swapped by a link, like a mounted config."""
    fill(tmp_path, "one/cfg", "two/cfg")
    (tmp_path / "data").symlink_to("one")
    (tmp_path / "cfg").symlink_to("data/cfg")
    watched = Watched(timed, clock, tmp_path / "cfg")
    assert watched.rest() == ["ready ."]
    assert watched.watch.snapshot() == {str(tmp_path / "cfg")}
    return watched


def test_file_link_target_written_is_reported_by_the_path_of_the_link(
    linked: Watched, tmp_path: Path
) -> None:
    (tmp_path / "one/cfg").write_text("new")
    assert set(linked.rest()) == {"modified ."}
    fill(tmp_path, "one/new", "one/else")
    os.rename(tmp_path / "one/new", tmp_path / "one/cfg")
    assert linked.rest() == ["modified .!"]
    (tmp_path / "one/cfg").unlink()
    assert linked.rest() == ["deleted ."]
    fill(tmp_path, "one/cfg")
    assert linked.rest()[0] == "created ."


def test_file_link_swapped_gives_one_atomic_modified(
    linked: Watched, tmp_path: Path
) -> None:
    for name in ("two", "one"):
        (tmp_path / "new").symlink_to(name)
        os.rename(tmp_path / "new", tmp_path / "data")
        assert linked.rest() == ["modified .!"]
        (tmp_path / name / "cfg").write_text("new")
        assert set(linked.rest()) == {"modified ."}
    assert linked.watch.snapshot() == {str(tmp_path / "cfg")}


def test_file_link_led_to_a_directory_watches_the_directory(
    linked: Watched, tmp_path: Path
) -> None:
    fill(tmp_path, "three/cfg/a")
    (tmp_path / "new").symlink_to("three")
    os.rename(tmp_path / "new", tmp_path / "data")
    assert linked.rest() == ["deleted .", "created ./", "created a*"]
    (tmp_path / "new").symlink_to("one")
    os.rename(tmp_path / "new", tmp_path / "data")
    assert linked.rest() == ["root_gone .", "created .*"]


def test_file_link_deleted_and_made_again_gives_root_gone_and_created(
    linked: Watched, tmp_path: Path
) -> None:
    (tmp_path / "cfg").unlink()
    assert linked.rest() == ["root_gone ."]
    assert linked.watch.snapshot() == set()
    (tmp_path / "cfg").symlink_to("two/cfg")
    assert linked.rest() == ["created .*"]


def test_followed_link_renamed_over_another_before_it_was_seen_is_followed(
    watching: Watching, tmp_path: Path
) -> None:
    """A deployment does ``ln -s v2 new; mv -T new current``."""
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


def test_followed_link_renamed_before_it_was_seen_is_followed(
    watching: Watching, tmp_path: Path
) -> None:
    fill(tmp_path, "v1/a")
    watched = watching(follow_symlinks=True)
    watched.rest()
    (watched.root / "new").symlink_to("../v1")
    os.rename(watched.root / "new", watched.root / "current")
    watched.rest()
    assert watched.names() == ["current", "current/a"]
