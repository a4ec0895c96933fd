"""Queue policies: what becomes of an event while others of its class wait."""

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
from networks import Net
from ptys import Pty

from evdispatch import (
    Connect,
    Datagram,
    Dispatcher,
    Dropped,
    Error,
    Event,
    HandlerTypeError,
    Modified,
    Move,
    Packet,
    Pipe,
    Press,
    QueueFull,
    Resize,
    Terminal,
    Tick,
    Timer,
    UnknownEventError,
    Watch,
)
from evdispatch._policies import Policies
from evdispatch.testing import ManualSource, VirtualClock, record, run_until, settle


@attrs.define(eq=False)
class Shape(Event):
    """What these tests make."""

    number: int

    def merge(self, later: Any) -> Event | None:
        """Add the numbers up, as long as that is less than 100."""
        total: int = self.number + later.number
        return attrs.evolve(self, number=total) if total < 100 else None


@attrs.define(eq=False)
class Circle(Shape):
    """A kind of it."""


@attrs.define(eq=False)
class Farewell(Event):
    """Told though its source was closed."""

    final: ClassVar[bool] = True

    number: int


@attrs.define(eq=False)
class Wall(Event):
    """Another class, which has no policy."""


Told = list[tuple[str, int]]


def recorded(app: Dispatcher) -> Told:
    """What was handled, as names and numbers (counts, of `dropped`)."""
    told: Told = []

    @app.on(Event)
    def note(event: Event) -> None:
        if event.name not in ("shape", "circle", "urgent", "wall"):
            return  # an idle one, for instance
        number = getattr(event, "number", getattr(event, "count", 0))
        told.append((event.name, number))

    return told


Give = Callable[..., None]


@pytest.fixture(params=["source", "posts"])
def give(request: pytest.FixtureRequest, app: Dispatcher) -> Give:
    """Make events: of a source, or as posts; all of them wait when it returns."""
    if request.param == "posts":

        def post(*events: Event) -> None:
            for event in events:
                app.post(event)

        return post
    source = app.add(ManualSource())

    def emit(*events: Event) -> None:
        source.emit(*events)
        with app._roster.lock:  # as the IO side does, whoever that is
            app._roster.woken.clear()
            app._io._turn(source, source.on_wake)

    return emit


class TestEachPolicy:
    def test_block_keeps_them_all(self, app: Dispatcher, give: Give) -> None:
        told = recorded(app)
        give(Shape(1), Shape(2))
        settle(app)
        assert told == [("shape", 1), ("shape", 2)]

    def test_latest_keeps_the_last(self, app: Dispatcher, give: Give) -> None:
        app.set_policy("shape", "latest")
        told = recorded(app)
        give(Shape(1), Shape(2), Shape(3))
        assert app.stats().waiting == 1
        settle(app)
        assert told == [("shape", 3)]

    def test_merge_asks_the_class(self, app: Dispatcher, give: Give) -> None:
        app.set_policy(Shape, "merge")
        seen = record(app, Shape)
        give(Shape(1), Shape(2), Shape(3))
        settle(app)
        assert [event.number for event in seen] == [6]
        assert seen[0].time > 0

    def test_a_function_is_asked_in_the_place_of_the_class(
        self, app: Dispatcher, give: Give
    ) -> None:
        app.set_policy("shape", max_of)
        seen = record(app, Shape)
        give(Shape(1), Shape(5), Shape(3))
        settle(app)
        assert [event.number for event in seen] == [5]

    def test_drop_oldest_keeps_the_last_ones(self, app: Dispatcher, give: Give) -> None:
        app.set_policy("shape", "drop_oldest", limit=2)
        seen, dropped = record(app, Shape), record(app, Dropped)
        give(*map(Shape, range(5)))
        settle(app)
        assert [event.number for event in seen] == [3, 4]
        assert [(event.event, event.count) for event in dropped] == [("shape", 3)]

    def test_drop_newest_keeps_the_first_ones(
        self, app: Dispatcher, give: Give
    ) -> None:
        app.set_policy("shape", "drop_newest", limit=2)
        seen, dropped = record(app, Shape), record(app, Dropped)
        give(*map(Shape, range(5)))
        settle(app)
        assert [event.number for event in seen] == [0, 1]
        assert [(event.event, event.count) for event in dropped] == [("shape", 3)]

    @pytest.mark.parametrize(
        "policy", ["latest", "merge", "drop_oldest", "drop_newest"]
    )
    def test_what_was_handled_makes_room(
        self, app: Dispatcher, give: Give, policy: str
    ) -> None:
        app.set_policy("shape", policy, limit=1)
        seen, dropped = record(app, Shape), record(app, Dropped)
        for number in range(3):
            give(Shape(number))
            settle(app)
        assert [event.number for event in seen] == [0, 1, 2]
        assert dropped == []

    @pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
    def test_floods_are_told_one_by_one(
        self, app: Dispatcher, give: Give, policy: str
    ) -> None:
        app.set_policy("shape", policy, limit=1)
        seen, dropped = record(app, Shape), record(app, Dropped)
        for flood in (3, 5):
            give(*map(Shape, range(flood)))
            settle(app)
        assert [event.count for event in dropped] == [2, 4]
        assert len(seen) == 2

    def test_a_handler_of_dropped_may_ask_for_one_class(
        self, app: Dispatcher, give: Give
    ) -> None:
        app.set_policy(Shape, "drop_newest", limit=1)
        heard: list[str] = []
        app.on("dropped", event="circle")(lambda event: heard.append(event.event))
        give(Shape(1), Shape(2), Circle(1), Circle(2))
        settle(app)
        assert heard == ["circle"]


def max_of(waiting: Shape, later: Shape) -> Shape:
    return max(waiting, later, key=lambda shape: shape.number)


class TestOrder:
    def test_a_source_keeps_the_order_of_its_events(self, app: Dispatcher) -> None:
        app.set_policy("shape", "latest")
        told = recorded(app)
        source = app.add(ManualSource())
        source.emit(Shape(1), Shape(2), Wall(), Shape(3), Shape(4))
        run_until(app, lambda: len(told) >= 3)
        assert told == [("shape", 2), ("wall", 0), ("shape", 4)]

    def test_a_post_is_merged_whatever_was_posted_in_between(
        self, app: Dispatcher
    ) -> None:
        app.set_policy("shape", "latest")
        told = recorded(app)
        for event in (Shape(1), Wall(), Shape(2)):
            app.post(event)
        settle(app)
        assert told == [("shape", 2), ("wall", 0)]

    def test_what_moves_up_keeps_the_order_of_its_class(
        self, app: Dispatcher, give: Give
    ) -> None:
        app.set_policy("shape", "drop_oldest", limit=2)
        told = recorded(app)
        give(Shape(1), Wall(), Shape(2), Shape(3))
        settle(app)
        assert told == [("shape", 2), ("wall", 0), ("shape", 3)]

    def test_each_source_has_its_own(self, app: Dispatcher) -> None:
        app.set_policy("shape", "latest")
        seen = record(app, Shape)
        for number in (1, 2):
            app.add(ManualSource()).emit(Shape(number), Shape(number * 10))
        app.post(Shape(5))
        settle(app)
        assert sorted(event.number for event in seen) == [5, 10, 20]

    def test_a_subclass_is_another_class(self, app: Dispatcher, give: Give) -> None:
        app.set_policy(Shape, "latest")
        told = recorded(app)
        give(Shape(1), Circle(2), Circle(3))
        settle(app)
        assert told == [("shape", 1), ("circle", 3)]

    def test_an_urgent_post_stays_urgent(self, app: Dispatcher) -> None:
        app.set_policy("urgent", "latest")
        told = recorded(app)
        for event in (Wall(), Urgent(1), Urgent(2)):
            app.post(event)
        settle(app)
        assert told == [("urgent", 2), ("wall", 0)]


@attrs.define(eq=False)
class Urgent(Shape):
    lane: ClassVar[int] = 0


class TestWhichClass:
    def test_the_nearest_base_decides(self, app: Dispatcher) -> None:
        app.set_policy(Shape, "latest")
        app.set_policy(Circle, "block")
        find = app._queue.slots.policies.find
        assert find(Circle) is None
        assert find(Shape) is not None
        assert find(Urgent) is not None

    def test_the_later_of_a_name_and_its_class_holds(self, app: Dispatcher) -> None:
        find = app._queue.slots.policies.find
        app.set_policy(Shape, "latest")
        app.set_policy("shape", "block")
        assert find(Shape) is None
        app.set_policy(Shape, "latest")
        assert find(Shape) is not None

    def test_what_is_set_for_a_base_holds_for_what_a_class_declares(
        self, app: Dispatcher
    ) -> None:
        find = app._queue.slots.policies.find
        assert find(Move) is not None
        app.set_policy("mouse", "block")
        assert find(Move) is None

    def test_a_timer_of_another_name_is_no_tick(self, app: Dispatcher) -> None:
        timer = Timer("blink", every=1.0)
        app.set_policy("tick", "block")
        find = app._queue.slots.policies.find
        assert find(Tick) is None
        assert find(timer._class) is not None
        app.set_policy(Tick, "block")
        assert find(timer._class) is None

    def test_one_for_all_leaves_beginnings_and_ends_alone(
        self, app: Dispatcher
    ) -> None:
        app.set_policy(Event, "drop_newest", limit=1)
        find = app._queue.slots.policies.find
        assert find(Wall) is not None
        assert [find(cls) for cls in (Connect, Error, Dropped)] == [None] * 3

    def test_names_that_come_and_go_are_forgotten(self) -> None:
        policies = Policies()
        for number in range(2000):
            policies.find(Timer(f"t{number}", every=1.0)._class)
        assert len(policies._found) <= 1024

    def test_ways_of_posts_are_forgotten_too(self, app: Dispatcher) -> None:
        for number in range(1025):
            cls = Timer(f"t{number}", every=1.0)._class
            app.post(cls(1, 0, 0.0))
        assert len(app._ways) <= 1024
        settle(app)


class TestWrongInput:
    @pytest.mark.parametrize("policy", ["", "newest", "fixed"])
    def test_no_such_policy(self, app: Dispatcher, policy: str) -> None:
        with pytest.raises(ValueError, match="policy"):
            app.set_policy("shape", policy)

    @pytest.mark.parametrize("policy", [None, 1, ("latest",)])
    def test_no_policy_at_all(self, app: Dispatcher, policy: Any) -> None:
        with pytest.raises(TypeError, match="policy"):
            app.set_policy("shape", policy)

    def test_a_function_of_one_event(self, app: Dispatcher) -> None:
        one: Any = len
        with pytest.raises(HandlerTypeError, match="two arguments"):
            app.set_policy("shape", one)

    def test_an_unknown_name(self, app: Dispatcher) -> None:
        with pytest.raises(UnknownEventError, match="did you mean 'circle'"):
            app.set_policy("circel", "latest")

    def test_no_event(self, app: Dispatcher) -> None:
        nothing: Any = int
        with pytest.raises(TypeError, match="int"):
            app.set_policy(nothing, "latest")

    @pytest.mark.parametrize("limit", [0, -1])
    def test_a_limit_below_one(self, app: Dispatcher, limit: int) -> None:
        with pytest.raises(ValueError, match="limit"):
            app.set_policy("shape", "drop_oldest", limit=limit)

    @pytest.mark.parametrize("limit", [None, 1.5, True])
    def test_no_limit_at_all(self, app: Dispatcher, limit: Any) -> None:
        with pytest.raises(TypeError, match="limit"):
            app.set_policy("shape", "drop_oldest", limit=limit)

    def test_a_class_that_can_not_merge(self, app: Dispatcher) -> None:
        with pytest.raises(ValueError, match="merge"):
            app.set_policy("wall", "merge")

    @pytest.mark.parametrize(
        "name",
        [
            *("error", "connect", "disconnect", "eof", "hangup", "dropped", "slow"),
            *("throttled", "readable", "start", "stop", "idle"),
        ],
    )
    def test_beginnings_and_ends_have_none(self, app: Dispatcher, name: str) -> None:
        with pytest.raises(ValueError, match="no policy"):
            app.set_policy(name, "block")

    def test_a_wrong_one_changes_nothing(self, app: Dispatcher) -> None:
        app.set_policy("shape", "latest")
        with pytest.raises(ValueError, match="limit"):
            app.set_policy("shape", "drop_oldest", limit=0)
        policy = app._queue.slots.policies.find(Shape)
        assert policy is not None
        assert policy.merge is not None

    def test_a_class_says_it_at_its_definition(self) -> None:
        with pytest.raises(ValueError, match="queue_policy"):
            type("Odd", (Event,), {"queue_policy": "odd"})

    def test_no_field_may_hide_it(self) -> None:
        with pytest.raises(TypeError, match="queue_policy"):

            @attrs.define(eq=False)
            class Hidden(Event):
                queue_policy: str = "block"  # type: ignore[misc]


class TestChanging:
    def test_what_waits_stays_and_what_comes_follows_the_new_one(
        self, app: Dispatcher, give: Give
    ) -> None:
        seen = record(app, Shape)
        for policy in ("block", "latest", "drop_oldest", "merge", "block", "latest"):
            app.set_policy("shape", policy, limit=2)
            give(Shape(1), Shape(2), Shape(3))
        settle(app)
        assert [event.number for event in seen] == [
            *(1, 2, 3),
            3,
            *(2, 3),
            6,
            *(1, 2, 3),
            3,
        ]

    def test_a_lower_limit_is_for_what_comes(self, app: Dispatcher, give: Give) -> None:
        seen = record(app, Shape)
        app.set_policy("shape", "drop_oldest", limit=3)
        give(*map(Shape, range(3)))
        app.set_policy("shape", "drop_oldest", limit=1)
        give(Shape(3))
        app.set_policy("shape", "drop_newest", limit=1)
        give(Shape(4))
        settle(app)
        assert [event.number for event in seen] == [1, 2, 3]

    @pytest.mark.parametrize("between", ["block", "latest"])
    def test_what_drops_again_overtakes_nothing(
        self, app: Dispatcher, give: Give, between: str
    ) -> None:
        seen = record(app, Shape)
        for number, policy in enumerate(("drop_oldest", between, "drop_oldest")):
            app.set_policy("shape", policy, limit=1)
            give(Shape(number))
        give(Shape(3))
        settle(app)
        assert [event.number for event in seen] == [0, 1, 3]

    def test_a_way_that_was_known_is_not_taken(self, app: Dispatcher) -> None:
        app.post(Shape(1))
        app.set_policy("shape", "latest")
        app.post(Shape(2))
        app.post(Shape(3))
        seen = record(app, Shape)
        settle(app)
        assert [event.number for event in seen] == [1, 3]

    def test_a_source_that_was_read_the_short_way(
        self, app: Dispatcher, pipe: list[int]
    ) -> None:
        reader, pipe[0] = pipe[0], -1
        source = app.add(Pipe(reader, framing="lines"))
        lines = []
        app.on("line")(lambda event: lines.append(event.data))
        os.write(pipe[1], b"1\n2\n")
        run_until(app, lambda: len(lines) == 2)
        app.set_policy("line", "latest")
        os.write(pipe[1], b"3\n4\n")
        run_until(app, lambda: b"4" in lines)
        app.set_policy("line", "block")
        os.write(pipe[1], b"5\n6\n")
        run_until(app, lambda: b"6" in lines)
        assert lines == [b"1", b"2", b"4", b"5", b"6"]
        assert source.counts.coalesced == 1


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
