"""Several terminals at once: each has its own decoder, modes, size and questions."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.terminals import OFF, ON, Pty
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
from evdispatch.terminal import Modes
from evdispatch.testing import record, run_until, settle

LEGACY = Modes(mouse="click", paste=True)


@pytest.fixture
def ptys(pty: Pty) -> Iterator[list[Pty]]:
    """Three of them; the fixture of one makes the fence short."""
    made = [pty, Pty(100, 30), Pty(120, 40)]
    yield made
    for each in made[1:]:
        each.close()


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A server's end, and the user's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        user = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
    with user, accepted:
        yield accepted, user


def test_each_decodes_its_own_bytes(app: Dispatcher, ptys: list[Pty]) -> None:
    """Cut in the midst of sequences, and in turn."""
    terminals = [app.add(Terminal(pty.slave, mouse="drag")) for pty in ptys]
    app.step()
    heard: list[list[Any]] = []
    for terminal in terminals:
        heard.append([])
        terminal.on(Key)(heard[-1].append)
        terminal.on(Click)(heard[-1].append)
    typed = [
        b"\x1b[A" + bytes([letter]) + b"\x1b[<0;%d;1M\x1b[<0;%d;1m" % (at, at)
        for at, letter in enumerate(b"xyz", 1)
    ]
    for cut in range(max(map(len, typed))):
        for pty, data in zip(ptys, typed, strict=True):
            pty.type(data[cut : cut + 1])
        app.step()
    run_until(app, lambda: all(len(events) == 3 for events in heard))
    for number, (events, letter) in enumerate(zip(heard, "xyz", strict=True)):
        up, key, click = events
        assert (up.combo, key.combo, click.x) == ("up", letter, number)


def test_each_has_its_own_modes_size_and_end(app: Dispatcher, ptys: list[Pty]) -> None:
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


def test_a_connection_may_be_a_terminal(
    app: Dispatcher, connection: tuple[socket.socket, socket.socket]
) -> None:
    ours, user = connection
    flags = os.get_blocking(ours.fileno())
    terminal = app.add(Terminal(ours, keyboard="legacy"))
    heard: list[Event] = []
    for kind in (Key, Answer, Resize, Hangup):
        terminal.on(kind)(heard.append)
    app.step()
    assert not terminal.is_tty
    assert user.recv(100) == LEGACY.enable()
    terminal.ask("cursor")
    terminal.write("hello")
    assert user.recv(100) == b"\x1b[?6n\x1b[chello"
    user.send(b"\x1b[?3;5R\x1b[?62ca\x1b[48;30;100;0;0t")
    run_until(app, lambda: len(heard) == 3)
    answer, key, size = heard
    assert (answer.value, key.key, size.columns) == ((4, 2), "a", 100)  # type: ignore[attr-defined]
    for call in (terminal.suspend, terminal.released().__enter__):
        with pytest.raises(StateError, match="no tty"):
            call()
    terminal.close()
    assert user.recv(100) == LEGACY.disable()
    assert os.get_blocking(ours.fileno()) == flags


@pytest.mark.parametrize("ending", [b"\x03\x1a", b""], ids=["keys", "end"])
def test_who_sits_at_a_connection_does_not_end_the_program(
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


def test_a_connection_that_takes_nothing_is_not_waited_for_for_ever(
    app: Dispatcher, connection: tuple[socket.socket, socket.socket]
) -> None:
    ours, _ = connection
    terminal = app.add(Terminal(ours, keyboard="legacy"))
    app.step()
    with pytest.raises(TimeoutError, match="takes nothing"):
        terminal.write(b"x" * 100_000_000)


def test_a_connection_that_takes_nothing_holds_nobody_up(
    app: Dispatcher,
    connection: tuple[socket.socket, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not for a question, which is lost, nor at its end."""
    monkeypatch.setattr("evdispatch.sources._tty._channel._STALLED", PATIENCE)
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
