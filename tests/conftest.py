"""What tests get: both io modes, a virtual clock, descriptors, and a watch on leaks."""

import contextlib
import errno
import gc
import multiprocessing
import os
import signal
import socket
import termios
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from ends import Ends
from ptys import Pty

from evdispatch import Dispatcher
from evdispatch.testing import VirtualClock


def pytest_configure() -> None:
    """Hear the signals that what nohup, or a shell with ``&``, starts ignores."""
    for signum in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGTSTP):
        signal.signal(signum, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=["thread", "inline"])
def io(request: pytest.FixtureRequest) -> Any:
    """Each way to run: a test of behaviour passes in all of them."""
    return request.param


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def app(io: Any) -> Iterator[Dispatcher]:
    """A dispatcher on the real clock."""
    with Dispatcher(io=io) as dispatcher:
        yield dispatcher


@pytest.fixture
def timed(io: Any, clock: VirtualClock) -> Iterator[Dispatcher]:
    """A dispatcher on the virtual clock."""
    with Dispatcher(io=io, clock=clock) as dispatcher:
        yield dispatcher


@pytest.fixture
def pty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pty]:
    """Both ends of a pseudo-terminal; it answers nothing, and is not waited for long."""
    monkeypatch.setattr("evdispatch.sources._tty._FENCE", 0.005)
    ends = Pty()
    yield ends
    ends.close()


@pytest.fixture
def pipe() -> Iterator[list[int]]:
    """A pipe's reader and writer; a test that closes one puts -1 there."""
    ends = list(os.pipe())
    yield ends
    for fd in ends:
        if fd >= 0:
            os.close(fd)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two sockets that are connected."""
    left, right = socket.socketpair()
    with left, right:
        yield left, right


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Makes pipes and pairs, and closes what the test has not."""
    ends = Ends()
    yield ends
    for fd in ends.open:
        os.close(fd)


@pytest.fixture
def fds() -> Iterator[list[int]]:
    """Numbers to close at the end, if the test has not."""
    numbers: list[int] = []
    yield numbers
    for fd in numbers:
        try:
            os.close(fd)
        except OSError as error:
            assert error.errno == errno.EBADF  # noqa: PT017


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
