"""``--report FILE``: complete line by line, private, and no error is silent."""

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cli.reports import COMMAND, DATA, lines_of, run
from cli.sessions import session
from helpers.terminals import Pty
from helpers.waiting import PATIENCE
from terminal.from_report import read

from evdispatch.cli import main
from evdispatch.cli._report import report_file
from evdispatch.terminal import Modes

COOKED = Modes(mouse="move", paste=True, focus=True)


class TestFile:
    """What is in it."""

    def test_it_has_a_line_for_each_line_of_the_output(
        self, io: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "report"
        done = run("--io", io, "--report", str(path), data=DATA + b"q")
        assert (done.returncode, done.stderr) == (0, b"")
        head, records = read(lines_of(path))
        told = [each["line"] for each in records.values()]
        assert told == done.stdout.decode().splitlines()
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

    def test_all_bytes_are_in_it_once(self, tmp_path: Path) -> None:
        path = tmp_path / "report"
        run("--report", str(path), data=DATA)
        _, records = read(lines_of(path))
        assert bytes.fromhex("".join(r["hex"] for r in records.values())) == DATA

    def test_it_begins_with_a_warning(self, tmp_path: Path) -> None:
        path = tmp_path / "report"
        run("--report", str(path))
        assert "PRIVATE: all that was typed" in path.read_text()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_what_it_tells_of_the_terminal(
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
        told = [each["line"] for each in records.values()]
        assert told == ["resize 90x30", "key ctrl+a", "key q"]

    def test_beside_the_view(self, pty: Pty, tmp_path: Path, xterm: None) -> None:
        path = tmp_path / "report"
        with session(pty, "--report", str(path)) as user:
            user.see("Press keys")
            user.type("\x1b[1;5A")
            user.see("ctrl+up")
            assert [r["line"] for r in read(lines_of(path))[1].values()] == [
                "key ctrl+up"
            ]
            user.type("q")
            assert user.wait() == 0
        assert read(lines_of(path))[0]["options"]["plain"] is False

    def test_a_kill_loses_nothing(self, pty: Pty, tmp_path: Path) -> None:
        path = tmp_path / "report"
        with session(pty, "--plain", "--report", str(path)) as user:
            pty.wait_for(b"\x1b[?1004h")
            user.type("ab")
            pty.wait_for(b"key b\r\n")
            user.child.send_signal(signal.SIGKILL)
            user.child.wait()
        assert [r["line"] for r in read(lines_of(path))[1].values()] == [
            *("key a", "key b"),
        ]


class TestStandardOutput:
    """A file named ``-``."""

    def test_it_has_the_report_instead_of_the_lines(self) -> None:
        done = run("--report", "-")
        lines = done.stdout.decode().splitlines(keepends=True)
        assert (done.returncode, done.stderr) == (0, b"")
        assert [r["line"] for r in read(lines)[1].values()] == ["key a", "key q"]
        assert lines[0].startswith("# evdispatch keys")

    def test_it_is_not_for_the_view(self, pty: Pty, xterm: None) -> None:
        with session(pty, "--report", "-") as user:
            assert user.wait() == 2
            assert user.child.stderr is not None
            assert b"use it with --plain" in user.child.stderr.read()
        assert pty.read() == b""

    def test_not_with_explanations(self) -> None:
        done = run("--report", "-", "--explain")
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"usage: evdispatch keys" in done.stderr

    def test_a_full_disk_is_one_line(self) -> None:
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [*COMMAND, "--report", "-"],
                input=b"a",
                stdout=full,
                stderr=subprocess.PIPE,
                timeout=PATIENCE,
                check=False,
            )
        assert done.returncode == 1
        assert done.stderr.count(b"\n") == 1

    def test_nobody_reads_it(self) -> None:
        read_end, write_end = os.pipe()
        os.close(read_end)
        done = subprocess.run(
            [*COMMAND, "--report", "-"],
            input=b"a",
            stdout=write_end,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
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
    """What goes wrong is told in one line, and nothing is lost."""

    def test_a_file_that_exists_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "report"
        path.write_text("precious")
        done = run("--report", str(path))
        assert (done.returncode, done.stdout) == (1, b"")
        message = f"evdispatch keys: {path} exists: give the report a new name\n"
        assert done.stderr.decode() == message
        assert path.read_text() == "precious"

    def test_nor_does_a_link_lead_to_one(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
        assert run("--report", str(tmp_path / "link")).returncode == 1
        assert not (tmp_path / "elsewhere").exists()

    @pytest.mark.parametrize("name", ["", "missing/report"])
    def test_a_place_that_is_none(self, tmp_path: Path, name: str) -> None:
        done = run("--report", name and str(tmp_path / name))
        assert (done.returncode, done.stdout) == (1, b"")
        assert b"can't write the report" in done.stderr
        assert b"No such file" in done.stderr
        assert done.stderr.count(b"\n") == 1

    def test_no_permission(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Root may write anywhere, so `open` is told to refuse."""

        def refuse(*_: object) -> int:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(Exception, match="report x: Permission denied"):
            report_file("x").__enter__()

    def test_a_name_is_printable(self, tmp_path: Path) -> None:
        done = run("--report", str(tmp_path / "no\x1b[2J" / "file"))
        assert b"\x1b" not in done.stderr
        assert done.returncode == 1

    def test_a_full_disk_ends_it_and_the_terminal_comes_back(
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
            told = child.stderr.read().decode()
        reason = os.strerror(errno.EFBIG)
        assert told == f"evdispatch keys: can't write the report {path}: {reason}\n"
        assert pty.attributes() == before
        assert pty.read().endswith(COOKED.disable() + b"\x1b[c")
        _, records = read(lines_of(path))  # but for the line that was cut off
        assert 0 < len(records) < 50

    def test_a_full_disk_at_the_very_beginning(self, tmp_path: Path) -> None:
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

    def test_an_option_without_a_value(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit, match="2"):
            main(["keys", "--report"])
        assert "expected one argument" in capsys.readouterr().err

    def test_the_help_warns(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit, match="0"):
            main(["keys", "--help"])
        assert "passwords" in capsys.readouterr().out
