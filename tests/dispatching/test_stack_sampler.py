"""``Dispatcher(slow=)``: the sampler thread, and the stacks it takes."""

import functools
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.events import Work
from helpers.slow import be_sampled, sampler_of
from helpers.waiting import PATIENCE, wait_until

from evdispatch import (
    Dispatcher,
    Slow,
)
from evdispatch.debug._slow import Place, StackSampler
from evdispatch.testing import VirtualClock, record, settle


@pytest.fixture
def app(io: Any, polling: Any, clock: VirtualClock) -> Iterator[Dispatcher]:
    """A dispatcher on the virtual clock, for which 50 ms are slow."""
    with Dispatcher(io=io, clock=clock, slow=0.05, **polling) as dispatcher:
        yield dispatcher
        dispatcher.audit()


class TestStackSampler:
    """The thread that samples stacks."""

    def test_sampler_call_after_a_slow_one_is_sampled(
        self, app: Dispatcher, clock: VirtualClock
    ) -> None:
        slow = record(app, Slow)
        for _ in range(3):

            @app.on(Work)
            def work() -> None:
                clock.advance(1.0)
                be_sampled(app)

        app.post(Work())
        settle(app)
        assert ["be_sampled" in each.stack for each in slow] == [True] * 3

    def fall_asleep(self, app: Dispatcher) -> StackSampler:
        app.on(Work, once=True)(lambda: None)
        app.post(Work())
        settle(app)
        sampler = sampler_of(app)
        wait_until(lambda: sampler.asleep)
        return sampler

    @pytest.mark.slow
    def test_sampler_of_an_idle_program_does_not_wake(self, app: Dispatcher) -> None:
        sampler = self.fall_asleep(app)
        looks: list[int] = []
        sampler.look = lambda: looks.append(1)  # type: ignore[method-assign]
        time.sleep(0.05)  # the idle time that is observed
        assert not looks
        del sampler.look

    def test_sampler_asleep_is_woken_by_a_call(
        self, app: Dispatcher, clock: VirtualClock
    ) -> None:
        self.fall_asleep(app)
        self.test_sampler_call_after_a_slow_one_is_sampled(app, clock)

    def test_sampler_call_that_begins_as_it_falls_asleep_is_sampled(
        self, app: Dispatcher, clock: VirtualClock
    ) -> None:
        sampler = sampler_of(app)

        def look() -> float | None:
            del sampler.look
            sampler.call = (
                clock.now() - 1,
                0,
            )  # as a handler sets it, before its own look
            return None

        sampler.look = look  # type: ignore[method-assign]
        sampler.wake()
        wait_until(lambda: sampler._sampled[0] is sampler.call)
        sampler.call = None

    def test_sampler_failure_is_logged_and_handlers_still_run(
        self, app: Dispatcher, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail() -> None:
            raise MemoryError("crash")

        sampler = sampler_of(app)
        sampler.look = fail  # type: ignore[method-assign]
        app.on(Work)(lambda: None)
        app.post(Work())
        settle(app)
        sampler.end()
        assert "sampling the stacks of slow handlers has failed" in caplog.text

    def test_sampler_waits_until_the_call_becomes_slow(
        self, clock: VirtualClock
    ) -> None:
        rung: list[int] = []
        sampler = StackSampler(0.5, clock.now)
        sampler._ring = lambda: rung.append(1)  # type: ignore[method-assign]
        assert sampler.look() is None
        sampler.call = first = (clock.now(), 0)
        assert sampler.look() == 0.5
        clock.advance(0.25)
        assert sampler.look() == 0.25
        clock.advance(0.25)
        assert sampler.look() == 3600
        assert sampler.look() == 3600
        sampler.call = None
        assert sampler.look() is None
        assert sampler.stack_of((0.0, 0)) == ""
        assert not rung
        assert sampler.stack_of(first) == ""
        assert rung

    def test_sampler_with_short_calls_stays_awake(self, clock: VirtualClock) -> None:
        sampler = StackSampler(0.5, clock.now)
        for _ in range(3):
            sampler.latest = (clock.now(), 0)
            assert sampler.look() == 0.5
        assert sampler.look() is None

    def test_sampler_without_a_thread_still_calls_the_handler(
        self,
        app: Dispatcher,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        app.step(0)  # the other threads are there

        def refuse(*_: Any) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr("evdispatch.debug._slow.Worker", refuse)
        seen = record(app, Work)
        app.post(Work())
        app.post(Work())
        settle(app)
        assert len(seen) == 2
        assert caplog.text.count("no stacks of slow handlers") == 1

    def test_sampler_call_that_ends_while_sampled_is_looked_at_again(
        self, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sampler = StackSampler(0.5, clock.now)

        def end(call: object) -> str:
            sampler.call = None
            return ""

        monkeypatch.setattr(sampler, "_stack", end)
        sampler.call = (clock.now() - 1, 0)
        assert sampler.look() == 0

    def test_sampler_infinite_limit_waits_no_longer_than_a_lock_allows(
        self, clock: VirtualClock
    ) -> None:
        sampler = StackSampler(float("inf"), clock.now)
        sampler.call = (clock.now(), 0)
        assert sampler.look() == 3600


@pytest.mark.parametrize("way", ["after", "once", "weak", "debounce"])
def test_slow_stack_begins_with_the_users_function(
    app: Dispatcher, clock: VirtualClock, way: str
) -> None:
    slow = record(app, Slow)

    class Worker:
        def work(self) -> None:
            clock.advance(1.0)
            be_sampled(app)

    worker = Worker()
    if way == "after":
        app.after(0, worker.work)
    else:
        options: dict[str, Any] = {way: 1.0 if way == "debounce" else True}
        app.on(Work, **options)(worker.work)
    app.post(Work())
    settle(app)
    clock.advance(1.0)
    settle(app)
    (report,) = slow
    assert report.handler == worker.work
    assert report.stack.splitlines()[0].endswith("in work")


def test_slow_stack_of_a_call_that_ended_while_sampled_is_empty(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = StackSampler(0.5, clock.now)
    call = sampler.call = (clock.now() - 1, 0)

    def walk(call: object) -> list[Place]:
        sampler.call = None
        return [Place("file", 1, "name", ours=False)]

    monkeypatch.setattr(sampler, "_walk", walk)
    assert sampler.look() == 0
    assert sampler.stack_of(call) == ""


@pytest.mark.parametrize("name", ["a\0b.py", "\ud800.py"], ids=["null", "surrogate"])
def test_slow_stack_of_code_with_an_impossible_file_name_is_shown(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The code is not run here, since coverage cannot record such a file name."""
    sampler = StackSampler(0.5, clock.now)
    call = sampler.call = (clock.now() - 1, 0)
    place = Place(name, 7, "work", ours=False)
    monkeypatch.setattr(sampler, "_walk", lambda _: [place])
    assert sampler.look() == 3600
    stack = sampler.stack_of(call)
    assert "work" in stack
    assert "7" in stack


def test_slow_stack_on_the_real_clock_shows_the_blocking_line(io: Any) -> None:
    with Dispatcher(io=io, slow=0.02) as app:
        slow = record(app, Slow)
        never = threading.Event()

        @app.on(Work)
        def work() -> None:
            be_sampled(app)
            never.wait(0.001)

        app.post(Work())
        settle(app)
        assert len(slow) == 1
        assert 0.02 <= slow[0].duration < 10
        assert "be_sampled(app)" in slow[0].stack


def test_slow_stack_of_a_background_run_shows_the_handler(
    io: Any, clock: VirtualClock
) -> None:
    done = threading.Event()
    with Dispatcher(io=io, clock=clock, slow=0.5) as app:
        slow = record(app, Slow)
        app.on(Slow)(done.set)

        @app.on(Work)
        def work() -> None:
            clock.advance(1.0)
            be_sampled(app)

        with app.running():
            app.post(Work())
            assert done.wait(PATIENCE)
    assert "in work" in slow[0].stack


def test_slow_stack_of_a_builtin_handler_is_empty(io: Any, pipe: list[int]) -> None:
    with Dispatcher(io=io, slow=0.01) as app:
        slow = record(app, Slow)
        sampler = sampler_of(app)
        take = sampler._stack

        def take_and_notify(call: Any) -> str:
            try:
                return take(call)
            finally:
                os.write(pipe[1], b"x")

        sampler._stack = take_and_notify  # type: ignore[method-assign]
        app.on(Work)(functools.partial(os.read, pipe[0], 1))
        app.post(Work())
        settle(app)
        del sampler._stack
    assert [each.stack for each in slow] == [""]
    assert slow[0].duration < 10


def test_slow_stack_of_a_call_that_was_never_sampled_is_empty(
    app: Dispatcher, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StackSampler, "look", lambda self: 0.001)
    slow = record(app, Slow)
    app.on(Work)(functools.partial(clock.advance, 1.0))
    app.post(Work())
    settle(app)
    assert slow[0].stack == ""
