"""Watch: another process changes a tree at full speed; in the end it is known exactly."""

import math
import time
from pathlib import Path
from typing import Any

import pytest
from helpers.trees import Replay, real_tree, ride_out, storm, weather

from evdispatch import Change, Dispatcher, Moved, Rescan, Settled, Watch

OPTIONS: list[dict[str, Any]] = [{"raw": True}, {"debounce": 0.05}]


@pytest.mark.modes("inline", "thread")
@pytest.mark.parametrize("seed", range(5))
def test_storm_random_changes_leave_the_tree_exact(
    app: Dispatcher, tmp_path: Path, seed: int
) -> None:
    ride_out(app, tmp_path, [seed], 3_000)


@pytest.mark.pollers
def test_storm_on_each_poller_leaves_the_tree_exact(
    app: Dispatcher, tmp_path: Path
) -> None:
    ride_out(app, tmp_path, [20], 500)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_storm_with_other_options_leaves_the_tree_exact(
    app: Dispatcher, tmp_path: Path, options: dict[str, Any]
) -> None:
    ride_out(app, tmp_path, [21], 1_000, **options)


def test_storm_three_at_once_leave_the_tree_exact(
    app: Dispatcher, tmp_path: Path
) -> None:
    """The halves of their renames are mixed."""
    ride_out(app, tmp_path, [50, 51, 52], 1_500)


@pytest.mark.modes("thread")
def test_storm_long_one_leaves_the_tree_exact(app: Dispatcher, tmp_path: Path) -> None:
    ride_out(app, tmp_path, [30], 40_000)


def test_storm_handler_lists_at_each_rescan_has_the_same_tree(
    app: Dispatcher, tmp_path: Path
) -> None:
    """The handler lists the tree instead of trusting the events in between.

    What it lists is newer than the events that follow. Until one says that all was quiet after
    the listing, it lists the targets of renames, too: by the old name it may know another
    directory already.
    """
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    replay = Replay(root)
    watch = app.add(Watch(root))
    listed, quiet = -math.inf, 0.0  # when, last

    def look(path: str) -> None:
        nonlocal listed
        replay.forget(*replay.below(path))
        replay.learn(real_tree(path))
        listed = time.monotonic()

    @watch.on(Change)
    def hear(event: Change) -> None:
        if not isinstance(event, Moved) or (
            event.src_path in replay.paths and listed < quiet
        ):
            replay.hear(event)
            return
        for path in (event.src_path, event.path):
            replay.forget(path, *replay.below(path))
        replay.learn({event.path: event.is_dir})
        if event.is_dir:
            look(event.path)

    @watch.on(Rescan)
    def rescan(event: Rescan) -> None:
        look(event.path)

    @watch.on(Settled)
    def settled(event: Settled) -> None:
        nonlocal quiet
        quiet = event.time  # on a busy machine it waits, and a listing comes before it

    for seed in (40, 41):
        weather(app, watch, storm(root, outside, seed, 3_000))
        assert replay.paths == real_tree(root)
        assert watch.snapshot() == set(replay.paths)
