"""Rate limits: a source that exceeds its rate is paused, and loses no event."""

import os

from helpers.clocks import Later
from helpers.descriptors import write_lines
from helpers.events import actives

from evdispatch import (
    Dispatcher,
    Eof,
    Line,
    Pipe,
    Throttled,
)
from evdispatch.testing import record, settle


def test_rate_limit_flood_allows_the_burst_at_once(
    timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
) -> None:
    seen, throttled = record(timed, Line), record(timed, Throttled)
    lines.limit_rate(10, burst=4)
    write_lines(pipe[1], 20)
    settle(timed)
    assert len(seen) == 4
    assert actives(throttled) == [True]
    assert (throttled[0].source, throttled[0].rate) == (lines, 10)
    later(0.1)
    assert len(seen) == 4, "half of the burst is not available yet"
    later(0.1)
    assert len(seen) == 6


def test_rate_limit_long_flood_loses_nothing_and_reports_once(
    timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
) -> None:
    seen, throttled = record(timed, Line), record(timed, Throttled)
    lines.limit_rate(100, burst=10)
    write_lines(pipe[1], 500)
    settle(timed)
    passed = 0.0
    while len(seen) < 500:
        later(0.01)
        passed += 0.01
        assert len(seen) <= 100 * passed + 10 + 1e-6
    assert passed < 5.5
    assert [int(event.data) for event in seen] == list(range(500))
    assert actives(throttled) == [True]
    later(0.2)
    assert actives(throttled) == [True, False]
    assert timed.timeout() is None, "a source that keeps to its rate has no deadline"


def test_rate_limit_not_exceeded_reports_nothing(
    timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
) -> None:
    seen, throttled = record(timed, Line), record(timed, Throttled)
    lines.limit_rate(10, burst=2)
    for _ in range(10):
        write_lines(pipe[1], 1)
        settle(timed)
        assert timed.timeout() is None
        later(0.1)
    assert (len(seen), throttled) == (10, [])


def test_rate_limit_exceeded_again_reports_again(
    timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
) -> None:
    throttled = record(timed, Throttled)
    lines.limit_rate(10, burst=2)
    for _ in range(2):
        write_lines(pipe[1], 3)
        settle(timed)
        later(0.1)
        later(1.0)
        later(1.0)
    assert actives(throttled) == [True, False, True, False]


def test_rate_limit_end_of_input_comes_after_all_lines(
    timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
) -> None:
    seen, ends = record(timed, Line), record(timed, Eof)
    lines.limit_rate(10, burst=2)
    write_lines(pipe[1], 7)
    os.close(pipe[1])
    pipe[1] = -1
    settle(timed)
    assert (len(seen), ends) == (2, [])
    polls = timed.stats().polls
    settle(timed)
    assert timed.stats().polls < polls + 20, "a hang-up does not make the loop spin"
    for _ in range(20):
        later(0.1)
    assert (len(seen), len(ends)) == (7, 1)
    assert lines.closed
    assert timed.timeout() is None


def test_rate_limit_below_one_a_second_applies(
    timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
) -> None:
    seen = record(timed, Line)
    lines.limit_rate(0.1)
    write_lines(pipe[1], 3)
    settle(timed)
    counts = [len(seen)]
    for _ in range(4):
        later(5.0)
        counts.append(len(seen))
    assert counts == [1, 1, 2, 2, 3]
