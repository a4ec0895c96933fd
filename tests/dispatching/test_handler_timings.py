"""``Dispatcher(slow=)``: the time that handlers take, in `Dispatcher.stats`."""

import functools
import gc
import weakref
from typing import Any

import pytest
from helpers.events import Work
from helpers.slow import measuring, timing
from hypothesis import given, settings
from hypothesis import strategies as st

from evdispatch import (
    Dispatcher,
    Slow,
)
from evdispatch.debug._slow import BOUNDS
from evdispatch.testing import ManualSource, VirtualClock, record, settle

app = measuring


def test_timings_of_after_and_every_are_kept_by_function(
    app: Dispatcher, clock: VirtualClock
) -> None:
    slow = record(app, Slow)

    def later() -> None:
        clock.advance(1.0)

    class Poller:
        def poll(self) -> None:
            clock.advance(2.0)

        def __call__(self) -> None:
            clock.advance(3.0)

    poller = Poller()
    app.after(0, later)
    app.after(0, functools.partial(poller.poll))
    app.after(0, poller)
    app.after(0, lambda: None).cancel()
    handle = app.every(100.0, later)
    settle(app)
    clock.advance(100.0)
    settle(app)
    handle.cancel()
    assert [each.duration for each in slow] == [1.0, 2.0, 3.0, 1.0]
    assert slow[0].handler is later
    timings = {each.name.rpartition(".")[2]: each for each in app.stats().timings}
    assert (timings["later"].calls, timings["later"].total) == (2, 2.0)
    assert timings["later"].handler is None
    assert timings["poll"].total == 2.0
    assert timings["Poller"].total == 3.0


def test_timings_of_after_hold_no_reference_to_the_function(app: Dispatcher) -> None:
    class Job:
        def __call__(self) -> None: ...

    job = Job()
    gone = weakref.ref(job)
    app.after(0, job)
    del job
    settle(app)
    gc.collect()
    assert gone() is None


def test_timings_of_a_closed_source_are_removed(app: Dispatcher) -> None:
    source = app.add(ManualSource())
    source.on(Work)(lambda: None)
    gone = weakref.ref(source)
    source.emit(Work())
    settle(app)
    assert source in app.stats().sources
    before = len(app.stats().timings)
    source.close()
    del source
    settle(app)
    gc.collect()
    assert gone() is None
    assert len(app.stats().timings) == before - 1


def test_timings_of_a_handler_registered_twice_are_added_up(app: Dispatcher) -> None:
    def work() -> None: ...

    app.on(Work)(work)
    app.on(Work)(work)
    app.post(Work())
    settle(app)
    assert timing(app, work).calls == 2
    assert str(timing(app, work)).startswith(f"{__name__}.test_timings_of_a_handler")
    assert "2 calls, 0.000000 s in all" in str(timing(app, work))


@settings(deadline=None, max_examples=30)
@given(
    took=st.lists(st.one_of(st.floats(0, 1e4), st.sampled_from(BOUNDS)), max_size=20)
)
def test_histogram_counts_each_call(took: list[float]) -> None:
    clock = VirtualClock(0.0)
    left = list(took)
    with Dispatcher(io="inline", clock=clock, slow=1e9) as app:

        @app.on(Work)
        def work() -> None:
            clock.advance(left.pop())

        for _ in took:
            app.post(Work())
        app.step()
        app.step()
        found = timing(app, work)
    assert sum(count for _, count in found.histogram) == found.calls == len(took)
    assert found.total == pytest.approx(sum(took))
    assert [bound for bound, _ in found.histogram] == sorted(
        {bound for bound, _ in found.histogram}
    )
    assert {bound for bound, _ in found.histogram} <= {*BOUNDS, float("inf")}


@pytest.mark.parametrize("seconds", [0.0, 1e-6, 1.1e-6, 0.02, 499.0, 1e4])
def test_histogram_counts_a_call_below_its_first_bound(
    seconds: float,
) -> None:
    clock = VirtualClock(0.0)  # so that the sums are exact
    with Dispatcher(io="inline", clock=clock, slow=1e9) as app:

        @app.on(Work)
        def work() -> None:
            clock.advance(seconds)

        app.post(Work())
        app.step()
        ((bound, count),) = timing(app, work).histogram
    assert count == 1
    assert bound == min(
        (each for each in BOUNDS if seconds <= each), default=float("inf")
    )


def test_timings_are_sorted_by_total_time(app: Dispatcher, clock: VirtualClock) -> None:
    app.on(Work)(functools.partial(clock.advance, 0.1))
    app.on(Work)(functools.partial(clock.advance, 0.3))
    app.post(Work())
    settle(app)
    totals = [each.total for each in app.stats().timings]
    assert totals == sorted(totals, reverse=True)
    assert totals[0] == pytest.approx(0.3)


def test_timings_without_slow_are_empty(timed: Dispatcher) -> None:
    def work() -> None: ...

    timed.on(Work)(work)
    timed.post(Work())
    settle(timed)
    assert timed.stats().timings == ()
    (entry,) = timed._registry.scope.subscriptions[Work]
    assert entry.call is work


@pytest.mark.parametrize(
    ("wrong", "error"), [(0, ValueError), (-1, ValueError), ("1", TypeError)]
)
def test_slow_invalid_value_raises(wrong: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="slow"):
        Dispatcher(slow=wrong)


def test_timings_of_a_handler_without_a_repr_have_the_class_name(
    app: Dispatcher, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """No method of the user's class is called for the name."""

    class Mute:
        def __call__(self) -> None:
            clock.advance(1.0)

        def __repr__(self) -> str:
            raise AssertionError

    mute = Mute()
    app.on(Work)(mute)
    app.on(Work)(functools.partial(mute))
    app.post(Work())
    assert settle(app) == 1
    assert timing(app, mute).name.endswith("Mute")
    assert [each.name.rpartition(".")[2] for each in app.stats().timings] == [
        "Mute"
    ] * 2
    assert caplog.text.count("Mute took 1.000 s on 'work'") == 2
