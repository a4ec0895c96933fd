"""A listener without descriptors to accept with: it sheds clients, pauses, reports, and goes on."""

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
    def few(self, timed_net: Net) -> Iterator[list[int]]:
        """Take all descriptors but as many as a test gives back."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        taken: list[int] = []
        yield taken
        for fd in taken:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def test_listener_without_descriptors_sheds_clients_and_reports_once(
        self, timed: Dispatcher, timed_net: Net, few: list[int], clock: VirtualClock
    ) -> None:
        listener = timed_net.listen()
        seen: list[Error] = []
        timed.on("error")(seen.append)
        clients = [timed_net.client(listener) for _ in range(3)]
        take_all(few)
        for client in clients:
            settle_without_descriptors(timed)
            clock.advance(0.2)
            settle_without_descriptors(timed)
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b""
        assert listener.connections == ()
        assert [event.exception.args[0] for event in seen] == [errno.EMFILE]
        for fd in few:
            os.close(fd)
        few.clear()
        clock.advance(0.2)
        timed_net.client(listener)
        run_until(timed, lambda: listener.connections)

    def test_listener_without_descriptors_does_not_spin(
        self, timed: Dispatcher, timed_net: Net, few: list[int], clock: VirtualClock
    ) -> None:
        listener = timed_net.listen()
        timed.on("error")(lambda: None)
        timed_net.client(listener)
        timed_net.client(listener)
        take_all(few)
        settle_without_descriptors(timed)
        before = timed.stats().polls
        for _ in range(5):
            timed.step(0.005)
        assert timed.stats().polls - before <= 12

    def test_listener_without_descriptors_and_handler_logs_it(
        self,
        timed: Dispatcher,
        timed_net: Net,
        few: list[int],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        listener = timed_net.listen()
        timed_net.client(listener)
        take_all(few)
        settle_without_descriptors(timed)
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

    def test_select_source_above_1024_is_refused_with_advice(
        self, app: Dispatcher
    ) -> None:
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

    def test_select_listener_sheds_connections_above_1024(
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
