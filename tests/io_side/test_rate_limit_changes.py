"""Rate limits that are changed or lifted while a source is held."""

from typing import Any

import pytest
from helpers.clocks import Later
from helpers.descriptors import write_lines
from helpers.events import Work, actives

from evdispatch import (
    Dispatcher,
    Line,
    Pipe,
    Throttled,
)
from evdispatch.testing import ManualSource, record, settle


def test_rate_limit_source_paused_stays_paused(
    timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
) -> None:
    seen = record(timed, Line)
    lines.limit_rate(10, burst=2)
    write_lines(pipe[1], 5)
    settle(timed)
    assert lines.held_back
    assert not lines.paused
    lines.pause()
    later(1.0)
    assert len(seen) == 2
    lines.resume()
    settle(timed)
    assert len(seen) == 4


def test_rate_limit_source_resumed_stays_held(
    timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
) -> None:
    seen = record(timed, Line)
    lines.limit_rate(10, burst=2)
    write_lines(pipe[1], 5)
    settle(timed)
    lines.pause()
    lines.resume()
    settle(timed)
    assert len(seen) == 2
    later(0.1)
    assert len(seen) == 3


def test_rate_limit_lifted_while_held_releases_and_reports(
    timed: Dispatcher, lines: Pipe, pipe: list[int]
) -> None:
    seen, throttled = record(timed, Line), record(timed, Throttled)
    lines.limit_rate(10, burst=2)
    write_lines(pipe[1], 100)
    settle(timed)
    lines.limit_rate(None)
    settle(timed)
    assert len(seen) == 100
    assert actives(throttled) == [True, False]
    assert timed.timeout() is None
    lines.limit_rate(None)


def test_rate_limit_lifted_before_use_reports_nothing(
    timed: Dispatcher, lines: Pipe, pipe: list[int]
) -> None:
    seen, throttled = record(timed, Line), record(timed, Throttled)
    lines.limit_rate(10, burst=2)
    lines.limit_rate(None)
    write_lines(pipe[1], 100)
    settle(timed)
    assert (len(seen), throttled) == (100, [])


def test_rate_limit_changed_while_held_applies_at_once(
    timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
) -> None:
    seen, throttled = record(timed, Line), record(timed, Throttled)
    lines.limit_rate(1, burst=2)
    write_lines(pipe[1], 100)
    settle(timed)
    lines.limit_rate(1000, burst=50)
    later(0.025)
    assert len(seen) == 27
    lines.limit_rate(1000, burst=20)
    for _ in range(10):
        later(0.025)
    assert len(seen) == 100
    assert actives(throttled) == [True, False]


def test_rate_limit_changed_while_recovering_applies_at_once(
    timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
) -> None:
    throttled = record(timed, Throttled)
    lines.limit_rate(1, burst=2)
    write_lines(pipe[1], 2)
    settle(timed)
    later(1.0)
    assert actives(throttled) == [True]
    lines.limit_rate(10, burst=2)
    later(0.1)
    assert actives(throttled) == [True, False]


def test_rate_limit_lifted_and_set_at_once_stays_held(
    timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
) -> None:
    seen, throttled = record(timed, Line), record(timed, Throttled)
    lines.limit_rate(1, burst=2)
    write_lines(pipe[1], 10)
    settle(timed)
    with timed._registrations.lock:
        lines.limit_rate(None)
        lines.limit_rate(1, burst=2)
    settle(timed)
    assert len(seen) <= 4
    for _ in range(20):
        later(1.0)
    assert len(seen) == 10
    assert actives(throttled) == [True, False]


def test_rate_limit_source_closed_has_no_deadline(
    timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
) -> None:
    seen = record(timed, Line)
    lines.limit_rate(10, burst=2)
    write_lines(pipe[1], 10)
    settle(timed)
    lines.close()
    assert timed.timeout() is None
    later(10.0)
    assert len(seen) == 2
    lines.limit_rate(5)


def test_rate_limit_set_before_add_applies(timed: Dispatcher, later: Later) -> None:
    source = ManualSource()
    source.limit_rate(5, burst=1)
    source.limit_rate(None)
    source.limit_rate(10, burst=3)
    seen = record(timed, Work)
    timed.add(source).emit(*map(Work, range(5)))
    settle(timed)
    assert len(seen) == 3


@pytest.mark.parametrize("rate", [float("inf"), 10**400])
def test_rate_limit_infinite_rate_is_none(
    timed: Dispatcher, later: Later, rate: float
) -> None:
    source = timed.add(ManualSource())
    source.limit_rate(rate)
    seen, throttled = record(timed, Work), record(timed, Throttled)
    source.emit(*map(Work, range(5)))
    later(0)
    assert len(seen) == 5
    source.limit_rate(1, burst=2)
    source.emit(*map(Work, range(5)))
    later(0)
    assert len(seen) == 7
    source.limit_rate(rate)  # as None: waiting events are delivered at once
    later(0)
    assert len(seen) == 10
    assert actives(throttled) == [True, False]


def test_rate_limit_huge_burst_limits_nothing(timed: Dispatcher, later: Later) -> None:
    source = timed.add(ManualSource())
    seen = record(timed, Work)
    source.limit_rate(1, burst=10**400)
    source.emit(*map(Work, range(100)))
    later(0)
    assert len(seen) == 100


@pytest.mark.parametrize("rate", [0, -1, float("nan"), "1"])
def test_rate_limit_wrong_rate_raises(rate: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="rate"):
        ManualSource().limit_rate(rate)


@pytest.mark.parametrize("burst", [0, -1, 1.5, "1"])
def test_rate_limit_wrong_burst_raises(burst: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="burst"):
        ManualSource().limit_rate(1, burst)
