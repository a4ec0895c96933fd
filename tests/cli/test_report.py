"""``--report FILE``: complete line by line, private, and no error is silent."""

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli.commands import DATA, lines_of, run
from cli.sessions import FENCE, PLAIN, session
from helpers.terminals import Pty
from helpers.waiting import PATIENCE
from terminal.from_report import read

from evdispatch.cli import main
from evdispatch.cli._report import report_file


def typed(records: dict[int, dict[str, Any]]) -> list[str]:
    """Return the lines of a report, but for answers: the pty gives none in time."""
    lines = [each["line"] for each in records.values()]
    return [line for line in lines if not line.startswith("answer ")]


class TestFile:
    """What is in it."""

    def test_report_has_a_line_for_each_line_of_the_output(
        self, io: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "report"
        done = run("--io", io, "--report", str(path), data=DATA + b"q")
        assert (done.returncode, done.stderr) == (0, b"")
        head, records = read(lines_of(path))
        lines = [each["line"] for each in records.values()]
        assert lines == done.stdout.decode().splitlines()
        assert head["tty"] is None
        assert head["options"] == {
            "explain": False,
            "io": io,
            "keyboard": "auto",
            "mouse": "move",
            "plain": True,
        }
        times = [each["time"] for each in records.values()]
        assert times == sorted(times)
        assert 0 <= times[0] < 20
        answers = [each["answer"] for each in records.values() if "answer" in each]
        assert answers == ["da1", "da2", "xtversion"]

    def test_report_has_all_bytes_once(self, tmp_path: Path) -> None:
        path = tmp_path / "report"
        run("--report", str(path), data=DATA)
        _, records = read(lines_of(path))
        assert bytes.fromhex("".join(r["hex"] for r in records.values())) == DATA

    def test_report_begins_with_a_warning_and_is_private(self, tmp_path: Path) -> None:
        path = tmp_path / "report"
        run("--report", str(path))
        assert "PRIVATE: all that was typed" in path.read_text()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_report_describes_the_terminal_without_secrets(
        self, io: str, pty: Pty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TERM", "dumb")
        monkeypatch.setenv("TMUX", "/secret/path")
        monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1")
        monkeypatch.setenv("LC_CTYPE", "C.UTF-8")
        monkeypatch.setenv("UNRELATED", "secret")
        path = tmp_path / "report"
        with session(pty, "--io", io, "--report", str(path)) as user:
            pty.wait_for(b"\x1b[?1004h")
            pty.resize(90, 30)
            pty.wait_for(b"resize 90x30\r\n")
            for byte in b"\x1b[97;5uq":
                pty.type(bytes([byte]))
            assert user.wait() == 0
        head, records = read(lines_of(path))
        assert head["environment"]["TERM"] == "dumb"
        assert head["environment"]["LC_CTYPE"] == "C.UTF-8"
        assert (head["tmux"], head["ssh"]) == (True, True)
        assert "secret" not in path.read_text()
        assert "192.0.2.1" not in path.read_text()
        assert head["tty"] == {"erase": 0x7F, "size": [80, 24, 0, 0]}
        assert typed(records) == ["resize 90x30", "key ctrl+a", "key q"]

    def test_report_beside_the_view_has_its_events(
        self, pty: Pty, tmp_path: Path, xterm: None
    ) -> None:
        path = tmp_path / "report"
        with session(pty, "--report", str(path)) as user:
            user.see("Press keys")
            user.type("\x1b[1;5A")
            user.see("ctrl+up")
            assert typed(read(lines_of(path))[1]) == ["key ctrl+up"]
            user.type("q")
            assert user.wait() == 0
        assert read(lines_of(path))[0]["options"]["plain"] is False

    def test_report_after_a_kill_is_complete(self, pty: Pty, tmp_path: Path) -> None:
        path = tmp_path / "report"
        with session(pty, "--plain", "--report", str(path)) as user:
            pty.wait_for(b"\x1b[?1004h")
            user.type("ab")
            pty.wait_for(b"key b\r\n")
            user.child.send_signal(signal.SIGKILL)
            user.child.wait()
        assert typed(read(lines_of(path))[1]) == ["key a", "key b"]


class TestStandardOutput:
    """A file named ``-``."""

    def test_report_to_stdout_replaces_the_lines(self) -> None:
        done = run("--report", "-")
        lines = done.stdout.decode().splitlines(keepends=True)
        assert (done.returncode, done.stderr) == (0, b"")
        assert [r["line"] for r in read(lines)[1].values()] == ["key a", "key q"]
        assert lines[0].startswith("# evdispatch keys")

    def test_report_to_stdout_with_the_view_is_refused(
        self, pty: Pty, xterm: None
    ) -> None:
        with session(pty, "--report", "-") as user:
            assert user.wait() == 2
            assert user.child.stderr is not None
            assert b"use it with --plain" in user.child.stderr.read()
        assert pty.read() == b""

    def test_report_to_stdout_with_explain_is_refused(self) -> None:
        done = run("--report", "-", "--explain")
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"usage: evdispatch keys" in done.stderr

    def test_report_to_a_full_stdout_is_an_error_in_one_line(self) -> None:
        with Path("/dev/full").open("wb") as full:
            done = run("--report", "-", data=b"a", stdout=full)
        assert done.returncode == 1
        assert done.stderr.count(b"\n") == 1

    def test_report_to_a_closed_stdout_exits_with_141(self) -> None:
        read_end, write_end = os.pipe()
        os.close(read_end)
        done = run("--report", "-", data=b"a", stdout=write_end)
        os.close(write_end)
        assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


LIMITED = """
import resource, sys
from evdispatch.cli import main
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1500, hard))
code = main({arguments!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))  # for what measures coverage
sys.exit(code)
"""


class TestErrors:
    """An error is one line on standard error, and nothing is lost."""

    def test_existing_file_is_refused_and_unchanged(self, tmp_path: Path) -> None:
        path = tmp_path / "report"
        path.write_text("precious")
        done = run("--report", str(path))
        assert (done.returncode, done.stdout) == (1, b"")
        message = f"evdispatch keys: {path} exists: give the report a new name\n"
        assert done.stderr.decode() == message
        assert path.read_text() == "precious"

    def test_dangling_link_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
        assert run("--report", str(tmp_path / "link")).returncode == 1
        assert not (tmp_path / "elsewhere").exists()

    @pytest.mark.parametrize("name", ["", "missing/report"])
    def test_path_that_can_not_exist_is_an_error_in_one_line(
        self, tmp_path: Path, name: str
    ) -> None:
        done = run("--report", name and str(tmp_path / name))
        assert (done.returncode, done.stdout) == (1, b"")
        assert b"can't write the report" in done.stderr
        assert b"No such file" in done.stderr
        assert done.stderr.count(b"\n") == 1

    def test_missing_permission_is_an_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Root may write anywhere, so `open` is replaced by one that refuses."""

        def refuse(*_: object) -> int:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(Exception, match="report x: Permission denied"):
            report_file("x").__enter__()

    def test_file_name_in_an_error_is_printable(self, tmp_path: Path) -> None:
        done = run("--report", str(tmp_path / "no\x1b[2J" / "file"))
        assert b"\x1b" not in done.stderr
        assert done.returncode == 1

    def test_full_disk_ends_the_program_and_restores_the_terminal(
        self, io: str, pty: Pty, tmp_path: Path
    ) -> None:
        before, path = pty.attributes(), tmp_path / "report"
        arguments = ["keys", "--io", io, "--plain", "--report", str(path)]
        code = LIMITED.format(arguments=arguments)
        with subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=pty.slave,
            stdout=pty.slave,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as child:
            pty.wait_for(b"\x1b[?1004h")
            pty.type(b"x" * 50)
            assert child.wait(PATIENCE) == 1
            assert child.stderr is not None
            errors = child.stderr.read().decode()
        reason = os.strerror(errno.EFBIG)
        assert errors == f"evdispatch keys: can't write the report {path}: {reason}\n"
        assert pty.attributes() == before
        assert pty.read().endswith(PLAIN.disable() + FENCE)
        _, records = read(lines_of(path))  # but for the line that was cut off
        assert 0 < len(records) < 50

    def test_full_disk_at_the_start_is_an_error_in_one_line(
        self, tmp_path: Path
    ) -> None:
        arguments = ["keys", "--report", str(tmp_path / "report")]
        code = LIMITED.replace("1500", "10").format(arguments=arguments)
        done = subprocess.run(
            [sys.executable, "-c", code],
            input=b"a",
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr.count(b"\n") == 1

    def test_option_without_a_value_exits_with_2(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit, match="2"):
            main(["keys", "--report"])
        assert "expected one argument" in capsys.readouterr().err

    def test_help_warns_of_passwords(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit, match="0"):
            main(["keys", "--help"])
        assert "passwords" in capsys.readouterr().out
