"""From the queue to the handlers: passes, lanes, failures, and the balance of it all."""

import logging
from collections.abc import Iterable
from typing import Any, ClassVar

import attrs
import pytest

from evdispatch import (
    HANDLED,
    AlreadyRunningError,
    Dispatcher,
    Error,
    Event,
    HandlerError,
    Source,
    SourceError,
    Stop,
)
from evdispatch._events import IDLE, URGENT
from evdispatch.testing import ManualSource, record, settle


@attrs.define(eq=False)
class Load(Event):
    number: int = 0


@attrs.define(eq=False)
class Fire(Event):
    lane: ClassVar[int] = URGENT


@attrs.define(eq=False)
class Tidy(Event):
    lane: ClassVar[int] = IDLE


class Broken(ManualSource):
    """Raises instead of making its last event."""

    def on_wake(self) -> Iterable[Event]:  # type: ignore[override]
        yield from super().on_wake()
        raise OSError(5, "broken")


def fail() -> None:
    raise LookupError("no luck")


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


# -- failures ------------------------------------------------------------------------------


def test_a_failure_that_nobody_handles_is_raised_with_all_that_is_known(
    app: Dispatcher,
) -> None:
    event = Load(7)
    app.on(Load)(fail)
    app.post(event)
    with pytest.raises(HandlerError) as caught:
        app.run()
    error = caught.value
    assert (error.event, error.handler) == (event, fail)
    assert isinstance(error.__cause__, LookupError)
    assert str(error) == (
        f"{__name__}.fail raised LookupError('no luck') on Load(number=7)"
    )
    assert app.stats().posts.failed == 1
    assert app.stats().balanced


def test_a_message_is_short_and_survives_what_cannot_be_shown(app: Dispatcher) -> None:
    @attrs.define(eq=False)
    class Vast(Event):
        data: bytes = b"x" * 100_000

    class Shy(Event):
        def __repr__(self) -> str:
            raise AssertionError

    app.on(Vast)(fail)
    app.on(Shy)(fail)
    for event in (Vast(), Shy()):
        app.post(event)
        with pytest.raises(HandlerError) as caught:
            app.step()
        assert caught.value.event is event
        assert len(str(caught.value)) < 500


def test_the_other_handlers_of_the_event_are_called_if_somebody_handles_errors(
    app: Dispatcher,
) -> None:
    seen: list[Event] = []
    errors = record(app, Error)
    app.on(Load)(fail)
    app.on(Load)(seen.append)
    event = Load()
    app.post(event)
    settle(app)
    assert seen == [event]
    (error,) = errors
    assert isinstance(error.exception, LookupError)
    assert (error.event, error.handler, error.source) == (event, fail, None)
    assert error.time == event.time
    assert app.stats().balanced


def test_each_failure_of_an_event_is_told(app: Dispatcher) -> None:
    errors = record(app, Error)
    app.on(Load)(fail)
    app.on(Load)(lambda: 1 / 0)
    app.post(Load())
    settle(app)
    assert [type(error.exception) for error in errors] == [
        LookupError,
        ZeroDivisionError,
    ]
    assert app.stats().posts.failed == 1
    assert app.stats().balanced


def test_an_error_comes_from_the_source_whose_event_it_was(app: Dispatcher) -> None:
    source = app.add(ManualSource())
    told: list[Error] = []
    source.on(Error)(told.append)
    app.on(Load)(fail)
    source.emit(Load())
    settle(app)
    assert [error.source for error in told] == [source]
    app.post(Load())
    with pytest.raises(HandlerError):  # the source's handler hears its own only
        settle(app)
    assert app.stats().balanced


def test_an_error_handler_may_be_choosy(app: Dispatcher) -> None:
    errors: list[Error] = []
    app.on(Error, exception=lambda e: isinstance(e, OSError))(errors.append)
    app.on(Load)(fail)
    app.post(Load())
    with pytest.raises(HandlerError, match="no luck"):
        settle(app)
    assert errors == []


def test_an_error_handler_that_raises_is_not_asked_about_itself(
    app: Dispatcher,
) -> None:
    def broken(error: Error) -> None:
        raise KeyError("in the handler of errors")

    app.on(Error)(broken)
    app.on(Load)(fail)
    app.post(Load())
    with pytest.raises(HandlerError) as caught:
        settle(app)
    assert caught.value.handler is broken
    assert isinstance(caught.value.event, Error)
    assert isinstance(caught.value.event.exception, LookupError)
    assert isinstance(caught.value.__cause__, KeyError)
    assert app.stats().balanced


def test_with_log_a_failure_is_logged_and_the_loop_goes_on(
    io: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Dispatcher(io=io, on_error="log") as app:  # type: ignore[arg-type]
        seen: list[Event] = []
        app.on(Load)(fail)
        app.on(Load)(seen.append)
        app.post(Load())
        app.post(Load())
        app.on(Load, once=True, priority=-1)(app.stop)
        app.run()
        settle(app)
        assert len(seen) == 2
        assert app.stats().balanced
    first = caplog.records[0]
    assert (first.name, first.levelno) == ("evdispatch", logging.ERROR)
    assert "fail raised LookupError('no luck')" in first.getMessage()
    assert first.exc_info is not None
    assert isinstance(first.exc_info[1], LookupError)


def test_with_log_an_error_handler_that_raises_is_logged(
    io: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Dispatcher(io=io, on_error="log") as app:  # type: ignore[arg-type]
        app.on(Error)(fail)
        app.on(Load)(lambda: 1 / 0)
        app.post(Load())
        settle(app)
        assert len(caplog.records) == 1
        assert app.stats().balanced


@pytest.mark.parametrize("value", ["ignore", None, True])
def test_on_error_is_one_of_two(value: Any) -> None:
    with pytest.raises(ValueError, match="on_error must be one of"):
        Dispatcher(on_error=value)


def test_a_source_that_fails_ends_and_is_told_after_all_it_made(
    app: Dispatcher,
) -> None:
    seen = record(app, Event)
    source = app.add(Broken())
    source.emit(Load(1))
    settle(app)
    mine = [event for event in seen if event.source is source]
    assert [event.name for event in mine] == ["load", "error"]
    assert isinstance(mine[1], Error)
    assert (mine[1].event, mine[1].handler) == (None, None)
    assert source.closed
    assert source not in app.sources


def test_a_source_error_that_nobody_handles_is_raised(app: Dispatcher) -> None:
    source = app.add(Broken("leaky"))
    source.emit()
    with pytest.raises(SourceError, match=r"'leaky' \w+> failed: OSError") as caught:
        settle(app)
    assert isinstance(caught.value.event, Error)
    assert caught.value.event.source is source
    assert isinstance(caught.value.__cause__, OSError)


def test_an_error_that_was_posted_is_raised_if_nobody_handles_it(
    app: Dispatcher,
) -> None:
    app.post(Error(ValueError("posted")))
    with pytest.raises(SourceError, match="something failed: ValueError"):
        app.step()
    errors = record(app, Error)
    app.post(Error(ValueError("posted")))
    settle(app)
    assert len(errors) == 1


def test_a_handler_that_closes_the_source_and_then_fails_is_told(
    app: Dispatcher,
) -> None:
    """The failure is the handler's: it is not dropped with the source's events."""
    errors = record(app, Error)
    source = app.add(ManualSource())

    @app.on(Load)
    def close_and_fail() -> None:
        source.close()
        fail()

    source.emit(Load(), Load())
    settle(app)
    assert [type(error.exception) for error in errors] == [LookupError]
    assert source.counts.read == 3
    assert (source.counts.failed, source.counts.dropped, source.counts.handled) == (
        1,
        1,
        1,
    )


def test_what_a_source_does_about_an_unhandled_event_may_fail_too(
    app: Dispatcher,
) -> None:
    class Fussy(ManualSource):
        def on_unhandled(self, event: Event) -> None:
            raise LookupError(event.name)

    source = app.add(Fussy())
    source.emit(Load())
    with pytest.raises(
        HandlerError, match=r"on_unhandled raised LookupError\('load'\)"
    ):
        settle(app)
    assert app.stats().balanced
    errors = record(app, Error)
    source.emit(Load())
    settle(app)
    assert len(errors) == 1
    assert app.stats().balanced


def test_a_source_is_asked_about_events_that_nobody_hears(app: Dispatcher) -> None:
    class Asked(ManualSource):
        unhandled: ClassVar[list[Event]] = []

        def on_unhandled(self, event: Event) -> None:
            self.unhandled.append(event)

    Asked.unhandled.clear()
    source = app.add(Asked())
    app.on(Load, number=1)(lambda: None)
    app.on(Load, number=2)(lambda: HANDLED)
    events = [Load(number) for number in range(3)]
    source.emit(*events)
    settle(app)
    assert Asked.unhandled == [events[0]]


def test_a_stop_handler_that_fails_is_told_before_the_run_ends(
    app: Dispatcher,
) -> None:
    errors = record(app, Error)
    app.on(Stop)(fail)
    app.post(Load())
    app.on(Load)(app.stop)
    app.run()
    assert [type(error.exception) for error in errors] == [LookupError]
    assert app.stats().balanced


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
@pytest.mark.parametrize("on_error", ["raise", "log"])
def test_what_is_no_exception_leaves_run_with_the_queue_intact(
    io: Any, kind: type[BaseException], on_error: Any
) -> None:
    with Dispatcher(io=io, on_error=on_error) as app:
        seen: list[int] = []
        errors = record(app, Error)
        stops = record(app, Stop)

        @app.on(Load)
        def handler(event: Load) -> None:
            seen.append(event.number)
            if event.number == 1:
                raise kind
            if event.number == 3:
                app.stop()

        for number in range(4):
            app.post(Load(number))
        with pytest.raises(kind):
            app.run()
        assert seen == [0, 1]
        assert app.stats().waiting == 2
        assert app.stats().balanced
        assert len(stops) == 1
        app.run()
        assert seen == [0, 1, 2, 3]
        assert errors == []
        assert app.stats().balanced


def test_after_a_failure_run_goes_on_with_the_next_event(app: Dispatcher) -> None:
    seen: list[int] = []

    @app.on(Load)
    def handler(event: Load) -> None:
        seen.append(event.number)
        if event.number == 0:
            fail()
        app.stop()

    app.post(Load(0))
    app.post(Load(1))
    with pytest.raises(HandlerError):
        app.run()
    app.run()
    assert seen == [0, 1]


def test_a_step_within_a_handler_is_refused(app: Dispatcher) -> None:
    app.on(Load)(lambda: app.step())  # noqa: PLW0108 (step would take the event)
    app.post(Load())
    with pytest.raises(HandlerError) as caught:
        app.step()
    assert isinstance(caught.value.__cause__, AlreadyRunningError)


def test_a_source_without_a_truth_value_is_a_source_all_the_same(
    app: Dispatcher,
) -> None:
    class Empty(ManualSource):
        def __len__(self) -> int:
            return 0

    source = app.add(Empty())
    errors: list[Error] = []
    source.on(Error)(errors.append)
    source.on(Load)(fail)
    source.emit(Load())
    settle(app)
    assert len(errors) == 1
    assert app.stats().balanced


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


@pytest.mark.parametrize("value", [None, 3, "load", Load, object()], ids=repr)
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
