"""Merge functions: what they return, what they raise, and who calls them."""

import os
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evdispatch import (
    Data,
    Dispatcher,
    Dropped,
    Error,
    Event,
    HandlerError,
    _stats,
)
from evdispatch._sampler import is_ours
from evdispatch.testing import ManualSource, record, run_until, settle


@attrs.define(eq=False)
class Sum(Event):
    """What these tests merge."""

    number: int

    def merge(self, later: Any) -> Event | None:
        """Add."""
        self.number += later.number
        return self


@attrs.define(eq=False)
class Other(Event):
    number: int


@pytest.fixture(params=["source", "posts"])
def give(request: pytest.FixtureRequest, app: Dispatcher) -> Any:
    """Make events: all of them at once, so that they wait together."""
    if request.param == "posts":

        def post(*events: Event) -> None:
            for event in events:
                app.post(event)

        return post
    return app.add(ManualSource()).emit


def numbers(events: list[Any]) -> list[int]:
    return [event.number for event in events]


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
        app.set_policy(Sum, lambda waiting, later: Other(later.number))
        source = app.add(ManualSource())
        seen = record(source, Other)
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

    @pytest.mark.parametrize("io", ["inline", "auto"], indirect=True)
    def test_what_ends_the_program_loses_no_event_of_a_source(
        self, app: Dispatcher
    ) -> None:
        def leave(waiting: Sum, later: Sum) -> None:
            raise SystemExit

        app.set_policy(Sum, leave)
        seen, others = record(app, Sum), record(app, Other)
        app.add(ManualSource()).emit(Sum(1), Sum(2), Sum(3), Other(4))
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


@pytest.mark.parametrize("io", ["inline", "auto"], indirect=True)
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
            app.post(Other(later.number))
            return later

        app.set_policy(Sum, merge)
        app.set_policy(Other, policy, limit=1)
        seen, dropped = record(app, Other), record(app, Dropped)
        give(Sum(1), Sum(2), Sum(3))
        settle(app)
        assert len(seen) + sum(event.count for event in dropped) == 2

    def test_a_post_into_a_full_queue_does_not_wait_for_itself(self, io: Any) -> None:
        with Dispatcher(io=io, queue_size=1) as app:

            def merge(waiting: Sum, later: Sum) -> Sum:
                app.post(Other(1))
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
        seen, fillers = record(app, Sum), record(app, Other)
        for number in range(4):
            app.post(Other(number))

        def post() -> None:
            app.post(Sum(1))
            app.post(Sum(3))

        poster = threading.Thread(target=post)
        poster.start()
        while not app._queue.waited_for:
            pass
        app.set_policy(Sum, after)

        @app.on(Other)
        def meanwhile(event: Other) -> None:
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


class Interloper:
    """Does something once, before a line of ours, as a signal handler might."""

    def __init__(self, before: int, act: Callable[[], None]) -> None:
        self._left = before
        self._act = act

    def __call__(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line" and is_ours(frame):
            self._left -= 1
            if self._left == 0:
                sys.settrace(None)
                self._act()
        return self

    def call(self, method: Callable[[], object]) -> bool:
        """Trace a call, and return whether something was done in its midst."""
        before = sys.gettrace()
        try:
            sys.settrace(self)
            method()
        finally:
            sys.settrace(before)
        return self._left <= 0


@pytest.mark.parametrize("policy", ["latest", "merge", "drop_oldest", "drop_newest"])
def test_a_signal_handler_may_post_at_any_line_of_a_post(policy: str) -> None:
    line, inside = 0, True
    while inside:
        line += 1
        with Dispatcher(io="inline") as app:
            app.set_policy(Sum, policy, limit=1)
            seen, dropped = record(app, Sum), record(app, Dropped)
            app.post(Sum(1))
            inside = Interloper(line, lambda: app.post(Sum(10))).call(
                lambda: app.post(Sum(100))
            )
            settle(app)
            app.audit()
            posts = app.stats().posts
            told = sum(event.count for event in dropped)
            assert told == posts.dropped
            assert len(seen) + posts.coalesced + told == 2 + inside
            if policy == "merge":
                assert sum(numbers(seen)) == 101 + 10 * inside
    assert line > 10


def test_a_forked_child_counts() -> None:
    """Even if another thread was counting in the moment of the fork."""
    held, forked = threading.Event(), threading.Event()

    def hold() -> None:
        with _stats._making:
            held.set()
            forked.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(5)
            _stats.Counts().note_shed()
            os._exit(0)
        finally:
            os._exit(1)
    forked.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0


POLICIES = ("block", "latest", "merge", "drop_oldest", "drop_newest")


@attrs.define(eq=False)
class Third(Sum):
    """A class of its own."""


CLASSES: tuple[Any, ...] = (Sum, Third, Data)


def make(cls: Any, number: int) -> Event:
    event: Event = cls(number)
    return event


def value(event: Any) -> Any:
    return event.data if isinstance(event, Data) else event.number


class Model:
    """What is to come out, said in the simplest way."""

    def __init__(self, chosen: dict[Any, str], limit: int, *, posts: bool) -> None:
        self.chosen = chosen
        self.posts = posts
        self.limit = limit
        self.waiting: list[list[Any]] = []  # class, number
        self.dropped: dict[Any, int] = defaultdict(int)

    def add(self, cls: Any, number: int) -> None:
        policy = self.chosen[cls]
        of_class = [each for each in self.waiting if each[0] is cls]
        candidates = of_class if self.posts else self.waiting
        last = candidates[-1] if candidates else None
        if policy in ("latest", "merge") and last is not None and last[0] is cls:
            last[1] = number if policy == "latest" else last[1] + number
        elif policy.startswith("drop") and len(of_class) >= self.limit:
            self.dropped[cls] += 1
            if policy == "drop_oldest":
                kept = [each[1] for each in of_class[1:]] + [number]
                for each, new in zip(of_class, kept, strict=True):
                    each[1] = new
        else:
            self.waiting.append([cls, number])


SCRIPTS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 9)) | st.none(), max_size=40
)


@given(
    policies=st.tuples(*[st.sampled_from(POLICIES)] * 3),
    limit=st.integers(1, 4),
    script=SCRIPTS,
    posts=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_what_comes_out_is_what_the_model_says(
    policies: tuple[str, ...],
    limit: int,
    script: list[tuple[int, int] | None],
    posts: bool,
) -> None:
    """None in the script is a pass: all that waits is handled."""
    chosen = dict(zip(CLASSES, policies, strict=True))
    if chosen[Data] == "merge":
        chosen[Data] = "latest"  # it can't
    with Dispatcher(io="inline") as app:
        for cls in reversed(CLASSES):
            app.set_policy(cls, chosen[cls], limit=limit)
        give = app.post if posts else app.add(ManualSource()).emit
        told: list[tuple[Any, Any]] = []
        dropped: dict[str, int] = defaultdict(int)

        @app.on(Event)
        def note(event: Event) -> None:
            if isinstance(event, Dropped):
                dropped[event.event] += event.count
            elif type(event) in CLASSES:
                told.append((type(event), value(event)))

        expected: dict[str, int] = defaultdict(int)
        for batch in batches(script):
            model = Model(chosen, limit, posts=posts)
            for index, number in batch:
                model.add(CLASSES[index], number)
                give(make(CLASSES[index], number))
            told.clear()
            app.step(0)
            app.step(0)
            assert told == [(cls, number) for cls, number in model.waiting]
            for cls, count in model.dropped.items():
                expected[cls.name] += count
            app.audit()
        assert dropped == expected


def batches(
    script: list[tuple[int, int] | None],
) -> Iterator[list[tuple[int, int]]]:
    batch: list[tuple[int, int]] = []
    for entry in [*script, None]:
        if entry is None:
            yield batch
            batch = []
        else:
            batch.append(entry)


@pytest.mark.parametrize("policy", POLICIES)
def test_posts_of_four_threads_are_all_accounted_for(
    app: Dispatcher, policy: str
) -> None:
    each, threads = 3000, 4
    app.set_policy(Sum, policy, limit=50)
    got = dropped = handled = 0

    @app.on(Sum)
    def add(event: Sum) -> None:
        nonlocal got, handled
        got += event.number
        handled += 1

    @app.on("dropped", event="sum")
    def count(event: Dropped) -> None:
        nonlocal dropped
        dropped += event.count

    def post() -> None:
        for _ in range(each):
            app.post(Sum(1))

    posters = [threading.Thread(target=post) for _ in range(threads)]
    for poster in posters:
        poster.start()
    while any(poster.is_alive() for poster in posters):
        app.step(0.001)
    for poster in posters:
        poster.join()
    settle(app)
    posts = app.stats().posts
    assert each * threads == handled + posts.coalesced + dropped
    assert posts.dropped == dropped
    assert posts.waiting == 0
    if policy in ("block", "merge"):
        assert got == each * threads
