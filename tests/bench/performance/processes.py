"""Processes: the servers that are measured, their client, and programs that measure.

Each server and each program is a process of its own, so what one imports disturbs no
other. The CPU time of a server is read from its process's clock: user and system time of
all its threads.
"""

import atexit
import contextlib
import functools
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

HERE: Final = Path(__file__).parent
MODES: Final = ("inline", "auto", "thread")
"""How we run; the first is what the others are compared with."""

OURS: Final = tuple(f"evdispatch, {mode}" for mode in MODES)
TIMEOUT: Final = 120.0  # seconds, for a program
_KEEP: Final = {
    "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20),
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
}
"""Has glibc keep a large buffer that was freed, of all processes. By itself it gives it
back to the kernel or not, by what happens to lie above it: a request of 64 bytes cost
asyncio, which reads into 256 KB, 12 or 45 us, as the cases before had left the heap."""


def more_files() -> int:
    """Raise the limit of descriptors to what is allowed, and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def mode_of(name: str) -> Any:
    """Return the ``io`` of one of ours."""
    return name.partition(", ")[2]


def announce(number: int) -> None:
    """Print a server's port, or another number, at once."""
    os.write(1, b"%d\n" % number)


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(HERE.parents[1])} | _KEEP


def command(program: str, *arguments: object) -> list[str]:
    module = f"bench.performance.{program}"
    return [sys.executable, "-m", module, *map(str, arguments)]


@functools.cache
def compiled(name: str) -> str | None:
    """Compile a program in C, and return its path; None: there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    directory = tempfile.mkdtemp(prefix="bench-")
    atexit.register(shutil.rmtree, directory)
    path = str(Path(directory, name))
    argv = [compiler, "-O2", "-o", path, str(HERE / f"{name}.c")]
    subprocess.run(argv, check=True)
    return path


def run(program: str, *arguments: object) -> dict[str, float]:
    """Run a program that prints what it has measured."""
    done = subprocess.run(
        command(program, *arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=_environment(),
        text=True,
        timeout=TIMEOUT,
        check=True,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


class Process:
    """A process that is told to go on by lines, and answers by lines."""

    def __init__(self, argv: list[str], *, stdin: int = subprocess.PIPE) -> None:
        self._process = subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            env=_environment(),
            text=True,
        )

    def read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.close()
            raise RuntimeError(f"{self._process.args!r} has ended")
        return line.strip()

    def write(self, line: object) -> None:
        assert self._process.stdin is not None
        print(line, file=self._process.stdin, flush=True)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for file in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                if file is not None:
                    file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Server(Process):
    """A server; its first line is its port."""

    def __init__(self, program: str, name: str) -> None:
        argv = command(program, name)
        if name == "plain C":
            argv = [compiled("echo_server") or "false"]
        super().__init__(argv)
        self.port = int(self.read())
        # clock_getcpuclockid(3): the clock of another process.
        self._clock = (~self._process.pid << 3) | 2

    def cpu(self) -> float:
        """Return the seconds it has computed, all threads of it."""
        return time.clock_gettime(self._clock)

    def resident(self) -> int:
        """Return its memory, in bytes."""
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def settle(self) -> None:
        """Wait until it rests: it has closed what a client left."""
        deadline = time.monotonic() + TIMEOUT
        before, rest = self.cpu(), 0
        while rest < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
            now = self.cpu()
            # Some look about from time to time even so.
            rest = rest + 1 if now - before < 0.001 else 0
            before = now


class Client(Process):
    """The client of all echo servers, which compares what comes back."""

    def __init__(
        self, port: int, connections: int, size: int, *, plain: bool = False
    ) -> None:
        program = None if plain else compiled("client")
        argv = [program] if program else command("client")
        super().__init__([*argv, *map(str, (port, connections, size))])
        self.read()

    def run(self, seconds: float) -> int:
        """Ask for so long, and return how many requests were answered."""
        self.write(seconds)
        return int(self.read())
