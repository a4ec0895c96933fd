"""The Terminal source on a real pty: modes, signals, the end."""

import os
import signal
import termios
import threading
from typing import Any

import pytest
from helpers.terminals import OFF, ON, Pty

from evdispatch import (
    Dispatcher,
    Fd,
    HandlerError,
    Hangup,
    Resize,
    StateError,
    Terminal,
)
from evdispatch.terminal import Modes
from evdispatch.testing import record, run_until, settle

pytestmark = [pytest.mark.pollers, pytest.mark.cross]


class TestModes:
    """What the terminal is told, and that it is taken back."""

    def test_the_tty_is_raw_while_it_runs_and_as_before_afterwards(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        before = pty.attributes()
        app.add(Terminal(pty.slave))
        assert pty.attributes() == before, "adding alone changes nothing"
        during: list[Any] = []

        @app.on("start")
        def started() -> None:
            during.extend(pty.attributes())
            app.stop()

        app.run()
        local = during[3]
        assert not local & (
            termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN
        )
        assert not during[0] & (termios.ICRNL | termios.IXON)
        assert during[1] & termios.OPOST == before[1] & termios.OPOST
        assert (during[6][termios.VMIN], during[6][termios.VTIME]) in (
            (1, 0),
            (b"\x01", b"\x00"),
        )
        assert pty.attributes() == before
        assert pty.read() == ON + OFF

    def test_it_can_be_run_again(self, app: Dispatcher, pty: Pty) -> None:
        app.add(Terminal(pty.slave, mouse=False, keyboard="legacy"))
        app.on("start")(app.stop)
        app.run()
        app.run()
        modes = Modes(paste=True)
        assert pty.read() == (modes.enable() + modes.disable()) * 2

    def test_o_nonblock_is_never_set(self, app: Dispatcher, pty: Pty) -> None:
        app.add(Terminal(pty.slave))
        app.step(0)
        assert os.get_blocking(pty.slave)

    def test_an_exception_in_a_handler_gives_the_terminal_back(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        before = pty.attributes()
        app.add(Terminal(pty.slave))

        @app.on("key")
        def fail() -> None:
            raise ZeroDivisionError

        pty.type(b"x")
        with pytest.raises(HandlerError):
            app.run()
        assert pty.attributes() == before
        assert pty.read().endswith(OFF)

    def test_closing_the_source_gives_the_terminal_back(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        before = pty.attributes()
        terminal = app.add(Terminal(pty.slave))
        app.step(0)
        assert pty.attributes() != before
        terminal.close()
        assert pty.attributes() == before
        os.fstat(pty.slave)  # and stays open

    def test_a_terminal_added_to_a_running_loop_is_taken_at_once(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        app.step(0)
        app.add(Terminal(pty.slave))
        assert not pty.attributes()[3] & termios.ICANON

    def test_modes_go_to_the_terminal_if_the_input_is_read_only(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        read_only = os.open(os.ttyname(pty.slave), os.O_RDONLY | os.O_NOCTTY)
        try:
            terminal = app.add(Terminal(read_only))
            app.step(0)
            assert pty.read() == ON
            terminal.close()
            assert pty.read() == ON + OFF
        finally:
            os.close(read_only)

    def test_write_takes_text_and_bytes(self, app: Dispatcher, pty: Pty) -> None:
        terminal = app.add(Terminal(pty.slave, mouse=False, paste=False))
        terminal.write("é")
        terminal.write(b"!")
        assert pty.read() == "é!".encode()

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("mouse", "everything"),
            ("escape_timeout", -1.0),
            ("escape_timeout", float("nan")),
        ],
    )
    def test_an_option_out_of_range_is_an_error(self, option: str, value: Any) -> None:
        with pytest.raises(ValueError, match=option):
            Terminal(0, **{option: value})

    def test_a_closed_descriptor_is_an_error_when_it_is_added(
        self, app: Dispatcher
    ) -> None:
        read, write = os.pipe()
        os.close(read)
        os.close(write)
        with pytest.raises(OSError, match="Bad file descriptor"):
            app.add(Terminal(read))
        assert app.sources == ()


class TestSignals:
    """Sizes, ends, stops."""

    def test_a_new_size_is_one_event(self, app: Dispatcher, pty: Pty) -> None:
        sizes = record(app, Resize)
        terminal = app.add(Terminal(pty.slave))
        app.step(0)
        assert terminal.size[:2] == (80, 24)
        pty.resize(100, 30)
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGWINCH)
        settle(app)
        assert [(e.columns, e.rows) for e in sizes] == [(100, 30)]
        assert terminal.size[:2] == (100, 30)

    def test_the_handlers_there_were_are_called_and_come_back(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        calls: list[int] = []

        def mine(signum: int, frame: object) -> None:
            calls.append(signum)

        before = {s: signal.signal(s, mine) for s in (signal.SIGWINCH, signal.SIGTERM)}
        try:
            first = app.add(Terminal(pty.slave))
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGWINCH)
            assert calls == [signal.SIGTERM, signal.SIGWINCH]
            first.close()
            assert signal.getsignal(signal.SIGTERM) is mine
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)

    def test_a_refused_terminal_listens_to_no_signals(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        before = signal.getsignal(signal.SIGWINCH)
        app.add(Fd(pty.slave))
        with pytest.raises(StateError, match="watched already"):
            app.add(Terminal(pty.slave))
        assert signal.getsignal(signal.SIGWINCH) is before

    def test_a_terminal_added_by_another_thread_goes_without_signals(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        before = signal.getsignal(signal.SIGWINCH)
        thread = threading.Thread(target=lambda: app.add(Terminal(pty.slave)))
        thread.start()
        thread.join()
        assert signal.getsignal(signal.SIGWINCH) is before

    def test_a_terminal_that_goes_away_is_one_hangup_and_ends_the_program(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        terminal = app.add(Terminal(pty.slave))
        app.step(0)
        os.close(pty.master)
        app.run()
        assert terminal.closed

    def test_who_handles_hangup_hears_it_once(self, app: Dispatcher, pty: Pty) -> None:
        seen = record(app, Hangup)
        app.add(Terminal(pty.slave))
        app.step(0)
        os.close(pty.master)
        run_until(app, lambda: seen)
        settle(app)
        assert len(seen) == 1

    def test_ctrl_c_that_nobody_takes_is_a_keyboard_interrupt(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        before = pty.attributes()
        app.add(Terminal(pty.slave))
        app.on("start")(lambda: pty.type(b"\x03"))
        with pytest.raises(KeyboardInterrupt):
            app.run()
        assert pty.attributes() == before

    def test_ctrl_c_that_somebody_takes_is_a_key(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        app.add(Terminal(pty.slave))
        app.on("start")(lambda: pty.type(b"\x03"))
        app.on("key", key="ctrl+c")(app.stop)
        app.run()
