"""Handlers that fail: what is raised, reported and logged, and how the run continues."""

import logging
from typing import Any

import attrs
import pytest
from helpers.events import Work, fail

from evdispatch import AlreadyRunningError, Dispatcher, Error, Event, HandlerError, Stop
from evdispatch.testing import ManualSource, record, settle

pytestmark = pytest.mark.cross


def test_handler_failure_without_error_handler_raises_handler_error(
    app: Dispatcher,
) -> None:
    event = Work(7)
    app.on(Work)(fail)
    app.post(event)
    with pytest.raises(HandlerError) as caught:
        app.run()
    error = caught.value
    assert (error.event, error.handler) == (event, fail)
    assert isinstance(error.__cause__, LookupError)
    assert str(error) == (
        "helpers.events.fail raised LookupError('no luck') on Work(number=7)"
    )
    assert app.stats().posts.failed == 1
    assert app.stats().balanced


def test_handler_error_of_a_huge_or_unprintable_event_has_a_short_message(
    app: Dispatcher,
) -> None:
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


def test_handler_failure_with_error_handler_calls_the_other_handlers(
    app: Dispatcher,
) -> None:
    seen: list[Event] = []
    errors = record(app, Error)
    app.on(Work)(fail)
    app.on(Work)(seen.append)
    event = Work()
    app.post(event)
    settle(app)
    assert seen == [event]
    (error,) = errors
    assert isinstance(error.exception, LookupError)
    assert (error.event, error.handler, error.source) == (event, fail, None)
    assert error.time == event.time
    assert app.stats().balanced


def test_two_handler_failures_of_an_event_emit_two_errors(app: Dispatcher) -> None:
    errors = record(app, Error)
    app.on(Work)(fail)
    app.on(Work)(lambda: 1 / 0)
    app.post(Work())
    settle(app)
    assert [type(error.exception) for error in errors] == [
        LookupError,
        ZeroDivisionError,
    ]
    assert app.stats().posts.failed == 1
    assert app.stats().balanced


def test_error_event_has_the_source_of_the_failed_event(app: Dispatcher) -> None:
    source = app.add(ManualSource())
    errors: list[Error] = []
    source.on(Error)(errors.append)
    app.on(Work)(fail)
    source.emit(Work())
    settle(app)
    assert [error.source for error in errors] == [source]
    app.post(Work())
    with pytest.raises(HandlerError):  # the handler is registered for the source only
        settle(app)
    assert app.stats().balanced


def test_error_handler_with_a_filter_leaves_other_errors_unhandled(
    app: Dispatcher,
) -> None:
    errors: list[Error] = []
    app.on(Error, exception=lambda e: isinstance(e, OSError))(errors.append)
    app.on(Work)(fail)
    app.post(Work())
    with pytest.raises(HandlerError, match="no luck"):
        settle(app)
    assert errors == []


def test_error_handler_that_raises_is_not_called_for_its_own_error(
    app: Dispatcher,
) -> None:
    def broken(error: Error) -> None:
        raise KeyError("in the handler of errors")

    app.on(Error)(broken)
    app.on(Work)(fail)
    app.post(Work())
    with pytest.raises(HandlerError) as caught:
        settle(app)
    assert caught.value.handler is broken
    assert isinstance(caught.value.event, Error)
    assert isinstance(caught.value.event.exception, LookupError)
    assert isinstance(caught.value.__cause__, KeyError)
    assert app.stats().balanced


def test_on_error_log_handler_failure_is_logged_and_the_run_continues(
    io: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Dispatcher(io=io, on_error="log") as app:  # type: ignore[arg-type]
        seen: list[Event] = []
        app.on(Work)(fail)
        app.on(Work)(seen.append)
        app.post(Work())
        app.post(Work())
        app.on(Work, once=True, priority=-1)(app.stop)
        app.run()
        settle(app)
        assert len(seen) == 2
        assert app.stats().balanced
    first = caplog.records[0]
    assert (first.name, first.levelno) == ("evdispatch", logging.ERROR)
    assert "fail raised LookupError('no luck')" in first.getMessage()
    assert first.exc_info is not None
    assert isinstance(first.exc_info[1], LookupError)


def test_on_error_log_error_handler_that_raises_is_logged(
    io: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Dispatcher(io=io, on_error="log") as app:  # type: ignore[arg-type]
        app.on(Error)(fail)
        app.on(Work)(lambda: 1 / 0)
        app.post(Work())
        settle(app)
        assert len(caplog.records) == 1
        assert app.stats().balanced


@pytest.mark.parametrize("value", ["ignore", None, True])
def test_on_error_invalid_value_raises(value: Any) -> None:
    with pytest.raises(ValueError, match="on_error must be one of"):
        Dispatcher(on_error=value)


def test_stop_handler_failure_is_reported_before_the_run_ends(
    app: Dispatcher,
) -> None:
    errors = record(app, Error)
    app.on(Stop)(fail)
    app.post(Work())
    app.on(Work)(app.stop)
    app.run()
    assert [type(error.exception) for error in errors] == [LookupError]
    assert app.stats().balanced


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
@pytest.mark.parametrize("on_error", ["raise", "log"])
def test_base_exception_in_a_handler_leaves_the_queue_intact(
    io: Any, kind: type[BaseException], on_error: Any
) -> None:
    with Dispatcher(io=io, on_error=on_error) as app:
        seen: list[int] = []
        errors = record(app, Error)
        stops = record(app, Stop)

        @app.on(Work)
        def handler(event: Work) -> None:
            seen.append(event.number)
            if event.number == 1:
                raise kind
            if event.number == 3:
                app.stop()

        for number in range(4):
            app.post(Work(number))
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


def test_run_after_a_handler_failure_continues_with_the_next_event(
    app: Dispatcher,
) -> None:
    seen: list[int] = []

    @app.on(Work)
    def handler(event: Work) -> None:
        seen.append(event.number)
        if event.number == 0:
            fail()
        app.stop()

    app.post(Work(0))
    app.post(Work(1))
    with pytest.raises(HandlerError):
        app.run()
    app.run()
    assert seen == [0, 1]


def test_step_called_by_a_handler_raises(app: Dispatcher) -> None:
    app.on(Work)(lambda: app.step())  # noqa: PLW0108 (step would take the event)
    app.post(Work())
    with pytest.raises(HandlerError) as caught:
        app.step()
    assert isinstance(caught.value.__cause__, AlreadyRunningError)
