"""Running ``evdispatch keys`` as a program on a pipe, and what its files hold."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from helpers.waiting import PATIENCE

KEYS = [sys.executable, "-X", "dev", "-W", "error", "-m", "evdispatch", "keys"]
DATA = (
    b"a\xc3\xa9\x1b[97;5u\x1b[1;5A\x1bOp\x1b[3$\x1bz\x08\x7f\x1b[M !!\x1b[M#!!"
    b"\x1b[<0;5;3M\x1b[<0;5;3m\x1b[<35;1;1M\x1b[200~p\r\n\x1b[A\x1b[201~\x1b[I"
    b"\x1b[48;24;80;480;800t\x1b[?62;22c\x1b[>41;389;0c\x1bP>|kitty(0.32)\x1b\\"
    b"\x1b[1;2\x18\xff\xe2\x82a\x1b[99~"
)


def run(
    *arguments: str, data: bytes = b"aq", **options: Any
) -> "subprocess.CompletedProcess[bytes]":
    """Run ``evdispatch keys`` on some input; its output is captured by default."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.run(
        [*KEYS, *arguments],
        input=data,
        timeout=PATIENCE,
        check=False,
        **{**pipes, **options},
    )


def lines_of(path: Path) -> list[str]:
    """Return the lines of a report."""
    return path.read_text("ascii").splitlines(keepends=True)
