"""Storms over a watched tree, of any kind and length; see tests/watch/test_watch_storm.py."""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, get_args

from helpers.trees import ride_out

from evdispatch import Dispatcher
from evdispatch._io._modes import IoMode

WAYS: list[dict[str, Any]] = [{}, {"edge": True}, {"poller": "poll"}]
MODES: tuple[IoMode, ...] = get_args(IoMode)
TOLD: list[dict[str, Any]] = [{}, {"raw": True}, {"debounce": 0.05}]


def files(until: float, rng: random.Random) -> str:
    """Watch trees through storms; in the end all is known exactly, and was told."""
    runs = total = 0
    while time.monotonic() < until:
        seeds = [rng.randrange(10**6) for _ in range(rng.choice([1, 1, 2, 4]))]
        count = rng.choice([100, 1_000, 3_000, 10_000])
        way, told = rng.choice(WAYS), rng.choice(TOLD)
        io = rng.choice(MODES)
        with tempfile.TemporaryDirectory() as directory:
            try:
                with Dispatcher(io=io, **way) as app:
                    ride_out(app, Path(directory), seeds, count, **told)
            except (AssertionError, TimeoutError, subprocess.SubprocessError):
                print(f"seeds {seeds}, {count}, {io}, {way}, {told}", file=sys.stderr)
                raise
        runs += 1
        total += count * len(seeds)
    return f"{total} operations in {runs} storms, known exactly"
