"""The full-screen view in tmux."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from shutil import which
from typing import Any

import pytest
from cli.sessions import button
from helpers.terminals import Pty, click, sgr

pytestmark = pytest.mark.usefixtures("xterm")


@pytest.mark.slow
@pytest.mark.skipif(which("tmux") is None, reason="no tmux here")
class TestTmux:
    """A real terminal in between: tmux decodes its input, and encodes it again."""

    @pytest.fixture
    def tmux(self, pty: Pty, monkeypatch: Any, tmp_path: Any) -> Iterator[Any]:
        monkeypatch.delenv("TMUX", raising=False)
        monkeypatch.setenv("LC_ALL", "C.UTF-8")
        base = ["tmux", "-S", str(tmp_path / "s"), "-f", "/dev/null"]

        def tmux(*arguments: str) -> str:
            done = subprocess.run(
                [*base, *arguments], capture_output=True, text=True, check=True
            )
            return done.stdout

        keys = f"{shlex.quote(sys.executable)} -m evdispatch keys; echo ended with $?"
        pty.resize(100, 30)
        with subprocess.Popen(
            [*base, "new-session", f"{keys}; exec cat"],
            stdin=pty.slave,
            stdout=pty.slave,
            start_new_session=True,
            cwd=os.getcwd(),
        ):
            pty.wait_for(b"\x1b[")
            yield tmux
            tmux("kill-server")

    def see(self, pty: Pty, tmux: Callable[..., str], *texts: str) -> None:
        def shown() -> str:
            pty.read()  # a client that can't write would be slow
            return tmux("capture-pane", "-p")

        for _ in range(2000):
            if all(text in shown() for text in texts):
                return
        raise TimeoutError(f"{texts} not in:\n{shown()}")

    def test_view_in_tmux_shows_keys_mouse_and_paste(self, pty: Pty, tmux: Any) -> None:
        tmux("set", "-g", "status", "off")
        tmux("set", "-g", "mouse", "on")
        self.see(pty, tmux, "Press keys", "100x30")
        tmux("send-keys", "a", "C-s", "S-Up", "F5", "é")
        self.see(pty, tmux, "ctrl+s", "shift+up", "f5", "é", "key 5")
        tmux("set-buffer", "pasted\x1b[31m")
        tmux("paste-buffer", "-p")
        self.see(pty, tmux, r"'pasted\x1b[31m'")
        pty.type(click(50, 25) + sgr(35, 51, 25))
        self.see(pty, tmux, "click    left 50,25", "move     51,25")
        pty.type(click(*button("quit", 100, 30)))
        self.see(pty, tmux, "ended with 0")
