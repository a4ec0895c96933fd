"""How long tests wait for what must happen: minutes, since a busy machine is no failure."""

import time
from collections.abc import Callable

PATIENCE = 120.0
"""Seconds until what has not happened never will; less than pytest's limit for a test."""


def wait_until(
    condition: Callable[[], object], what: str = "it", *, pause: float = 0.001
) -> None:
    """Wait for what another thread or process does.

    Args:
        condition: What must become true.
        what: Its name, for the failure.
        pause: Seconds to sleep between two looks.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(pause)
