"""Merge functions: what they return, what they raise, and who calls them."""

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
def give(request: pytest.FixtureRequest, app: Dispatcher) -> Any:
    """Make events: all of them at once, so that they wait together."""
    if request.param == "posts":

        def post(*events: Event) -> None:
            for event in events:
                app.post(event)

        return post
    return app.add(ManualSource()).emit


class TestResults:
    def test_none_lets_both_wait(self, app: Dispatcher, give: Any) -> None:
        app.set_policy(Sum, lambda waiting, later: None)
        seen = record(app, Sum)
        give(Sum(1), Sum(2))
        settle(app)
        assert numbers(seen) == [1, 2]

    def test_the_later_one_is_tried_with_what_comes_next(
        self, app: Dispatcher, give: Any
    ) -> None:
        app.set_policy(Sum, same_parity)
        seen = record(app, Sum)
        give(Sum(2), Sum(4), Sum(1), Sum(3), Sum(6))
        settle(app)
        assert numbers(seen) == [4, 3, 6]

    def test_another_event_is_of_the_source(self, app: Dispatcher) -> None:
        app.set_policy(Sum, lambda waiting, later: Work(later.number))
        source = app.add(ManualSource())
        seen = record(source, Work)
        source.emit(Sum(1), Sum(2), Sum(3))
        run_until(app, lambda: seen)
        assert numbers(seen) == [2]
        assert seen[0].source is source
        assert seen[0].time > 0

    def test_no_event_is_an_error(self, app: Dispatcher, give: Any) -> None:
        app.set_policy(Sum, lambda waiting, later: 1)
        seen, errors = record(app, Sum), record(app, Error)
        give(Sum(1), Sum(2))
        settle(app)
        assert numbers(seen) == [1, 2]
        assert [type(error.exception) for error in errors] == [TypeError]


def same_parity(waiting: Sum, later: Sum) -> Sum | None:
    return None if (waiting.number + later.number) % 2 else later


def fail(waiting: Sum, later: Sum) -> Sum:
    raise RuntimeError(f"{waiting.number} and {later.number}")


class TestFailures:
    def test_both_wait_and_it_is_told(self, app: Dispatcher, give: Any) -> None:
        app.set_policy(Sum, fail)
        seen, errors = record(app, Sum), record(app, Error)
        give(Sum(1), Sum(2))
        settle(app)
        assert numbers(seen) == [1, 2]
        (error,) = errors
        assert str(error.exception) == "1 and 2"
        assert error.handler is fail
        assert error.event is seen[1]
        assert error.source is seen[1].source

    def test_where_nobody_handles_it_the_loop_ends(
        self, app: Dispatcher, give: Any
    ) -> None:
        app.set_policy(Sum, fail)
        give(Sum(1), Sum(2))
        with pytest.raises(HandlerError, match=r"fail raised RuntimeError"):
            settle(app)
        app.set_policy(Sum, "block")
        seen = record(app, Sum)
        settle(app)
        assert len(seen) <= 2

    def test_a_class_own_one_is_named(self, app: Dispatcher) -> None:
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

    def test_a_full_queue_does_not_have_it_asked_twice(self, io: Any) -> None:
        with Dispatcher(io=io, queue_size=1) as app:
            asked = []

            def merge(waiting: Sum, later: Sum) -> None:
                asked.append(later.number)
                raise RuntimeError

            app.set_policy(Sum, merge)
            errors, seen = record(app, Error), record(app, Sum)
            app.post(Sum(1))
            app._thread = 0
            app.post(Sum(2), timeout=0)
            settle(app)
            assert (numbers(seen), asked, len(errors)) == ([1, 2], [2], 1)
            app.audit()

    @pytest.mark.modes("inline", "auto")
    def test_what_ends_the_program_loses_no_event_of_a_source(
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

    def test_what_ends_the_program_refuses_a_post(self, app: Dispatcher) -> None:
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
def test_ctrl_c_within_a_merge_function_loses_nothing(
    app: Dispatcher, give: Any
) -> None:
    def merge(waiting: Sum, later: Sum) -> Sum:
        if later.number == 2:
            signal.raise_signal(signal.SIGINT)
        return Sum(waiting.number + later.number)

    app.set_policy(Sum, merge)
    seen = record(app, Sum)
    app.on("start")(lambda: give(Sum(1), Sum(2), Sum(3)))
    with pytest.raises(KeyboardInterrupt):
        app.run()
    settle(app)
    assert numbers(seen) == [6]


class TestWithin:
    """A merge function is to leave the dispatcher alone; if not, nothing is lost."""

    def test_a_post_of_the_same_class_is_not_merged(
        self, app: Dispatcher, give: Any
    ) -> None:
        def merge(waiting: Sum, later: Sum) -> Sum:
            if later.number < 10:
                app.post(Sum(later.number * 10))
            return later

        app.set_policy(Sum, merge)
        seen = record(app, Sum)
        give(Sum(1), Sum(2))
        settle(app)
        assert sorted(numbers(seen)) == [2, 20]

    @pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
    def test_a_post_that_drops(self, app: Dispatcher, give: Any, policy: str) -> None:
        def merge(waiting: Sum, later: Sum) -> Sum:
            app.post(Work(later.number))
            return later

        app.set_policy(Sum, merge)
        app.set_policy(Work, policy, limit=1)
        seen, dropped = record(app, Work), record(app, Dropped)
        give(Sum(1), Sum(2), Sum(3))
        settle(app)
        assert len(seen) + sum(event.count for event in dropped) == 2

    def test_a_post_into_a_full_queue_does_not_wait_for_itself(self, io: Any) -> None:
        with Dispatcher(io=io, queue_size=1) as app:

            def merge(waiting: Sum, later: Sum) -> Sum:
                app.post(Work(1))
                return later

            app.set_policy(Sum, merge)
            app.post(Sum(1))
            app._thread = 0
            app.post(Sum(2), timeout=0)
            assert settle(app) == 2
            app.audit()


@pytest.mark.parametrize(
    ("before", "after"), [("block", "latest"), ("merge", "latest"), ("merge", "block")]
)
def test_what_waited_for_room_follows_the_policy_of_now(
    io: Any, before: str, after: str
) -> None:
    """2 is posted when there is room for 1, and mostly before that is known."""
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
        told = numbers(seen)
        assert [number for number in told if number != 2] in ([3], [1, 3])
        assert len(told) == (1 if after == "latest" else 3)
        app.audit()
