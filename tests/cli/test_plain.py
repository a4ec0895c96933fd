"""Plain output: pipes, files, ttys, and how the program ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli.commands import KEYS, run
from cli.sessions import FENCE, PLAIN, session
from helpers.terminals import Pty
from helpers.waiting import PATIENCE


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
    """Run the program after some code that changes it."""
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

    def test_piped_input_makes_one_line_an_event_until_q(self, io: str) -> None:
        done = run("--io", io, data=b"a\x1b[A\x1b[<0;5;3M\x1b[<0;5;3mqz")
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
    def test_end_of_input_ends_the_program(self, data: bytes, output: str) -> None:
        done = run(data=data)
        assert (done.returncode, done.stdout.decode(), done.stderr) == (0, output, b"")

    def test_moves_in_a_row_are_all_shown(self, io: str) -> None:
        done = run("--io", io, data=b"\x1b[<35;1;1M\x1b[<35;2;1M\x1b[<35;3;1Mq")
        assert done.stdout.decode().splitlines() == [
            *("move 0,0", "move 1,0", "move 2,0", "key q")
        ]

    def test_character_outside_the_encoding_is_escaped(self) -> None:
        done = run(data="é".encode(), env={**os.environ, "PYTHONIOENCODING": "ascii"})
        assert done.stdout == b"key \\xe9\n"

    def test_line_is_written_while_the_input_is_open(self) -> None:
        with subprocess.Popen(
            KEYS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        ) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(b"a")
            assert child.stdout.read(6) == b"key a\n"  # with the input still open


class TestEnds:
    """How the program ends where something is missing."""

    def test_dev_null_as_input_ends_with_0(self) -> None:
        done = shell("KEYS </dev/null")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_file_as_input_makes_lines(self, tmp_path: Path) -> None:
        (tmp_path / "input").write_bytes(b"ab")
        done = shell(f"KEYS <{tmp_path}/input")
        assert (done.returncode, done.stdout) == (0, "key a\nkey b\n")

    def test_missing_input_is_reported_with_advice(self) -> None:
        done = shell("KEYS <&-")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(
            "evdispatch keys: there is no standard input: run"
        )
        assert done.stderr.count("\n") == 1

    def test_missing_output_is_reported(self) -> None:
        done = shell("KEYS >&-")
        assert done.returncode == 1
        assert done.stderr == (
            "evdispatch keys: there is no standard output to write to\n"
        )

    def test_unreadable_input_is_reported_in_one_line(self) -> None:
        done = shell("KEYS 0>/dev/null")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1

    def test_full_disk_is_reported_in_one_line(self) -> None:
        done = shell("echo a | KEYS >/dev/full")
        assert done.returncode == 1
        assert done.stderr == "evdispatch keys: [Errno 28] No space left on device\n"

    def test_output_closed_before_a_write_exits_with_141(self, io: str) -> None:
        read, write = os.pipe()
        os.close(read)
        done = run("--io", io, data=b"a" * 1000, stdout=write)
        os.close(write)
        assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")

    def test_output_closed_while_waiting_exits_with_141(self, io: str) -> None:
        with subprocess.Popen(
            [*KEYS, "--io", io],
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

    def test_bug_in_a_handler_prints_a_traceback(self) -> None:
        done = python("_keys.line = lambda event: 1 / 0")
        assert done.returncode == 1
        assert b"ZeroDivisionError" in done.stderr

    def test_missing_descriptors_are_reported_in_one_line(self) -> None:
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

    def test_plain_on_a_tty_writes_lines_and_restores_it(
        self, io: str, pty: Pty
    ) -> None:
        before = pty.attributes()
        with session(pty, "--plain", "--io", io) as user:
            pty.wait_for(PLAIN.enable())
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
        assert output.endswith(b"key ctrl+c\r\n" + PLAIN.disable() + FENCE)

    def test_dumb_terminal_gets_lines(
        self, pty: Pty, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TERM", "dumb")
        with session(pty) as user:
            user.type("q")
            pty.wait_for(b"key q\r\n")
            assert user.wait() == 0

    def test_tty_with_piped_output_gets_lines(self, io: str, pty: Pty) -> None:
        with subprocess.Popen(
            [*KEYS, "--mouse", "click", "--io", io],
            stdin=pty.slave,
            stdout=subprocess.PIPE,
            start_new_session=True,
        ) as child:
            pty.wait_for(b"\x1b[?1004h")
            pty.type(b"aq")
            output, _ = child.communicate(timeout=PATIENCE)
        assert (output, child.returncode) == (b"key a\nkey q\n", 0)
        assert b"\x1b[?1003h" not in pty.output

    def test_closed_terminal_makes_a_hangup_and_ends_the_program(self) -> None:
        pty = Pty()
        with subprocess.Popen(
            KEYS,
            stdin=pty.slave,
            stdout=subprocess.PIPE,
            start_new_session=True,
        ) as child:
            pty.wait_for(b"\x1b[?1004h")
            pty.close()
            output, _ = child.communicate(timeout=PATIENCE)
        assert (output, child.returncode) == (b"hangup\n", 0)

    def test_piped_input_with_tty_output_gets_lines(self, pty: Pty) -> None:
        done = run(data=b"a", stdout=pty.slave)
        assert (done.returncode, done.stderr) == (0, b"")
        assert pty.read() == b"key a\r\n"
