"""`Terminal.ask`: an answer becomes an event, and so does its absence."""

import os

import pytest
from helpers.terminals import MODERN, VT220, Emulator, Pty

from evdispatch import Answer, Dispatcher, StateError, Terminal
from evdispatch.testing import VirtualClock, record, run_until, settle


class TestAsk:
    def test_query_that_is_answered_emits_answer(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        emulator = Emulator(pty, MODERN)
        terminal = app.add(Terminal(pty.slave))
        answers = record(app, Answer)
        dark: list[Answer] = []
        app.on("answer", query="background")(dark.append)
        app.step()
        for query in ("cursor", "background", "version", "device"):
            terminal.ask(query)
        emulator.run_until(app, lambda: len(answers) == 4)
        assert [(a.query, a.value) for a in answers] == [
            ("cursor", (4, 2)),
            ("background", (30, 30, 46)),
            ("version", None),
            ("device", (62, 4)),
        ]
        assert dark == answers[1:2]
        assert answers[1].raw == MODERN[b"\x1b]11;?\x1b\\"]

    def test_query_without_a_reply_emits_none_after_its_timeout(
        self, timed: Dispatcher, clock: VirtualClock, pty: Pty
    ) -> None:
        terminal = timed.add(Terminal(pty.slave, keyboard="legacy"))
        answers = record(timed, Answer)
        timed.step()
        terminal.ask("version", timeout=3.0)
        settle(timed)
        assert answers == []
        clock.advance(2.9)
        settle(timed)
        assert answers == []
        clock.advance(0.1)
        settle(timed)
        assert [(a.query, a.value) for a in answers] == [("version", None)]

    def test_query_before_released_emits_none_although_a_reply_may_come(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        terminal = app.add(Terminal(pty.slave))
        answers = record(app, Answer)
        app.step()
        terminal.ask("cursor", timeout=100)

        @app.on("key")
        def start_a_child() -> None:
            with terminal.released():
                pass

        pty.type(b"x")
        run_until(app, lambda: answers)
        assert [(a.query, a.value) for a in answers] == [("cursor", None)]

    def test_query_while_the_dispatcher_does_not_run_raises(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        terminal = app.add(Terminal(pty.slave))
        with pytest.raises(StateError, match="not taken"):
            terminal.ask("cursor")
        with pytest.raises(ValueError, match="query must be one of"):
            terminal.ask("colour")  # type: ignore[arg-type]

    def test_query_and_title_of_a_pipe_raise(
        self, app: Dispatcher, pipe: list[int]
    ) -> None:
        terminal = app.add(Terminal(pipe[0]))
        for call in (terminal.ask, terminal.set_title):
            with pytest.raises(StateError, match="not a tty"):
                call("cursor")


def test_reply_to_an_expired_query_does_not_reach_the_shell(
    app: Dispatcher, pty: Pty
) -> None:
    emulator = Emulator(pty, VT220)
    terminal = app.add(Terminal(pty.slave, keyboard="legacy"))
    answers = record(app, Answer)
    app.step()
    terminal.ask("version", timeout=0)
    run_until(app, lambda: answers)
    with emulator.answering():
        terminal.close()
    pty.type(b"ls\n")
    assert os.read(pty.slave, 4096) == b"ls\n"
