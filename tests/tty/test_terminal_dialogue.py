"""Queries find out what a terminal supports, and its modes and its size follow."""

import os
import signal
from typing import Any

import pytest
from helpers.terminals import KITTY, MODERN, MODES_ON, VT100, VT220, WHO, Emulator, Pty

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
from evdispatch.sources.tty._dialogue import Fence
from evdispatch.terminal import Modes
from evdispatch.testing import VirtualClock, record, run_until, settle

pytestmark = pytest.mark.cross


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
def test_modes_after_the_answers_are_those_the_terminal_supports(
    app: Dispatcher,
    pty: Pty,
    answers: dict[bytes, bytes],
    keyboard: Any,
    modes: dict[str, Any],
) -> None:
    emulator = Emulator(pty, answers)
    terminal = app.add(Terminal(pty.slave, keyboard=keyboard))
    seen = record(app, Reply), record(app, Answer), record(app, Key)
    assert terminal.keyboard == "legacy"
    app.step()
    emulator.run_until(app, lambda: terminal.input.queries.until is None)
    assert terminal.keyboard == (
        "kitty" if "keyboard" in modes else "modify_other_keys"
    )
    assert seen == ([], [], [])
    with emulator.answering():
        terminal.close()
    output = pty.wait_for(off(**modes))
    for name, value in modes.items():
        assert Modes(**{name: value}).enable() in output
    # Each query is sent once, whether it was answered or not.
    assert output.count(b"\x1b[?u") == 1


def test_modes_of_a_terminal_that_answers_nothing_stay_legacy(
    app: Dispatcher, pty: Pty
) -> None:
    terminal = app.add(Terminal(pty.slave))
    settle(app)
    assert terminal.keyboard == "legacy"
    terminal.close()
    assert pty.read() == MODES_ON + b"\x1b[?u" + WHO + off()


def test_keyboard_legacy_sends_no_query(app: Dispatcher, pty: Pty) -> None:
    terminal = app.add(Terminal(pty.slave, keyboard="legacy"))
    settle(app)
    terminal.close()
    assert pty.read() == MODES_ON + off().removesuffix(WHO)


def test_modify_other_keys_on_the_linux_console_stays_off(
    app: Dispatcher, pty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The console would take the sequence for colours."""
    monkeypatch.setenv("TERM", "linux")
    terminal = app.add(Terminal(pty.slave))
    app.step()
    Emulator(pty, VT100).answer()
    run_until(app, lambda: terminal.input.queries.answered)
    assert terminal.keyboard == "legacy"
    assert b">4" not in pty.read()


def test_queries_in_a_second_run_are_not_repeated(app: Dispatcher, pty: Pty) -> None:
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


def test_escape_byte_under_kitty_waits_for_the_rest_of_its_sequence(
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


def test_answer_that_is_read_at_the_deadline_switches_modes_on(
    timed: Dispatcher, clock: VirtualClock, pty: Pty
) -> None:
    terminal = timed.add(Terminal(pty.slave))
    timed.step()
    terminal.pause()  # so that only the deadline reads
    # After these answers there is nothing more to ask.
    Emulator(pty, {**VT100, b"\x1b[?u": b"\x1b[?0u"}).answer()
    pty.wait_until_readable()
    clock.advance(2.0)
    settle(timed)
    assert terminal.keyboard == "kitty"
    assert b"\x1b[>1u" in pty.read()


class TestFence:
    def test_fence_before_the_last_answer_waits_for_a_second_in_all(self) -> None:
        fence = Fence(1)
        assert fence.patience(10.0) > 0
        fence.drop(b"\x1b[?62;4c\x1b[<35;7;7M")
        assert fence.patience(10.999) > 0
        assert fence.patience(11.0) == 0

    def test_fence_after_the_last_answer_waits_no_longer(self) -> None:
        fence = Fence(1)
        assert fence.patience(10.0) > 0
        for part in (b"\x1b[?62;4c\x1b[A\x1b[?6", b"2;4c"):
            fence.drop(part)
        assert fence.patience(10.0) == 0


class TestSizes:
    def test_size_reported_in_band_and_by_sigwinch_is_one_event(
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

    def test_size_with_pixels_that_the_tty_lacked_is_not_new(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        """A terminal reports its size as soon as reports are switched on."""
        emulator = Emulator(pty, {**MODERN, b"\x1b[?2048h": b"\x1b[48;24;80;480;800t"})
        terminal = app.add(Terminal(pty.slave))
        sizes = record(app, Resize)
        emulator.run_until(app, lambda: terminal._dialogue.size == (80, 24, 800, 480))
        assert sizes == []
        pty.type(b"\x1b[48;24;80;960;1600t")
        run_until(app, lambda: sizes)
        assert [(s.columns, s.width_px) for s in sizes] == [(80, 1600)]

    def test_pixel_mouse_after_a_resize_uses_the_new_cell_size(
        self, app: Dispatcher, pty: Pty
    ) -> None:
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

    def test_pixel_mouse_where_supported_reports_cells_and_pixels(
        self, app: Dispatcher, pty: Pty
    ) -> None:
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

    def test_pixel_mouse_without_a_known_cell_size_stays_off(
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


def test_replies_that_come_late_do_not_reach_the_shell(
    app: Dispatcher, pty: Pty
) -> None:
    emulator = Emulator(pty, {**MODERN, b"\x1b[?1000l": b"\x1b[<35;7;7M" * 100})
    terminal = app.add(Terminal(pty.slave))
    emulator.run_until(app, lambda: terminal.keyboard == "kitty")
    terminal.ask("background")
    terminal.ask("cursor")
    with emulator.answering():
        terminal.close()
    pty.type(b"ls\n")
    assert os.read(pty.slave, 4096) == b"ls\n"


def test_title_when_closed_is_the_one_of_before(app: Dispatcher, pty: Pty) -> None:
    terminal = app.add(Terminal(pty.slave, keyboard="legacy", title="one\x1b\\two"))
    app.step()
    assert pty.read().startswith(b"\x1b[22;2t\x1b]2;one\\two\x1b\\")
    pty.output = b""
    terminal.set_title("three")
    assert pty.read() == b"\x1b]2;three\x1b\\"
    terminal.close()
    assert pty.read().endswith(b"\x1b[23;2t")
    assert pty.output.count(b"\x1b[23;2t") == 1


def test_title_set_before_the_start_is_switched_on_with_the_modes(
    app: Dispatcher, pty: Pty
) -> None:
    terminal = app.add(Terminal(pty.slave, keyboard="legacy"))
    terminal.set_title("early")
    app.step()
    assert b"\x1b[22;2t\x1b]2;early\x1b\\" in pty.read()
    terminal.close()
    assert b"\x1b[23;2t" in pty.read()


def test_synchronized_block_that_raises_ends_the_frame(
    app: Dispatcher, pty: Pty
) -> None:
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


def test_paste_above_the_limit_comes_in_pieces(app: Dispatcher, pty: Pty) -> None:
    pastes: list[Any] = []
    terminal = app.add(Terminal(pty.slave, keyboard="legacy", paste_limit=1000))
    terminal.on("paste")(pastes.append)
    app.step()
    pty.type(b"\x1b[200~" + b"x" * 2500 + b"\x1b[201~")
    run_until(app, lambda: pastes and not pastes[-1].truncated)
    assert "".join(paste.text for paste in pastes) == "x" * 2500
    assert [paste.truncated for paste in pastes] == [True, True, False]


def test_modes_after_an_unnoticed_stop_are_popped_before_they_are_pushed(
    app: Dispatcher, pty: Pty
) -> None:
    """After SIGSTOP the modes are still on: a second push would need a second pop."""
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
