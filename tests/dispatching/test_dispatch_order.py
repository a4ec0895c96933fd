"""From the queue to the handlers: passes, lanes and the balance of the counts."""

from typing import Any

import pytest
from helpers.events import Chore, Rush, Work, fail
from helpers.parameters import label

from evdispatch import Dispatcher, Error, Event, Source
from evdispatch.testing import ManualSource, record, settle

pytestmark = pytest.mark.cross


# -- passes and lanes ----------------------------------------------------------------------


def test_posts_are_dispatched_in_order(app: Dispatcher) -> None:
    seen = record(app, Work)
    posts = [Work(number) for number in range(100)]
    for post in posts:
        app.post(post)
    assert app.step() == 100
    assert seen == posts


def test_pass_handles_only_events_queued_at_its_start(app: Dispatcher) -> None:
    seen: list[int] = []

    @app.on(Work)
    def again(event: Work) -> None:
        seen.append(event.number)
        app.post(Work(event.number + 10))

    app.post(Work(0))
    app.post(Work(1))
    assert app.step() == 2
    assert seen == [0, 1]
    assert app.step() == 2
    assert seen == [0, 1, 10, 11]


def test_post_by_an_urgent_handler_waits_for_the_next_pass(
    app: Dispatcher,
) -> None:
    order: list[str] = []
    app.on(Rush)(lambda: app.post(Work()))
    app.on(Work)(lambda: order.append("work"))
    app.post(Rush())
    assert app.step() == 1
    assert order == []
    assert app.step() == 1


def test_urgent_events_are_dispatched_before_normal_ones(app: Dispatcher) -> None:
    seen = record(app, Event)
    for event in (Work(), Rush(), Work(), Rush()):
        app.post(event)
    settle(app)
    names = [event.name for event in seen if isinstance(event, (Work, Rush))]
    assert names == ["rush", "rush", "work", "work"]


def test_urgent_event_in_a_long_pass_is_dispatched_next(app: Dispatcher) -> None:
    order: list[str] = []

    @app.on(Work)
    def load(event: Work) -> None:
        order.append(f"load {event.number}")
        if event.number == 500:
            app.post(Rush())

    app.on(Rush)(lambda: order.append("rush"))
    for number in range(1000):
        app.post(Work(number))
    assert app.step() == 1001
    assert order.index("rush") == order.index("load 500") + 1


def test_urgent_events_without_end_do_not_stop_normal_ones(app: Dispatcher) -> None:
    """At most one urgent event is dispatched between two normal ones."""
    order: list[str] = []

    @app.on(Rush)
    def more() -> None:
        order.append("rush")
        app.post(Rush())
        app.post(Rush())

    app.on(Work)(lambda: order.append("work"))
    app.post(Rush())
    for _ in range(5):
        app.post(Work())
    assert app.step() == 11
    assert order == ["rush"] + ["rush", "work"] * 5


def test_idle_lane_events_are_dispatched_last(app: Dispatcher) -> None:
    order: list[str] = []
    for cls in (Chore, Work, Rush):
        app.on(cls)(lambda event: order.append(event.name))
    app.post(Chore())
    app.post(Chore())
    app.post(Work())
    app.post(Rush())
    assert [app.step() for _ in range(4)] == [2, 1, 1, 0]
    assert order == ["rush", "work", "chore", "chore"]


def test_event_without_handlers_counts_as_handled(app: Dispatcher) -> None:
    app.post(Work())
    assert app.step() == 1
    assert app.stats().posts.handled == 1


def test_event_of_a_source_closed_in_the_same_pass_is_dropped(
    app: Dispatcher,
) -> None:
    source, other = app.add(ManualSource()), app.add(ManualSource())
    seen: list[int] = []

    @app.on(Work)
    def close(event: Work) -> None:
        seen.append(event.number)
        if event.number == 2:
            source.close()

    source.emit(*(Work(number) for number in range(5)))
    other.emit(Work(10))
    settle(app)
    assert sorted(seen) == [0, 1, 2, 10]
    assert (source.counts.handled, source.counts.dropped) == (3, 2)
    assert source.counts.made == 5


# -- the balance ---------------------------------------------------------------------------


def test_stats_count_each_event(app: Dispatcher) -> None:
    source = app.add(ManualSource())
    app.on(Work, number=1)(fail)
    app.on(Error)(lambda: None)
    source.emit(Work(0), Work(1), Work(2))
    app.post(Work(0))
    settle(app)
    app.post(Work(0))
    stats = app.stats()
    mine = stats.sources[source]
    assert (mine.read, mine.queued, mine.handled, mine.failed) == (4, 4, 3, 1)
    assert (stats.posts.read, stats.posts.handled, stats.posts.waiting) == (2, 1, 1)
    assert (stats.waiting, stats.handlers) == (1, 2)
    assert stats.balanced


def test_stats_with_a_missing_event_are_not_balanced() -> None:
    """Many tests assert a balance, which must be able to fail."""
    with Dispatcher(io="inline") as app:
        source: Source = app.add(ManualSource())
        source.counts.handled += 1
        assert not app.stats().balanced
        source.counts.handled -= 1
        assert app.stats().balanced
        app._posts.raised += 1
        assert not app.stats().balanced


def test_stats_read_twice_are_equal(app: Dispatcher) -> None:
    app.post(Work())
    settle(app)
    first, second = app.stats(), app.stats()
    assert first.posts == second.posts


@pytest.mark.parametrize("value", [None, 3, "work", Work, object()], ids=label)
def test_post_of_no_event_raises_type_error(app: Dispatcher, value: Any) -> None:
    with pytest.raises(TypeError, match="must be an event without a source"):
        app.post(value)
    assert app.stats().waiting == 0


def test_post_of_an_event_of_a_source_raises_type_error(app: Dispatcher) -> None:
    source = app.add(ManualSource())
    seen = record(app, Work)
    source.emit(Work())
    settle(app)
    with pytest.raises(TypeError, match="must be an event without a source"):
        app.post(seen[0])


def test_post_without_a_time_gets_the_time_of_the_clock(timed: Dispatcher) -> None:
    fresh, timely = Work(), Work(time=3.0)
    timed.post(fresh)
    timed.post(timely)
    assert (fresh.time, timely.time) == (1000.0, 3.0)
