"""Watch: patterns, links that are followed, debouncing, wrong arguments."""

import os
from pathlib import Path
from typing import Any

import pathspec
import pytest
from helpers.trees import Watched, Watching, fill, plain

from evdispatch import Dispatcher, Watch
from evdispatch.testing import VirtualClock, settle


def test_ignore_matching_paths_are_not_watched(
    watching: Watching, tmp_path: Path
) -> None:
    fill(tmp_path / "root", "build/a/b", "src/build/c", "a.tmp", "a.py")
    watched = watching(ignore=["build/", "*.tmp"])
    watched.rest()
    assert watched.names() == ["a.py", "src"]
    assert watched.watches() == 2 + len(watched.root.parts) - 1
    fill(watched.root, "build/d", "b.tmp", "src/e.tmp", "src/build/f", "new/build/g")
    (watched.root / "a.tmp").unlink()
    assert watched.rest() == ["created new/"]


def test_include_matching_limits_files_only(watching: Watching, tmp_path: Path) -> None:
    fill(tmp_path / "root", "d/a.py", "d/a.txt")
    watched = watching(include="*.py", initial=True)
    assert watched.rest() == ["existing d/", "existing d/a.py", "ready ."]
    fill(watched.root, "d/b.txt", "d/c.py")
    assert watched.rest() == ["created d/c.py", "modified d/c.py"]
    os.rename(watched.root / "d", watched.root / "e")
    assert watched.rest() == ["moved d/ -> e/"]
    assert watched.names() == ["e", "e/a.py", "e/c.py"]


def test_rename_across_a_pattern_gives_created_and_deleted(watching: Watching) -> None:
    watched = watching(ignore=["*.tmp"])
    fill(watched.root, "a.tmp")
    assert watched.rest() == ["ready ."]
    os.rename(watched.root / "a.tmp", watched.root / "a")
    assert watched.rest() == ["created a"]
    fill(watched.root, "b.tmp")
    os.rename(watched.root / "b.tmp", watched.root / "a")
    assert watched.rest() == ["modified a!"]
    os.rename(watched.root / "a", watched.root / "c.tmp")
    assert watched.rest() == ["deleted a"]


def test_directory_moved_to_where_other_patterns_hold_is_listed_again(
    watching: Watching, tmp_path: Path
) -> None:
    fill(tmp_path / "root", "one/a.md", "one/a.txt")
    watched = watching(ignore=["/two/*.md"])
    watched.rest()
    os.rename(watched.root / "one", watched.root / "two")
    assert watched.rest() == ["deleted one/", "created two/", "created two/a.txt*"]
    os.rename(watched.root / "two", watched.root / "one")
    assert sorted(watched.rest()) == [
        *(
            "created one/",
            "created one/a.md*",
            "created one/a.txt*",
            "deleted two/",
        ),
    ]
    assert watched.unwatched() == []


def test_ignore_pathspec_object_is_used(watching: Watching, tmp_path: Path) -> None:
    fill(tmp_path / "root", "a.log", "keep.log", "build/x", "a.py")
    lines = ["# logs", "*.log", "!keep.log", "build/"]
    watched = watching(ignore=pathspec.GitIgnoreSpec.from_lines(lines))
    watched.rest()
    assert watched.names() == ["a.py", "keep.log"]


def test_links_by_default_are_not_followed(watching: Watching, tmp_path: Path) -> None:
    fill(tmp_path, "far/a", "root/")
    (tmp_path / "root/link").symlink_to(tmp_path / "far")
    (tmp_path / "root/up").symlink_to("..")
    watched = watching()
    watched.rest()
    fill(watched.root, "d/")
    (watched.root / "d/up").symlink_to("..")
    fill(tmp_path, "far/b")
    assert plain(watched.rest()) == ["created d/", "created d/up"]
    assert watched.names() == ["d", "d/up", "link", "up"]


def test_links_with_follow_symlinks_are_followed(
    watching: Watching, tmp_path: Path
) -> None:
    fill(tmp_path, "far/a", "other/c")
    (tmp_path / "root/link").symlink_to(tmp_path / "far")
    watched = watching(follow_symlinks=True)
    watched.rest()
    assert watched.names() == ["link", "link/a"]
    fill(tmp_path, "far/b")
    assert watched.rest() == ["created link/b", "modified link/b"]
    (watched.root / "two").symlink_to(tmp_path / "other")
    assert watched.rest() == ["created two/", "created two/c*"]
    (watched.root / "two").unlink()
    assert watched.rest() == ["deleted two/"]
    os.rename(watched.root / "link", watched.root / "x")
    assert watched.rest() == ["moved link/ -> x/"]
    assert watched.unwatched() == []


def test_link_circle_with_follow_symlinks_is_followed_once(
    watching: Watching,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fill(tmp_path / "root", "d/a")
    (tmp_path / "root/d/up").symlink_to("..")
    (tmp_path / "root/d/self").symlink_to("self")
    watched = watching(follow_symlinks=True)
    watched.rest()
    assert watched.names() == ["d", "d/a", "d/self", "d/up"]
    assert caplog.text.count("it is watched there") == 1
    fill(watched.root, "d/b")
    assert watched.rest() == ["created d/b", "modified d/b"]


def test_links_two_to_one_directory_are_watched_one_after_the_other(
    watching: Watching, tmp_path: Path
) -> None:
    fill(tmp_path, "far/a")
    for name in ("one", "two"):
        (tmp_path / "root" / name).symlink_to(tmp_path / "far")
    watched = watching(follow_symlinks=True)
    watched.rest()
    (first,) = {name.partition("/")[0] for name in watched.names() if "/" in name}
    (second,) = {"one", "two"} - {first}
    (watched.root / first).unlink()
    reported = watched.rest()
    assert reported[:2] == [f"deleted {first}/", f"created {second}/a*"]
    fill(tmp_path, "far/b")
    assert watched.rest() == [f"created {second}/b", f"modified {second}/b"]
    assert watched.unwatched() == []


def test_debounce_burst_gives_the_net_effect_of_each_path(watching: Watching) -> None:
    watched = watching(debounce=0.2)
    fill(watched.root, "old")
    watched.rest()
    fill(watched.root, "a", "b", "old")
    (watched.root / "b").unlink()
    fill(watched.root, "tmp")
    os.rename(watched.root / "tmp", watched.root / "old")
    settle(watched.app)
    assert watched.told == []
    watched.clock.advance(0.19)
    settle(watched.app)
    assert watched.told == []
    assert sorted(watched.rest()) == ["created a", "modified old!"]


def test_debounce_path_never_quiet_waits_no_longer_than_max_wait(
    watching: Watching,
) -> None:
    watched = watching(debounce=0.2, max_wait=0.5)
    watched.rest()
    began = watched.clock.now()
    while not watched.told:
        fill(watched.root, "a")
        settle(watched.app)
        watched.clock.advance(0.1)
    assert watched.told == ["created a"]
    assert watched.clock.now() - began == pytest.approx(0.6)


def test_debounce_burst_settles_after_its_events(watching: Watching) -> None:
    watched = watching(debounce=0.2, quiet=())
    watched.rest()
    fill(watched.root, "a")
    assert watched.rest() == ["created a", "settled ."]


@pytest.mark.parametrize(
    ("path", "options", "error"),
    [
        ("", {}, ValueError),
        ("a\0b", {}, ValueError),
        (3, {}, TypeError),
        (None, {}, TypeError),
        ("a", {"debounce": 0}, ValueError),
        ("a", {"debounce": -1}, ValueError),
        ("a", {"debounce": float("nan")}, ValueError),
        ("a", {"debounce": "soon"}, TypeError),
        ("a", {"max_wait": 1}, ValueError),
        ("a", {"debounce": 1, "max_wait": 0}, ValueError),
        ("a", {"debounce": 1, "raw": True}, ValueError),
        ("a", {"ignore": [""]}, ValueError),
        ("a", {"ignore": [b"*.py"]}, TypeError),
        ("a", {"include": 3}, TypeError),
        ("a", {"no_such": True}, TypeError),
    ],
)
def test_watch_wrong_argument_raises(
    path: Any, options: dict[str, Any], error: type
) -> None:
    with pytest.raises(error):
        Watch(path, **options)


def test_patterns_from_an_iterator_are_used(
    timed: Dispatcher, clock: VirtualClock, tmp_path: Path
) -> None:
    fill(tmp_path, "a.py", "d/b.md")
    watched = Watched(timed, clock, tmp_path, ignore=iter(["*.py", "/d/*.md"]))
    watched.rest()
    assert watched.names() == ["d"]
