"""A watch: what is told of what happens in a tree, one thing at a time."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.trees import Watched, clear, fill, plain

from evdispatch import Created, Deleted, Dispatcher, Settled, Watch
from evdispatch.testing import VirtualClock, settle

pytestmark = [pytest.mark.pollers, pytest.mark.cross]

Watching = Callable[..., Watched]


class TestFiles:
    def test_one_is_made_written_and_closed(self, watched: Watched) -> None:
        watched.quiet = ()
        with open(watched.root / "a", "w") as file:
            assert watched.rest() == ["created a", "settled ."]
            file.write("text")
        assert watched.rest() == ["modified a", "closed a", "settled ."]
        assert watched.names() == ["a"]

    def test_its_mode_changes(self, watched: Watched) -> None:
        fill(watched.root, "a")
        watched.rest()
        (watched.root / "a").chmod(0o600)
        assert watched.rest() == ["attributes a"]

    def test_it_is_deleted_and_told_so_when_it_stays_away(
        self, watched: Watched
    ) -> None:
        fill(watched.root, "a")
        watched.rest()
        (watched.root / "a").unlink()
        settle(watched.app)
        assert watched.told == []
        assert watched.names() == []
        assert not watched.watch.settled
        assert watched.rest() == ["deleted a"]

    def test_it_is_deleted_and_made_again(self, watched: Watched) -> None:
        watched.app.set_policy("modified", "block")  # each one is to be seen
        fill(watched.root, "a")
        watched.rest()
        (watched.root / "a").unlink()
        settle(watched.app)
        fill(watched.root, "a")
        assert watched.rest() == ["modified a", "modified a"]
        assert watched.names() == ["a"]

    def test_a_link_a_hard_link_and_a_fifo_are_files(self, watched: Watched) -> None:
        fill(watched.root, "a")
        watched.rest()
        (watched.root / "b").symlink_to("nowhere")
        (watched.root / "c").hardlink_to(watched.root / "a")
        os.mkfifo(watched.root / "d")
        assert watched.rest() == ["created b", "created c", "created d"]

    def test_events_bear_their_source_and_when_they_were_read(
        self, watched: Watched, clock: VirtualClock
    ) -> None:
        clock.advance(5)
        now = clock.now()
        fill(watched.root, "a")
        (watched.root / "a").unlink()
        watched.rest()
        made = next(each for each in watched.events if isinstance(each, Created))
        gone = next(each for each in watched.events if isinstance(each, Deleted))
        assert made.source is watched.watch
        assert made.time == gone.time == now  # though the latter was told later


class TestDirectories:
    def test_one_made_with_all_that_is_in_it(self, watched: Watched) -> None:
        fill(watched.root, "d/e/f")
        told = plain(watched.rest())
        assert told[:3] == ["created d/", "created d/e/", "created d/e/f"]
        fill(watched.root, "d/e/g")
        assert watched.rest() == ["created d/e/g", "modified d/e/g"]
        assert watched.unwatched() == []

    def test_one_made_and_renamed_before_it_was_seen(self, watched: Watched) -> None:
        fill(watched.root, "d/")
        os.rename(watched.root / "d", watched.root / "e")
        assert watched.rest() == ["created d/", "moved d/ -> e/"]
        fill(watched.root, "e/f")
        assert watched.rest() == ["created e/f", "modified e/f"]

    def test_a_deep_one_is_deleted(self, watched: Watched) -> None:
        fill(watched.root, "d/e/f", "d/g")
        watched.rest()
        clear(watched.root)
        told = watched.rest()
        assert sorted(told) == [
            "deleted d/",
            "deleted d/e/",
            "deleted d/e/f",
            "deleted d/g",
        ]
        assert told[-1] == "deleted d/"
        assert told.index("deleted d/e/f") < told.index("deleted d/e/")
        assert watched.names() == []

    def test_its_mode_changes(self, watched: Watched) -> None:
        fill(watched.root, "d/")
        watched.rest()
        (watched.root / "d").chmod(0o700)
        watched.root.chmod(0o700)
        assert watched.rest() == ["attributes d/", "attributes ./"]

    def test_a_file_takes_its_place(self, watched: Watched) -> None:
        fill(watched.root, "d/a")
        watched.rest()
        clear(watched.root)
        fill(watched.root, "d")
        assert watched.rest() == [
            "deleted d/a",
            "deleted d/",
            "created d",
            "modified d",
        ]
        assert watched.names() == ["d"]

    def test_not_recursive_tells_of_its_own_entries_alone(
        self, watching: Watching, tmp_path: Path
    ) -> None:
        fill(tmp_path / "root", "d/")
        watched = watching(recursive=False)
        watched.rest()
        fill(watched.root, "d/a", "e/f")
        (watched.root / "d").chmod(0o700)
        assert watched.rest() == ["created e/", "attributes d/"]
        assert watched.names() == ["d", "e"]
        os.rename(watched.root / "d", watched.root / "x")
        assert watched.rest() == ["moved d/ -> x/"]


class TestBeginning:
    def test_ready_comes_when_all_is_watched(
        self, watching: Watching, tmp_path: Path
    ) -> None:
        fill(tmp_path / "root", "d/e/f", "a")
        watched = watching(quiet=())
        assert watched.rest() == ["ready .", "settled ."]
        assert watched.names() == ["a", "d", "d/e", "d/e/f"]
        assert watched.unwatched() == []

    def test_what_exists_is_told_where_it_is_asked_for(
        self, watching: Watching, tmp_path: Path
    ) -> None:
        fill(tmp_path / "root", "d/e/f", "a")
        watched = watching(initial=True)
        told = watched.rest()
        assert sorted(told[:-1]) == [
            *("existing a", "existing d/", "existing d/e/", "existing d/e/f"),
        ]
        assert told[-1] == "ready ."

    def test_what_happens_from_add_on_is_told(
        self, timed: Dispatcher, tmp_path: Path
    ) -> None:
        fill(tmp_path, "d/")
        told: list[str] = []
        watch = timed.add(Watch(tmp_path))
        fill(tmp_path, "a", "d/b")
        watch.on(Created)(
            lambda event: told.append(os.path.relpath(event.path, tmp_path))
        )
        settle(timed)
        assert sorted(told) == ["a", "d/b"]

    def test_a_relative_path_is_meant_as_of_now(
        self,
        watching: Watching,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        watch = Watch("root")
        assert watch.path == str(tmp_path / "root")
        assert Watch(b"root").path == watch.path
        assert Watch(os.path.join("root", "..", "root", ".")).path == watch.path
        assert Watch("/").path == "/"
        (tmp_path / "far/er").mkdir(parents=True)
        (tmp_path / "link").symlink_to("far/er")
        assert Watch("link/../x").path == str(tmp_path / "far/x")
        assert Watch("link/..").path == str(tmp_path / "far")


def is_settled(watched: Watched) -> bool:
    return watched.watch.settled


class TestSettled:
    def test_it_is_told_once_after_each_burst(self, watched: Watched) -> None:
        seen: list[float] = []
        watched.watch.on(Settled)(lambda: seen.append(watched.clock.now()))
        assert is_settled(watched)
        fill(watched.root, "a", "b", "d/c")
        assert not is_settled(watched)  # the kernel has told, and nobody has read
        settle(watched.app)
        assert not is_settled(watched)
        assert seen == []
        watched.rest()
        assert is_settled(watched)
        assert len(seen) == 1
        watched.clock.advance(10)
        settle(watched.app)
        assert len(seen) == 1

    def test_an_idle_one_makes_no_wake_ups(
        self, watched: Watched, clock: VirtualClock
    ) -> None:
        fill(watched.root, "a", "d/c")
        watched.rest()
        clock.advance(1)
        settle(watched.app)
        assert watched.app.timeout() is None
