"""Every script of demos/ runs without a warning, and prints its expected output."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
from helpers.package import DEMOS
from helpers.waiting import PATIENCE

pytestmark = pytest.mark.demo


@attrs.frozen
class Run:
    """How a demo is run, and a pattern of its output."""

    script: str
    output: str
    input: str = ""
    arguments: tuple[str, ...] = ()


RUNS = [
    Run("timer.py", r"tick \d.*after 0\.15 s.*tick \d+, missed \d+\nthat's enough\n"),
    Run("pipe.py", "   1  a\n   2  b\n2 lines\n", input="a\r\nb"),
    Run("pipe.py", "   1  hello\n1 lines\n", arguments=("echo", "hello")),
    Run(
        "own_source.py",
        "hello from a child\nthe first ended with 0\nthe second ended with 3\n",
    ),
    Run("own_event.py", r" 25 %\n.* 50 %\n 75 %\n.*100 %\ndone\n"),
    Run(
        "errors.py",
        r"1\..*each gets 4\nZeroDivisionError.* in share on Order\(amount=0\)\n"
        r"each gets 3\n"
        r"2\..*each gets 4\nZeroDivisionError.* on Order\(amount=0\)\neach gets 3\n"
        r"3\..*each gets 4\nevdispatch: __main__\.share raised .*\nTraceback .*"
        r"ZeroDivisionError.*\neach gets 3\n",
    ),
    Run("editor.py", r"The note has 0 .*\nAn editor needs a terminal.*\n", input="eq"),
    Run(
        "regions.py",
        "100 %\n50 %\n0 %\nhello was clicked\nquit was clicked\n",
        input="\x1b[<0;23;4M\x1b[<32;13;9M\x1b[<32;1;4M\x1b[<0;1;4m"
        "\x1b[<35;1;1M\x1b[<0;4;2M\x1b[<0;6;2m\x1b[<0;14;2M\x1b[<0;14;2mx",
    ),
    Run("terminal_input.py", "key a\nkey up\nkey q\n", input="a\x1b[Aqxyz"),
    Run("terminal_input.py", "key b\n", input="b", arguments=("--io", "inline")),
    # A busy machine may leave ticks out.
    Run("tutorial_1.py", r"(0\.1 s\n)?(0\.2 s\n)?\d+\.\d s\n"),
    Run("tutorial_2.py", r"lap 1 at 0\.000 s\nlap 2 at \d\.\d+ s\nbye\n", input="  xq"),
    Run("tutorial_2.py", "", input="x"),
    Run("tutorial_3.py", r" +0\.000  compiling\n +\d\.\d+  linking\n"),
    Run("tutorial_3.py", r" +0\.000  lap\n", " q", ("sleep", "300")),
    Run("tutorial_4.py", "2 tests passed\n"),
]


@pytest.mark.parametrize(
    "run",
    RUNS,
    ids=lambda run: f"{run.script}-{'-'.join(run.arguments) or run.input!r}",
)
def test_demo_prints_its_output(run: Run) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-X", "dev", "-W", "error"),
            *(str(DEMOS / run.script), *run.arguments),
        ],
        input=run.input,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(run.output, done.stdout, re.DOTALL), done.stdout


def test_demos_are_all_tested() -> None:
    servers = (Path(__file__).parent / "test_demo_servers.py").read_text()
    run = {run.script for run in RUNS}
    run.add("rerun.py")  # below
    run |= set(re.findall(r'serving\(\s*"(\w+\.py)"', servers))
    assert {path.name for path in DEMOS.glob("*.py")} == run


@pytest.mark.parametrize("path", sorted(DEMOS.glob("*.py")), ids=lambda path: path.name)
def test_demo_is_short_and_says_how_to_run_it(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 80
    assert "main(" in text
    assert path.name in text.split('"""')[1]


def test_rerun_demo_changed_file_restarts_the_child(tmp_path: Path) -> None:
    """This demo runs until it is interrupted, so it is not in `RUNS`."""
    (tmp_path / "src").mkdir()
    child = ["sh", "-c", "echo run; exec sleep 300"]
    with subprocess.Popen(
        [sys.executable, "-X", "dev", DEMOS / "rerun.py", tmp_path / "src", *child],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        assert demo.stdout.readline() == "run\n"
        (tmp_path / "src/a").write_text("text")
        assert demo.stdout.readline() == "ended with -15\n"
        assert demo.stdout.readline() == "run\n"
        demo.send_signal(signal.SIGINT)
        assert demo.wait(PATIENCE) == 0
        assert demo.stderr.read() == ""
