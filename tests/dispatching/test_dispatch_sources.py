"""Sources that fail, and `on_unhandled` for events without handlers."""

from collections.abc import Iterable
from typing import ClassVar

import pytest
from helpers.events import Work, fail

from evdispatch import HANDLED, Dispatcher, Error, Event, HandlerError, SourceError
from evdispatch.testing import ManualSource, record, settle


class Broken(ManualSource):
    """Raises instead of making its last event."""

    def on_wake(self) -> Iterable[Event]:  # type: ignore[override]
        yield from super().on_wake()
        raise OSError(5, "broken")


def test_source_that_fails_emits_its_events_then_an_error_and_closes(
    app: Dispatcher,
) -> None:
    seen = record(app, Event)
    source = app.add(Broken())
    source.emit(Work(1))
    settle(app)
    mine = [event for event in seen if event.source is source]
    assert [event.name for event in mine] == ["work", "error"]
    assert isinstance(mine[1], Error)
    assert (mine[1].event, mine[1].handler) == (None, None)
    assert source.closed
    assert source not in app.sources


def test_source_failure_without_error_handler_raises_source_error(
    app: Dispatcher,
) -> None:
    source = app.add(Broken("leaky"))
    source.emit()
    with pytest.raises(SourceError, match=r"'leaky' \w+> failed: OSError") as caught:
        settle(app)
    assert isinstance(caught.value.event, Error)
    assert caught.value.event.source is source
    assert isinstance(caught.value.__cause__, OSError)


def test_posted_error_without_error_handler_raises_source_error(
    app: Dispatcher,
) -> None:
    app.post(Error(ValueError("posted")))
    with pytest.raises(SourceError, match="something failed: ValueError"):
        app.step()
    errors = record(app, Error)
    app.post(Error(ValueError("posted")))
    settle(app)
    assert len(errors) == 1


def test_handler_failure_after_closing_the_source_is_reported(
    app: Dispatcher,
) -> None:
    """The error is the handler's, so it is not dropped with the source's events."""
    errors = record(app, Error)
    source = app.add(ManualSource())

    @app.on(Work)
    def close_and_fail() -> None:
        source.close()
        fail()

    source.emit(Work(), Work())
    settle(app)
    assert [type(error.exception) for error in errors] == [LookupError]
    assert source.counts.read == 3
    assert (source.counts.failed, source.counts.dropped, source.counts.handled) == (
        1,
        1,
        1,
    )


def test_on_unhandled_that_raises_is_reported(
    app: Dispatcher,
) -> None:
    class Fussy(ManualSource):
        def on_unhandled(self, event: Event) -> None:
            raise LookupError(event.name)

    source = app.add(Fussy())
    source.emit(Work())
    with pytest.raises(
        HandlerError, match=r"on_unhandled raised LookupError\('work'\)"
    ):
        settle(app)
    assert app.stats().balanced
    errors = record(app, Error)
    source.emit(Work())
    settle(app)
    assert len(errors) == 1
    assert app.stats().balanced


def test_on_unhandled_is_called_for_events_without_handlers(app: Dispatcher) -> None:
    class Asked(ManualSource):
        unhandled: ClassVar[list[Event]] = []

        def on_unhandled(self, event: Event) -> None:
            self.unhandled.append(event)

    Asked.unhandled.clear()
    source = app.add(Asked())
    app.on(Work, number=1)(lambda: None)
    app.on(Work, number=2)(lambda: HANDLED)
    events = [Work(number) for number in range(3)]
    source.emit(*events)
    settle(app)
    assert Asked.unhandled == [events[0]]


def test_source_that_is_falsy_works(
    app: Dispatcher,
) -> None:
    class Empty(ManualSource):
        def __len__(self) -> int:
            return 0

    source = app.add(Empty())
    errors: list[Error] = []
    source.on(Error)(errors.append)
    source.on(Work)(fail)
    source.emit(Work())
    settle(app)
    assert len(errors) == 1
    assert app.stats().balanced
