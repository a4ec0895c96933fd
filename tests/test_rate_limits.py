"""Rates: a source that makes too much is held back, told once, and loses nothing."""

import contextlib
import os
import socket
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Net, networking

from evdispatch import (
    WRITE,
    Datagram,
    Dispatcher,
    Drain,
    Eof,
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
from evdispatch._rates import Bucket
from evdispatch.testing import ManualSource, VirtualClock, record, run_until, settle


@attrs.define(eq=False)
class Numbered(Event):
    number: int


@pytest.fixture
def lines(timed: Dispatcher, pipe: list[int]) -> Pipe:
    reader, pipe[0] = pipe[0], -1
    return timed.add(Pipe(reader, framing="lines"))


@pytest.fixture
def net(timed: Dispatcher) -> Iterator[Net]:
    with networking(timed) as net:
        yield net


Later = Callable[[float], None]


@pytest.fixture
def later(timed: Dispatcher, clock: VirtualClock) -> Later:
    """Let time pass, and all happen that is due then."""

    def pass_by(seconds: float) -> None:
        clock.advance(seconds)
        settle(timed)
        settle(timed)  # what is released may be held back, or told, a turn later

    return pass_by


def told(seen: list[Throttled]) -> list[bool]:
    return [event.active for event in seen]


def write_lines(fd: int, count: int) -> None:
    os.write(fd, b"".join(b"%d\n" % number for number in range(count)))


class TestLines:
    def test_no_more_than_the_burst_at_once(
        self, timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
    ) -> None:
        seen, throttled = record(timed, Line), record(timed, Throttled)
        lines.limit_rate(10, burst=4)
        write_lines(pipe[1], 20)
        settle(timed)
        assert len(seen) == 4
        assert told(throttled) == [True]
        assert (throttled[0].source, throttled[0].rate) == (lines, 10)
        later(0.1)
        assert len(seen) == 4, "half of the burst is not there yet"
        later(0.1)
        assert len(seen) == 6

    def test_nothing_is_lost_and_each_end_is_told_once(
        self, timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
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
        assert told(throttled) == [True]
        later(0.2)
        assert told(throttled) == [True, False]
        assert timed.timeout() is None, "who keeps to the rate wakes nobody"

    def test_within_its_rate_it_is_not_told_at_all(
        self, timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
    ) -> None:
        seen, throttled = record(timed, Line), record(timed, Throttled)
        lines.limit_rate(10, burst=2)
        for _ in range(10):
            write_lines(pipe[1], 1)
            settle(timed)
            assert timed.timeout() is None
            later(0.1)
        assert (len(seen), throttled) == (10, [])

    def test_a_second_excess_is_told_again(
        self, timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
    ) -> None:
        throttled = record(timed, Throttled)
        lines.limit_rate(10, burst=2)
        for _ in range(2):
            write_lines(pipe[1], 3)
            settle(timed)
            later(0.1)
            later(1.0)
            later(1.0)
        assert told(throttled) == [True, False, True, False]

    def test_its_end_comes_after_all_lines(
        self, timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
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
        assert timed.stats().polls < polls + 20, "a hang-up does not make it spin"
        for _ in range(20):
            later(0.1)
        assert (len(seen), len(ends)) == (7, 1)
        assert lines.closed
        assert timed.timeout() is None

    def test_a_fraction_of_one_a_second(
        self, timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
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


class TestChanging:
    def test_a_pause_stays_one(
        self, timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
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

    def test_a_resume_does_not_end_it(
        self, timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
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

    def test_it_is_lifted_and_told(
        self, timed: Dispatcher, lines: Pipe, pipe: list[int]
    ) -> None:
        seen, throttled = record(timed, Line), record(timed, Throttled)
        lines.limit_rate(10, burst=2)
        write_lines(pipe[1], 100)
        settle(timed)
        lines.limit_rate(None)
        settle(timed)
        assert len(seen) == 100
        assert told(throttled) == [True, False]
        assert timed.timeout() is None
        lines.limit_rate(None)

    def test_it_is_lifted_before_it_was_used_up(
        self, timed: Dispatcher, lines: Pipe, pipe: list[int]
    ) -> None:
        seen, throttled = record(timed, Line), record(timed, Throttled)
        lines.limit_rate(10, burst=2)
        lines.limit_rate(None)
        write_lines(pipe[1], 100)
        settle(timed)
        assert (len(seen), throttled) == (100, [])

    def test_another_rate_holds_at_once(
        self, timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
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
        assert told(throttled) == [True, False]

    def test_another_rate_while_it_recovers(
        self, timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
    ) -> None:
        throttled = record(timed, Throttled)
        lines.limit_rate(1, burst=2)
        write_lines(pipe[1], 2)
        settle(timed)
        later(1.0)
        assert told(throttled) == [True]
        lines.limit_rate(10, burst=2)
        later(0.1)
        assert told(throttled) == [True, False]

    def test_lifted_and_set_anew_at_once(
        self, timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
    ) -> None:
        seen, throttled = record(timed, Line), record(timed, Throttled)
        lines.limit_rate(1, burst=2)
        write_lines(pipe[1], 10)
        settle(timed)
        with timed._roster.lock:
            lines.limit_rate(None)
            lines.limit_rate(1, burst=2)
        settle(timed)
        assert len(seen) <= 4
        for _ in range(20):
            later(1.0)
        assert len(seen) == 10
        assert told(throttled) == [True, False]

    def test_closed_it_is_forgotten(
        self, timed: Dispatcher, lines: Pipe, pipe: list[int], later: Later
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

    def test_set_before_it_is_added(self, timed: Dispatcher, later: Later) -> None:
        source = ManualSource()
        source.limit_rate(5, burst=1)
        source.limit_rate(None)
        source.limit_rate(10, burst=3)
        seen = record(timed, Numbered)
        timed.add(source).emit(*map(Numbered, range(5)))
        settle(timed)
        assert len(seen) == 3

    @pytest.mark.parametrize("rate", [float("inf"), 10**400])
    def test_a_rate_without_end(
        self, timed: Dispatcher, later: Later, rate: float
    ) -> None:
        source = timed.add(ManualSource())
        source.limit_rate(rate)
        seen, throttled = record(timed, Numbered), record(timed, Throttled)
        source.emit(*map(Numbered, range(5)))
        later(0)
        assert len(seen) == 5
        source.limit_rate(1, burst=2)
        source.emit(*map(Numbered, range(5)))
        later(0)
        assert len(seen) == 7
        source.limit_rate(rate)  # as None: what waits comes at once
        later(0)
        assert len(seen) == 10
        assert told(throttled) == [True, False]

    def test_more_at_once_than_there_are_numbers_for(
        self, timed: Dispatcher, later: Later
    ) -> None:
        source = timed.add(ManualSource())
        seen = record(timed, Numbered)
        source.limit_rate(1, burst=10**400)
        source.emit(*map(Numbered, range(100)))
        later(0)
        assert len(seen) == 100

    @pytest.mark.parametrize("rate", [0, -1, float("nan"), "1"])
    def test_no_rate(self, rate: Any) -> None:
        with pytest.raises((ValueError, TypeError), match="rate"):
            ManualSource().limit_rate(rate)

    @pytest.mark.parametrize("burst", [0, -1, 1.5, "1"])
    def test_no_burst(self, burst: Any) -> None:
        with pytest.raises((ValueError, TypeError), match="burst"):
            ManualSource().limit_rate(1, burst)


class TestSources:
    def test_a_timer_misses_no_tick(
        self, timed: Dispatcher, clock: VirtualClock, later: Later
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
        assert told(throttled) == [True]
        counts = [tick.count for tick in seen]
        missed = [tick.missed for tick in seen]
        before = [0, *counts][:-1]
        assert counts == [
            old + gap + 1 for old, gap in zip(before, missed, strict=True)
        ]

    def test_what_is_emitted_waits(self, timed: Dispatcher, later: Later) -> None:
        seen = record(timed, Numbered)
        source = timed.add(ManualSource())
        source.limit_rate(10, burst=2)
        for number in range(8):
            source.emit(Numbered(number))
            settle(timed)
        for _ in range(10):
            later(0.1)
        assert [event.number for event in seen] == list(range(8))

    def test_datagrams_wait_in_the_kernel(
        self, timed: Dispatcher, net: Net, later: Later
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

    def test_a_connection_still_writes_and_drains(
        self, timed: Dispatcher, net: Net, later: Later
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

    def test_one_whose_number_was_closed_behind_its_back_ends(
        self, timed: Dispatcher, ends: Any, later: Later
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

    def test_what_it_waits_for_is_told(
        self, timed: Dispatcher, lines: Pipe, pipe: list[int]
    ) -> None:
        lines.limit_rate(10, burst=2)
        write_lines(pipe[1], 10)
        settle(timed)
        (waiting,) = timed.why_alive().sources
        assert waiting.held
        assert waiting.by_itself
        assert "held back by its rate, due in 0.100 s" in str(waiting)
        assert "held back" in repr(lines)

    def test_a_file_is_not_asked_meanwhile(
        self, timed: Dispatcher, tmp_path: Path, later: Later
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

    @pytest.mark.parametrize("io", ["inline"], indirect=True)
    def test_what_is_held_back_wakes_nobody(
        self, timed: Dispatcher, lines: Pipe, pipe: list[int]
    ) -> None:
        lines.limit_rate(10, burst=2)
        write_lines(pipe[1], 10)
        settle(timed)
        write_lines(pipe[1], 10)
        timed.step(0)
        polls = timed.stats().polls
        timed.step(0.05)  # no time passes on the virtual clock
        assert timed.stats().polls == polls + 1


class Failing(Source):
    """One that raises as soon as it is asked by a wake."""

    def on_wake(self) -> Iterator[Event]:
        raise RuntimeError


class Ending(Source):
    """One that has ended while it still has something to tell."""

    def on_wake(self) -> Iterator[Event]:
        self.finish()
        yield from map(Numbered, range(5))


def test_what_has_ended_tells_the_rest_at_its_rate(
    timed: Dispatcher, later: Later
) -> None:
    seen, throttled = record(timed, Numbered), record(timed, Throttled)
    source = timed.add(Ending())
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


class Closing(Source):
    """One that ends in the midst of what it tells."""

    def on_wake(self) -> Iterator[Event]:
        yield from map(Numbered, range(3))
        self.finish()
        yield from map(Numbered, range(3, 6))


def test_it_may_end_in_the_midst_of_it(timed: Dispatcher, later: Later) -> None:
    seen, throttled = record(timed, Numbered), record(timed, Throttled)
    source = timed.add(Closing())
    source.limit_rate(10, burst=2)
    source.wake()
    settle(timed)
    counts = [len(seen)]
    for _ in range(6):
        later(0.1)
        counts.append(len(seen))
    assert counts == [2, 3, 4, 5, 6, 6, 6]
    assert told(throttled) == [True]
    assert timed.timeout() is None
    timed._roster.limit(source, 5.0, 1.0)  # who came for the lock meanwhile
    assert source._bucket is None


def test_a_source_that_raises_while_it_is_held_back(timed: Dispatcher) -> None:
    errors = record(timed, Error)
    source = timed.add(Failing())
    source.limit_rate(10)
    source.wake()
    settle(timed)
    assert [type(error.exception) for error in errors] == [RuntimeError]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["write", "advance", "limit", "lift", "pause", "resume", "step"]
        ),
        st.integers(1, 20),
    ),
    max_size=30,
)


class Writer(Source):
    """One that has something to tell and something to write, and ends at that."""

    verifies: ClassVar[bool] = True

    def __init__(self, fd: int, end: str) -> None:
        super().__init__()
        self.fd = fd
        self.end = end

    @property
    def interest_in_pause(self) -> int | None:
        return WRITE

    def fileno(self) -> int:
        return self.fd

    def on_ready(self, ready: int) -> Iterator[Event]:
        if not self.held_back:
            yield from map(Numbered, range(5))
        elif self.end == "close":
            self.close()
        else:
            raise RuntimeError("it can't be written")


@pytest.mark.parametrize("end", ["close", "raise"])
def test_a_source_that_ends_as_it_writes_meanwhile(
    timed: Dispatcher,
    pair: tuple[socket.socket, socket.socket],
    later: Later,
    end: str,
) -> None:
    seen, errors = record(timed, Numbered), record(timed, Error)
    source = Writer(pair[0].fileno(), end)
    source.limit_rate(10, burst=2)
    timed.add(source)
    pair[1].sendall(b"x")
    settle(timed)
    assert source.closed
    for _ in range(5):
        later(0.1)
    if end == "close":
        assert len(seen) <= 2, "what was queued goes with it"
        assert errors == []
    else:
        assert len(seen) == 5
        assert [str(error.exception) for error in errors] == ["it can't be written"]
    assert timed.timeout() is None


def test_a_source_that_ends_while_it_recovers(
    timed: Dispatcher, clock: VirtualClock, later: Later
) -> None:
    seen, throttled = record(timed, Numbered), record(timed, Throttled)
    source = timed.add(ManualSource())
    source.limit_rate(1000, burst=100)
    source.emit(*map(Numbered, range(100)))
    settle(timed)
    later(0.06)
    assert told(throttled) == [True]
    with timed._roster.lock:
        source.emit(*map(Numbered, range(100, 200)))
        source._rest = deque((source.on_wake(),))
        source.finish()
    for _ in range(5):
        later(0.1)
    assert [event.number for event in seen] == list(range(200))
    assert told(throttled) == [True]
    assert timed.timeout() is None


@pytest.mark.parametrize("poller", ["epoll", "verify"])  # the latter is edge-triggered
@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_whatever_happens_no_line_is_lost_and_ends_follow_beginnings(
    poller: Any, steps: list[tuple[str, int]]
) -> None:
    clock = VirtualClock()
    reader, writer = os.pipe()
    with (
        Dispatcher(io="inline", clock=clock, poller=poller) as app,
        open(writer, "wb") as file,
    ):
        lines = app.add(Pipe(reader, framing="lines"))
        seen, throttled = record(app, Line), record(app, Throttled)
        written = 0
        actions: dict[str, Callable[[int], object]] = {
            "advance": lambda n: clock.advance(n / 10),
            "limit": lambda n: lines.limit_rate(n, burst=max(1, n // 3)),
            "lift": lambda n: lines.limit_rate(None),
            "pause": lambda n: lines.pause(),
            "resume": lambda n: lines.resume(),
            "step": lambda n: app.step(0),
        }
        for action, number in steps:
            if action == "write":
                text = b"".join(b"%d\n" % (written + each) for each in range(number))
                file.write(text)
                file.flush()
                written += number
            else:
                actions[action](number)
            app.step(0)
            app.audit()
        lines.resume()
        for _ in range(written + 3):  # one at a time, at the worst
            clock.advance(100.0)
            settle(app)
        assert [int(line.data) for line in seen] == list(range(written))
        assert told(throttled) == [number % 2 == 0 for number in range(len(throttled))]
        assert len(throttled) % 2 == 0
        assert app.timeout() is None


@pytest.mark.parametrize("rate", [0.1, 1 / 3, 7.7, 1e6])
def test_a_bucket_is_never_generous(rate: float) -> None:
    bucket = Bucket(None, rate, 5.0)
    now = made = 0.0
    for step in range(2000):
        now += 0.1 / rate * (1 + step % 7)
        able = bucket.available(now)
        bucket.spend(able)
        made += able
        assert made <= rate * now + 5 + 1e-3
        assert bucket.half_at() > now or able
    assert made >= rate * now - 1
    assert bucket.on_deadline(now) == ()


class TestPausedWithARest:
    @pytest.mark.parametrize("io", ["inline", "auto"], indirect=True)
    def test_it_still_writes_and_does_not_spin(
        self, app: Dispatcher, pair: tuple[socket.socket, socket.socket]
    ) -> None:
        """Lines that were read and not told keep nobody from writing."""
        ours, theirs = pair
        pipe = app.add(Pipe(os.dup(ours.fileno()), framing="lines"))
        seen: list[Line] = []

        @app.on("line")
        def pause(event: Line) -> None:
            seen.append(event)
            pipe.pause()

        theirs.sendall(b"x\n" * 500)
        run_until(app, lambda: seen)
        assert pipe._rest is not None
        pipe.write(b"y" * 1_000_000)
        theirs.settimeout(0)
        got = 0
        for _ in range(20_000):
            try:
                got += len(theirs.recv(1 << 20))
            except BlockingIOError:
                app.step(0.001)
            if got == 1_000_000:
                break
        assert got == 1_000_000
        polls = app.stats().polls
        app.step(0.05)
        assert app.stats().polls - polls < 5
        pipe.resume()
        app.off(pause)
        app.on("line")(seen.append)
        run_until(app, lambda: len(seen) == 500)

    def test_what_it_writes_meanwhile_leaves_nothing_behind(
        self, app: Dispatcher, pair: tuple[socket.socket, socket.socket]
    ) -> None:
        ours, theirs = pair
        pipe = app.add(Pipe(os.dup(ours.fileno()), framing="lines"))
        seen: list[Line] = []

        @app.on("line")
        def pause(event: Line) -> None:
            seen.append(event)
            pipe.pause()

        theirs.sendall(b"x\n" * 500)
        run_until(app, lambda: seen)
        theirs.settimeout(0)
        pipe.write(b"y" * 1_000_000)
        assert pipe._rest is not None
        waiting = len(pipe._rest)
        got = 0

        def read() -> bool:
            nonlocal got
            with contextlib.suppress(BlockingIOError):
                got += len(theirs.recv(1 << 20))
            return got >= 700_000

        run_until(app, read)
        assert len(pipe._rest) == waiting
