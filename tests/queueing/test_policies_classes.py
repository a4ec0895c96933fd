"""Queue policies: which class has which, and how they are set."""

import os
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from helpers.events import Circle, Shape, Urgent, Wall

from evdispatch import (
    Connect,
    Dispatcher,
    Dropped,
    Error,
    Event,
    HandlerTypeError,
    Move,
    Pipe,
    Tick,
    Timer,
    UnknownEventError,
)
from evdispatch._queueing._policies import Policies
from evdispatch.testing import record, run_until, settle

Give = Callable[..., None]


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
