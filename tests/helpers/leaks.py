"""A watch on leaks: a test that leaves anything behind fails."""

import contextlib
import gc
import multiprocessing
import os
import signal
import termios
import threading
from collections.abc import Iterator
from typing import Any

import pytest


def _descriptors() -> dict[int, str]:
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the listing's own descriptor
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
    return found


def _children() -> list[str]:
    with open(f"/proc/self/task/{threading.get_native_id()}/children") as file:
        return file.read().split()


def _state() -> dict[str, Any]:
    handlers = {s: signal.getsignal(s) for s in signal.valid_signals()}
    try:
        tty = termios.tcgetattr(0)
    except termios.error:
        tty = None
    wakeup = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup)
    return {
        "descriptors": _descriptors(),
        "threads": set(threading.enumerate()),
        "children": [*_children(), *multiprocessing.active_children()],
        "signal handlers": handlers,
        "signal mask": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "wakeup fd": wakeup,
        "tty mode": tty,
    }


@pytest.fixture(autouse=True)
def _no_leaks() -> Iterator[None]:
    """Fail a test that leaves anything behind; it was set up before the others."""
    before = _state()
    yield
    after = _state()
    if after != before:
        gc.collect()  # only now: it would take longer than most tests
        after = _state()
    for what, was in before.items():
        assert after[what] == was, f"the test leaked: {what}"
