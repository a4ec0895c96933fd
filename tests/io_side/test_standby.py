"""``io="auto"``: the standby thread reads while a handler is slow."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.events import Work
from helpers.slow import standby_of
from helpers.terminals import Pty
from helpers.trees import fill
from helpers.waiting import PATIENCE, wait_until

from evdispatch import (
    Change,
    Data,
    Dispatcher,
    Event,
    InternalError,
    Key,
    Pipe,
    Terminal,
    Tick,
    Timer,
    Watch,
)
from evdispatch.testing import ManualSource, record, run_until, settle

pytestmark = [pytest.mark.modes("auto"), pytest.mark.pollers]


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def compute(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sum(range(1_000))


class TestTakeover:
    """Input that arrives while a handler occupies the dispatch thread."""

    @pytest.fixture
    def firehose(self) -> Iterator[tuple[socket.socket, list[int]]]:
        """A socket into which another thread writes numbers, as fast as it can."""
        near, far = socket.socketpair()
        far.settimeout(0.05)
        sent = [0]
        done = threading.Event()

        def pour() -> None:
            while not done.is_set():
                data = bytes((sent[0] + n) % 251 for n in range(2_000))
                try:
                    sent[0] += far.send(data)
                except TimeoutError:
                    continue

        thread = threading.Thread(target=pour)
        thread.start()
        yield near, sent
        done.set()
        thread.join()
        far.close()

    @pytest.mark.slow
    @pytest.mark.pollers("epoll", "poll")
    @pytest.mark.parametrize("be_busy", [sleep, compute], ids=["sleeps", "computes"])
    def test_standby_during_a_slow_handler_reads_all_sources_in_order(
        self,
        app: Dispatcher,
        pty: Pty,
        tmp_path: Path,
        firehose: tuple[socket.socket, list[int]],
        be_busy: object,
    ) -> None:
        near, sent = firehose
        pipe = app.add(Pipe(near.detach()))
        app.add(Terminal(pty.slave))
        app.add(Watch(tmp_path))
        timer = app.add(Timer("tick", every=0.1))
        numbers, keys = record(pipe, Data), record(app, Key)
        ticks, changes = record(timer, Tick), record(app, Change)
        run_until(app, lambda: numbers and ticks)
        read_before = sum(len(event.data) for event in numbers)
        seen: dict[str, int] = {}

        @app.on(Work)
        def work() -> None:
            before = {source: source.counts.read for source in app.sources}
            for number in range(100):  # 2 s, and more on a busy machine
                be_busy(0.2)  # type: ignore[operator]
                if number < 10:
                    pty.type(b"k")
                    fill(tmp_path, f"f{number}")
                    continue
                for source in app.sources:
                    seen[source.name] = source.counts.read - before[source]
                if all(seen[name] >= count for name, count in least.items()):
                    break

        least = {"tick": 1, "watch": 8, "terminal": 8, "pipe": 1}
        app.post(Work())
        run_until(app, lambda: seen, timeout=PATIENCE)
        assert {name: min(seen[name], count) for name, count in least.items()} == least

        def made() -> list[str]:
            created = [each for each in changes if each.name == "created"]
            return [os.path.basename(each.path) for each in created]

        run_until(app, lambda: len(keys) == len(made()) == 10, timeout=PATIENCE)
        run_until(app, lambda: ticks[-1].count >= 20, timeout=PATIENCE)
        assert [key.combo for key in keys] == ["k"] * 10
        assert made() == [f"f{number}" for number in range(10)]
        assert sum(tick.count for tick in ticks[-1:]) >= 20
        total = read_before
        data = b"".join(event.data for event in numbers)
        assert len(data) > total
        assert data == (bytes(range(251)) * (len(data) // 251 + 1))[: len(data)]
        assert len(data) <= sent[0] + 2_000
        assert app.stats().balanced

    def test_standby_takes_the_poller_over_and_hands_it_back(
        self, app: Dispatcher
    ) -> None:
        source = app.add(ManualSource())
        seen = record(source, Work)
        standby = standby_of(app)
        threads: list[str] = []

        class Asked(ManualSource):
            def on_wake(self) -> Iterator[Event]:
                threads.append(threading.current_thread().name)
                return super().on_wake()

        asked = app.add(Asked())
        handled = record(asked, Event)

        @source.on(Work)
        def be_slow() -> None:
            asked.emit(Event())
            wait_until(lambda: threads)

        source.emit(Work())
        run_until(app, lambda: seen)
        assert threads == ["evdispatch-standby"]
        assert standby.takeovers == 1
        settle(app)
        assert len(handled) == 1
        asked.emit(Event())
        settle(app)
        assert threads[1:] == [threading.current_thread().name]

    def test_standby_source_closed_by_the_slow_handler_delivers_nothing(
        self, app: Dispatcher
    ) -> None:
        near, far = socket.socketpair()
        with far:
            pipe = app.add(Pipe(near.detach()))
            data = record(app, Data)

            @app.on(Work)
            def close() -> None:
                far.send(b"x")
                wait_for_takeover(app, 1)
                pipe.close()

            app.post(Work())
            settle(app)
            assert data == []
            assert app.stats().balanced

    def test_standby_with_a_full_queue_stops_reading(self) -> None:
        with Dispatcher(io="auto", queue_size=4) as app:
            near, far = socket.socketpair()
            with far:
                pipe = app.add(Pipe(near.detach(), framing="lines"))
                lines = record(pipe, Event)

                @app.on(Work)
                def be_slow() -> None:
                    far.sendall(b"a\n" * 20)
                    wait_for_takeover(app, 1)
                    wait_until(lambda: pipe.counts.made >= 4)
                    assert pipe.counts.made == 4

                app.post(Work())
                run_until(app, lambda: len(lines) == 20)
                assert app.stats().balanced

    def test_standby_crash_raises_internal_error_in_run(
        self, app: Dispatcher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        poll_once = app._io.poll_once

        def crash(timeout: float | None, *, inline: bool) -> None:
            if not inline:
                raise MemoryError("crash")
            poll_once(timeout, inline=inline)

        @app.on(Work)
        def be_slow() -> None:
            wait_for_takeover(app, 1)

        monkeypatch.setattr(app._io, "poll_once", crash)
        app.post(Work())
        with pytest.raises(InternalError) as caught:
            app.run()
        assert isinstance(caught.value.__cause__, MemoryError)
        app.stop()


def wait_for_takeover(app: Dispatcher, count: int) -> None:
    standby = standby_of(app)
    wait_until(lambda: standby.takeovers >= count)
