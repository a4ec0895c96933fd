"""Imports: the CPU time of `import x`, in a fresh interpreter without site.

An interpreter that imports nothing is measured too, and subtracted. Our names are loaded when
they are asked for, so what a program comes to is told as well.
"""

import contextlib
import os
import site
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from bench.performance.families import Case, Family, Values
from bench.performance.processes import HERE

CPU: Final = "ms of CPU"
STATEMENTS: Final = {
    "evdispatch": "import evdispatch",
    "evdispatch, Dispatcher": "from evdispatch import Dispatcher",
    "evdispatch, all of it": "from evdispatch import *",
    "asyncio": "import asyncio",
    "uvloop": "import uvloop",
    "Tornado": "import tornado.ioloop",
    "Twisted": "import twisted.internet.reactor",
    "trio": "import trio",
    "gevent": "import gevent",
    "circuits": "import circuits",
}
_PATHS: Final = [str(HERE.parents[2]), *site.getsitepackages()]


def spent(statement: str, times: int) -> float:
    """Return the CPU time of an interpreter that runs a statement, in seconds."""
    code = f"import sys; sys.path += {_PATHS!r}; {statement}"
    total = 0.0
    for _ in range(times):
        process = subprocess.Popen([sys.executable, "-I", "-S", "-c", code])
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{statement!r} failed")
        total += usage.ru_utime + usage.ru_stime
    return total / times


def measure(times: int, name: str) -> Values:
    """Measure one."""
    statement = STATEMENTS[name]
    spent(statement, 1)  # now it is compiled, and in memory
    return {CPU: (spent(statement, times) - spent("pass", times)) * 1e3}


@contextlib.contextmanager
def prepare(quick: bool) -> Iterator[list[Case]]:
    """Return the one case."""
    assert Path(_PATHS[0], "evdispatch").is_dir()
    yield [Case("import", tuple(STATEMENTS), partial(measure, 1 if quick else 5))]


FAMILY: Final = Family("imports", "Import", 3, "evdispatch", prepare)
