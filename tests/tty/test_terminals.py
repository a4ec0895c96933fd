"""Several terminals at once, and terminals on connections."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.terminals import MODES_ON, OFF, ON, WHO, Pty
from helpers.waiting import PATIENCE

from evdispatch import (
    Answer,
    Click,
    Dispatcher,
    Event,
    Hangup,
    Key,
    Resize,
    StateError,
    Terminal,
)
from evdispatch.testing import record, run_until, settle


@pytest.fixture
def ptys(pty: Pty) -> Iterator[list[Pty]]:
    """Three ptys; the fixture `pty` makes the fence short."""
    made = [pty, Pty(100, 30), Pty(120, 40)]
    yield made
    for each in made[1:]:
        each.close()


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The server's end and the user's end of a connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        user = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
    with user, accepted:
        yield accepted, user


def test_terminals_with_interleaved_input_decode_their_own_bytes(
    app: Dispatcher, ptys: list[Pty]
) -> None:
    """One byte to each in turn, which cuts all sequences."""
    terminals = [app.add(Terminal(pty.slave, mouse="drag")) for pty in ptys]
    app.step()
    seen: list[list[Any]] = []
    for terminal in terminals:
        seen.append([])
        terminal.on(Key)(seen[-1].append)
        terminal.on(Click)(seen[-1].append)
    typed = [
        b"\x1b[A" + bytes([letter]) + b"\x1b[<0;%d;1M\x1b[<0;%d;1m" % (at, at)
        for at, letter in enumerate(b"xyz", 1)
    ]
    for cut in range(max(map(len, typed))):
        for pty, data in zip(ptys, typed, strict=True):
            pty.type(data[cut : cut + 1])
        app.step()
    run_until(app, lambda: all(len(events) == 3 for events in seen))
    for number, (events, letter) in enumerate(zip(seen, "xyz", strict=True)):
        up, key, click = events
        assert (up.combo, key.combo, click.x) == ("up", letter, number)


def test_terminals_have_their_own_modes_size_and_end(
    app: Dispatcher, ptys: list[Pty]
) -> None:
    before = [pty.attributes() for pty in ptys]
    terminals = [app.add(Terminal(pty.slave)) for pty in ptys]
    app.step()
    assert [terminal.size[:2] for terminal in terminals] == [
        (80, 24),
        (100, 30),
        (120, 40),
    ]
    terminals[1].close()
    settle(app)
    assert ptys[1].read() == ON + OFF
    assert ptys[0].read() == ptys[2].read() == ON
    assert ptys[1].attributes() == before[1]
    assert ptys[0].attributes() != before[0]
    hangups = record(app, Hangup)
    os.close(ptys[2].master)
    run_until(app, lambda: hangups)
    assert hangups[0].source is terminals[2]
    app.close()
    assert ptys[0].attributes() == before[0]


def test_connection_is_a_terminal_without_job_control(
    app: Dispatcher, connection: tuple[socket.socket, socket.socket]
) -> None:
    ours, user = connection
    flags = os.get_blocking(ours.fileno())
    terminal = app.add(Terminal(ours, keyboard="legacy"))
    seen: list[Event] = []
    for kind in (Key, Answer, Resize, Hangup):
        terminal.on(kind)(seen.append)
    app.step()
    assert not terminal.is_tty
    assert user.recv(100) == MODES_ON
    terminal.ask("cursor")
    terminal.write("hello")
    assert user.recv(100) == b"\x1b[?6n\x1b[chello"
    user.send(b"\x1b[?3;5R\x1b[?62ca\x1b[48;30;100;0;0t")
    run_until(app, lambda: len(seen) == 3)
    answer, key, size = seen
    assert (answer.value, key.key, size.columns) == ((4, 2), "a", 100)  # type: ignore[attr-defined]
    for call in (terminal.suspend, terminal.released().__enter__):
        with pytest.raises(StateError, match="not a tty"):
            call()
    terminal.close()
    assert user.recv(100) == OFF.removesuffix(WHO)
    assert os.get_blocking(ours.fileno()) == flags


@pytest.mark.parametrize("ending", [b"\x03\x1a", b""], ids=["keys", "end"])
def test_keys_and_end_of_a_connection_do_not_stop_the_dispatcher(
    app: Dispatcher, connection: tuple[socket.socket, socket.socket], ending: bytes
) -> None:
    ours, user = connection
    terminal = app.add(Terminal(ours))
    app.step()
    seen: list[Event] = []
    app.on(Key)(seen.append)
    if ending:
        user.send(ending)
        run_until(app, lambda: len(seen) == 2)
    else:
        user.close()
        run_until(app, lambda: terminal.closed)
    settle(app)
    app.stop()
    app.run()


def test_write_to_a_stalled_connection_times_out(
    app: Dispatcher, connection: tuple[socket.socket, socket.socket]
) -> None:
    ours, _ = connection
    terminal = app.add(Terminal(ours, keyboard="legacy"))
    app.step()
    with pytest.raises(TimeoutError, match="takes nothing"):
        terminal.write(b"x" * 100_000_000)


def test_query_and_close_of_a_stalled_connection_do_not_wait(
    app: Dispatcher,
    connection: tuple[socket.socket, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The query is lost."""
    monkeypatch.setattr("evdispatch.sources.tty._device._STALLED", PATIENCE)
    ours, _ = connection
    terminal = app.add(Terminal(ours, keyboard="legacy"))
    answers = record(app, Answer)
    app.step()
    ours.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            ours.send(b"x" * 65_536)
    begun = time.monotonic()
    terminal.ask("cursor", timeout=0)
    run_until(app, lambda: answers)
    terminal.close()
    assert time.monotonic() - begun < PATIENCE / 2
    assert answers[0].value is None
