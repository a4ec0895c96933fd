"""Merge functions: what they return, raise, and call."""

import signal
import threading
from typing import Any

import attrs
import pytest
from helpers.events import Sum, Work, numbers

from evdispatch import (
    Dispatcher,
    Dropped,
    Error,
    Event,
    HandlerError,
)
from evdispatch.testing import ManualSource, record, run_until, settle


@pytest.fixture(params=["source", "posts"])
def emit(request: pytest.FixtureRequest, app: Dispatcher) -> Any:
    """Make events at once. A source makes them when the loop asks it."""
    if request.param == "posts":

        def post(*events: Event) -> None:
            for event in events:
                app.post(event)

        return post
    return app.add(ManualSource()).emit


class TestResults:
    def test_merge_function_returns_none_both_wait(
        self, app: Dispatcher, emit: Any
    ) -> None:
        app.set_policy(Sum, lambda waiting, later: None)
        seen = record(app, Sum)
        emit(Sum(1), Sum(2))
        settle(app)
        assert numbers(seen) == [1, 2]

    def test_merge_function_declines_once_next_is_merged_with_the_later(
        self, app: Dispatcher, emit: Any
    ) -> None:
        app.set_policy(Sum, same_parity)
        seen = record(app, Sum)
        emit(Sum(2), Sum(4), Sum(1), Sum(3), Sum(6))
        settle(app)
        assert numbers(seen) == [4, 3, 6]

    def test_merge_function_returns_another_event_it_gets_source_and_time(
        self, app: Dispatcher
    ) -> None:
        app.set_policy(Sum, lambda waiting, later: Work(later.number))
        source = app.add(ManualSource())
        seen = record(source, Work)
        source.emit(Sum(1), Sum(2), Sum(3))
        run_until(app, lambda: seen)
        assert numbers(seen) == [2]
        assert seen[0].source is source
        assert seen[0].time > 0

    def test_merge_function_returns_no_event_emits_error(
        self, app: Dispatcher, emit: Any
    ) -> None:
        app.set_policy(Sum, lambda waiting, later: 1)
        seen, errors = record(app, Sum), record(app, Error)
        emit(Sum(1), Sum(2))
        settle(app)
        assert numbers(seen) == [1, 2]
        assert [type(error.exception) for error in errors] == [TypeError]


def same_parity(waiting: Sum, later: Sum) -> Sum | None:
    return None if (waiting.number + later.number) % 2 else later


def fail(waiting: Sum, later: Sum) -> Sum:
    raise RuntimeError(f"{waiting.number} and {later.number}")


class TestFailures:
    def test_merge_function_raises_both_wait_and_error_is_emitted(
        self, app: Dispatcher, emit: Any
    ) -> None:
        app.set_policy(Sum, fail)
        seen, errors = record(app, Sum), record(app, Error)
        emit(Sum(1), Sum(2))
        settle(app)
        assert numbers(seen) == [1, 2]
        (error,) = errors
        assert str(error.exception) == "1 and 2"
        assert error.handler is fail
        assert error.event is seen[1]
        assert error.source is seen[1].source

    def test_merge_function_raises_without_error_handler_ends_the_loop(
        self, app: Dispatcher, emit: Any
    ) -> None:
        app.set_policy(Sum, fail)
        emit(Sum(1), Sum(2))
        with pytest.raises(HandlerError, match=r"fail raised RuntimeError"):
            settle(app)
        app.set_policy(Sum, "block")
        seen = record(app, Sum)
        settle(app)
        assert len(seen) <= 2

    def test_merge_method_raises_error_names_it(self, app: Dispatcher) -> None:
        @attrs.define(eq=False)
        class Odd(Event):
            def merge(self, later: Any) -> Event | None:
                raise RuntimeError("odd")

        app.set_policy(Odd, "merge")
        errors = record(app, Error)
        app.post(Odd())
        app.post(Odd())
        settle(app)
        assert "Odd.merge" in repr(errors[0].handler)

    def test_merge_function_raises_on_full_queue_is_called_once(self, io: Any) -> None:
        with Dispatcher(io=io, queue_size=1) as app:
            asked = []

            def merge(waiting: Sum, later: Sum) -> None:
                asked.append(later.number)
                raise RuntimeError

            app.set_policy(Sum, merge)
            errors, seen = record(app, Error), record(app, Sum)
            app.post(Sum(1))
            app._runner._thread = 0
            app.post(Sum(2), timeout=0)
            settle(app)
            assert (numbers(seen), asked, len(errors)) == ([1, 2], [2], 1)
            app.audit()

    @pytest.mark.modes("inline", "auto")
    def test_merge_function_raises_system_exit_source_events_are_kept(
        self, app: Dispatcher
    ) -> None:
        def leave(waiting: Sum, later: Sum) -> None:
            raise SystemExit

        app.set_policy(Sum, leave)
        seen, others = record(app, Sum), record(app, Work)
        app.add(ManualSource()).emit(Sum(1), Sum(2), Sum(3), Work(4))
        with pytest.raises(SystemExit):
            run_until(app, lambda: others)
        app.set_policy(Sum, "block")
        settle(app)
        assert (numbers(seen), numbers(others)) == ([1, 2, 3], [4])

    def test_merge_function_raises_keyboard_interrupt_post_is_refused(
        self, app: Dispatcher
    ) -> None:
        def leave(waiting: Sum, later: Sum) -> None:
            raise KeyboardInterrupt

        app.set_policy(Sum, leave)
        seen = record(app, Sum)
        app.post(Sum(1))
        with pytest.raises(KeyboardInterrupt):
            app.post(Sum(2))
        settle(app)
        assert numbers(seen) == [1]


@pytest.mark.modes("inline", "auto")
def test_merge_function_interrupted_by_ctrl_c_loses_nothing(
    app: Dispatcher, emit: Any
) -> None:
    def merge(waiting: Sum, later: Sum) -> Sum:
        if later.number == 2:
            signal.raise_signal(signal.SIGINT)
        return Sum(waiting.number + later.number)

    app.set_policy(Sum, merge)
    seen = record(app, Sum)
    app.on("start")(lambda: emit(Sum(1), Sum(2), Sum(3)))
    with pytest.raises(KeyboardInterrupt):
        app.run()
    settle(app)
    assert numbers(seen) == [6]


class TestWithin:
    """A merge function should not use the dispatcher; if it does, nothing is lost."""

    def test_merge_function_posts_same_class_is_not_merged(
        self, app: Dispatcher, emit: Any
    ) -> None:
        def merge(waiting: Sum, later: Sum) -> Sum:
            if later.number < 10:
                app.post(Sum(later.number * 10))
            return later

        app.set_policy(Sum, merge)
        seen = record(app, Sum)
        emit(Sum(1), Sum(2))
        settle(app)
        assert sorted(numbers(seen)) == [2, 20]

    @pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
    def test_merge_function_posts_to_drop_policy_counts_each(
        self, app: Dispatcher, emit: Any, policy: str
    ) -> None:
        def merge(waiting: Sum, later: Sum) -> Sum:
            app.post(Work(later.number))
            return later

        app.set_policy(Sum, merge)
        app.set_policy(Work, policy, limit=1)
        seen, dropped = record(app, Work), record(app, Dropped)
        emit(Sum(1), Sum(2), Sum(3))
        settle(app)
        assert len(seen) + sum(event.count for event in dropped) == 2

    def test_merge_function_posts_to_full_queue_does_not_wait(self, io: Any) -> None:
        with Dispatcher(io=io, queue_size=1) as app:

            def merge(waiting: Sum, later: Sum) -> Sum:
                app.post(Work(1))
                return later

            app.set_policy(Sum, merge)
            app.post(Sum(1))
            app._runner._thread = 0
            app.post(Sum(2), timeout=0)
            assert settle(app) == 2
            app.audit()


@pytest.mark.parametrize(
    ("before", "after"), [("block", "latest"), ("merge", "latest"), ("merge", "block")]
)
def test_post_that_waited_for_room_uses_the_present_policy(
    io: Any, before: str, after: str
) -> None:
    """2 is posted when there is room for 1, mostly before the waiting thread notices."""
    with Dispatcher(io=io, queue_size=4) as app:
        app.set_policy(Sum, before)
        seen, fillers = record(app, Sum), record(app, Work)
        for number in range(4):
            app.post(Work(number))

        def post() -> None:
            app.post(Sum(1))
            app.post(Sum(3))

        poster = threading.Thread(target=post)
        poster.start()
        while not app._queue.waited_for:
            pass
        app.set_policy(Sum, after)

        @app.on(Work)
        def meanwhile(event: Work) -> None:
            if event.number == 0:
                app.post(Sum(2))
            elif event.number == 3:
                poster.join()

        run_until(app, lambda: len(fillers) == 4)
        settle(app)
        got = numbers(seen)
        assert [number for number in got if number != 2] in ([3], [1, 3])
        assert len(got) == (1 if after == "latest" else 3)
        app.audit()
