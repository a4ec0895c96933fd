"""Watch: someone else closes the inotify descriptor, and each watch reports it once."""

import contextlib
import errno
import os
from pathlib import Path
from typing import Any

import pytest
from helpers.trees import Watched, fill, inotify_fds

from evdispatch import ClosedError, Dispatcher, Watch
from evdispatch.testing import VirtualClock, run_until, settle

# select and poll report it themselves.
QUIET = pytest.mark.pollers("epoll", "edge")


def lose(watch: Watch) -> None:
    """Close the descriptor, but not through its source."""
    tracker = watch._tracker
    assert tracker is not None
    os.close(tracker.hub.fileno())


def ended(watched: Watched) -> list[str]:
    """Return the paths of the watches that reported it; there must be no other errors."""
    paths = []
    for error in watched.errors:
        assert isinstance(error, OSError)
        assert error.errno == errno.EBADF
        paths.append(error.filename)
    return sorted(paths)


@QUIET
def test_inotify_closed_adding_a_watch_raises_closed_error(watched: Watched) -> None:
    lose(watched.watch)
    with pytest.raises(ClosedError, match="closed, and not through its source"):
        watched.app.add(Watch(watched.root))
    assert watched.watch.closed
    assert watched.app.sources == ()
    settle(watched.app)
    assert ended(watched) == [str(watched.root)]  # the first one's alone
    watched.app.add(Watch(watched.root))
    assert inotify_fds() == 1


@pytest.mark.pollers("poll", "select")
def test_inotify_closed_poller_that_reports_it_ends_the_watch(watched: Watched) -> None:
    lose(watched.watch)
    watched.app.after(0, int)  # an IO thread that polls already has not seen it
    run_until(watched.app, lambda: watched.watch.closed)
    settle(watched.app)
    assert ended(watched) == [str(watched.root)]
    assert watched.app.sources == ()


@QUIET
@pytest.mark.parametrize("options", [{}, {"raw": True}, {"debounce": 1.0}], ids=str)
def test_inotify_closed_watch_that_notices_reports_it_once(
    timed: Dispatcher, clock: VirtualClock, tmp_path: Path, options: dict[str, Any]
) -> None:
    (tmp_path / "other").mkdir()
    watched = Watched(timed, clock, tmp_path, **options)
    other = timed.add(Watch(tmp_path / "other"))
    watched.rest()
    watched.watch.pause()
    fill(tmp_path, "a/")
    settle(timed)
    lose(watched.watch)
    watched.watch.resume()  # which has it look for what was missed
    run_until(timed, lambda: watched.watch.closed)
    settle(timed)
    assert ended(watched) == [str(tmp_path), str(tmp_path / "other")]
    assert other.closed
    assert timed.sources == ()


@QUIET
def test_inotify_closed_events_made_before_come_first(
    watched: Watched, clock: VirtualClock
) -> None:
    reported: list[str] = []
    watched.rest()
    watched.watch.on("created")(lambda: reported.append("created"))
    watched.app.on("error")(lambda: reported.append("error"))
    watched.watch.limit_rate(100, burst=50)
    fill(watched.root, *map(str, range(200)))
    while not watched.watch.held_back:
        clock.advance(0.01)
        settle(watched.app)
    lose(watched.watch)
    with contextlib.suppress(ClosedError):  # or an IO thread has noticed before
        watched.app.add(Watch(watched.root))
    for _ in range(100):
        clock.advance(0.1)  # long enough for all to be looked at again
        settle(watched.app)
    assert ended(watched) == [str(watched.root)]
    assert reported[:-1] == ["created"] * (len(reported) - 1)
    assert len(reported) > 10  # what was made before, and was held back


@QUIET
def test_inotify_closed_closing_a_watch_is_no_error(watched: Watched) -> None:
    lose(watched.watch)
    watched.watch.close()
    settle(watched.app)
    assert watched.errors == []
    assert watched.app.sources == ()
