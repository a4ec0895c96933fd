"""Rate limits for each kind of source, and for sources that end."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.clocks import Later
from helpers.descriptors import write_lines
from helpers.events import Work, actives
from helpers.network import Net, networking

from evdispatch import (
    Datagram,
    Dispatcher,
    Drain,
    Error,
    Event,
    Line,
    Packet,
    Pipe,
    Source,
    Throttled,
    Tick,
    Timer,
)
from evdispatch.testing import ManualSource, VirtualClock, record, settle

pytestmark = pytest.mark.pollers


@pytest.fixture
def net(timed: Dispatcher) -> Iterator[Net]:
    with networking(timed) as net:
        yield net


def test_rate_limit_of_timer_counts_all_ticks(
    timed: Dispatcher, clock: VirtualClock, later: Later
) -> None:
    timed.set_policy("tick", "block")
    seen, throttled = record(timed, Tick), record(timed, Throttled)
    timer = timed.add(Timer(every=0.01))
    timer.limit_rate(10, burst=2)
    passed = 0
    while passed < 100:
        later(0.01)
        passed += 1
        assert len(seen) <= 10 * passed * 0.01 + 2 + 1e-6
    assert 8 <= len(seen) <= 12
    assert actives(throttled) == [True]
    counts = [tick.count for tick in seen]
    missed = [tick.missed for tick in seen]
    before = [0, *counts][:-1]
    assert counts == [old + gap + 1 for old, gap in zip(before, missed, strict=True)]


def test_rate_limit_of_emitted_events_makes_them_wait(
    timed: Dispatcher, later: Later
) -> None:
    seen = record(timed, Work)
    source = timed.add(ManualSource())
    source.limit_rate(10, burst=2)
    for number in range(8):
        source.emit(Work(number))
        settle(timed)
    for _ in range(10):
        later(0.1)
    assert [event.number for event in seen] == list(range(8))


def test_rate_limit_of_datagram_leaves_packets_in_the_kernel(
    timed: Dispatcher, net: Net, later: Later
) -> None:
    seen = record(timed, Packet)
    source = timed.add(Datagram("127.0.0.1:0"))
    source.limit_rate(10, burst=2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(9):
            sender.sendto(b"%d" % number, source.address)
        for _ in range(15):
            later(0.1)
    assert [int(packet.data) for packet in seen] == list(range(9))


def test_rate_limit_of_connection_still_writes(
    timed: Dispatcher, net: Net, later: Later
) -> None:
    connection, client, _ = net.pair(1 << 12, framing="lines")
    settle(timed)
    drains = record(timed, Drain)
    connection.limit_rate(1, burst=2)
    client.sendall(b"".join(b"%d\n" % number for number in range(10)))
    settle(timed)
    connection.write(b"x" * 300_000)
    client.settimeout(0)
    got = 0
    for _ in range(10_000):
        try:
            got += len(client.recv(1 << 16))
        except BlockingIOError:
            timed.step(0)
        if got == 300_000:
            break
    assert got == 300_000
    for _ in range(5):
        later(1.0)
    assert len(drains) <= 1


def test_rate_limit_of_pipe_with_lost_fd_ends_it(
    timed: Dispatcher, ends: Any, later: Later
) -> None:
    reader, writer = ends.pipe()
    errors, seen = record(timed, Error), record(timed, Line)
    source = timed.add(Pipe(reader, framing="lines", closefd=False))
    source.limit_rate(10, burst=2)
    write_lines(writer, 10)
    settle(timed)
    ends.close(reader)
    later(0.2)
    assert source.closed or errors or len(seen) == 4


def test_rate_limit_while_held_is_in_why_alive(
    timed: Dispatcher, lines: Pipe, pipe: list[int]
) -> None:
    lines.limit_rate(10, burst=2)
    write_lines(pipe[1], 10)
    settle(timed)
    (waiting,) = timed.why_alive().sources
    assert waiting.held
    assert waiting.by_itself
    assert "held back by its rate, due in 0.100 s" in str(waiting)
    assert "held back" in repr(lines)


def test_rate_limit_of_file_does_not_spin(
    timed: Dispatcher, tmp_path: Path, later: Later
) -> None:
    path = tmp_path / "lines"
    path.write_text("".join(f"{number}\n" for number in range(50_000)))
    seen = record(timed, Line)
    source = Pipe(path.open("rb"), framing="lines")
    source.limit_rate(1000)
    timed.add(source)
    settle(timed)
    polls = timed.stats().polls
    settle(timed)
    assert timed.stats().polls < polls + 20
    for _ in range(10):
        later(0.1)
    assert 900 <= len(seen) <= 1100
    assert [int(line.data) for line in seen] == list(range(len(seen)))
    source.close()


@pytest.mark.modes("inline")
def test_rate_limit_while_held_readiness_causes_no_polls(
    timed: Dispatcher, lines: Pipe, pipe: list[int]
) -> None:
    lines.limit_rate(10, burst=2)
    write_lines(pipe[1], 10)
    settle(timed)
    write_lines(pipe[1], 10)
    timed.step(0)
    polls = timed.stats().polls
    timed.step(0.05)  # no time passes on the virtual clock
    assert timed.stats().polls == polls + 1


class Scripted(Source):
    """Emits the events of a function when it is woken."""

    def __init__(self, script: Callable[[Source], Iterator[Event]]) -> None:
        super().__init__()
        self.script = script

    def on_wake(self) -> Iterator[Event]:
        return self.script(self)


def fail(source: Source) -> Iterator[Event]:
    raise RuntimeError


def end_first(source: Source) -> Iterator[Event]:
    source.finish()
    yield from map(Work, range(5))


def end_amid_events(source: Source) -> Iterator[Event]:
    yield from map(Work, range(3))
    source.finish()
    yield from map(Work, range(3, 6))


def test_rate_limit_source_ended_first_delivers_the_rest_at_its_rate(
    timed: Dispatcher, later: Later
) -> None:
    seen, throttled = record(timed, Work), record(timed, Throttled)
    source = timed.add(Scripted(end_first))
    source.limit_rate(10, burst=2)
    source.wake()
    settle(timed)
    counts = [len(seen)]
    for _ in range(4):
        later(0.1)
        counts.append(len(seen))
    assert counts[-1] == 5
    assert timed.timeout() is None
    assert throttled == []
    assert not source.held_back


def test_rate_limit_source_ends_amid_its_events_delivers_the_rest(
    timed: Dispatcher, later: Later
) -> None:
    seen, throttled = record(timed, Work), record(timed, Throttled)
    source = timed.add(Scripted(end_amid_events))
    source.limit_rate(10, burst=2)
    source.wake()
    settle(timed)
    counts = [len(seen)]
    for _ in range(6):
        later(0.1)
        counts.append(len(seen))
    assert counts == [2, 3, 4, 5, 6, 6, 6]
    assert actives(throttled) == [True]
    assert timed.timeout() is None
    timed._registrations.limit(
        source, 5.0, 1.0
    )  # as by a thread that waited for the lock
    assert source.registration.limiter is None


def test_rate_limit_source_raises_emits_error(timed: Dispatcher) -> None:
    errors = record(timed, Error)
    source = timed.add(Scripted(fail))
    source.limit_rate(10)
    source.wake()
    settle(timed)
    assert [type(error.exception) for error in errors] == [RuntimeError]
