"""A listener without descriptors to accept with: it sheds, pauses, tells, and goes on."""

import contextlib
import errno
import fcntl
import os
import resource
import socket
from collections.abc import Iterator

import pytest
from helpers.descriptors import allowed
from helpers.network import Net, echo, receive

from evdispatch import Connection, Dispatcher, Error
from evdispatch.testing import VirtualClock, run_until

pytestmark = pytest.mark.pollers


class TestNoDescriptorLeft:
    @pytest.fixture
    def app(self, timed: Dispatcher) -> Dispatcher:
        return timed

    @pytest.fixture
    def few(self, net: Net) -> Iterator[list[int]]:
        """Take all descriptors but as many as a test gives back."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        taken: list[int] = []
        yield taken
        for fd in taken:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def test_who_waits_is_shed_and_it_is_told_once(
        self, app: Dispatcher, net: Net, few: list[int], clock: VirtualClock
    ) -> None:
        listener = net.listen()
        seen: list[Error] = []
        app.on("error")(seen.append)
        clients = [net.client(listener) for _ in range(3)]
        take_all(few)
        for client in clients:
            settle_without_descriptors(app)
            clock.advance(0.2)
            settle_without_descriptors(app)
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b""
        assert listener.connections == ()
        assert [event.exception.args[0] for event in seen] == [errno.EMFILE]
        for fd in few:
            os.close(fd)
        few.clear()
        clock.advance(0.2)
        net.client(listener)
        run_until(app, lambda: listener.connections)

    def test_it_pauses_instead_of_spinning(
        self, app: Dispatcher, net: Net, few: list[int], clock: VirtualClock
    ) -> None:
        listener = net.listen()
        app.on("error")(lambda: None)
        net.client(listener)
        net.client(listener)
        take_all(few)
        settle_without_descriptors(app)
        before = app.stats().polls
        for _ in range(5):
            app.step(0.005)
        assert app.stats().polls - before <= 12

    def test_unhandled_it_is_logged_and_the_run_goes_on(
        self,
        app: Dispatcher,
        net: Net,
        few: list[int],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        listener = net.listen()
        net.client(listener)
        take_all(few)
        settle_without_descriptors(app)
        assert "Too many open files" in caplog.text
        assert not listener.closed


def take_all(taken: list[int]) -> None:
    """Take descriptors until there are no more."""
    with contextlib.suppress(OSError):
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))


def settle_without_descriptors(app: Dispatcher) -> None:
    for _ in range(10):
        app.step(0.002)


@pytest.mark.pollers("select")
class TestSelectsLimit:
    @pytest.fixture(autouse=True)
    def _room(self) -> Iterator[None]:
        with allowed(2048):
            yield

    def test_a_source_above_it_is_refused_with_advice(self, app: Dispatcher) -> None:
        high = os.open("/dev/zero", os.O_RDONLY)
        left, right = socket.socketpair()
        fd = os.dup(left.fileno())
        while fd < 1024:
            os.close(fd)
            fd = fcntl.fcntl(left, fcntl.F_DUPFD_CLOEXEC, 1024)
        with left, right, socket.socket(fileno=fd) as sock:
            with pytest.raises(OSError, match="below 1024: use poller='epoll'"):
                app.add(Connection(sock))
            assert app.sources == ()
            assert sock.fileno() == fd
        os.close(high)

    def test_a_listener_sheds_what_is_above_it_and_goes_on(
        self, app: Dispatcher, net: Net
    ) -> None:
        listener = echo(net.listen())
        seen: list[Error] = []
        app.on("error")(seen.append)
        first = net.client(listener)
        run_until(app, lambda: listener.connections)
        held = [os.open("/dev/null", os.O_RDONLY) for _ in range(1100)]
        try:
            late = net.client(listener)
            run_until(app, lambda: seen)
            assert late.recv(1) == b""
            assert "use poller='epoll'" in str(seen[0].exception)
            assert len(listener.connections) == 1
            first.sendall(b"x")
            run_until(app, lambda: listener.connections[0].counts.handled >= 2)
            assert receive(first, 1) == b"x"
        finally:
            for fd in held:
                os.close(fd)
