"""Queue policies: what becomes of an event while others of its class wait."""

from collections.abc import Callable

import pytest
from helpers.events import Circle, Shape, Urgent, Wall, record_shapes

from evdispatch import (
    Dispatcher,
    Dropped,
)
from evdispatch.testing import ManualSource, record, run_until, settle

pytestmark = pytest.mark.cross

Give = Callable[..., None]


class TestEachPolicy:
    def test_block_keeps_them_all(self, app: Dispatcher, give: Give) -> None:
        told = record_shapes(app)
        give(Shape(1), Shape(2))
        settle(app)
        assert told == [("shape", 1), ("shape", 2)]

    def test_latest_keeps_the_last(self, app: Dispatcher, give: Give) -> None:
        app.set_policy("shape", "latest")
        told = record_shapes(app)
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
        told = record_shapes(app)
        source = app.add(ManualSource())
        source.emit(Shape(1), Shape(2), Wall(), Shape(3), Shape(4))
        run_until(app, lambda: len(told) >= 3)
        assert told == [("shape", 2), ("wall", 0), ("shape", 4)]

    def test_a_post_is_merged_whatever_was_posted_in_between(
        self, app: Dispatcher
    ) -> None:
        app.set_policy("shape", "latest")
        told = record_shapes(app)
        for event in (Shape(1), Wall(), Shape(2)):
            app.post(event)
        settle(app)
        assert told == [("shape", 2), ("wall", 0)]

    def test_what_moves_up_keeps_the_order_of_its_class(
        self, app: Dispatcher, give: Give
    ) -> None:
        app.set_policy("shape", "drop_oldest", limit=2)
        told = record_shapes(app)
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
        told = record_shapes(app)
        give(Shape(1), Circle(2), Circle(3))
        settle(app)
        assert told == [("shape", 1), ("circle", 3)]

    def test_an_urgent_post_stays_urgent(self, app: Dispatcher) -> None:
        app.set_policy("urgent", "latest")
        told = record_shapes(app)
        for event in (Wall(), Urgent(1), Urgent(2)):
            app.post(event)
        settle(app)
        assert told == [("urgent", 2), ("wall", 0)]
