"""Rate limits and sources that end, pause or write while they are held."""

import contextlib
import os
import socket
from collections import deque
from collections.abc import Callable, Iterator

import pytest
from helpers.clocks import Later
from helpers.events import Work, actives
from hypothesis import given, settings
from hypothesis import strategies as st

from evdispatch import (
    WRITE,
    Dispatcher,
    Error,
    Event,
    Line,
    Pipe,
    Source,
    Throttled,
)
from evdispatch._core._rate_limit import RateLimiter
from evdispatch.testing import ManualSource, VirtualClock, record, run_until, settle

pytestmark = pytest.mark.pollers

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
    """Emits events, and ends when it is asked to write while held."""

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
            yield from map(Work, range(5))
        elif self.end == "close":
            self.close()
        else:
            raise RuntimeError("cannot be written")


@pytest.mark.parametrize("end", ["close", "raise"])
def test_rate_limit_source_ends_while_held_delivers_as_documented(
    timed: Dispatcher,
    pair: tuple[socket.socket, socket.socket],
    later: Later,
    end: str,
) -> None:
    seen, errors = record(timed, Work), record(timed, Error)
    source = Writer(pair[0].fileno(), end)
    source.limit_rate(10, burst=2)
    timed.add(source)
    pair[1].sendall(b"x")
    settle(timed)
    assert source.closed
    for _ in range(5):
        later(0.1)
    if end == "close":
        assert len(seen) <= 2, "queued events are dropped with the source"
        assert errors == []
    else:
        assert len(seen) == 5
        assert [str(error.exception) for error in errors] == ["cannot be written"]
    assert timed.timeout() is None


def test_rate_limit_source_ends_while_recovering_delivers_the_rest(
    timed: Dispatcher, clock: VirtualClock, later: Later
) -> None:
    seen, throttled = record(timed, Work), record(timed, Throttled)
    source = timed.add(ManualSource())
    source.limit_rate(1000, burst=100)
    source.emit(*map(Work, range(100)))
    settle(timed)
    later(0.06)
    assert actives(throttled) == [True]
    with timed._registrations.lock:
        source.emit(*map(Work, range(100, 200)))
        source.registration.leftover = deque((source.on_wake(),))
        source.finish()
    for _ in range(5):
        later(0.1)
    assert [event.number for event in seen] == list(range(200))
    assert actives(throttled) == [True]
    assert timed.timeout() is None


@pytest.mark.parametrize("edge", [False, True])
@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_rate_limit_any_script_loses_no_line(
    *, edge: bool, steps: list[tuple[str, int]]
) -> None:
    clock = VirtualClock()
    reader, writer = os.pipe()
    with (
        Dispatcher(io="inline", clock=clock, edge=edge) as app,
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
        for _ in range(written + 3):  # at least one line is released each time
            clock.advance(100.0)
            settle(app)
        assert [int(line.data) for line in seen] == list(range(written))
        assert actives(throttled) == [
            number % 2 == 0 for number in range(len(throttled))
        ]
        assert len(throttled) % 2 == 0
        assert app.timeout() is None


@pytest.mark.parametrize("rate", [0.1, 1 / 3, 7.7, 1e6])
def test_rate_limiter_any_times_allows_no_more_than_the_rate(rate: float) -> None:
    limiter = RateLimiter(None, rate, 5.0)
    now = made = 0.0
    for step in range(2000):
        now += 0.1 / rate * (1 + step % 7)
        able = limiter.available(now)
        limiter.spend(able, now)
        made += able
        assert made <= rate * now + 5 + 1e-3
        assert limiter.due() > now or able
    assert made >= rate * now - 1
    assert limiter.on_deadline(now) == ()


def add_pausing_pipe(
    app: Dispatcher, sock: socket.socket
) -> tuple[Pipe, list[Line], Callable[[Line], None]]:
    """Add a pipe of lines, with a handler that keeps each line and pauses the pipe."""
    pipe = app.add(Pipe(os.dup(sock.fileno()), framing="lines"))
    seen: list[Line] = []

    @app.on("line")
    def pause(event: Line) -> None:
        seen.append(event)
        pipe.pause()

    return pipe, seen, pause


@pytest.mark.modes("inline", "auto")
def test_paused_pipe_with_leftover_still_writes(
    app: Dispatcher, pair: tuple[socket.socket, socket.socket]
) -> None:
    """Lines that were read and not delivered do not keep the pipe from writing."""
    ours, theirs = pair
    pipe, seen, pause = add_pausing_pipe(app, ours)
    theirs.sendall(b"x\n" * 500)
    run_until(app, lambda: seen)
    assert pipe.registration.leftover is not None
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


def test_paused_pipe_with_leftover_writing_adds_no_leftover(
    app: Dispatcher, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = pair
    pipe, seen, _ = add_pausing_pipe(app, ours)
    theirs.sendall(b"x\n" * 20_000)  # more than an IO thread may queue
    run_until(app, lambda: seen)
    settle(app)  # an IO thread may be amid its turn
    theirs.settimeout(0)
    pipe.write(b"y" * 1_000_000)
    assert pipe.registration.leftover is not None
    waiting = len(pipe.registration.leftover)
    got = 0

    def read() -> bool:
        nonlocal got
        with contextlib.suppress(BlockingIOError):
            got += len(theirs.recv(1 << 20))
        return got >= 700_000

    run_until(app, read)
    assert len(pipe.registration.leftover) == waiting
