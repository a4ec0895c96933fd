"""`Dispatcher.why_alive`: what a dispatcher waits for."""

import threading
from pathlib import Path
from typing import Any

import pytest
from helpers.events import Work
from helpers.processes import in_child

from evdispatch import (
    PRIORITY,
    READ,
    Alive,
    Dispatcher,
    Fd,
    ForkedError,
    Pipe,
    Source,
    Timer,
    Waiting,
    Watch,
)
from evdispatch.testing import ManualSource, VirtualClock, settle

pytestmark = pytest.mark.cross


def only(alive: Alive) -> Waiting:
    (waiting,) = alive.sources
    return waiting


def lines(app: Dispatcher) -> list[str]:
    return [line.strip() for line in str(app.why_alive()).splitlines()]


def test_why_alive_without_sources_names_posts_only(timed: Dispatcher) -> None:
    alive = timed.why_alive()
    assert alive == Alive(
        state="open",
        sources=(),
        calls=(),
        queued={"urgent": 0, "normal": 0, "idle": 0},
        full=False,
    )
    assert not alive.by_itself
    assert lines(timed) == [
        "not running; when it runs, it waits for:",
        "nothing: only posts from other threads can wake it",
    ]


def test_why_alive_pipe_shows_reading(timed: Dispatcher, pipe: list[int]) -> None:
    source = timed.add(Pipe(pipe[0]))
    pipe[0] = -1
    alive = timed.why_alive()
    assert only(alive).source is source
    assert only(alive).interest == READ
    assert alive.by_itself
    assert lines(timed)[1:] == [f"{source!r}: reading fd {only(alive).fd}"]


def test_why_alive_fd_of_two_interests_shows_both(
    timed: Dispatcher, pipe: list[int]
) -> None:
    timed.add(Fd(pipe[0], writable=True))
    assert f"reading and writing fd {pipe[0]}" in lines(timed)[1]


def test_why_alive_fd_of_priority_data_shows_it(
    timed: Dispatcher, pipe: list[int]
) -> None:
    timed.add(Fd(pipe[0], readable=False, priority=True))
    assert only(timed.why_alive()).interest == PRIORITY
    assert f"priority data of fd {pipe[0]}" in lines(timed)[1]


def test_why_alive_fd_without_interest_shows_a_hang_up(
    timed: Dispatcher, pipe: list[int]
) -> None:
    source = timed.add(Fd(pipe[0]))
    source.watch(0)
    assert only(timed.why_alive()).interest == 0
    assert f"a hang-up of fd {pipe[0]}" in lines(timed)[1]


def test_why_alive_paused_source_shows_paused(
    timed: Dispatcher, pipe: list[int]
) -> None:
    source = timed.add(Fd(pipe[0]))
    source.pause()
    waiting = only(timed.why_alive())
    assert (waiting.paused, waiting.fd, waiting.interest) == (True, None, None)
    assert lines(timed)[1:] == [
        f"{source!r}: paused",
        "nothing: only posts from other threads can wake it",
    ]
    source.resume()
    assert not only(timed.why_alive()).paused


def test_why_alive_timer_shows_its_deadline(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    timed.add(Timer("tick", every=2.0))
    clock.advance(0.5)
    assert only(timed.why_alive()).due_in == 1.5
    assert lines(timed)[1].endswith("due in 1.500 s")


def test_why_alive_manual_source_shows_wake(timed: Dispatcher) -> None:
    source = timed.add(ManualSource())
    assert lines(timed)[1] == f"{source!r}: its wake() alone"
    assert not timed.why_alive().by_itself
    source.emit(Work())
    assert only(timed.why_alive()).more
    assert lines(timed)[1] == f"{source!r}: has more events"


def test_why_alive_file_shows_always_ready(timed: Dispatcher, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with (tmp_path / "file").open("rb") as file:
        timed.add(Pipe(file.fileno(), closefd=False))
        assert only(timed.why_alive()).always_ready
        assert lines(timed)[1].endswith(", which is always ready")


def test_why_alive_closed_source_is_left_out(timed: Dispatcher) -> None:
    timed.add(Source()).close()
    assert timed.why_alive().sources == ()


def test_why_alive_calls_are_sorted_by_time(
    timed: Dispatcher, clock: VirtualClock
) -> None:
    def poll() -> None: ...

    handle = timed.every(2.0, poll)
    timed.after(1.0, timed.stop)
    timed.after(float("inf"), timed.stop)
    timed.after(0.5, poll).cancel()
    settle(timed)
    clock.advance(0.25)
    first, second = timed.why_alive().calls
    assert (first.function, first.due_in, first.every) == (timed.stop, 0.75, None)
    assert (second.function, second.due_in, second.every) == (poll, 1.75, 2.0)
    assert timed.why_alive().by_itself
    assert lines(timed)[1].endswith("Dispatcher.stop: called in 0.750 s")
    assert lines(timed)[2].endswith("poll: called in 1.750 s, then every 2 s")
    handle.cancel()
    assert len(timed.why_alive().calls) == 1


@pytest.mark.parametrize("pace", ["throttle", "debounce"])
def test_why_alive_rate_limited_handler_shows_the_end_of_its_interval(
    timed: Dispatcher, pace: str
) -> None:
    options: dict[str, Any] = {pace: 3.0}

    def handle() -> None: ...

    timed.on(Work, **options)(handle)
    timed.post(Work())
    settle(timed)
    (call,) = timed.why_alive().calls
    assert (call.function, call.due_in, call.paced) == (handle, 3.0, True)
    assert str(call).endswith("handle: the end of its interval in 3.000 s")
    timed.off(handle)
    assert timed.why_alive().calls[0].function is None
    assert "a handler that is gone" in str(timed.why_alive())


def test_why_alive_queued_events_are_counted_by_lane(timed: Dispatcher) -> None:
    for _ in range(3):
        timed.post(Work())
    alive = timed.why_alive()
    assert alive.queued == {"urgent": 0, "normal": 3, "idle": 0}
    assert alive.by_itself
    assert lines(timed)[1:] == ["in the queue: 3 normal"]
    settle(timed)


def test_why_alive_full_queue_is_shown() -> None:
    with Dispatcher(io="inline", queue_size=1) as app:
        app.post(Work())
        assert app.why_alive().full
        assert "it is full, so its sources are not read" in str(app.why_alive())


def test_why_alive_during_a_run_shows_running_and_stopping(timed: Dispatcher) -> None:
    found = []

    @timed.on("start")
    def look() -> None:
        found.append(timed.why_alive())
        timed.stop()
        found.append(timed.why_alive())

    timed.run()
    found.append(timed.why_alive())
    assert [each.state for each in found] == ["running", "stopping", "open"]
    assert str(found[0]).startswith("running until stop(); it waits for:")
    assert str(found[1]).startswith("stopping; what there is:")


def test_why_alive_closed_dispatcher_shows_closed(timed: Dispatcher) -> None:
    timed.add(Timer("tick", every=1.0))
    timed.close()
    assert timed.why_alive().state == "closed"
    assert timed.why_alive().sources == ()
    assert str(timed.why_alive()) == "closed"


def test_why_alive_from_another_thread_shows_the_sources(timed: Dispatcher) -> None:
    timed.add(Timer("tick", every=1.0))
    found: list[Alive] = []
    with timed.running():
        thread = threading.Thread(target=lambda: found.append(timed.why_alive()))
        thread.start()
        thread.join()
    assert only(found[0]).due_in == 1.0


def test_why_alive_in_a_forked_child_raises_forked_error() -> None:
    with Dispatcher(io="inline") as app:

        def child() -> None:
            with pytest.raises(ForkedError):
                app.why_alive()

        assert in_child(child) == 0


def test_why_alive_watch_and_its_inotify_are_both_shown(
    timed: Dispatcher, tmp_path: Path
) -> None:
    watch = timed.add(Watch(tmp_path))
    waiting = {each.source: each for each in timed.why_alive().sources}
    assert waiting.pop(watch).fd is None
    (inotify,) = waiting.values()
    assert inotify.interest == READ
