"""What tests get: both io modes, a virtual clock, descriptors, and a watch on leaks."""

import errno
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.clocks import Later
from helpers.descriptors import Ends
from helpers.network import Net, networking
from helpers.terminals import LIMITS, Pty
from helpers.trees import Watched
from helpers.waiting import PATIENCE
from hypothesis import HealthCheck, settings

from evdispatch import Dispatcher, Event, Pipe
from evdispatch.testing import ManualSource, VirtualClock, run_until, settle


def pytest_configure() -> None:
    """Hear the signals that what nohup, or a shell with ``&``, starts ignores."""
    os.environ["EVDISPATCH_DEBUG"] = (
        "0"  # the tests run with -X dev; debug is asked for
    )
    for signum in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGTSTP):
        signal.signal(signum, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


pytest_plugins = ["helpers.leaks", "helpers.matrix"]

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
def debug() -> bool:
    """Whether debug mode is on; ``@pytest.mark.parametrize("debug", [True])`` says so."""
    return False


@pytest.fixture
def app(io: Any, polling: Any, *, debug: bool) -> Iterator[Dispatcher]:
    """A dispatcher on the real clock."""
    with Dispatcher(io=io, debug=debug, **polling) as dispatcher:
        yield dispatcher
        audit(dispatcher)


@pytest.fixture
def timed(
    io: Any, polling: Any, clock: VirtualClock, *, debug: bool
) -> Iterator[Dispatcher]:
    """A dispatcher on the virtual clock."""
    with Dispatcher(io=io, clock=clock, debug=debug, **polling) as dispatcher:
        yield dispatcher
        audit(dispatcher)


@pytest.fixture
def inline() -> Iterator[Dispatcher]:
    """A dispatcher in the inline mode only, without debug mode."""
    with Dispatcher(io="inline", debug=False) as dispatcher:
        yield dispatcher


def audit(dispatcher: Dispatcher) -> None:
    """Whatever a test was about: no event may be lost, or be told twice."""
    if dispatcher._runner.gone is None and not dispatcher._runner._busy.locked():
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
        with app._registrations.lock:  # as the IO side does, whoever that is
            app._registrations.woken.clear()
            app._io._turn(source.registration, source.on_wake)

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
    monkeypatch.setattr(LIMITS[0], 0.005)
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
