"""What is typed into a Terminal: on a pty, a pipe or a file."""

import io as stdio
import os
import sys
import termios
from pathlib import Path

import pytest
from helpers.terminals import Keyboard, Pty

from evdispatch import (
    Click,
    Dispatcher,
    Eof,
    Event,
    Key,
    Mouse,
    Paste,
    Press,
    StateError,
    Terminal,
    Unknown,
)
from evdispatch.sources.tty._dialogue import escape_delay
from evdispatch.testing import VirtualClock, record, settle

pytestmark = pytest.mark.pollers


def combos(events: list[Key]) -> list[str]:
    return [event.combo for event in events]


class TestInput:
    """Bytes become events."""

    @pytest.mark.parametrize("cut", ["whole", "byte by byte", "trailing"])
    def test_input_however_it_is_cut_becomes_the_same_events(
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

    def test_unknown_sequence_is_one_event_and_no_text(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        seen = record(app, Event)
        Keyboard(app, pty).type(b"\x1b[99;99;99~x")
        assert [e.raw for e in seen if isinstance(e, Unknown)] == [b"\x1b[99;99;99~"]
        assert combos([e for e in seen if isinstance(e, Key)]) == ["x"]

    def test_clicks_within_400_ms_are_counted(
        self, timed: Dispatcher, clock: VirtualClock, pty: Pty
    ) -> None:
        presses, clicks = record(timed, Press), record(timed, Click)
        keyboard = Keyboard(timed, pty)
        for pause in (0.1, 0.39, 0.39, 0.41, 0.0):
            clock.advance(pause)
            keyboard.type(b"\x1b[<0;5;3M\x1b[<0;5;3m")
        assert [e.count for e in presses] == [1, 2, 3, 1, 2]
        assert [e.count for e in clicks] == [1, 2, 3, 1, 2]

    def test_backspace_is_the_erase_character_of_the_tty(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        attributes = pty.attributes()
        attributes[6][termios.VERASE] = b"\x08"
        termios.tcsetattr(pty.slave, termios.TCSANOW, attributes)
        keys = record(app, Key)
        Keyboard(app, pty).type(b"\x08")
        assert combos(keys) == ["backspace"]


class TestEscape:
    """Only time distinguishes a lone escape byte from the beginning of a sequence."""

    def test_lone_escape_byte_after_25_ms_is_the_escape_key(
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

    def test_sequence_cut_after_its_bracket_waits_for_a_second(
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

    def test_input_that_has_arrived_by_the_deadline_is_read_first(
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
    def test_escape_delay_follows_the_environment(
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
    """Pipes and files are decoded, too."""

    def test_pipe_is_decoded_and_its_end_stops_the_dispatcher(
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

    def test_eof_with_a_handler_does_not_stop_the_dispatcher(
        self, app: Dispatcher
    ) -> None:
        read, write = os.pipe()
        os.close(write)
        ends = record(app, Eof)
        app.add(Terminal(read))
        settle(app)
        assert len(ends) == 1
        os.close(read)

    def test_file_is_decoded_to_its_end(self, app: Dispatcher, tmp_path: Path) -> None:
        path = tmp_path / "keys"
        path.write_bytes(b"x\x1b[B" * 20_000)
        keys = record(app, Key)
        with path.open("rb") as file:
            app.add(Terminal(file))
            app.run()
        assert len(keys) == 40_000
        assert set(combos(keys)) == {"x", "down"}

    def test_dev_null_stops_the_dispatcher_at_once(self, app: Dispatcher) -> None:
        with open(os.devnull, "rb") as file:
            app.add(Terminal(file))
            app.run()

    def test_ctrl_c_from_a_pipe_raises_nothing(self, app: Dispatcher) -> None:
        read, write = os.pipe()
        app.add(Terminal(read))
        os.write(write, b"\x03\x1a")
        os.close(write)
        app.run()
        os.close(read)

    def test_size_and_write_without_a_tty_raise(self, app: Dispatcher) -> None:
        with open(os.devnull, "rb") as file:
            terminal = app.add(Terminal(file))
            for use in (
                lambda: terminal.size,
                terminal.suspend,
                lambda: terminal.write("x"),
            ):
                with pytest.raises(StateError, match="not a tty"):
                    use()

    def test_standard_input_that_is_closed_raises_value_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "__stdin__", None)
        with pytest.raises(ValueError, match="no standard input"):
            Terminal()

    def test_object_without_a_descriptor_is_refused(self) -> None:
        with pytest.raises(OSError, match="fileno"):
            Terminal(stdio.BytesIO())
