"""Watch: adding, closing, sharing, forking, other threads and processes."""

import gc
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import pytest
from helpers.trees import Watched, fill, inotify_fds
from helpers.waiting import PATIENCE

from evdispatch import (
    Change,
    ClosedError,
    Created,
    Dispatcher,
    ForkedError,
    PathEvent,
    StateError,
    Timer,
    Watch,
)
from evdispatch.testing import VirtualClock, record, run_until, settle


def test_watches_of_one_dispatcher_share_one_instance(
    timed: Dispatcher, tmp_path: Path
) -> None:
    assert inotify_fds() == 0
    watches = [timed.add(Watch(tmp_path / name)) for name in "abc"]
    settle(timed)
    assert inotify_fds() == 1
    for watch in watches:
        watch.close()
    assert inotify_fds() == 0
    assert timed.sources == ()
    timed.add(Watch(tmp_path))
    assert inotify_fds() == 1


def test_watch_before_add_and_after_close_knows_nothing(
    timed: Dispatcher, tmp_path: Path
) -> None:
    watch = Watch(tmp_path)
    assert watch.snapshot() == set()
    assert watch.settled is False
    with pytest.raises(StateError):
        watch.on("created")
    timed.add(watch)
    with pytest.raises(StateError):
        timed.add(watch)
    watch.close()
    assert watch.snapshot() == set()
    assert watch.settled is False
    with pytest.raises(ClosedError):
        timed.add(watch)


def test_watch_closed_in_its_handler_makes_no_more_events(watched: Watched) -> None:
    seen: list[PathEvent] = []

    @watched.watch.on(PathEvent)
    def once(event: PathEvent) -> None:
        seen.append(event)
        watched.watch.close()

    fill(watched.root, "a", "b", "d/c")
    settle(watched.app)
    assert len(seen) == 1
    assert watched.app.sources == ()
    assert watched.app.stats().balanced


def test_watch_closed_during_the_first_listing_leaves_no_descriptor(
    timed: Dispatcher, tmp_path: Path
) -> None:
    fill(tmp_path, *(f"{one}/{two}/" for one in range(20) for two in range(20)))
    watch = timed.add(Watch(tmp_path, initial=True))
    assert 0 < len(watch.snapshot()) < 420  # nothing was polled yet
    watch.close()
    settle(timed)
    assert inotify_fds() == 0


def test_watch_large_one_closed_keeps_the_other_working(
    timed: Dispatcher, clock: VirtualClock, tmp_path: Path
) -> None:
    fill(tmp_path, *(f"r/{one}/{two}/" for one in range(20) for two in range(20)), "s/")
    large = Watched(timed, clock, tmp_path / "r")
    small = Watched(timed, clock, tmp_path / "s")
    large.rest()
    assert small.watches() > 420
    large.watch.close()
    run_until(timed, lambda: small.watches() == len(small.root.parts))  # slice by slice
    fill(tmp_path, "r/1/a", "s/b")
    assert small.rest() == ["ready .", "created b", "modified b"]
    assert large.told == []


def test_watch_added_and_closed_by_another_thread_works(
    app: Dispatcher, tmp_path: Path
) -> None:
    seen = record(app, Created)
    watches: list[Watch] = []

    def add() -> None:
        watches.append(app.add(Watch(tmp_path)))
        fill(tmp_path, "a")

    with app.running():
        thread = threading.Thread(target=add)
        thread.start()
        thread.join()
    run_until(app, lambda: seen)
    assert [event.path for event in seen] == [str(tmp_path / "a")]
    assert watches[0].snapshot() == {str(tmp_path / "a")}
    thread = threading.Thread(target=watches[0].close)
    thread.start()
    thread.join()
    assert inotify_fds() == 0


def test_watch_large_tree_added_lets_other_sources_run(
    app: Dispatcher, tmp_path: Path
) -> None:
    fill(tmp_path, *(f"{one}/{two}/" for one in range(40) for two in range(40)))
    order: list[str] = []
    watch = app.add(Watch(tmp_path))
    app.add(Timer("between", after=0)).on("between")(lambda: order.append("timer"))
    watch.on("ready")(lambda: order.append("ready"))
    run_until(app, lambda: "ready" in order)
    assert order == ["timer", "ready"]
    assert len(watch.snapshot()) == 1640


def test_watch_queue_full_keeps_its_events_and_goes_on(io: str, tmp_path: Path) -> None:
    with Dispatcher(io=io, queue_size=10) as app:  # type: ignore[arg-type]
        watch = app.add(Watch(tmp_path))
        seen = record(app, Created)
        fill(tmp_path, *(str(number) for number in range(500)))
        run_until(app, lambda: len(seen) == 500)
        assert [event.path.rpartition("/")[2] for event in seen] == [
            str(number) for number in range(500)
        ]
        assert app.stats().balanced
        assert not watch.closed


def test_watch_closed_is_collected(timed: Dispatcher, tmp_path: Path) -> None:
    fill(tmp_path, "a/b", "c/d/e")
    watch = timed.add(Watch(tmp_path))
    settle(timed)
    gone = weakref.ref(watch)
    node = weakref.ref(watch._tracker) if watch._tracker else None
    watch.close()
    del watch
    settle(timed)
    gc.collect()
    assert gone() is None
    assert node is not None
    assert node() is None


def test_watch_in_a_forked_child_raises_and_harms_nothing(watched: Watched) -> None:
    fill(watched.root, "a")
    watched.rest()
    pid = os.fork()
    if pid == 0:  # the child: must not run pytest
        code = 1
        try:
            watched.watch.snapshot()
        except ForkedError:
            watched.watch.close()
            fill(watched.root, "from-the-child")
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    assert watched.rest() == ["created from-the-child", "modified from-the-child"]


PROGRAM = """
import os, signal, sys
children = []
signal.signal(signal.SIGCHLD, lambda *_: children.append(1))
import logging
logging.basicConfig(level=0)
from evdispatch import Dispatcher, Watch
with Dispatcher() as app:
    watch = app.add(Watch(sys.argv[1]))
    watch.on("ready")(app.stop)
    app.run()
    fd = next(f for f in os.listdir("/proc/self/fd")
              if "inotify" in os.readlink("/proc/self/fd/" + f))
    print(os.get_inheritable(int(fd)), os.get_blocking(int(fd)))
print(len(children), "asyncore" in sys.modules, logging.getLogger("pyinotify").level)
"""


def test_watch_added_starts_no_child_and_leaves_no_fake_module(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.stderr == ""
    assert done.stdout == "False False\n0 False 0\n"


def test_watch_busy_tree_has_balanced_counts(watched: Watched) -> None:
    seen = record(watched.app, Change)
    for number in range(300):
        fill(watched.root, f"d{number % 7}/{number}")
    watched.rest()
    assert sum(isinstance(event, Created) for event in seen) == 307
    assert watched.app.stats().balanced
