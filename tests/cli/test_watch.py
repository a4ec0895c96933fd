"""``evdispatch watch``: real files, real children, real signals."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.waiting import PATIENCE

from evdispatch.cli import main

COMMAND = [sys.executable, "-X", "dev", "-m", "evdispatch", "watch"]

# Prints which run it is, and stays until SIGTERM; "deaf" only prints that it came.
CHILD = """
import os, signal, sys
count = len(os.listdir(sys.argv[1]))
open(f"{sys.argv[1]}/{count}", "w").close()
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, lambda *_: print("asked to end", flush=True))
print("run", count, flush=True)
while "stay" in sys.argv:
    signal.pause()
"""


class Session:
    """The command, running, and what it prints."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        environ = {**os.environ, "PYTHONPATH": os.getcwd()}
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=environ,
        )
        assert self.process.stdout is not None
        self.output = b""
        self.fd = self.process.stdout.fileno()

    def expect(self, text: str) -> None:
        """Read until there is this text, which is used up with all before it."""
        deadline = time.monotonic() + PATIENCE
        while text.encode() not in self.output:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise TimeoutError(f"no {text!r} in {self.output!r}")
            data = os.read(self.fd, 65_536)
            assert data, f"no {text!r} in {self.output!r}; {self.errors()}"
            self.output += data
        self.output = self.output.partition(text.encode())[2]

    def errors(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextlib.contextmanager
def session(*arguments: str, cwd: Path) -> Iterator[Session]:
    running = Session(*arguments, cwd=cwd)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.communicate()


def child(directory: Path, *options: str) -> list[str]:
    directory.mkdir(exist_ok=True)
    return [sys.executable, "-c", CHILD, str(directory), *options]


class TestLines:
    def test_changes_make_one_line_each(self, tmp_path: Path) -> None:
        (tmp_path / "src").mkdir()
        with session("src", cwd=tmp_path) as watch:
            watch.expect("ready src\n")
            (tmp_path / "src/a").write_text("text")
            watch.expect("created src/a\nmodified src/a\nclosed src/a\n")
            (tmp_path / "src/d").mkdir()
            watch.expect("created src/d/\n")
            os.rename(tmp_path / "src/a", tmp_path / "src/d/b")
            watch.expect("moved src/a -> src/d/b\n")
            os.rename(tmp_path / "src/d", tmp_path / "src/e")
            watch.expect("moved src/d/ -> src/e/\n")
            (tmp_path / "src/line\nfeed \x1b[31m").touch()
            watch.expect(r"created src/line\nfeed \x1b[31m" + "\n")
            with open(bytes(tmp_path) + b"/src/\xff", "w"):
                pass
            watch.expect(r"created src/\udcff" + "\n")
            assert watch.end(signal.SIGINT) == 130
            assert watch.errors() == ""

    def test_missing_path_is_watched_once_it_exists(self, tmp_path: Path) -> None:
        with session("--ignore", "*.o", "src/", cwd=tmp_path) as watch:
            watch.expect("ready src\n")
            (tmp_path / "src").mkdir()
            watch.expect("created src/\n")
            (tmp_path / "src/a.o").touch()
            (tmp_path / "src/a.c").touch()
            watch.expect("created src/a.c\n")
            assert watch.end(signal.SIGTERM) == 143
            assert watch.errors() == ""

    def test_closed_output_exits_with_141(self, tmp_path: Path) -> None:
        with session(".", cwd=tmp_path) as watch:
            watch.expect("ready .\n")
            assert watch.process.stdout is not None
            watch.process.stdout.close()
            assert watch.process.wait(PATIENCE) == 141
            assert watch.errors() == ""
            watch.process.stdout = None


class TestRuns:
    def test_command_runs_at_the_start_and_on_changes(self, tmp_path: Path) -> None:
        (tmp_path / "src").mkdir()
        runs = child(tmp_path / "runs")
        with session("src", "--", *runs, cwd=tmp_path) as watch:
            watch.expect("run 0\n")
            (tmp_path / "src/a").write_text("text")
            watch.expect("run 1\n")
            (tmp_path / "src/b~").write_text("a backup, which is ignored")
            (tmp_path / "src/.git").mkdir()
            (tmp_path / "src/a").unlink()
            watch.expect("run 2\n")
            assert watch.end(signal.SIGINT) == 130
            assert watch.errors() == ""
        assert len(list((tmp_path / "runs").iterdir())) == 3

    def test_running_command_is_ended_before_the_next_run(self, tmp_path: Path) -> None:
        (tmp_path / "src").mkdir()
        with session("src", *child(tmp_path / "runs", "stay"), cwd=tmp_path) as watch:
            for number in range(3):
                watch.expect(f"run {number}\n")
                for name in "abc":  # together they are one change
                    (tmp_path / f"src/{name}{number}").touch()
            watch.expect("run 3\n")
            assert watch.end(signal.SIGTERM) == 143
            assert watch.errors() == ""
        assert len(list((tmp_path / "runs").iterdir())) == 4

    def test_command_that_ignores_sigterm_is_killed(self, tmp_path: Path) -> None:
        (tmp_path / "src").mkdir()
        runs = child(tmp_path / "runs", "stay", "deaf")
        with session("--grace", "0.2", "src", *runs, cwd=tmp_path) as watch:
            watch.expect("run 0\n")
            (tmp_path / "src/a").touch()
            watch.expect("run 1\n")
            assert watch.end(signal.SIGINT) == 130
            assert watch.errors() == ""

    def test_second_interrupt_kills_the_command(self, tmp_path: Path) -> None:
        (tmp_path / "src").mkdir()
        runs = child(tmp_path / "runs", "stay", "deaf")
        with session("--grace", "1000", "src", *runs, cwd=tmp_path) as watch:
            watch.expect("run 0\n")
            watch.process.send_signal(signal.SIGINT)
            watch.expect("asked to end\n")
            assert watch.end(signal.SIGINT) == 130
            assert watch.errors() == ""

    def test_inherited_ignored_sigchld_does_not_matter(self, tmp_path: Path) -> None:
        """As some shells and containers do; it is inherited."""
        (tmp_path / "src").mkdir()
        runs = child(tmp_path / "runs")
        with contextlib.ExitStack() as stack:
            before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            try:
                watch = stack.enter_context(session("src", *runs, cwd=tmp_path))
            finally:
                signal.signal(signal.SIGCHLD, before)
            for number in range(2):
                watch.expect(f"run {number}\n")
                (tmp_path / f"src/{number}").touch()
            watch.expect("run 2\n")
            assert watch.end(signal.SIGINT) == 130
            assert watch.errors() == ""

    def test_postponed_command_runs_at_the_first_change(self, tmp_path: Path) -> None:
        (tmp_path / "cfg").touch()
        runs = child(tmp_path / "runs")
        with session("--postpone", "--clear", "cfg", *runs, cwd=tmp_path) as watch:
            deadline = time.monotonic() + PATIENCE
            while not watch.output and time.monotonic() < deadline:
                (tmp_path / "cfg").write_text("new")  # until it is watched
                if select.select([watch.fd], [], [], 0.2)[0]:
                    watch.expect("\x1b[H\x1b[2J\x1b[3Jrun 0\n")
                    break
            assert watch.end(signal.SIGINT) == 130

    @pytest.mark.parametrize(
        ("command", "code", "text"),
        [
            ("./none", 127, "no such command"),
            ("./cfg", 126, "may not be run"),
            ("./empty", 126, "no program"),
            ("./script", 126, "interpreter"),
            ("./cfg/x", 126, "can't be run: Not a directory"),
        ],
    )
    def test_command_that_can_not_run_sets_the_exit_code(
        self, tmp_path: Path, command: str, code: int, text: str
    ) -> None:
        (tmp_path / "cfg").touch(0o600)
        (tmp_path / "empty").touch(0o700)
        (tmp_path / "script").write_text("#!/no/such/program\n")
        (tmp_path / "script").chmod(0o700)
        with session("cfg", command, cwd=tmp_path) as watch:
            assert watch.process.wait(PATIENCE) == code
            assert text in watch.errors()


@pytest.mark.parametrize(
    "arguments",
    [
        ["watch"],
        ["watch", "--debounce", "0", "."],
        ["watch", "--debounce", "nan", "."],
        ["watch", "--grace", "never", "."],
        ["watch", "--no-such-option", "."],
        ["watch", ".", "--ignore", "*.o"],
    ],
    ids=str,
)
def test_wrong_arguments_exit_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage: evdispatch" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["", "true"], ["--ignore", "", "."]], ids=str)
def test_wrong_values_exit_with_1(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", *arguments]) == 1
    assert "evdispatch watch: " in capsys.readouterr().err


def test_help_lists_the_default_ignores(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["watch", "--help"])
    text = capsys.readouterr().out
    assert "__pycache__/" in text
    assert "COMMAND" in text
