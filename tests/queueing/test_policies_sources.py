"""Queue policies: full queues, closed sources, and the built-in events."""

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.events import Farewell, Shape, Wall
from helpers.network import Net
from helpers.terminals import Pty

from evdispatch import (
    Datagram,
    Dispatcher,
    Dropped,
    Event,
    Modified,
    Move,
    Packet,
    Press,
    QueueFull,
    Resize,
    Terminal,
    Tick,
    Timer,
    Watch,
)
from evdispatch.testing import ManualSource, VirtualClock, record, run_until, settle

Give = Callable[..., None]


class TestFullQueue:
    @pytest.fixture
    def full(self, io: Any) -> Any:
        with Dispatcher(io=io, queue_size=2) as app:
            app.post(Wall())
            app.post(Wall())
            yield app
            settle(app)
            app.audit()

    @pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
    def test_post_with_drop_policy_full_queue_does_not_wait(
        self, full: Dispatcher, policy: str
    ) -> None:
        full.set_policy("shape", policy, limit=3)
        seen = record(full, Shape)
        full._runner._thread = 0  # as another thread would
        for number in range(5):
            full.post(Shape(number), timeout=0)
        settle(full)
        assert len(seen) == 3

    def test_post_with_merge_policy_full_queue_first_one_waits(
        self, full: Dispatcher
    ) -> None:
        full.set_policy("shape", "latest")
        full._runner._thread = 0
        with pytest.raises(QueueFull):
            full.post(Shape(0), timeout=0)
        assert full.stats().posts.read == 2

    def test_post_with_merge_policy_continues_when_there_is_room(
        self, full: Dispatcher
    ) -> None:
        full.set_policy("shape", "latest")
        seen = record(full, Shape)
        poster = threading.Thread(target=full.post, args=(Shape(7),))
        poster.start()
        run_until(full, lambda: seen)
        poster.join()
        assert [event.number for event in seen] == [7]

    def test_post_that_is_merged_full_queue_does_not_wait(
        self, full: Dispatcher
    ) -> None:
        full.set_policy("shape", "latest")
        full.post(Shape(0))  # a handler never waits
        full._runner._thread = 0
        full.post(Shape(1), timeout=0)
        seen = record(full, Shape)
        settle(full)
        assert [event.number for event in seen] == [1]


class TestClosing:
    @pytest.mark.parametrize("policy", ["latest", "drop_oldest"])
    def test_pending_events_of_closed_source_are_dropped(
        self, app: Dispatcher, policy: str
    ) -> None:
        app.set_policy("shape", policy, limit=2)
        seen = record(app, Shape)
        source = app.add(ManualSource())
        source.emit(*map(Shape, range(5)))
        with app._registrations.lock:
            app._io._turn(source.registration, source.on_wake)
        source.close()
        settle(app)
        assert seen == []
        counts = source.counts
        assert counts.made == counts.coalesced + counts.dropped + counts.shed

    @pytest.mark.parametrize("policy", ["latest", "drop_oldest"])
    def test_final_events_of_closed_source_are_delivered(
        self, app: Dispatcher, policy: str
    ) -> None:
        app.set_policy(Event, policy, limit=1)
        seen = record(app, Farewell)
        source = app.add(ManualSource())
        source.emit(Farewell(1), Farewell(2))
        with app._registrations.lock:
            app._io._turn(source.registration, source.on_wake)
        source.close()
        settle(app)
        assert [event.number for event in seen] == [1, 2]


class TestOurs:
    """Built-in events that declare a policy, and a flood."""

    def test_terminal_moves_between_presses_are_merged(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        moves, presses = record(app, Move), record(app, Press)
        app.add(Terminal(pty.slave, mouse="move"))
        app.step(0)
        typed = "".join(f"\033[<35;{x};1M" for x in range(1, 9))
        pty.type(f"{typed}\033[<0;9;1M\033[<0;9;1m{typed}".encode())
        run_until(app, lambda: presses and moves and moves[-1].x == 7)
        assert len(moves) < 16
        assert all(move.x < 8 for move in moves)

    def test_terminal_moves_with_block_policy_all_come(
        self, app: Dispatcher, pipe: list[int]
    ) -> None:
        app.set_policy("move", "block")
        moves = record(app, Move)
        app.add(Terminal(pipe[0]))
        os.write(pipe[1], b"".join(b"\033[<35;%d;1M" % x for x in range(1, 9)))
        run_until(app, lambda: len(moves) == 8)

    def test_resize_posts_are_merged(self, app: Dispatcher) -> None:
        seen = record(app, Resize)
        app.post(Resize(80, 24))
        app.post(Resize(81, 25))
        settle(app)
        assert [event.columns for event in seen] == [81]

    def test_ticks_merged_add_up_missed(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        seen = record(timed, Tick)
        timer = timed.add(Timer(every=1.0))
        for made in (1, 2, 3):
            clock.advance(1.0)
            run_until_read(timed, timer, made)
        settle(timed)
        assert [(tick.count, tick.missed) for tick in seen] == [(3, 2)]
        assert timer.counts.coalesced == 2

    def test_ticks_with_block_policy_all_come(
        self, timed: Dispatcher, clock: VirtualClock
    ) -> None:
        timed.set_policy("tick", "block")
        seen = record(timed, Tick)
        timer = timed.add(Timer(every=1.0))
        for made in (1, 2, 3):
            clock.advance(1.0)
            run_until_read(timed, timer, made)
        settle(timed)
        assert [(tick.count, tick.missed) for tick in seen] == [(1, 0), (2, 0), (3, 0)]

    def test_modified_events_same_path_are_merged(self, app: Dispatcher) -> None:
        seen = record(app, Modified)
        source = app.add(ManualSource())
        source.emit(
            *(Modified("a"), Modified("a"), Modified("b"), Modified("b", atomic=True)),
        )
        settle(app)
        assert [(each.path, each.atomic) for each in seen] == [
            ("a", False),
            ("b", False),
            ("b", True),
        ]

    def test_watched_file_changes_are_merged(
        self, app: Dispatcher, tmp_path: Path
    ) -> None:
        watch = app.add(Watch(tmp_path))
        with (tmp_path / "a").open("wb", buffering=0) as file:
            settle(app)
            seen = record(app, Modified)
            before = watch.counts.made
            for made in (1, 2, 3):
                file.write(b"x")
                run_until_read(app, watch, before + made)
            settle(app)
            assert [event.path for event in seen] == [str(tmp_path / "a")]
            assert watch.counts.coalesced == 2

    def test_datagram_flood_is_dropped_and_reported(
        self, app: Dispatcher, net: Net
    ) -> None:
        app.set_policy("datagram", "drop_oldest", limit=3)
        seen, dropped = record(app, Packet), record(app, Dropped)
        source = app.add(Datagram("127.0.0.1:0"))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number in range(50):
                sender.sendto(b"%d" % number, source.address)
        run_until(app, lambda: seen and seen[-1].data == b"49")
        settle(app)
        numbers = [int(packet.data) for packet in seen]
        assert numbers == sorted(numbers)
        assert len(numbers) + sum(event.count for event in dropped) == 50
        assert {event.source for event in dropped} == {source}


def run_until_read(app: Dispatcher, source: Any, made: int) -> None:
    """Poll without dispatching until a source has made that many events."""
    for _ in range(1000):
        if source.counts.made >= made:
            return
        app._runner._driver.start()
        app._runner._driver.wait(0.01)
    raise AssertionError("it did not come")
