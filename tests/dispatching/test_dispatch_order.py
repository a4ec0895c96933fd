"""From the queue to the handlers: passes, lanes, and the balance of it all."""

from typing import Any, ClassVar

import attrs
import pytest
from labels import label
from loads import Load, fail

from evdispatch import Dispatcher, Error, Event, Source
from evdispatch._events import IDLE, URGENT
from evdispatch.testing import ManualSource, record, settle

pytestmark = pytest.mark.cross


@attrs.define(eq=False)
class Fire(Event):
    lane: ClassVar[int] = URGENT


@attrs.define(eq=False)
class Tidy(Event):
    lane: ClassVar[int] = IDLE


# -- passes and lanes ----------------------------------------------------------------------


def test_events_are_handled_in_the_order_of_their_posts(app: Dispatcher) -> None:
    seen = record(app, Load)
    posts = [Load(number) for number in range(100)]
    for post in posts:
        app.post(post)
    assert app.step() == 100
    assert seen == posts


def test_a_pass_handles_what_was_queued_at_its_start(app: Dispatcher) -> None:
    seen: list[int] = []

    @app.on(Load)
    def again(event: Load) -> None:
        seen.append(event.number)
        app.post(Load(event.number + 10))

    app.post(Load(0))
    app.post(Load(1))
    assert app.step() == 2
    assert seen == [0, 1]
    assert app.step() == 2
    assert seen == [0, 1, 10, 11]


def test_what_an_urgent_handler_posts_waits_for_the_next_pass_too(
    app: Dispatcher,
) -> None:
    order: list[str] = []
    app.on(Fire)(lambda: app.post(Load()))
    app.on(Load)(lambda: order.append("load"))
    app.post(Fire())
    assert app.step() == 1
    assert order == []
    assert app.step() == 1


def test_urgent_events_come_before_the_normal_ones(app: Dispatcher) -> None:
    seen = record(app, Event)
    for event in (Load(), Fire(), Load(), Fire()):
        app.post(event)
    settle(app)
    names = [event.name for event in seen if isinstance(event, (Load, Fire))]
    assert names == ["fire", "fire", "load", "load"]


def test_an_urgent_event_overtakes_a_firehose_within_one_event(app: Dispatcher) -> None:
    order: list[str] = []

    @app.on(Load)
    def load(event: Load) -> None:
        order.append(f"load {event.number}")
        if event.number == 500:
            app.post(Fire())

    app.on(Fire)(lambda: order.append("fire"))
    for number in range(1000):
        app.post(Load(number))
    assert app.step() == 1001
    assert order.index("fire") == order.index("load 500") + 1


def test_an_urgent_storm_does_not_stop_normal_events(app: Dispatcher) -> None:
    """Between two normal events at most one urgent one is let in."""
    order: list[str] = []

    @app.on(Fire)
    def more() -> None:
        order.append("fire")
        app.post(Fire())
        app.post(Fire())

    app.on(Load)(lambda: order.append("load"))
    app.post(Fire())
    for _ in range(5):
        app.post(Load())
    assert app.step() == 11
    assert order == ["fire"] + ["fire", "load"] * 5


def test_an_idle_event_waits_until_there_is_nothing_else(app: Dispatcher) -> None:
    order: list[str] = []
    for cls in (Tidy, Load, Fire):
        app.on(cls)(lambda event: order.append(event.name))
    app.post(Tidy())
    app.post(Tidy())
    app.post(Load())
    app.post(Fire())
    assert [app.step() for _ in range(4)] == [2, 1, 1, 0]
    assert order == ["fire", "load", "tidy", "tidy"]


def test_an_event_without_handlers_is_handled_all_the_same(app: Dispatcher) -> None:
    app.post(Load())
    assert app.step() == 1
    assert app.stats().posts.handled == 1


def test_an_event_of_a_source_that_was_closed_is_dropped_in_the_same_pass_too(
    app: Dispatcher,
) -> None:
    source, other = app.add(ManualSource()), app.add(ManualSource())
    seen: list[int] = []

    @app.on(Load)
    def close(event: Load) -> None:
        seen.append(event.number)
        if event.number == 2:
            source.close()

    source.emit(*(Load(number) for number in range(5)))
    other.emit(Load(10))
    settle(app)
    assert sorted(seen) == [0, 1, 2, 10]
    assert (source.counts.handled, source.counts.dropped) == (3, 2)
    assert source.counts.made == 5


# -- the balance ---------------------------------------------------------------------------


def test_stats_tell_what_became_of_each_event(app: Dispatcher) -> None:
    source = app.add(ManualSource())
    app.on(Load, number=1)(fail)
    app.on(Error)(lambda: None)
    source.emit(Load(0), Load(1), Load(2))
    app.post(Load(0))
    settle(app)
    app.post(Load(0))
    stats = app.stats()
    mine = stats.sources[source]
    assert (mine.read, mine.queued, mine.handled, mine.failed) == (4, 4, 3, 1)
    assert (stats.posts.read, stats.posts.handled, stats.posts.waiting) == (2, 1, 1)
    assert (stats.waiting, stats.handlers) == (1, 2)
    assert stats.balanced


def test_an_imbalance_is_told() -> None:
    """Else the assertions of a balance all over the tests would mean nothing."""
    with Dispatcher(io="inline") as app:
        source: Source = app.add(ManualSource())
        source.counts.handled += 1
        assert not app.stats().balanced
        source.counts.handled -= 1
        assert app.stats().balanced
        app._posts.raised += 1
        assert not app.stats().balanced


def test_looking_at_the_balance_does_not_change_it(app: Dispatcher) -> None:
    app.post(Load())
    settle(app)
    first, second = app.stats(), app.stats()
    assert first.posts == second.posts


@pytest.mark.parametrize("value", [None, 3, "load", Load, object()], ids=label)
def test_only_an_event_can_be_posted(app: Dispatcher, value: Any) -> None:
    with pytest.raises(TypeError, match="post takes a fresh event"):
        app.post(value)
    assert app.stats().waiting == 0


def test_an_event_of_a_source_cannot_be_posted(app: Dispatcher) -> None:
    source = app.add(ManualSource())
    seen = record(app, Load)
    source.emit(Load())
    settle(app)
    with pytest.raises(TypeError, match="fresh event"):
        app.post(seen[0])


def test_a_post_is_told_its_time_unless_it_has_one(timed: Dispatcher) -> None:
    fresh, timely = Load(), Load(time=3.0)
    timed.post(fresh)
    timed.post(timely)
    assert (fresh.time, timely.time) == (1000.0, 3.0)
