"""Policies under load: signals, forks, threads, and a model of what comes out."""

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
from helpers.events import Sum, numbers
from hypothesis import given, settings
from hypothesis import strategies as st

from evdispatch import (
    Data,
    Dispatcher,
    Dropped,
    Event,
    _stats,
)
from evdispatch._io._sampler import is_ours
from evdispatch.testing import ManualSource, record, settle


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
