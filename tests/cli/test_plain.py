"""One line an event: pipes, files, ttys, and how it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli.sessions import session
from helpers.terminals import Pty
from helpers.waiting import PATIENCE

from evdispatch.terminal import Modes

COMMAND = [sys.executable, "-X", "dev", "-W", "error", "-m", "evdispatch"]
MODES = Modes(mouse="move", paste=True, focus=True)
OFF = MODES.disable() + b"\x1b[c"  # and who it is: a fence


def run(
    data: bytes, *arguments: str, encoding: str = "utf-8"
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, "keys", *arguments],
        input=data,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )


def shell(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", script.replace("KEYS", f"{sys.executable} -m evdispatch keys")],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def python(before: str) -> subprocess.CompletedProcess[bytes]:
    """Run the program after something has been done to it."""
    code = f"""\
import os, resource, sys
from evdispatch.cli import _keys, main
{before}
sys.exit(main(["keys"]))
"""
    return subprocess.run(
        [sys.executable, "-c", code],
        input=b"a",
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )


class TestPipe:
    """Piped input."""

    def test_one_line_an_event_and_q_ends_it(self, io: str) -> None:
        done = run(b"a\x1b[A\x1b[<0;5;3M\x1b[<0;5;3mqz", "--io", io)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.decode().splitlines() == [
            *("key a", "key up", "press left 4,2", "release left 4,2"),
            *("click left 4,2", "key q"),
        ]

    @pytest.mark.parametrize(
        ("data", "output"),
        [
            (b"", ""),
            (b"x", "key x\n"),
            (b"\x03x", "key ctrl+c\n"),
            (b"\x1ax", "key ctrl+z\nkey x\n"),
            (b"\x1b[200~q\n\x1b[201~", "paste 'q\\n'\n"),
            (b"\x1b[<", "unknown 1b5b3c\n"),
            (b"\x1b", "key escape\n"),
            ("é日".encode(), "key é\nkey 日\n"),
        ],
    )
    def test_the_end_of_the_input_ends_it(self, data: bytes, output: str) -> None:
        done = run(data)
        assert (done.returncode, done.stdout.decode(), done.stderr) == (0, output, b"")

    def test_each_move_is_shown(self, io: str) -> None:
        done = run(b"\x1b[<35;1;1M\x1b[<35;2;1M\x1b[<35;3;1Mq", "--io", io)
        assert done.stdout.decode().splitlines() == [
            *("move 0,0", "move 1,0", "move 2,0", "key q")
        ]

    def test_what_the_encoding_lacks_is_escaped(self) -> None:
        assert run("é".encode(), encoding="ascii").stdout == b"key \\xe9\n"

    def test_lines_come_when_events_do(self) -> None:
        with subprocess.Popen(
            [*COMMAND, "keys"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        ) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(b"a")
            assert child.stdout.read(6) == b"key a\n"  # with the input still open


class TestEnds:
    """How it ends where something is missing."""

    def test_dev_null(self) -> None:
        done = shell("KEYS </dev/null")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "input").write_bytes(b"ab")
        done = shell(f"KEYS <{tmp_path}/input")
        assert (done.returncode, done.stdout) == (0, "key a\nkey b\n")

    def test_no_input_says_what_to_do(self) -> None:
        done = shell("KEYS <&-")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(
            "evdispatch keys: there is no standard input: run"
        )
        assert done.stderr.count("\n") == 1

    def test_no_output(self) -> None:
        done = shell("KEYS >&-")
        assert done.returncode == 1
        assert done.stderr == (
            "evdispatch keys: there is no standard output to write to\n"
        )

    def test_an_input_that_can_t_be_read_is_one_line(self) -> None:
        done = shell("KEYS 0>/dev/null")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1

    def test_a_full_disk_is_one_line(self) -> None:
        done = shell("echo a | KEYS >/dev/full")
        assert done.returncode == 1
        assert done.stderr == "evdispatch keys: [Errno 28] No space left on device\n"

    def test_nobody_reads_it_when_it_writes(self, io: str) -> None:
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [*COMMAND, "keys", "--io", io],
            input=b"a" * 1000,
            stdout=write,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
        os.close(write)
        assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")

    def test_nobody_reads_it_while_it_waits(self, io: str) -> None:
        with subprocess.Popen(
            [*COMMAND, "keys", "--io", io],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        ) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            assert child.stderr is not None
            child.stdin.write(b"a")
            assert child.stdout.read(6) == b"key a\n"
            child.stdout.close()
            assert child.wait(PATIENCE) == 128 + signal.SIGPIPE
            assert child.stderr.read() == b""

    def test_a_fault_of_ours_has_a_traceback(self) -> None:
        done = python("_keys.line = lambda event: 1 / 0")
        assert done.returncode == 1
        assert b"ZeroDivisionError" in done.stderr

    def test_no_descriptors_left_is_one_line(self) -> None:
        done = python(
            "most = max(map(int, os.listdir('/proc/self/fd'))) + 2\n"
            "resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))"
        )
        assert done.returncode == 1
        assert done.stderr.startswith(
            b"evdispatch keys: [Errno 24] Too many open files"
        )
        assert done.stderr.count(b"\n") == 1


class TestTty:
    """A terminal in, and one line an event out."""

    def test_plain_on_a_tty(self, io: str, pty: Pty) -> None:
        before = pty.attributes()
        with session(pty, "--plain", "--io", io) as user:
            pty.wait_for(MODES.enable())
            user.type("a\x1a")
            pty.wait_for(b"suspend\r\n")
            pty.wait_for(b"resume\r\n")  # there is no shell to stop it for
            pty.resize(90, 30)
            pty.wait_for(b"resize 90x30\r\n")
            user.type("\x03")
            assert user.wait() == 0
        assert pty.attributes() == before
        output = pty.read()
        assert b"key a\r\nkey ctrl+z\r\nsuspend\r\n" in output
        assert output.endswith(b"key ctrl+c\r\n" + OFF)

    def test_a_dumb_terminal_has_lines(
        self, pty: Pty, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TERM", "dumb")
        with session(pty) as user:
            user.type("q")
            pty.wait_for(b"key q\r\n")
            assert user.wait() == 0

    def test_a_pipe_behind_it(self, io: str, pty: Pty) -> None:
        with subprocess.Popen(
            [*COMMAND, "keys", "--mouse", "click", "--io", io],
            stdin=pty.slave,
            stdout=subprocess.PIPE,
            start_new_session=True,
        ) as child:
            pty.wait_for(b"\x1b[?1004h")
            pty.type(b"aq")
            output, _ = child.communicate(timeout=PATIENCE)
        assert (output, child.returncode) == (b"key a\nkey q\n", 0)
        assert b"\x1b[?1003h" not in pty.output

    def test_a_terminal_that_goes_away_is_told_and_ends_it(self) -> None:
        pty = Pty()
        with subprocess.Popen(
            [*COMMAND, "keys"],
            stdin=pty.slave,
            stdout=subprocess.PIPE,
            start_new_session=True,
        ) as child:
            pty.wait_for(b"\x1b[?1004h")
            pty.close()
            output, _ = child.communicate(timeout=PATIENCE)
        assert (output, child.returncode) == (b"hangup\n", 0)

    def test_a_pipe_in_and_a_terminal_out(self, pty: Pty) -> None:
        done = subprocess.run(
            [*COMMAND, "keys"],
            input=b"a",
            stdout=pty.slave,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert pty.read() == b"key a\r\n"
