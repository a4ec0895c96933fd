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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ends import Ends
from helpers.waiting import PATIENCE
from hypothesis import HealthCheck, settings
from networks import Net, networking
from ptys import Pty
from rates import Later
from trees import Watched

from evdispatch import Dispatcher, Event, Pipe
from evdispatch.testing import ManualSource, VirtualClock, run_until, settle


def pytest_configure() -> None:
    """Hear the signals that what nohup, or a shell with ``&``, starts ignores."""
    for signum in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGTSTP):
        signal.signal(signum, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


pytest_plugins = ["helpers.matrix"]

# A busy machine is no failure.
settings.register_profile(
    "tests", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")
for patient in (run_until, settle):
    patient.__kwdefaults__ = {"timeout": PATIENCE}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def app(io: Any, polling: Any) -> Iterator[Dispatcher]:
    """A dispatcher on the real clock."""
    with Dispatcher(io=io, **polling) as dispatcher:
        yield dispatcher
        audit(dispatcher)


@pytest.fixture
def timed(io: Any, polling: Any, clock: VirtualClock) -> Iterator[Dispatcher]:
    """A dispatcher on the virtual clock."""
    with Dispatcher(io=io, clock=clock, **polling) as dispatcher:
        yield dispatcher
        audit(dispatcher)


def audit(dispatcher: Dispatcher) -> None:
    """Whatever a test was about: no event may be lost, or be told twice."""
    if dispatcher._gone is None and not dispatcher._busy.locked():
        dispatcher.audit()


@pytest.fixture
def net(app: Dispatcher) -> Iterator[Net]:
    """Plain sockets that talk to the dispatcher."""
    with networking(app) as net:
        yield net


@pytest.fixture
def watched(timed: Dispatcher, clock: VirtualClock, tmp_path: Path) -> Watched:
    """A directory that is watched, with nothing in it, and at rest."""
    (tmp_path / "root").mkdir()
    watched = Watched(timed, clock, tmp_path / "root")
    watched.rest()
    return watched


@pytest.fixture
def watching(timed: Dispatcher, clock: VirtualClock, tmp_path: Path) -> Any:
    """Watches a directory, which is made, or what is below it; the options are `Watch`'s."""
    (tmp_path / "root").mkdir()

    def watch(name: str = "", **options: Any) -> Watched:
        return Watched(timed, clock, tmp_path / "root" / name, **options)

    return watch


@pytest.fixture(params=["source", "posts"])
def give(request: pytest.FixtureRequest, app: Dispatcher) -> Callable[..., None]:
    """Make events: of a source, or as posts; all of them wait when it returns."""
    if request.param == "posts":

        def post(*events: Event) -> None:
            for event in events:
                app.post(event)

        return post
    source = app.add(ManualSource())

    def emit(*events: Event) -> None:
        source.emit(*events)
        with app._roster.lock:  # as the IO side does, whoever that is
            app._roster.woken.clear()
            app._io._turn(source, source.on_wake)

    return emit


@pytest.fixture
def lines(timed: Dispatcher, pipe: list[int]) -> Pipe:
    reader, pipe[0] = pipe[0], -1
    return timed.add(Pipe(reader, framing="lines"))


@pytest.fixture
def later(timed: Dispatcher, clock: VirtualClock) -> Later:
    """Let time pass, and all happen that is due then."""

    def pass_by(seconds: float) -> None:
        clock.advance(seconds)
        settle(timed)
        settle(timed)  # what is released may be held back, or told, a turn later

    return pass_by


@pytest.fixture
def pty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pty]:
    """Both ends of a pseudo-terminal; it answers nothing, and is not waited for long."""
    monkeypatch.setattr("evdispatch.sources._tty._tty._FENCE", 0.005)
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
