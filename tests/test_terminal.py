"""The Terminal source: on a real pty, on pipes and files, and with real signals."""

import io as stdio
import os
import signal
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ptys import Pty, program

from evdispatch import (
    Click,
    Dispatcher,
    Eof,
    Event,
    Fd,
    HandlerError,
    Hangup,
    Key,
    Mouse,
    Paste,
    Press,
    Resize,
    StateError,
    Terminal,
    Unknown,
)
from evdispatch.sources._tty import escape_delay
from evdispatch.terminal import Modes
from evdispatch.testing import VirtualClock, record, run_until, settle

ON = Modes(mouse="click", paste=True).enable()
OFF = Modes(mouse="click", paste=True).disable()


@pytest.fixture
def pty() -> Iterator[Pty]:
    pty = Pty()
    yield pty
    pty.close()


class Reached:
    """Counts the bytes that have come to a terminal.

    The kernel hands what is written to a pty's master on in its own time, so "nothing
    more happens" does not mean that it has arrived.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._input = terminal._input
        self.count = 0
        terminal._input = self  # type: ignore[assignment]

    def feed(self, data: bytes, now: float) -> list[Event]:
        self.count += len(data)
        return self._input.feed(data, now)

    def flush(self, now: float) -> list[Event]:
        return self._input.flush(now)

    @property
    def patience(self) -> float | None:
        return self._input.patience


class Keyboard:
    """Types at a terminal, and waits until all of it was read and handled."""

    def __init__(self, app: Dispatcher, pty: Pty) -> None:
        self.app = app
        self.pty = pty
        self.terminal = app.add(Terminal(pty.slave))
        self._reached = Reached(self.terminal)
        self._typed = 0
        app.step(0)

    def type(self, data: bytes) -> None:
        self._typed += len(data)
        self.pty.type(data)
        run_until(self.app, lambda: self._reached.count == self._typed)
        settle(self.app)


def combos(events: list[Key]) -> list[str]:
    return [event.combo for event in events]


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
        app.add(Terminal(pty.slave, mouse=False))
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


class TestInput:
    """Bytes become events."""

    @pytest.mark.parametrize("cut", ["whole", "byte by byte", "trailing"])
    def test_what_is_typed_becomes_events(
        self, timed: Dispatcher, pty: Pty, cut: str
    ) -> None:
        app = timed  # no time passes, so an escape is never alone for long
        data = b"a\x1b[A\x1b[<0;5;3M\x1b[<0;5;3m\x1b[200~hi\x1b[201~\xc3\xa9\x1b[1;6Z"
        seen = record(app, Event)
        keyboard = Keyboard(app, pty)
        terminal = keyboard.terminal
        if cut == "byte by byte":
            for i in range(len(data)):
                keyboard.type(data[i : i + 1])
        else:
            keyboard.type(data + (b"z" if cut == "trailing" else b""))
        mine = [e for e in seen if e.source is terminal]
        expected = ["key", "key", "press", "release", "click", "paste", "key", "key"]
        if cut == "trailing":
            expected.append("key")
        assert [e.name for e in mine][: len(expected)] == expected
        assert combos([e for e in mine if isinstance(e, Key)])[:4] == [
            "a",
            "up",
            "é",
            "ctrl+shift+tab",
        ]
        assert [(e.x, e.y) for e in mine if isinstance(e, Mouse)] == [(4, 2)] * 3
        assert [e.text for e in mine if isinstance(e, Paste)] == ["hi"]
        assert app.stats().balanced

    def test_an_unknown_sequence_is_one_event_and_no_text(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        seen = record(app, Event)
        Keyboard(app, pty).type(b"\x1b[99;99;99~x")
        assert [e.raw for e in seen if isinstance(e, Unknown)] == [b"\x1b[99;99;99~"]
        assert combos([e for e in seen if isinstance(e, Key)]) == ["x"]

    def test_clicks_are_counted_within_400_ms(
        self, timed: Dispatcher, clock: VirtualClock, pty: Pty
    ) -> None:
        presses, clicks = record(timed, Press), record(timed, Click)
        keyboard = Keyboard(timed, pty)
        for pause in (0.1, 0.39, 0.39, 0.41, 0.0):
            clock.advance(pause)
            keyboard.type(b"\x1b[<0;5;3M\x1b[<0;5;3m")
        assert [e.count for e in presses] == [1, 2, 3, 1, 2]
        assert [e.count for e in clicks] == [1, 2, 3, 1, 2]

    def test_the_erase_key_is_the_one_the_tty_knows(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        attributes = pty.attributes()
        attributes[6][termios.VERASE] = b"\x08"
        termios.tcsetattr(pty.slave, termios.TCSANOW, attributes)
        keys = record(app, Key)
        Keyboard(app, pty).type(b"\x08")
        assert combos(keys) == ["backspace"]


class TestEscape:
    """A lone escape is told from a sequence by time, and by time alone."""

    def test_a_lone_escape_waits_25_ms(
        self,
        timed: Dispatcher,
        clock: VirtualClock,
        pty: Pty,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for name in ("ESCDELAY", "SSH_CONNECTION", "SSH_TTY"):
            monkeypatch.delenv(name, raising=False)
        keys = record(timed, Key)
        Keyboard(timed, pty).type(b"\x1b")
        clock.advance(0.0249)
        settle(timed)
        assert keys == []
        clock.advance(0.0002)
        settle(timed)
        assert combos(keys) == ["escape"]

    def test_a_sequence_cut_after_its_bracket_is_waited_for_longer(
        self, timed: Dispatcher, clock: VirtualClock, pty: Pty
    ) -> None:
        keys, unknown = record(timed, Key), record(timed, Unknown)
        keyboard = Keyboard(timed, pty)
        keyboard.type(b"\x1b[1;")
        clock.advance(0.9)
        settle(timed)
        keyboard.type(b"5A")
        assert combos(keys) == ["ctrl+up"]
        keyboard.type(b"\x1b[1;")
        clock.advance(1.1)
        settle(timed)
        assert [e.raw for e in unknown] == [b"\x1b[1;"]

    def test_what_has_arrived_is_read_before_the_timer_decides(
        self, timed: Dispatcher, clock: VirtualClock, pty: Pty
    ) -> None:
        keys = record(timed, Key)
        keyboard = Keyboard(timed, pty)
        keyboard.type(b"\x1b")
        keyboard.terminal.pause()  # so that the deadline alone can see what comes now
        pty.type(b"[A")
        pty.wait_until_readable()
        clock.advance(1.0)
        settle(timed)
        assert combos(keys) == ["up"]

    @pytest.mark.parametrize(
        ("environment", "seconds"),
        [
            ({}, 0.025),
            ({"SSH_TTY": "/dev/pts/1"}, 0.1),
            ({"SSH_CONNECTION": "a b"}, 0.1),
            ({"ESCDELAY": "300", "SSH_TTY": "x"}, 0.3),
            ({"ESCDELAY": "soon"}, 0.025),
            ({"ESCDELAY": "-5"}, 0.001),
        ],
    )
    def test_the_delay_follows_the_environment(
        self,
        monkeypatch: pytest.MonkeyPatch,
        environment: dict[str, str],
        seconds: float,
    ) -> None:
        for name in ("ESCDELAY", "SSH_CONNECTION", "SSH_TTY"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert escape_delay() == seconds


class TestNoTty:
    """Pipes and files are decoded all the same."""

    def test_a_pipe_is_decoded_and_its_end_stops_the_program(
        self, app: Dispatcher
    ) -> None:
        read, write = os.pipe()
        keys = record(app, Key)
        terminal = app.add(Terminal(read))
        os.write(write, b"ab\x1b")
        os.close(write)
        app.run()
        assert combos(keys) == ["a", "b", "escape"]
        assert terminal.closed
        assert not terminal.is_tty
        os.close(read)

    def test_who_handles_eof_decides_what_follows(self, app: Dispatcher) -> None:
        read, write = os.pipe()
        os.close(write)
        ends = record(app, Eof)
        app.add(Terminal(read))
        settle(app)
        assert len(ends) == 1
        os.close(read)

    def test_a_file_is_read_to_its_end(self, app: Dispatcher, tmp_path: Path) -> None:
        path = tmp_path / "keys"
        path.write_bytes(b"x\x1b[B" * 20_000)
        keys = record(app, Key)
        with path.open("rb") as file:
            app.add(Terminal(file))
            app.run()
        assert len(keys) == 40_000
        assert set(combos(keys)) == {"x", "down"}

    def test_dev_null_ends_at_once(self, app: Dispatcher) -> None:
        with open(os.devnull, "rb") as file:
            app.add(Terminal(file))
            app.run()

    def test_ctrl_c_from_a_pipe_is_a_key_like_any_other(self, app: Dispatcher) -> None:
        read, write = os.pipe()
        app.add(Terminal(read))
        os.write(write, b"\x03\x1a")
        os.close(write)
        app.run()
        os.close(read)

    def test_it_has_no_size_and_is_not_written_to(self, app: Dispatcher) -> None:
        with open(os.devnull, "rb") as file:
            terminal = app.add(Terminal(file))
            for use in (
                lambda: terminal.size,
                terminal.suspend,
                lambda: terminal.write("x"),
            ):
                with pytest.raises(StateError, match="no tty"):
                    use()

    def test_a_closed_standard_input_is_an_error_of_its_own(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "__stdin__", None)
        with pytest.raises(ValueError, match="no standard input"):
            Terminal()

    def test_an_object_without_a_descriptor_is_refused(self) -> None:
        with pytest.raises(OSError, match="fileno"):
            Terminal(stdio.BytesIO())


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


class TestPrograms:
    """Whole programs, with the pty as their controlling terminal."""

    PROGRAM = """
        import os, signal, sys
        from evdispatch import Dispatcher, Terminal
        app = Dispatcher(io={io!r})
        terminal = app.add(Terminal())
        def show(event):
            terminal.write(event.name + ";")
        for name in ("start", "suspend", "resume"):
            app.on(name)(show)
        {more}
        app.run()
        print("ended")
    """

    def test_sigterm_gives_the_terminal_back_and_kills(self, io: str, pty: Pty) -> None:
        before = pty.attributes()
        with program(pty, self.PROGRAM.format(io=io, more="")) as child:
            pty.wait_for(b"start;")
            assert pty.attributes() != before
            child.send_signal(signal.SIGTERM)
            assert child.wait(10) == -signal.SIGTERM
        assert pty.attributes() == before
        assert pty.wait_for(OFF)

    @pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGHUP])
    def test_other_deadly_signals_give_it_back(
        self, io: str, pty: Pty, signum: signal.Signals
    ) -> None:
        before = pty.attributes()
        with program(pty, self.PROGRAM.format(io=io, more="")) as child:
            pty.wait_for(b"start;")
            child.send_signal(signum)
            assert child.wait(10) != 0
        assert pty.attributes() == before
        assert pty.wait_for(OFF)

    def test_sys_exit_in_a_handler_gives_it_back(self, io: str, pty: Pty) -> None:
        before = pty.attributes()
        more = "app.on('key', key='q')(lambda: sys.exit(3))"
        with program(pty, self.PROGRAM.format(io=io, more=more)) as child:
            pty.wait_for(b"start;")
            pty.type(b"q")
            assert child.wait(10) == 3
        assert pty.attributes() == before
        assert pty.wait_for(OFF)

    def test_a_background_thread_gives_it_back_at_exit(self, io: str, pty: Pty) -> None:
        before = pty.attributes()
        source = self.PROGRAM.format(io=io, more="").replace(
            "app.run()", "app.start(); pause = os.read(0, 0); input()"
        )
        source = source.replace("input()", "signal.sigwait([signal.SIGUSR1])").replace(
            "import os",
            "import signal; signal.pthread_sigmask(0, [signal.SIGUSR1]); import os",
        )
        with program(pty, source) as child:
            pty.wait_for(b"start;")
            child.send_signal(signal.SIGUSR1)
            assert child.wait(10) == 0
        assert pty.attributes() == before
        assert pty.wait_for(OFF)

    def test_a_running_background_job_that_is_brought_forward_takes_the_terminal(
        self, io: str, pty: Pty
    ) -> None:
        """`bg` and then `fg` in a shell: no SIGCONT comes to a job that runs."""
        source = f"""
            import os, signal, subprocess
            from evdispatch import Dispatcher, Terminal
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            other = subprocess.Popen(["sleep", "30"], process_group=0)
            os.tcsetpgrp(0, other.pid)
            app = Dispatcher(io={io!r})
            app.add(Terminal())
            app.on("start")(lambda: os.tcsetpgrp(0, os.getpgrp()))
            app.on("resume")(app.stop)
            app.run()
            app.close()
            other.kill(); other.wait()
        """
        with program(pty, source) as child:
            assert child.wait(10) == 0

    def test_ctrl_z_where_no_shell_can_continue_resumes_at_once(
        self, io: str, pty: Pty
    ) -> None:
        """The group of a session leader is orphaned: the kernel drops SIGTSTP."""
        more = "app.on('key', key='q')(app.stop)"
        with program(pty, self.PROGRAM.format(io=io, more=more)) as child:
            pty.wait_for(b"start;")
            pty.type(b"\x1a")
            pty.wait_for(b"suspend;" + OFF + ON + b"resume;")
            pty.type(b"q")
            assert child.wait(10) == 0
        assert pty.wait_for(b"ended")

    def test_being_continued_takes_the_terminal_again(self, io: str, pty: Pty) -> None:
        before = pty.attributes()
        more = "app.on('key', key='q')(app.stop)"
        with program(pty, self.PROGRAM.format(io=io, more=more)) as child:
            pty.wait_for(b"start;")
            os.kill(child.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, child.pid, os.WSTOPPED)
            os.kill(child.pid, signal.SIGCONT)
            pty.wait_for(ON + b"start;" + ON + b"resume;")
            pty.type(b"q")
            assert child.wait(10) == 0
        assert pty.attributes() == before

    def test_a_background_job_leaves_the_terminal_alone_until_it_is_its_own(
        self, io: str, pty: Pty
    ) -> None:
        source = f"""
            import os, signal, subprocess, sys, termios
            from evdispatch import Dispatcher, Terminal
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            other = subprocess.Popen(["sleep", "30"], process_group=0)
            os.tcsetpgrp(0, other.pid)
            before = termios.tcgetattr(0)
            app = Dispatcher(io={io!r})
            terminal = app.add(Terminal())
            app.step(0)
            assert termios.tcgetattr(0) == before, "took a terminal of another job"
            os.tcsetpgrp(0, os.getpgrp())
            os.kill(os.getpid(), signal.SIGCONT)
            app.on("resume")(lambda: print("taken", flush=True))
            app.on("key", key="q")(app.stop)
            app.run()
            app.close()
            other.kill(); other.wait()
        """
        with program(pty, source) as child:
            pty.wait_for(b"taken")
            pty.type(b"q")
            assert child.wait(10) == 0, child.stderr and child.stderr.read()
