"""Watch: roots that are files are reported alone, replaced, gone and back."""

import os
from pathlib import Path

import pytest
from helpers.trees import Watching, clear, fill, plain

from evdispatch.sources.files._inotify import IN_MODIFY, Inotify


def test_file_root_neighbours_change_reports_its_own_changes_only(
    watching: Watching, tmp_path: Path
) -> None:
    fill(tmp_path / "root", "cfg")
    watched = watching("cfg")
    assert watched.rest() == ["ready ."]
    assert watched.watch.snapshot() == {str(tmp_path / "root/cfg")}
    fill(tmp_path / "root", "other", "d/cfg")
    assert watched.rest() == []
    watched.root.write_text("new")
    assert set(watched.rest()) == {"modified ."}
    watched.root.chmod(0o600)
    assert watched.rest() == ["attributes ."]


def test_file_root_written_does_not_walk_the_path_again(
    watching: Watching, tmp_path: Path
) -> None:
    fill(tmp_path, "root/f")
    watched = watching("f")
    watched.rest()
    tracker = watched.watch._tracker
    assert tracker is not None
    steps = tracker.root_path._steps  # new ones at each walk
    fill(tmp_path, "root/f", "root/g")
    (tmp_path / "root/f").chmod(0o600)
    assert {*watched.rest()} == {"modified .", "attributes ."}
    assert tracker.root_path._steps is steps


def test_file_root_initial_gives_existing(watching: Watching, tmp_path: Path) -> None:
    fill(tmp_path / "root", "cfg")
    assert watching("cfg", initial=True).rest() == ["existing .", "ready ."]


def test_file_root_replaced_many_times_gives_atomic_modified(
    watching: Watching, tmp_path: Path
) -> None:
    fill(tmp_path / "root", "cfg")
    watched = watching("cfg")
    watched.rest()
    for _ in range(5):
        fill(tmp_path / "root", "cfg.new")
        os.rename(tmp_path / "root/cfg.new", watched.root)
        assert watched.rest() == ["modified .!"]


def test_file_root_goes_and_comes_gives_deleted_and_created(
    watching: Watching, tmp_path: Path
) -> None:
    fill(tmp_path / "root", "cfg")
    watched = watching("cfg")
    watched.rest()
    watched.root.unlink()
    assert watched.rest() == ["deleted ."]
    assert watched.watch.snapshot() == set()
    fill(tmp_path / "root", "cfg")
    assert watched.rest()[0] == "created ."
    os.rename(watched.root, tmp_path / "root/old")
    assert watched.rest() == ["deleted ."]
    os.rename(tmp_path / "root/old", watched.root)
    assert watched.rest() == ["created ."]


def test_file_root_directory_goes_and_comes_gives_root_gone_and_created(
    watching: Watching, tmp_path: Path
) -> None:
    fill(tmp_path / "root", "d/cfg")
    watched = watching("d/cfg")
    watched.rest()
    os.rename(tmp_path / "root/d", tmp_path / "root/x")
    assert watched.rest() == ["root_gone ."]
    os.rename(tmp_path / "root/x", tmp_path / "root/d")
    assert watched.rest() == ["created .*"]


def test_file_root_directory_replaced_before_its_watch_is_found_later(
    watching: Watching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The visit failed, and located the root again without end."""
    directory = tmp_path / "root" / "d"
    fill(directory, "f")
    listed = Inotify.watch

    def watch(self: Inotify, path: str, mask: int) -> int:
        if path == str(directory) and mask & IN_MODIFY:  # as a root, not on the way
            monkeypatch.undo()
            clear(directory)
            directory.rmdir()
            directory.touch()
        return listed(self, path, mask)

    monkeypatch.setattr(Inotify, "watch", watch)
    watched = watching("d/f")
    watched.rest()
    assert watched.names() == []
    directory.unlink()
    fill(directory, "f")
    watched.rest()
    assert watched.names() == ["."]


def test_file_root_missing_at_first_is_created_when_it_comes(
    watching: Watching, tmp_path: Path
) -> None:
    watched = watching("cfg")
    watched.rest()
    fill(tmp_path / "root", "cfg")
    assert watched.rest()[0].startswith("created .")


def test_file_root_replaced_by_a_directory_watches_the_directory(
    watching: Watching, tmp_path: Path
) -> None:
    fill(tmp_path / "root", "cfg")
    watched = watching("cfg")
    watched.rest()
    watched.root.unlink()
    assert watched.rest() == ["deleted ."]
    fill(tmp_path / "root", "cfg/a")
    assert plain(watched.rest())[:2] == ["created ./", "created a"]
    fill(tmp_path / "root", "cfg/b", "x")
    assert watched.rest() == ["created b", "modified b"]
