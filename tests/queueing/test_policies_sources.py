"""Queue policies: full queues, sources that are closed, and the sources of ours."""

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
    def test_a_post_that_drops_never_waits(self, full: Dispatcher, policy: str) -> None:
        full.set_policy("shape", policy, limit=3)
        seen = record(full, Shape)
        full._thread = 0  # as another thread would
        for number in range(5):
            full.post(Shape(number), timeout=0)
        settle(full)
        assert len(seen) == 3

    def test_one_that_merges_waits_for_the_first(self, full: Dispatcher) -> None:
        full.set_policy("shape", "latest")
        full._thread = 0
        with pytest.raises(QueueFull):
            full.post(Shape(0), timeout=0)
        assert full.stats().posts.read == 2

    def test_it_goes_on_when_there_is_room(self, full: Dispatcher) -> None:
        full.set_policy("shape", "latest")
        seen = record(full, Shape)
        poster = threading.Thread(target=full.post, args=(Shape(7),))
        poster.start()
        run_until(full, lambda: seen)
        poster.join()
        assert [event.number for event in seen] == [7]

    def test_one_that_is_merged_does_not_wait(self, full: Dispatcher) -> None:
        full.set_policy("shape", "latest")
        full.post(Shape(0))  # a handler never waits
        full._thread = 0
        full.post(Shape(1), timeout=0)
        seen = record(full, Shape)
        settle(full)
        assert [event.number for event in seen] == [1]


class TestClosing:
    @pytest.mark.parametrize("policy", ["latest", "drop_oldest"])
    def test_what_waits_of_a_closed_source_is_dropped(
        self, app: Dispatcher, policy: str
    ) -> None:
        app.set_policy("shape", policy, limit=2)
        seen = record(app, Shape)
        source = app.add(ManualSource())
        source.emit(*map(Shape, range(5)))
        with app._roster.lock:
            app._io._turn(source, source.on_wake)
        source.close()
        settle(app)
        assert seen == []
        counts = source.counts
        assert counts.made == counts.coalesced + counts.dropped + counts.shed

    @pytest.mark.parametrize("policy", ["latest", "drop_oldest"])
    def test_what_is_final_is_told(self, app: Dispatcher, policy: str) -> None:
        app.set_policy(Event, policy, limit=1)
        seen = record(app, Farewell)
        source = app.add(ManualSource())
        source.emit(Farewell(1), Farewell(2))
        with app._roster.lock:
            app._io._turn(source, source.on_wake)
        source.close()
        settle(app)
        assert [event.number for event in seen] == [1, 2]


class TestOurs:
    """The events of ours that have a policy of their own."""

    def test_moves_and_sizes_of_a_terminal(self, app: Dispatcher, pty: Pty) -> None:
        moves, presses = record(app, Move), record(app, Press)
        app.add(Terminal(pty.slave, mouse="move"))
        app.step(0)
        typed = "".join(f"\033[<35;{x};1M" for x in range(1, 9))
        pty.type(f"{typed}\033[<0;9;1M\033[<0;9;1m{typed}".encode())
        run_until(app, lambda: presses and moves and moves[-1].x == 7)
        assert len(moves) < 16
        assert all(move.x < 8 for move in moves)

    def test_each_move_where_all_are_asked_for(
        self, app: Dispatcher, pipe: list[int]
    ) -> None:
        app.set_policy("move", "block")
        moves = record(app, Move)
        app.add(Terminal(pipe[0]))
        os.write(pipe[1], b"".join(b"\033[<35;%d;1M" % x for x in range(1, 9)))
        run_until(app, lambda: len(moves) == 8)

    def test_resizes_of_posts(self, app: Dispatcher) -> None:
        seen = record(app, Resize)
        app.post(Resize(80, 24))
        app.post(Resize(81, 25))
        settle(app)
        assert [event.columns for event in seen] == [81]

    def test_ticks_add_up_what_was_missed(
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

    def test_ticks_of_which_none_may_be_missing(
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

    def test_changes_of_a_file(self, app: Dispatcher) -> None:
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

    def test_changes_of_a_watched_file(self, app: Dispatcher, tmp_path: Path) -> None:
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

    def test_a_flood_of_datagrams(self, app: Dispatcher, net: Net) -> None:
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
    """Pump, and dispatch nothing, until a source has made so many events."""
    for _ in range(1000):
        if source.counts.made >= made:
            return
        app._pumping.start()
        app._pumping.wait(0.01)
    raise AssertionError("it did not come")
