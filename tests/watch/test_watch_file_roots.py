"""Roots that are files: told of alone, replaced, gone and back."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.trees import Watched, clear, fill, plain

from evdispatch._kernel._inotify import IN_MODIFY, Inotify

Watching = Callable[..., Watched]


class TestFiles:
    def test_a_file_is_told_of_alone(self, watching: Watching, tmp_path: Path) -> None:
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

    def test_what_is_written_to_it_has_nobody_walk_the_way_to_it(
        self, watching: Watching, tmp_path: Path
    ) -> None:
        fill(tmp_path, "root/f")
        watched = watching("f")
        watched.rest()
        tracker = watched.watch._tracker
        assert tracker is not None
        steps = tracker._trail._steps  # new ones at each walk
        fill(tmp_path, "root/f", "root/g")
        (tmp_path / "root/f").chmod(0o600)
        assert {*watched.rest()} == {"modified .", "attributes ."}
        assert tracker._trail._steps is steps

    def test_it_exists(self, watching: Watching, tmp_path: Path) -> None:
        fill(tmp_path / "root", "cfg")
        assert watching("cfg", initial=True).rest() == ["existing .", "ready ."]

    def test_it_is_replaced_again_and_again(
        self, watching: Watching, tmp_path: Path
    ) -> None:
        fill(tmp_path / "root", "cfg")
        watched = watching("cfg")
        watched.rest()
        for _ in range(5):
            fill(tmp_path / "root", "cfg.new")
            os.rename(tmp_path / "root/cfg.new", watched.root)
            assert watched.rest() == ["modified .!"]

    def test_it_goes_and_comes(self, watching: Watching, tmp_path: Path) -> None:
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

    def test_its_directory_goes_and_comes(
        self, watching: Watching, tmp_path: Path
    ) -> None:
        fill(tmp_path / "root", "d/cfg")
        watched = watching("d/cfg")
        watched.rest()
        os.rename(tmp_path / "root/d", tmp_path / "root/x")
        assert watched.rest() == ["root_gone ."]
        os.rename(tmp_path / "root/x", tmp_path / "root/d")
        assert watched.rest() == ["created .*"]

    def test_a_file_takes_the_place_of_its_directory_before_it_was_watched(
        self, watching: Watching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It was looked for, and found missing, for ever."""
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

    def test_it_comes_for_the_first_time(
        self, watching: Watching, tmp_path: Path
    ) -> None:
        watched = watching("cfg")
        watched.rest()
        fill(tmp_path / "root", "cfg")
        assert watched.rest()[0].startswith("created .")

    def test_a_directory_takes_its_place(
        self, watching: Watching, tmp_path: Path
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
