"""Each way to end, in a real terminal: tmux answers, and shows which modes are on."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which

import pytest
from helpers.waiting import PATIENCE, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(which("tmux") is None, reason="no tmux here"),
]

PROGRAM = """
import os, signal, sys
from evdispatch import Dispatcher, Terminal
app = Dispatcher(io={io!r})
terminal = app.add(Terminal(
    alternate_screen=True, mouse="move", hide_cursor=True, focus=True, guard={guard},
))
@app.on("start")
def start():
    terminal.ask("device")
@app.on("answer")
def act():
    {act}
app.run()
{after}
"""
WAYS = {
    "stop": ("app.stop()", "app.close()"),
    "no close": ("app.stop()", ""),
    "exit": ("sys.exit(3)", ""),
    "exception": ("raise LookupError", ""),
    "interrupt": ("os.kill(os.getpid(), signal.SIGINT)", ""),
    "term": ("os.kill(os.getpid(), signal.SIGTERM)", ""),
    "quit": ("os.kill(os.getpid(), signal.SIGQUIT)", ""),
    "hang up": ("os.kill(os.getpid(), signal.SIGHUP)", ""),
    "asked in vain": ("[terminal.ask('version') for _ in range(9)]; app.stop()", ""),
    "late questions": ("terminal.write('\\x1b[6n' * 20); app.stop()", ""),
    "kill": ("os.kill(os.getpid(), signal.SIGKILL)", ""),
}
GUARDED = """
for each in $(seq 600); do
    stty -a > after
    cmp -s before after && break
    sleep 0.2
done
"""
STARTER = (
    "import subprocess, sys; print(subprocess.call([sys.executable, 'program.py']))"
)
MODES = "#{alternate_on}#{mouse_any_flag}#{mouse_sgr_flag}#{cursor_flag}"


@pytest.fixture
def tmux(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., str]]:
    """A tmux with a shell, which has no configuration and no history."""
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    base = ["tmux", "-S", str(tmp_path / "s"), "-f", "/dev/null"]

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [*base, *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE,
        )
        return done.stdout

    run("new-session", "-d", "-x", "80", "-y", "24", "sh")
    wait_for_prompt(run)
    yield run
    run("kill-server")


def wait_for_prompt(tmux: Callable[..., str]) -> None:
    """Input that comes before the prompt would be echoed above it."""

    def shown() -> list[str]:
        return tmux("capture-pane", "-p").split()[-1:]

    wait_until(lambda: shown() in (["#"], ["$"]), "a prompt")


@pytest.mark.parametrize("way", WAYS)
def test_terminal_after_the_program_is_as_before(
    io: str, tmux: Callable[..., str], tmp_path: Path, way: str
) -> None:
    act, after = WAYS[way]
    code = PROGRAM.format(io=io, act=act, after=after, guard=way == "kill")
    (tmp_path / "program.py").write_text(code, "utf-8")
    script = "\n".join(
        [
            f"cd {shlex.quote(str(tmp_path))}",
            "stty -a > before",
            # A shell ends its script if SIGINT ends a child of its own.
            f"{shlex.quote(sys.executable)} -c {shlex.quote(STARTER)} 2> errors",
            # The guard restores the terminal after the program has ended.
            GUARDED if way == "kill" else "stty -a > after",
            "touch done",
        ]
    )
    (tmp_path / "script").write_text(script, "utf-8")
    before = tmux("display-message", "-p", MODES)
    tmux("send-keys", f". {shlex.quote(str(tmp_path / 'script'))}", "Enter")
    wait_until((tmp_path / "done").exists, "the end of the script")
    wait_for_prompt(tmux)
    assert (tmp_path / "after").read_text() == (tmp_path / "before").read_text()
    assert tmux("display-message", "-p", MODES) == before
    tmux("send-keys", "echo the shell is sane", "Enter")
    wait_until(lambda: "\nthe shell is sane" in tmux("capture-pane", "-p"), "the echo")
    shown = tmux("capture-pane", "-p")
    # Replies that come late would be typed between the prompt and what we type.
    assert re.search(r"^[#$] echo the shell is sane$", shown, re.MULTILINE), shown
    assert "[?" not in shown, shown
