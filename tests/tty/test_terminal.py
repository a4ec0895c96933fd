"""The Terminal source on a real pty: settings and modes, signals, the end."""

import os
import signal
import termios
import threading
from typing import Any

import pytest
from helpers.terminals import OFF, ON, Pty

from evdispatch import (
    READ,
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
    """What is set while the loop runs, and restored afterwards."""

    def test_tty_is_raw_while_the_loop_runs_and_restored_afterwards(
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

    def test_modes_after_a_second_run_are_switched_twice(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        app.add(Terminal(pty.slave, mouse=False, keyboard="legacy"))
        app.on("start")(app.stop)
        app.run()
        app.run()
        modes = Modes(paste=True)
        assert pty.read() == (modes.enable() + modes.disable()) * 2

    def test_descriptor_of_a_taken_terminal_stays_blocking(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        app.add(Terminal(pty.slave))
        app.step(0)
        assert os.get_blocking(pty.slave)

    def test_terminal_after_an_exception_in_a_handler_is_restored(
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

    def test_terminal_when_closed_is_restored_and_its_descriptor_stays_open(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        before = pty.attributes()
        terminal = app.add(Terminal(pty.slave))
        app.step(0)
        assert pty.attributes() != before
        terminal.close()
        assert pty.attributes() == before
        os.fstat(pty.slave)  # and stays open

    def test_readiness_from_before_a_restore_is_not_read(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        """The IO thread may have polled before another thread has stopped the loop."""
        terminal = app.add(Terminal(pty.slave))
        app.step(0)
        with terminal.host.lock, terminal.restored():
            pass  # it drops all input
        with terminal.host.lock:
            assert terminal.on_ready(READ) == (), "and does not block"

    def test_terminal_added_to_a_running_loop_is_taken_at_once(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        app.step(0)
        app.add(Terminal(pty.slave))
        assert not pty.attributes()[3] & termios.ICANON

    def test_modes_with_a_read_only_descriptor_are_written_to_the_tty(
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

    def test_write_of_text_and_of_bytes_reaches_the_terminal(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        terminal = app.add(Terminal(pty.slave, mouse=False, paste=False))
        terminal.write("é")
        terminal.write(b"!")
        assert pty.read() == "é!".encode()

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("mouse", "everything"),
            ("keyboard", "qwerty"),
            ("keyboard", True),
            ("paste_limit", 0),
            ("escape_timeout", -1.0),
            ("escape_timeout", float("nan")),
        ],
    )
    def test_option_out_of_range_raises_value_error(
        self, option: str, value: Any
    ) -> None:
        with pytest.raises(ValueError, match=option):
            Terminal(0, **{option: value})

    def test_terminal_with_a_closed_descriptor_is_refused_by_add(
        self, app: Dispatcher
    ) -> None:
        read, write = os.pipe()
        os.close(read)
        os.close(write)
        with pytest.raises(OSError, match="Bad file descriptor"):
            app.add(Terminal(read))
        assert app.sources == ()


class TestSignals:
    """Sizes, signals, the end of the terminal."""

    def test_size_changed_before_several_sigwinch_is_one_event(
        self, app: Dispatcher, pty: Pty
    ) -> None:
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

    def test_signal_handlers_of_before_are_called_and_set_again_on_close(
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

    def test_signal_handlers_of_a_refused_terminal_are_not_set(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        before = signal.getsignal(signal.SIGWINCH)
        app.add(Fd(pty.slave))
        with pytest.raises(StateError, match="watched already"):
            app.add(Terminal(pty.slave))
        assert signal.getsignal(signal.SIGWINCH) is before

    def test_signal_handlers_of_a_terminal_added_by_another_thread_are_not_set(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        before = signal.getsignal(signal.SIGWINCH)
        thread = threading.Thread(target=lambda: app.add(Terminal(pty.slave)))
        thread.start()
        thread.join()
        assert signal.getsignal(signal.SIGWINCH) is before

    def test_terminal_that_hangs_up_is_closed_and_stops_the_dispatcher(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        terminal = app.add(Terminal(pty.slave))
        app.step(0)
        os.close(pty.master)
        app.run()
        assert terminal.closed

    def test_hangup_with_a_handler_is_emitted_once(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        seen = record(app, Hangup)
        app.add(Terminal(pty.slave))
        app.step(0)
        os.close(pty.master)
        run_until(app, lambda: seen)
        settle(app)
        assert len(seen) == 1

    def test_ctrl_c_without_a_handler_raises_keyboard_interrupt(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        before = pty.attributes()
        app.add(Terminal(pty.slave))
        app.on("start")(lambda: pty.type(b"\x03"))
        with pytest.raises(KeyboardInterrupt):
            app.run()
        assert pty.attributes() == before

    def test_ctrl_c_with_a_handler_is_a_key(self, app: Dispatcher, pty: Pty) -> None:
        app.add(Terminal(pty.slave))
        app.on("start")(lambda: pty.type(b"\x03"))
        app.on("key", key="ctrl+c")(app.stop)
        app.run()
