"""Registrations: sources that are always ready, and sources that are paused."""

import os
from pathlib import Path
from typing import Any

import pytest
from helpers.descriptors import new_pipe
from helpers.sources import polls_in

from evdispatch import HANGUP, READ, Data, Dispatcher, Event, Fd, Hangup, Pipe, Readable
from evdispatch.testing import record, run_until, settle

pytestmark = pytest.mark.pollers


def test_file_always_ready_is_read_to_its_end(app: Dispatcher, tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"".join(b"%d\n" % n for n in range(20_000)))
    seen = record(app, Event)
    with path.open("rb") as file:
        app.add(Pipe(file, framing="lines"))
        settle(app)
    names = [event.name for event in seen if isinstance(event.source, Pipe)]
    assert names == ["line"] * 20_000 + ["eof"]
    assert app.sources == ()


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero", __file__])
def test_fd_always_ready_is_readable_after_each_handler(
    app: Dispatcher, fds: list[int], path: str
) -> None:
    fds.append(os.open(path, os.O_RDONLY))
    source = app.add(Fd(fds[0]))
    seen = record(app, Readable)
    run_until(app, lambda: len(seen) >= 3)
    assert seen[0].mask == READ
    source.pause()
    assert polls_in(app, 0.02) <= 3


def test_file_always_ready_paused_is_not_read(app: Dispatcher, fds: list[int]) -> None:
    fds.append(os.open("/dev/zero", os.O_RDONLY))
    source = app.add(Pipe(fds[0], closefd=False))
    seen = record(app, Data)
    run_until(app, lambda: len(seen) > 10)
    source.pause()
    settle(app)
    before = len(seen)
    assert polls_in(app, 0.02) <= 3
    assert len(seen) == before
    source.resume()
    run_until(app, lambda: len(seen) > before + 10)


def test_file_always_ready_does_not_starve_other_sources(
    app: Dispatcher, fds: list[int]
) -> None:
    fds.append(os.open("/dev/zero", os.O_RDONLY))
    app.add(Pipe(fds[0], closefd=False))
    app.on("data")(lambda: None)
    reader, writer = new_pipe(fds)
    other = app.add(Pipe(reader, framing="lines", closefd=False))
    ticks: list[int] = []
    app.after(0.001, lambda: ticks.append(1))
    seen: list[Event] = []
    other.on("line")(seen.append)
    os.write(writer, b"x\n")
    run_until(app, lambda: seen and ticks)


class TestPause:
    def test_source_hung_up_while_paused_does_not_spin(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        reader, writer = new_pipe(fds)
        source = app.add(Fd(reader))
        source.pause()
        os.write(writer, b"x")
        os.close(writer)
        assert polls_in(app, 0.05) <= 5
        seen: list[Event] = []

        @source.on("readable")
        def read(event: Readable) -> None:
            os.read(reader, 10)
            seen.append(event)

        source.on("hangup")(seen.append)
        source.resume()
        run_until(app, lambda: len(seen) == 2)
        assert isinstance(seen[1], Hangup)
        assert seen[1].mask & HANGUP

    def test_source_paused_and_resumed_twice_counts_once(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        reader, writer = new_pipe(fds)
        source = app.add(Pipe(reader, closefd=False))
        source.pause()
        source.pause()
        assert source.paused
        source.resume()
        source.resume()
        seen = record(app, Data)
        os.write(writer, b"x")
        settle(app)
        assert len(seen) == 1
        assert not source.paused

    def test_source_paused_before_add_stays_paused(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        reader, writer = new_pipe(fds)
        source = Pipe(reader, closefd=False)
        source.pause()
        app.add(source)
        os.write(writer, b"x")
        seen = record(app, Data)
        settle(app)
        assert seen == []
        source.resume()
        settle(app)
        assert len(seen) == 1

    def test_source_closed_ignores_pause_and_resume(
        self, app: Dispatcher, fds: list[int]
    ) -> None:
        source = app.add(Fd(new_pipe(fds)[0]))
        source.close()
        source.pause()
        source.resume()

    def test_source_paused_amid_its_events_delivers_the_rest_after_resume(
        self, io: Any, fds: list[int]
    ) -> None:
        with Dispatcher(io=io, queue_size=100) as app:
            self.pause_amid_lines(app, *new_pipe(fds))

    def pause_amid_lines(self, app: Dispatcher, reader: int, writer: int) -> None:
        source = app.add(Pipe(reader, framing="lines", closefd=False))
        seen: list[Event] = []

        @source.on("line")
        def first(event: Event) -> None:
            seen.append(event)
            source.pause()

        os.write(writer, b"x\n" * 5000)
        run_until(app, lambda: seen)
        settle(app)
        assert len(seen) < 5000
        paused_at = len(seen)
        settle(app)
        assert len(seen) == paused_at
        app.off(first)
        source.on("line")(seen.append)
        source.resume()
        settle(app)
        assert len(seen) == 5000
