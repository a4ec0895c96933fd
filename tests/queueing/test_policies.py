"""Queue policies: what happens to an event while others of its class wait."""

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
    def test_block_policy_several_events_keeps_all(
        self, app: Dispatcher, give: Give
    ) -> None:
        handled = record_shapes(app)
        give(Shape(1), Shape(2))
        settle(app)
        assert handled == [("shape", 1), ("shape", 2)]

    def test_latest_policy_several_events_keeps_the_last(
        self, app: Dispatcher, give: Give
    ) -> None:
        app.set_policy("shape", "latest")
        handled = record_shapes(app)
        give(Shape(1), Shape(2), Shape(3))
        assert app.stats().waiting == 1
        settle(app)
        assert handled == [("shape", 3)]

    def test_merge_policy_several_events_calls_merge_of_the_class(
        self, app: Dispatcher, give: Give
    ) -> None:
        app.set_policy(Shape, "merge")
        seen = record(app, Shape)
        give(Shape(1), Shape(2), Shape(3))
        settle(app)
        assert [event.number for event in seen] == [6]
        assert seen[0].time > 0

    def test_merge_function_several_events_is_called_instead_of_the_class(
        self, app: Dispatcher, give: Give
    ) -> None:
        app.set_policy("shape", max_of)
        seen = record(app, Shape)
        give(Shape(1), Shape(5), Shape(3))
        settle(app)
        assert [event.number for event in seen] == [5]

    def test_drop_oldest_policy_above_limit_keeps_the_last_ones(
        self, app: Dispatcher, give: Give
    ) -> None:
        app.set_policy("shape", "drop_oldest", limit=2)
        seen, dropped = record(app, Shape), record(app, Dropped)
        give(*map(Shape, range(5)))
        settle(app)
        assert [event.number for event in seen] == [3, 4]
        assert [(event.event, event.count) for event in dropped] == [("shape", 3)]

    def test_drop_newest_policy_above_limit_keeps_the_first_ones(
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
    def test_policy_after_handling_neither_merges_nor_drops(
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
    def test_dropped_event_two_floods_reports_each(
        self, app: Dispatcher, give: Give, policy: str
    ) -> None:
        app.set_policy("shape", policy, limit=1)
        seen, dropped = record(app, Shape), record(app, Dropped)
        for flood in (3, 5):
            give(*map(Shape, range(flood)))
            settle(app)
        assert [event.count for event in dropped] == [2, 4]
        assert len(seen) == 2

    def test_dropped_event_filter_by_class_selects_it(
        self, app: Dispatcher, give: Give
    ) -> None:
        app.set_policy(Shape, "drop_newest", limit=1)
        names: list[str] = []
        app.on("dropped", event="circle")(lambda event: names.append(event.event))
        give(Shape(1), Shape(2), Circle(1), Circle(2))
        settle(app)
        assert names == ["circle"]


def max_of(waiting: Shape, later: Shape) -> Shape:
    return max(waiting, later, key=lambda shape: shape.number)


class TestOrder:
    def test_source_other_event_in_between_is_not_merged_across(
        self, app: Dispatcher
    ) -> None:
        app.set_policy("shape", "latest")
        handled = record_shapes(app)
        source = app.add(ManualSource())
        source.emit(Shape(1), Shape(2), Wall(), Shape(3), Shape(4))
        run_until(app, lambda: len(handled) >= 3)
        assert handled == [("shape", 2), ("wall", 0), ("shape", 4)]

    def test_post_other_post_in_between_is_merged(self, app: Dispatcher) -> None:
        app.set_policy("shape", "latest")
        handled = record_shapes(app)
        for event in (Shape(1), Wall(), Shape(2)):
            app.post(event)
        settle(app)
        assert handled == [("shape", 2), ("wall", 0)]

    def test_drop_oldest_policy_other_event_in_between_keeps_class_order(
        self, app: Dispatcher, give: Give
    ) -> None:
        app.set_policy("shape", "drop_oldest", limit=2)
        handled = record_shapes(app)
        give(Shape(1), Wall(), Shape(2), Shape(3))
        settle(app)
        assert handled == [("shape", 2), ("wall", 0), ("shape", 3)]

    def test_latest_policy_two_sources_and_posts_are_merged_apart(
        self, app: Dispatcher
    ) -> None:
        app.set_policy("shape", "latest")
        seen = record(app, Shape)
        for number in (1, 2):
            app.add(ManualSource()).emit(Shape(number), Shape(number * 10))
        app.post(Shape(5))
        settle(app)
        assert sorted(event.number for event in seen) == [5, 10, 20]

    def test_latest_policy_subclass_event_is_merged_apart(
        self, app: Dispatcher, give: Give
    ) -> None:
        app.set_policy(Shape, "latest")
        handled = record_shapes(app)
        give(Shape(1), Circle(2), Circle(3))
        settle(app)
        assert handled == [("shape", 1), ("circle", 3)]

    def test_merged_post_of_urgent_class_stays_urgent(self, app: Dispatcher) -> None:
        app.set_policy("urgent", "latest")
        handled = record_shapes(app)
        for event in (Wall(), Urgent(1), Urgent(2)):
            app.post(event)
        settle(app)
        assert handled == [("urgent", 2), ("wall", 0)]
