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
from evdispatch._core._policies import Policies
from evdispatch.testing import record, run_until, settle

Give = Callable[..., None]


class TestWhichClass:
    def test_policy_set_for_two_bases_nearest_one_applies(
        self, app: Dispatcher
    ) -> None:
        app.set_policy(Shape, "latest")
        app.set_policy(Circle, "block")
        find = app._queue.policies.find
        assert find(Circle) is None
        assert find(Shape) is not None
        assert find(Urgent) is not None

    def test_policy_set_by_name_and_class_later_one_applies(
        self, app: Dispatcher
    ) -> None:
        find = app._queue.policies.find
        app.set_policy(Shape, "latest")
        app.set_policy("shape", "block")
        assert find(Shape) is None
        app.set_policy(Shape, "latest")
        assert find(Shape) is not None

    def test_policy_set_for_base_overrides_declared_one(self, app: Dispatcher) -> None:
        find = app._queue.policies.find
        assert find(Move) is not None
        app.set_policy("mouse", "block")
        assert find(Move) is None

    def test_policy_of_tick_does_not_apply_to_a_named_timer(
        self, app: Dispatcher
    ) -> None:
        timer = Timer("blink", every=1.0)
        app.set_policy("tick", "block")
        find = app._queue.policies.find
        assert find(Tick) is None
        assert find(timer._class) is not None
        app.set_policy(Tick, "block")
        assert find(timer._class) is None

    def test_policy_of_event_does_not_apply_to_fixed_classes(
        self, app: Dispatcher
    ) -> None:
        app.set_policy(Event, "drop_newest", limit=1)
        find = app._queue.policies.find
        assert find(Wall) is not None
        assert [find(cls) for cls in (Connect, Error, Dropped)] == [None] * 3

    def test_policy_cache_many_classes_stays_bounded(self) -> None:
        policies = Policies()
        for number in range(2000):
            policies.find(Timer(f"t{number}", every=1.0)._class)
        assert len(policies.by_class) <= 1024

    def test_post_lane_cache_many_classes_stays_bounded(self, app: Dispatcher) -> None:
        for number in range(1025):
            cls = Timer(f"t{number}", every=1.0)._class
            app.post(cls(1, 0, 0.0))
        assert len(app._lane_of) <= 1024
        settle(app)


class TestWrongInput:
    @pytest.mark.parametrize("policy", ["", "newest", "fixed"])
    def test_set_policy_unknown_name_raises_value_error(
        self, app: Dispatcher, policy: str
    ) -> None:
        with pytest.raises(ValueError, match="policy"):
            app.set_policy("shape", policy)

    @pytest.mark.parametrize("policy", [None, 1, ("latest",)])
    def test_set_policy_neither_name_nor_function_raises_type_error(
        self, app: Dispatcher, policy: Any
    ) -> None:
        with pytest.raises(TypeError, match="policy"):
            app.set_policy("shape", policy)

    def test_set_policy_function_of_one_event_raises_handler_type_error(
        self, app: Dispatcher
    ) -> None:
        one: Any = len
        with pytest.raises(HandlerTypeError, match="two arguments"):
            app.set_policy("shape", one)

    def test_set_policy_unknown_event_raises_with_a_hint(self, app: Dispatcher) -> None:
        with pytest.raises(UnknownEventError, match="did you mean 'circle'"):
            app.set_policy("circel", "latest")

    def test_set_policy_not_an_event_raises_type_error(self, app: Dispatcher) -> None:
        nothing: Any = int
        with pytest.raises(TypeError, match="int"):
            app.set_policy(nothing, "latest")

    @pytest.mark.parametrize("limit", [0, -1])
    def test_set_policy_limit_below_one_raises_value_error(
        self, app: Dispatcher, limit: int
    ) -> None:
        with pytest.raises(ValueError, match="limit"):
            app.set_policy("shape", "drop_oldest", limit=limit)

    @pytest.mark.parametrize("limit", [None, 1.5, True])
    def test_set_policy_limit_not_a_whole_number_raises_type_error(
        self, app: Dispatcher, limit: Any
    ) -> None:
        with pytest.raises(TypeError, match="limit"):
            app.set_policy("shape", "drop_oldest", limit=limit)

    def test_set_policy_merge_without_method_raises_value_error(
        self, app: Dispatcher
    ) -> None:
        with pytest.raises(ValueError, match="merge"):
            app.set_policy("wall", "merge")

    @pytest.mark.parametrize(
        "name",
        [
            *("error", "connect", "disconnect", "eof", "hangup", "dropped", "slow"),
            *("throttled", "readable", "start", "stop", "idle"),
        ],
    )
    def test_set_policy_fixed_class_raises_value_error(
        self, app: Dispatcher, name: str
    ) -> None:
        with pytest.raises(ValueError, match="a policy cannot be set"):
            app.set_policy(name, "block")

    def test_set_policy_that_raises_keeps_the_policy(self, app: Dispatcher) -> None:
        app.set_policy("shape", "latest")
        with pytest.raises(ValueError, match="limit"):
            app.set_policy("shape", "drop_oldest", limit=0)
        policy = app._queue.policies.find(Shape)
        assert policy is not None
        assert policy.merge is not None

    def test_queue_policy_unknown_name_raises_at_class_definition(self) -> None:
        with pytest.raises(ValueError, match="queue_policy"):
            type("Odd", (Event,), {"queue_policy": "odd"})

    def test_queue_policy_as_field_raises_type_error(self) -> None:
        with pytest.raises(TypeError, match="queue_policy"):

            @attrs.define(eq=False)
            class Hidden(Event):
                queue_policy: str = "block"  # type: ignore[misc]


class TestChanging:
    def test_policy_changed_keeps_waiting_events_and_applies_to_later_ones(
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

    def test_drop_limit_lowered_counts_waiting_events(
        self, app: Dispatcher, give: Give
    ) -> None:
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
    def test_drop_policy_set_again_keeps_order(
        self, app: Dispatcher, give: Give, between: str
    ) -> None:
        seen = record(app, Shape)
        for number, policy in enumerate(("drop_oldest", between, "drop_oldest")):
            app.set_policy("shape", policy, limit=1)
            give(Shape(number))
        give(Shape(3))
        settle(app)
        assert [event.number for event in seen] == [0, 1, 3]

    def test_policy_set_after_a_post_applies_to_the_next(self, app: Dispatcher) -> None:
        app.post(Shape(1))
        app.set_policy("shape", "latest")
        app.post(Shape(2))
        app.post(Shape(3))
        seen = record(app, Shape)
        settle(app)
        assert [event.number for event in seen] == [1, 3]

    def test_policy_set_and_reset_applies_to_a_busy_pipe(
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
