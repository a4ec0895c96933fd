"""Watch: the events of single changes in a tree."""

import os
from pathlib import Path

import pytest
from helpers.trees import Watched, Watching, clear, fill, plain

from evdispatch import Created, Deleted, Dispatcher, Settled, Watch
from evdispatch.testing import VirtualClock, settle

pytestmark = [pytest.mark.pollers, pytest.mark.cross]


def test_file_written_and_closed_gives_each_event(watched: Watched) -> None:
    watched.quiet = ()
    with open(watched.root / "a", "w") as file:
        assert watched.rest() == ["created a", "settled ."]
        file.write("text")
    assert watched.rest() == ["modified a", "closed a", "settled ."]
    assert watched.names() == ["a"]


def test_file_mode_changed_gives_attributes(watched: Watched) -> None:
    fill(watched.root, "a")
    watched.rest()
    (watched.root / "a").chmod(0o600)
    assert watched.rest() == ["attributes a"]


def test_file_deleted_is_reported_after_the_hold(watched: Watched) -> None:
    fill(watched.root, "a")
    watched.rest()
    (watched.root / "a").unlink()
    settle(watched.app)
    assert watched.told == []
    assert watched.names() == []
    assert not watched.watch.settled
    assert watched.rest() == ["deleted a"]


def test_file_deleted_and_made_again_is_modified(watched: Watched) -> None:
    watched.app.set_policy("modified", "block")  # each one is to be seen
    fill(watched.root, "a")
    watched.rest()
    (watched.root / "a").unlink()
    settle(watched.app)
    fill(watched.root, "a")
    assert watched.rest() == ["modified a", "modified a"]
    assert watched.names() == ["a"]


def test_link_hard_link_and_fifo_created_count_as_files(watched: Watched) -> None:
    fill(watched.root, "a")
    watched.rest()
    (watched.root / "b").symlink_to("nowhere")
    (watched.root / "c").hardlink_to(watched.root / "a")
    os.mkfifo(watched.root / "d")
    assert watched.rest() == ["created b", "created c", "created d"]


def test_event_made_has_its_source_and_the_time_of_reading(
    watched: Watched, clock: VirtualClock
) -> None:
    clock.advance(5)
    now = clock.now()
    fill(watched.root, "a")
    (watched.root / "a").unlink()
    watched.rest()
    made = next(each for each in watched.events if isinstance(each, Created))
    gone = next(each for each in watched.events if isinstance(each, Deleted))
    assert made.source is watched.watch
    assert made.time == gone.time == now  # though the latter was made later


def test_directory_made_with_content_reports_everything(watched: Watched) -> None:
    fill(watched.root, "d/e/f")
    reported = plain(watched.rest())
    assert reported[:3] == ["created d/", "created d/e/", "created d/e/f"]
    fill(watched.root, "d/e/g")
    assert watched.rest() == ["created d/e/g", "modified d/e/g"]
    assert watched.unwatched() == []


def test_directory_renamed_before_it_was_seen_is_moved(watched: Watched) -> None:
    fill(watched.root, "d/")
    os.rename(watched.root / "d", watched.root / "e")
    assert watched.rest() == ["created d/", "moved d/ -> e/"]
    fill(watched.root, "e/f")
    assert watched.rest() == ["created e/f", "modified e/f"]


def test_directory_tree_deleted_reports_everything_from_the_bottom(
    watched: Watched,
) -> None:
    fill(watched.root, "d/e/f", "d/g")
    watched.rest()
    clear(watched.root)
    reported = watched.rest()
    assert sorted(reported) == [
        "deleted d/",
        "deleted d/e/",
        "deleted d/e/f",
        "deleted d/g",
    ]
    assert reported[-1] == "deleted d/"
    assert reported.index("deleted d/e/f") < reported.index("deleted d/e/")
    assert watched.names() == []


def test_directory_mode_changed_gives_attributes(watched: Watched) -> None:
    fill(watched.root, "d/")
    watched.rest()
    (watched.root / "d").chmod(0o700)
    watched.root.chmod(0o700)
    assert watched.rest() == ["attributes d/", "attributes ./"]


def test_directory_replaced_by_a_file_gives_deleted_and_created(
    watched: Watched,
) -> None:
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


def test_watch_not_recursive_reports_its_own_entries_only(
    watching: Watching, tmp_path: Path
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


def test_watch_added_is_ready_when_everything_is_watched(
    watching: Watching, tmp_path: Path
) -> None:
    fill(tmp_path / "root", "d/e/f", "a")
    watched = watching(quiet=())
    assert watched.rest() == ["ready .", "settled ."]
    assert watched.names() == ["a", "d", "d/e", "d/e/f"]
    assert watched.unwatched() == []


def test_watch_initial_reports_existing_paths_before_ready(
    watching: Watching, tmp_path: Path
) -> None:
    fill(tmp_path / "root", "d/e/f", "a")
    watched = watching(initial=True)
    reported = watched.rest()
    assert sorted(reported[:-1]) == [
        *("existing a", "existing d/", "existing d/e/", "existing d/e/f"),
    ]
    assert reported[-1] == "ready ."


def test_watch_changes_right_after_add_are_reported(
    timed: Dispatcher, tmp_path: Path
) -> None:
    fill(tmp_path, "d/")
    reported: list[str] = []
    watch = timed.add(Watch(tmp_path))
    fill(tmp_path, "a", "d/b")
    watch.on(Created)(
        lambda event: reported.append(os.path.relpath(event.path, tmp_path))
    )
    settle(timed)
    assert sorted(reported) == ["a", "d/b"]


def test_watch_relative_path_is_resolved_when_made(
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


def is_settled(watched: Watched) -> bool:  # a call, which mypy does not narrow
    return watched.watch.settled


def test_settled_after_a_burst_comes_once(watched: Watched) -> None:
    seen: list[float] = []
    watched.watch.on(Settled)(lambda: seen.append(watched.clock.now()))
    assert is_settled(watched)
    fill(watched.root, "a", "b", "d/c")
    assert not is_settled(watched)  # the records are queued and not read yet
    settle(watched.app)
    assert not is_settled(watched)
    assert seen == []
    watched.rest()
    assert is_settled(watched)
    assert len(seen) == 1
    watched.clock.advance(10)
    settle(watched.app)
    assert len(seen) == 1


def test_watch_idle_makes_no_wake_ups(watched: Watched, clock: VirtualClock) -> None:
    fill(watched.root, "a", "d/c")
    watched.rest()
    clock.advance(1)
    settle(watched.app)
    assert watched.app.timeout() is None
