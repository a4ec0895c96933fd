"""Policies under load: signals, forks, threads, and a model of what comes out."""

import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import attrs
import pytest
from helpers.events import Sum, numbers
from hypothesis import given, settings
from hypothesis import strategies as st

from evdispatch import (
    Data,
    Dispatcher,
    Dropped,
    Event,
)
from evdispatch._core._interrupts import is_ours
from evdispatch.testing import ManualSource, record, settle


class Interloper:
    """Acts once before a line of the package, as a signal handler may."""

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
        """Trace a call, and return whether it was interrupted."""
        before = sys.gettrace()
        try:
            sys.settrace(self)
            method()
        finally:
            sys.settrace(before)
        return self._left <= 0


@pytest.mark.parametrize("policy", ["latest", "merge", "drop_oldest", "drop_newest"])
def test_post_by_signal_handler_at_any_line_of_a_post_is_counted(policy: str) -> None:
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
            reported = sum(event.count for event in dropped)
            assert reported == posts.dropped
            assert len(seen) + posts.coalesced + reported == 2 + inside
            if policy == "merge":
                assert sum(numbers(seen)) == 101 + 10 * inside
    assert line > 10


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
    """The expected events, computed in the simplest way."""

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
def test_policies_any_script_match_the_model(
    policies: tuple[str, ...],
    limit: int,
    script: list[tuple[int, int] | None],
    posts: bool,
) -> None:
    """None in the script is a pass, in which all pending events are handled."""
    chosen = dict(zip(CLASSES, policies, strict=True))
    if chosen[Data] == "merge":
        chosen[Data] = "latest"  # it can't
    with Dispatcher(io="inline") as app:
        for cls in reversed(CLASSES):
            app.set_policy(cls, chosen[cls], limit=limit)
        give = app.post if posts else app.add(ManualSource()).emit
        handled: list[tuple[Any, Any]] = []
        dropped: dict[str, int] = defaultdict(int)

        @app.on(Event)
        def note(event: Event) -> None:
            if isinstance(event, Dropped):
                dropped[event.event] += event.count
            elif type(event) in CLASSES:
                handled.append((type(event), value(event)))

        expected: dict[str, int] = defaultdict(int)
        for batch in batches(script):
            model = Model(chosen, limit, posts=posts)
            for index, number in batch:
                model.add(CLASSES[index], number)
                give(make(CLASSES[index], number))
            handled.clear()
            app.step(0)
            app.step(0)
            assert handled == [(cls, number) for cls, number in model.waiting]
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
def test_policies_posts_of_four_threads_are_all_counted(
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
