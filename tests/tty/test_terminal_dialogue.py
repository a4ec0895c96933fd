"""What a terminal can do is asked, and its modes follow; questions have answers."""

import os
import signal
from typing import Any

import pytest
from helpers.terminals import KITTY, MODERN, VT100, VT220, WHO, Emulator, Pty

from evdispatch import (
    Answer,
    Click,
    Dispatcher,
    Key,
    Press,
    Reply,
    Resize,
    Resume,
    Terminal,
)
from evdispatch.terminal import Modes
from evdispatch.testing import record, run_until, settle

pytestmark = pytest.mark.cross

CLICK = Modes(mouse="click", paste=True)


def off(**modes: Any) -> bytes:
    return Modes(mouse="click", paste=True, **modes).disable() + WHO


@pytest.mark.parametrize(
    ("answers", "keyboard", "modes"),
    [
        (KITTY, "auto", {"keyboard": 1}),
        (KITTY, "kitty", {"keyboard": 31}),
        (VT220, "kitty", {"modify_other_keys": True}),
        (VT100, "auto", {"modify_other_keys": True}),
        (MODERN, "auto", {"keyboard": 1, "resize": True}),
    ],
    ids=["kitty", "all of kitty", "no kitty", "vt100", "modern"],
)
def test_its_modes_are_what_it_can_do(
    app: Dispatcher,
    pty: Pty,
    answers: dict[bytes, bytes],
    keyboard: Any,
    modes: dict[str, Any],
) -> None:
    emulator = Emulator(pty, answers)
    terminal = app.add(Terminal(pty.slave, keyboard=keyboard))
    heard = record(app, Reply), record(app, Answer), record(app, Key)
    assert terminal.keyboard == "legacy"
    app.step()
    emulator.run_until(app, lambda: terminal.input.queries.until is None)
    assert terminal.keyboard == (
        "kitty" if "keyboard" in modes else "modify_other_keys"
    )
    assert heard == ([], [], [])
    with emulator.answering():
        terminal.close()
    output = pty.wait_for(off(**modes))
    for name, value in modes.items():
        assert Modes(**{name: value}).enable() in output
    # Nothing more is asked: what was asked is known, or will never be.
    assert output.count(b"\x1b[?u") == 1


def test_who_is_silent_is_left_as_it_is(app: Dispatcher, pty: Pty) -> None:
    terminal = app.add(Terminal(pty.slave))
    settle(app)
    assert terminal.keyboard == "legacy"
    terminal.close()
    assert pty.read() == CLICK.enable() + b"\x1b[?u" + WHO + off()


def test_legacy_asks_nothing(app: Dispatcher, pty: Pty) -> None:
    terminal = app.add(Terminal(pty.slave, keyboard="legacy"))
    settle(app)
    terminal.close()
    assert pty.read() == CLICK.enable() + CLICK.disable()


def test_the_linux_console_is_not_told_to_modify_keys(
    app: Dispatcher, pty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take that for colours."""
    monkeypatch.setenv("TERM", "linux")
    terminal = app.add(Terminal(pty.slave))
    app.step()
    Emulator(pty, VT100).answer()
    run_until(app, lambda: terminal.input.queries.answered)
    assert terminal.keyboard == "legacy"
    assert b">4" not in pty.read()


def test_what_is_known_is_not_asked_again(app: Dispatcher, pty: Pty) -> None:
    emulator = Emulator(pty, KITTY)
    terminal = app.add(Terminal(pty.slave))
    emulator.run_until(app, lambda: terminal.keyboard == "kitty")
    app.on("start")(app.stop)
    with emulator.answering():
        app.run()
    before = len(pty.read())
    with emulator.answering():
        app.run()
    modes = Modes(mouse="click", paste=True, keyboard=1)
    assert pty.read()[before:] == modes.enable() + off(keyboard=1)


def test_where_a_lone_escape_byte_is_a_cut_sequence_it_is_waited_for(
    app: Dispatcher, pty: Pty
) -> None:
    emulator = Emulator(pty, KITTY)
    terminal = app.add(Terminal(pty.slave))
    emulator.run_until(app, lambda: terminal.keyboard == "kitty")
    keys = record(app, Key)
    pty.type(b"\x1b")
    run_until(app, lambda: terminal.input.patience)
    assert terminal.input.patience == 1.0
    pty.type(b"[27u")
    run_until(app, lambda: keys)
    assert [key.combo for key in keys] == ["escape"]


class TestSizes:
    def test_a_terminal_that_tells_its_size_is_believed_once(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        emulator = Emulator(pty, MODERN)
        app.add(Terminal(pty.slave))
        sizes = record(app, Resize)
        emulator.run_until(app, lambda: b"\x1b[?2048h" in pty.output)
        pty.resize(100, 30)
        os.kill(os.getpid(), signal.SIGWINCH)
        settle(app)
        assert sizes == []
        pty.type(b"\x1b[48;30;100;600;1000t" * 2)
        run_until(app, lambda: sizes)
        settle(app)
        assert [(s.columns, s.rows, s.width_px) for s in sizes] == [(100, 30, 1000)]

    def test_pixels_that_the_tty_did_not_know_are_no_new_size(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        """A terminal tells its size as soon as it is to tell changes."""
        emulator = Emulator(pty, {**MODERN, b"\x1b[?2048h": b"\x1b[48;24;80;480;800t"})
        terminal = app.add(Terminal(pty.slave))
        sizes = record(app, Resize)
        emulator.run_until(app, lambda: terminal._size == (80, 24, 800, 480))
        assert sizes == []
        pty.type(b"\x1b[48;24;80;960;1600t")
        run_until(app, lambda: sizes)
        assert [(s.columns, s.width_px) for s in sizes] == [(80, 1600)]

    def test_a_new_size_is_one_of_the_cells(self, app: Dispatcher, pty: Pty) -> None:
        answers = {k: v for k, v in MODERN.items() if b"2048" not in k}
        emulator = Emulator(pty, answers)
        pty.resize(100, 30, width_px=1000, height_px=600)
        app.add(Terminal(pty.slave, pixels=True))
        sizes, presses = record(app, Resize), record(app, Press)
        emulator.run_until(app, lambda: b"\x1b[?1016h" in pty.output)
        pty.resize(50, 15, width_px=1000, height_px=600)
        os.kill(os.getpid(), signal.SIGWINCH)
        run_until(app, lambda: sizes)
        pty.type(b"\x1b[<0;45;39M")
        run_until(app, lambda: presses)
        assert [(p.x, p.y) for p in presses] == [(2, 0)]

    def test_the_mouse_tells_pixels(self, app: Dispatcher, pty: Pty) -> None:
        emulator = Emulator(pty, MODERN)
        pty.resize(100, 30, width_px=1000, height_px=600)
        terminal = app.add(Terminal(pty.slave, pixels=True))
        presses, clicks = record(app, Press), record(app, Click)
        emulator.run_until(app, lambda: b"\x1b[?1016h" in pty.output)
        pty.type(b"\x1b[<0;45;39M\x1b[<0;47;40m")
        run_until(app, lambda: len(clicks) == 1)
        assert [(p.x, p.y, p.x_px, p.y_px) for p in presses] == [(4, 1, 44, 38)]
        assert [(c.x, c.y, c.x_px, c.y_px) for c in clicks] == [(4, 1, 46, 39)]
        with emulator.answering():
            terminal.close()
        pty.wait_for(b"\x1b[?1016l\x1b[?1006l")

    def test_not_where_nobody_knows_the_size_of_a_cell(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        emulator = Emulator(pty, MODERN)
        terminal = app.add(Terminal(pty.slave, pixels=True))
        presses = record(app, Press)
        emulator.run_until(app, lambda: terminal.input.queries.until is None)
        pty.type(b"\x1b[<0;5;3M")
        run_until(app, lambda: presses)
        assert [(p.x, p.y, p.x_px, p.y_px) for p in presses] == [(4, 2, None, None)]
        assert b"1016h" not in pty.read()


def test_late_replies_do_not_reach_the_shell(app: Dispatcher, pty: Pty) -> None:
    emulator = Emulator(pty, {**MODERN, b"\x1b[?1000l": b"\x1b[<35;7;7M" * 100})
    terminal = app.add(Terminal(pty.slave))
    emulator.run_until(app, lambda: terminal.keyboard == "kitty")
    terminal.ask("background")
    terminal.ask("cursor")
    with emulator.answering():
        terminal.close()
    pty.type(b"ls\n")
    assert os.read(pty.slave, 4096) == b"ls\n"


def test_the_title_is_set_and_comes_back(app: Dispatcher, pty: Pty) -> None:
    terminal = app.add(Terminal(pty.slave, keyboard="legacy", title="one\x1b\\two"))
    app.step()
    assert pty.read().startswith(b"\x1b[22;2t\x1b]2;one\\two\x1b\\")
    pty.output = b""
    terminal.set_title("three")
    assert pty.read() == b"\x1b]2;three\x1b\\"
    terminal.close()
    assert pty.read().endswith(b"\x1b[23;2t")
    assert pty.output.count(b"\x1b[23;2t") == 1


def test_a_title_may_be_set_later(app: Dispatcher, pty: Pty) -> None:
    terminal = app.add(Terminal(pty.slave, keyboard="legacy"))
    terminal.set_title("early")
    app.step()
    assert b"\x1b[22;2t\x1b]2;early\x1b\\" in pty.read()
    terminal.close()
    assert b"\x1b[23;2t" in pty.read()


def test_a_frame_is_shown_at_once(app: Dispatcher, pty: Pty) -> None:
    terminal = app.add(Terminal(pty.slave, keyboard="legacy"))
    app.step()
    pty.read()
    pty.output = b""

    def draw() -> None:
        with terminal.synchronized():
            terminal.write("frame")
            raise LookupError

    with pytest.raises(LookupError):
        draw()
    assert pty.read() == b"\x1b[?2026hframe\x1b[?2026l"


@pytest.mark.parametrize(
    "option",
    [{"keyboard": "qwerty"}, {"keyboard": True}, {"paste_limit": 0}],
    ids=str,
)
def test_an_option_out_of_range_is_an_error(pty: Pty, option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Terminal(pty.slave, **option)


def test_a_paste_above_the_limit_comes_in_pieces(app: Dispatcher, pty: Pty) -> None:
    pastes: list[Any] = []
    terminal = app.add(Terminal(pty.slave, keyboard="legacy", paste_limit=1000))
    terminal.on("paste")(pastes.append)
    app.step()
    pty.type(b"\x1b[200~" + b"x" * 2500 + b"\x1b[201~")
    run_until(app, lambda: pastes and not pastes[-1].truncated)
    assert "".join(paste.text for paste in pastes) == "x" * 2500
    assert [paste.truncated for paste in pastes] == [True, True, False]


def test_who_was_stopped_unnoticed_pushes_nothing_twice(
    app: Dispatcher, pty: Pty
) -> None:
    """After SIGSTOP nobody has given the terminal back."""
    emulator = Emulator(pty, KITTY)
    terminal = app.add(Terminal(pty.slave, title="ours", alternate_screen=True))
    emulator.run_until(app, lambda: terminal.keyboard == "kitty")
    resumed = record(app, Resume)
    os.kill(os.getpid(), signal.SIGCONT)
    emulator.run_until(app, lambda: resumed)
    with emulator.answering():
        terminal.close()
    output = pty.read()
    for push, pop in (
        (b"\x1b[>1u", b"\x1b[<u"),
        (b"\x1b[22;2t", b"\x1b[23;2t"),
        (b"\x1b[?1049h", b"\x1b[?1049l"),
    ):
        assert output.count(push) == output.count(pop) == 2
