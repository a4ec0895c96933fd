"""``Dispatcher(slow=)``: the thread that looks on, and the stacks it takes."""

import functools
import os
import threading
import time
from typing import Any

import pytest
from helpers.events import Work
from helpers.slow import be_sampled, measuring, sampler_of
from helpers.waiting import PATIENCE, wait_until

from evdispatch import (
    Dispatcher,
    Slow,
)
from evdispatch._dispatch._meter import Measured
from evdispatch._io._lookout import CALM, Lookout, Watched
from evdispatch._io._sampler import Place, Sampler
from evdispatch._io._standby import Standby
from evdispatch.testing import VirtualClock, record, settle

app = measuring


class TestLooks:
    """The thread that looks on."""

    def lookout(self, app: Dispatcher) -> Lookout:
        pumping = app._pumping
        if isinstance(pumping, Watched):
            return pumping._lookout
        assert isinstance(pumping, Standby)
        return pumping

    def test_a_call_that_follows_a_slow_one_is_looked_at_in_time(
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

    @pytest.mark.slow
    def test_one_that_idles_wakes_nobody_up(self, app: Dispatcher) -> None:
        settle(app)
        lookout = self.lookout(app)
        wait_until(lambda: lookout.asleep)
        looks: list[int] = []
        lookout.look_on = lambda: looks.append(1)  # type: ignore[method-assign]
        time.sleep(0.05)  # nothing happens for so long
        assert not looks
        del lookout.look_on

    def test_it_is_roused_from_its_sleep(
        self, app: Dispatcher, clock: VirtualClock
    ) -> None:
        settle(app)
        lookout = self.lookout(app)
        wait_until(lambda: lookout.asleep)
        self.test_a_call_that_follows_a_slow_one_is_looked_at_in_time(app, clock)

    def test_what_it_fails_with_is_raised(self, app: Dispatcher) -> None:
        def fail() -> None:
            raise MemoryError("crash")

        sampler_of(app).look = fail  # type: ignore[method-assign]

        @app.on(Work)
        def work() -> None:
            thread = self.lookout(app)._thread
            assert thread is not None
            wait_until(lambda: thread.failure is not None)

        app.post(Work())
        with pytest.raises(Exception, match="please report it"):
            app.run()

    def test_how_long_it_may_wait(self, clock: VirtualClock) -> None:
        nudged: list[int] = []
        sampler = Sampler(0.5, clock.now, Measured.run.__code__)
        sampler.nudge = lambda: nudged.append(1)
        assert sampler.look() == 0.5
        sampler.call = first = (clock.now(), 0)
        clock.advance(0.25)
        assert sampler.look() == 0.25
        clock.advance(0.25)
        assert sampler.look() is None
        assert sampler.look() is None
        sampler.call = None
        assert sampler.look() == 0.5
        assert sampler.stack_of((0.0, 0)) == ""
        assert not nudged
        assert sampler.stack_of(first) == ""
        assert nudged

    def test_one_that_ends_while_it_is_sampled_is_noticed(
        self, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sampler = Sampler(0.5, clock.now, Measured.run.__code__)

        def end(call: object) -> str:
            sampler.call = None
            return ""

        monkeypatch.setattr(sampler, "_stack", end)
        sampler.call = (clock.now() - 1, 0)
        assert sampler.look() == 0

    def test_waits_are_not_longer_than_a_lock_can(self, clock: VirtualClock) -> None:
        sampler = Sampler(float("inf"), clock.now, Measured.run.__code__)
        assert sampler.look() == 3600
        sampler.call = (clock.now(), 0)
        assert sampler.look() == 3600

    def test_a_handler_that_is_quick_is_not_stayed_for(
        self, app: Dispatcher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lookout = self.lookout(app)
        stayed: list[int] = []
        monkeypatch.setattr(lookout, "_stay_for", stayed.append)
        for _ in range(CALM):
            lookout.begin()
            lookout.look_on()
            lookout.finish()
        assert not stayed


@pytest.mark.parametrize("way", ["after", "once", "weak", "debounce"])
def test_the_stack_begins_with_the_users_function(
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
    (told,) = slow
    assert told.handler == worker.work
    assert told.stack.splitlines()[0].endswith("in work")


def test_one_that_ends_in_the_midst_of_the_sample_has_no_stack(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = Sampler(0.5, clock.now, Measured.run.__code__)
    call = sampler.call = (clock.now() - 1, 0)

    def walk(call: object) -> list[Place]:
        sampler.call = None
        return [Place("file", 1, "name", ours=False)]

    monkeypatch.setattr(sampler, "_walk", walk)
    assert sampler.look() == 0
    assert sampler.stack_of(call) == ""


@pytest.mark.parametrize("name", ["a\0b.py", "\ud800.py"], ids=["null", "surrogate"])
def test_code_of_a_name_that_no_file_can_have(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It is not run here: what measures the coverage of tests can't have such a name."""
    sampler = Sampler(0.5, clock.now, Measured.run.__code__)
    call = sampler.call = (clock.now() - 1, 0)
    place = Place(name, 7, "work", ours=False)
    monkeypatch.setattr(sampler, "_walk", lambda _: [place])
    assert sampler.look() is None
    stack = sampler.stack_of(call)
    assert "work" in stack
    assert "7" in stack


def test_on_the_real_clock(io: Any) -> None:
    with Dispatcher(io=io, slow=0.02) as app:
        slow = record(app, Slow)
        go_on = threading.Event()

        @app.on(Work)
        def work() -> None:
            be_sampled(app)
            go_on.wait(0.001)

        app.post(Work())
        settle(app)
        assert len(slow) == 1
        assert 0.02 <= slow[0].duration < 10
        assert "be_sampled(app)" in slow[0].stack


def test_in_the_background(io: Any, clock: VirtualClock) -> None:
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


def test_one_without_python_code_has_no_stack(io: Any, pipe: list[int]) -> None:
    with Dispatcher(io=io, slow=0.01) as app:
        slow = record(app, Slow)
        sampler = sampler_of(app)
        take = sampler._stack

        def take_and_tell(call: Any) -> str:
            try:
                return take(call)
            finally:
                os.write(pipe[1], b"x")

        sampler._stack = take_and_tell  # type: ignore[method-assign]
        app.on(Work)(functools.partial(os.read, pipe[0], 1))
        app.post(Work())
        settle(app)
        del sampler._stack
    assert [each.stack for each in slow] == [""]
    assert slow[0].duration < 10


def test_one_that_ends_before_the_look_has_no_stack(
    app: Dispatcher, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sampler, "look", lambda self: 0.001)
    slow = record(app, Slow)
    app.on(Work)(functools.partial(clock.advance, 1.0))
    app.post(Work())
    settle(app)
    assert slow[0].stack == ""
