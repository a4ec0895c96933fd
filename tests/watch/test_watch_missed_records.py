"""Watch: records that were missed by overflow, by pauses, and below mounts."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.trees import Replay, Watched, clear, fill, real_tree

from evdispatch import Change, Dispatcher
from evdispatch.testing import VirtualClock, settle


def test_overflow_of_the_kernel_queue_ends_in_an_exact_tree(watched: Watched) -> None:
    """Make 30,000 files while nothing is read: the kernel keeps 16,384 records."""
    fill(watched.root, "d/e/f", "g/h")
    watched.rest()
    watched.events.clear()
    hub = watched.watch._tracker.hub if watched.watch._tracker else None
    assert hub is not None
    hub.pause()
    for number in range(30_000):
        (watched.root / f"f{number}").touch()
    os.rename(watched.root / "d/e", watched.root / "g/e")
    clear(watched.root / "g/e")
    fill(watched.root, "d/new/x")
    hub.resume()
    reported = watched.rest()
    assert reported.count("overflow .") == 1
    assert reported[-1] == "rescan ."
    known = real_tree(watched.root)
    assert watched.watch.snapshot() == set(known)
    assert watched.unwatched() == []
    before = ["d", "d/e", "d/e/f", "g", "g/h"]
    paths = {f"{watched.root}/{name}": not name.endswith(("f", "h")) for name in before}
    replay = Replay(watched.root, paths)
    for event in watched.events:
        if isinstance(event, Change):
            replay.hear(event)
    assert replay.paths == known
    fill(watched.root, "d/new/y")
    assert watched.rest() == ["created d/new/y", "modified d/new/y"]


def test_pause_with_changes_ends_in_a_rescan(watched: Watched) -> None:
    fill(watched.root, "d/a", "b")
    watched.rest()
    watched.watch.pause()
    fill(watched.root, "d/c", "e/f")
    (watched.root / "b").unlink()
    for _ in range(5):
        settle(watched.app)
        watched.clock.advance(0.1)
    assert watched.told == []
    assert not watched.watch.settled
    with watched.watch.host.lock:
        watched.watch.resume()
        assert not watched.watch.settled
    reported = watched.rest()
    assert sorted(reported) == [
        *("created d/c*", "created e/*", "created e/f*", "deleted b", "rescan ."),
    ]
    watched.watch.pause()
    watched.watch.resume()
    assert watched.rest() == []


# -- mounts --------------------------------------------------------------------------------


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """Mounts a file system at root/m."""
    place = tmp_path / "root/m"
    place.mkdir(parents=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "none", place], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("may not mount")
    yield place
    subprocess.run(["umount", place], capture_output=True, check=False)


def test_mount_ended_is_reported_and_shows_the_directory_below(
    timed: Dispatcher, clock: VirtualClock, mounted: Path, tmp_path: Path
) -> None:
    fill(mounted, "d/a")
    watched = Watched(timed, clock, tmp_path / "root")
    watched.rest()
    assert watched.names() == ["m", "m/d", "m/d/a"]
    subprocess.run(["umount", mounted], check=True)
    assert set(watched.rest()) == {"unmounted m", "unmounted m/d", "deleted m/d/"}
    assert watched.names() == ["m"]
    fill(mounted, "b")
    assert watched.rest() == ["created m/b", "modified m/b"]
    assert watched.unwatched() == []


def test_one_file_system_mount_below_is_left_out(
    timed: Dispatcher, clock: VirtualClock, mounted: Path, tmp_path: Path
) -> None:
    fill(mounted, "d/a")
    fill(tmp_path / "root", "e/b")
    watched = Watched(timed, clock, tmp_path / "root", one_file_system=True)
    watched.rest()
    assert watched.names() == ["e", "e/b", "m"]
    fill(mounted, "d/c")
    assert watched.rest() == []
