"""The full-screen view as its user meets it: a program on a pty."""

import signal
import subprocess
import sys

import pytest
from cli.pictures import Glass
from cli.sessions import FENCE, VIEW, Session, button, session
from helpers.terminals import Pty, click, program, sgr
from helpers.waiting import PATIENCE

from evdispatch import Dispatcher, Terminal
from evdispatch.cli._state import layout
from evdispatch.cli._view import View
from evdispatch.testing import VirtualClock

OFF = VIEW.disable() + FENCE

pytestmark = pytest.mark.usefixtures("xterm")


class TestInput:
    """What is typed, pasted and pointed at is shown."""

    def test_input_of_all_kinds_is_shown_until_q(self, io: str, pty: Pty) -> None:
        before = pty.attributes()
        with session(pty, "--io", io) as user:
            user.see("Press keys", io, "80x24")
            assert pty.attributes() != before
            user.type("\x1b[1;2A")
            user.see("shift+up", r"\e[1;2A", "1b 5b 31 3b 32 41")
            user.type(click(50, 20))
            user.see("press    left 50,20", "click    left 50,20", "click 1")
            user.type(
                sgr(32, 51, 20) + sgr(32, 52, 20) + sgr(35, 1, 20) + sgr(64, 1, 20)
            )
            user.see("drag     left 52,20  (2 times)", "move     1,20", "wheel_up 1,20")
            user.type("\x1b[200~a\x1b[31m\n日本\x1b[201~\x1b[O")
            user.see(r"'a\x1b[31m\n日本'", "focus    lost")
            user.type("q")
            assert user.wait() == 0
        assert pty.attributes() == before
        output = pty.read()
        assert output.startswith(VIEW.enable())
        assert output.endswith(OFF)

    @pytest.mark.parametrize("leave", [b"\x03", click(*button("quit"))])
    def test_ctrl_c_or_the_quit_button_ends_the_view(
        self, io: str, pty: Pty, leave: bytes
    ) -> None:
        with session(pty, "--io", io) as user:
            user.see("Press keys")
            user.type(leave)
            assert user.wait() == 0

    def test_mouse_off_switches_no_mouse_mode_on(self, pty: Pty) -> None:
        with session(pty, "--mouse", "off") as user:
            user.see("Press keys")
            user.type("q")
            assert user.wait() == 0
        assert b"\x1b[?1000h" not in pty.output


class TestButtons:
    """Buttons and pad."""

    def test_clear_and_pause_buttons_work(self, io: str, pty: Pty) -> None:
        with session(pty, "--io", io) as user:
            user.type("xyz")
            user.see("key 3")
            user.type(click(*button("clear")))
            assert "key 3" not in user.see("click 1")
            user.type(click(*button("pause")))
            user.see("the log is paused")
            user.type("\x1b[24~")
            assert "f12" not in user.see("key 1")
            user.type(click(*button("pause")) + b"\x1b[24~")
            user.see("f12", "q or ctrl+c quits")
            user.type("q")
            assert user.wait() == 0

    def test_button_under_the_mouse_lights_up(self, pty: Pty) -> None:
        x, y = button("clear")
        with session(pty) as user:
            user.see("Press keys")
            dark = user.glass.ground(x, y)
            user.type(sgr(35, x, y))
            user.see("move 1")
            lit = user.glass.ground(x, y)
            user.type(sgr(0, x, y))
            user.see("press 1")
            assert len({dark, lit, user.glass.ground(x, y)}) == 3
            user.type("q")
            assert user.wait() == 0

    def test_drag_on_the_pad_draws_dots(self, pty: Pty) -> None:
        pad = layout(80, 24).pad
        assert pad is not None
        x, y = pad.inner[:2]
        with session(pty) as user:
            user.see("Press keys")
            user.type(sgr(0, x, y) + sgr(32, x + 1, y) + sgr(32, x + 2, y + 1))
            user.see("●●")
            user.see_at(x + 2, y + 1, "●")
            user.type("q")
            assert user.wait() == 0


class TestSignals:
    """Sizes, stops and ends."""

    @pytest.mark.parametrize(
        ("columns", "rows", "seen"),
        [(20, 6, "Pause"), (100, 30, "drag here"), (300, 100, "300x100")],
    )
    def test_resize_draws_the_view_again(
        self, io: str, pty: Pty, columns: int, rows: int, seen: str
    ) -> None:
        with session(pty, "--io", io) as user:
            user.see("Press keys")
            user.resize(columns, rows)
            user.see(seen, "resize")
            user.type(click(*button("quit", columns, rows)))
            assert user.wait() == 0

    @pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
    def test_deadly_signal_restores_the_terminal(
        self, io: str, pty: Pty, signum: signal.Signals
    ) -> None:
        before = pty.attributes()
        with session(pty, "--io", io) as user:
            user.see("Press keys")
            user.child.send_signal(signum)
            assert user.wait() == -signum
        assert pty.attributes() == before
        assert pty.read().endswith(OFF)

    def test_interrupt_restores_the_terminal(self, io: str, pty: Pty) -> None:
        before = pty.attributes()
        with session(pty, "--io", io) as user:
            user.see("Press keys")
            user.child.send_signal(signal.SIGINT)
            assert user.wait() == 130
        assert pty.attributes() == before
        assert pty.read().endswith(OFF)

    SHELL = """
        import os, signal, subprocess, sys

        def take():
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpid())
            signal.signal(signal.SIGTTOU, signal.SIG_DFL)

        command = [sys.executable, "-m", "evdispatch", "keys", "--io", {io!r}]
        job = subprocess.Popen(command, preexec_fn=take)
        os.waitid(os.P_PID, job.pid, os.WSTOPPED)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(0, os.getpgrp())
        print("stopped", flush=True)
        sys.stdin.readline()
        os.tcsetpgrp(0, job.pid)
        os.killpg(job.pid, signal.SIGCONT)
        sys.exit(job.wait())
    """

    def test_ctrl_z_stops_the_view_until_the_shell_continues_it(
        self, io: str, pty: Pty
    ) -> None:
        before = pty.attributes()
        with program(pty, self.SHELL.format(io=io)) as shell:
            user = Session(pty, shell)
            user.type("a")
            user.see("key 1")
            user.type("\x1a")
            pty.wait_for(OFF + b"stopped")
            assert b"ctrl+z" in pty.output
            assert pty.attributes() == before
            user.type("\n")
            pty.wait_for(b"stopped\r\n\r\n" + VIEW.enable())
            user.see("80x24", "resume 1", "suspend 1")
            user.type("q")
            assert user.wait() == 0
        assert pty.attributes() == before

    def test_view_in_the_background_draws_nothing(self, io: str, pty: Pty) -> None:
        source = f"""
            import os, signal, subprocess, sys
            other = subprocess.Popen(["sleep", "300"], process_group=0)
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            os.tcsetpgrp(0, other.pid)
            from evdispatch import Dispatcher, Terminal
            from evdispatch.__main__ import main
            run = Dispatcher.run
            def at_last(app):
                # The first frame would be drawn at the start; a second passes by after.
                app.after(0.05, lambda: print("behind", flush=True))
                app.after(0.06, lambda: os.tcsetpgrp(0, os.getpgrp()))
                app.after(0.07, lambda: os.kill(os.getpid(), signal.SIGCONT))
                run(app)
            Dispatcher.run = at_last
            code = main(["keys", "--io", {io!r}])
            other.kill()
            other.wait()
            sys.exit(code)
        """
        with program(pty, source) as child:
            user = Session(pty, child)
            user.see("80x24", "resume 1")
            user.type("q")
            assert user.wait() == 0
        assert pty.output.startswith(b"behind\r\n" + VIEW.enable())

    def test_closed_terminal_ends_the_view(
        self, io: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without a controlling terminal, no SIGHUP comes."""
        monkeypatch.setenv("TERM", "xterm-256color")
        pty = Pty()
        command = [sys.executable, "-m", "evdispatch", "keys", "--io", io]
        with subprocess.Popen(
            command,
            stdin=pty.slave,
            stdout=pty.slave,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as child:
            Session(pty, child).see("Press keys")
            pty.close()
            assert child.wait(PATIENCE) in (0, 129)
            assert child.stderr is not None
            assert child.stderr.read() == b""


def test_clock_and_rate_advance_each_second(
    timed: Dispatcher, clock: VirtualClock, pty: Pty
) -> None:
    terminal = timed.add(Terminal(pty.slave))
    times = iter(["12:00:00", "12:00:01"])
    View(timed, terminal, io="any", now=clock.now, wall=lambda: next(times))
    pty.type(b"abc")
    timed.on("key", key="c")(lambda: clock.advance(1.0))

    @timed.on("second")
    def end() -> None:
        timed.after(0.1, timed.stop)  # with time for a frame before
        clock.advance(0.2)

    timed.run()
    rows = Glass(80, 24).show(pty.read())
    assert rows[0].rstrip().endswith("12:00:01")
    assert rows[12].rstrip().endswith("█  3/s")
