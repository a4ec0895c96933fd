"""Opening connections: outcomes, names, several addresses, timeouts, and coming back."""

import os
import socket
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from helpers.events import names, record_all, shown
from helpers.network import Net, free_port, over, unanswering_address
from helpers.waiting import PATIENCE

from evdispatch import Connection, Dispatcher
from evdispatch.sources._sockets import _resolve
from evdispatch.testing import VirtualClock, run_until, settle

pytestmark = pytest.mark.pollers


class TestOutcomes:
    def test_it_opens(self, app: Dispatcher, net: Net) -> None:
        connection, peer, seen = net.peer()
        assert names(seen) == ["connect"]
        assert connection.peer == peer.getsockname() == seen[0].address

    def test_nobody_listens(self, app: Dispatcher) -> None:
        connection = app.add(Connection(("127.0.0.1", port := free_port())))
        seen = record_all(connection)
        run_until(app, lambda: over(seen))
        settle(app)
        assert shown(seen) == [("disconnect", "refused")]
        assert isinstance(seen[0].error, ConnectionRefusedError)
        assert f"127.0.0.1:{port}" in str(seen[0].error)
        assert connection.closed

    def test_what_is_written_before_goes_when_it_is_open(
        self, app: Dispatcher, net: Net
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            connection = app.add(Connection(server.getsockname()))
            assert connection.write(b"early")
            connection.write_eof()
            run_until(app, lambda: connection.peer)
            settle(app)
            peer = net.keep(server.accept()[0])
            assert peer.recv(100) == b"early"
            assert peer.recv(100) == b""

    def test_an_end_that_was_said_before_comes_when_it_is_open(
        self, app: Dispatcher, net: Net
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            connection = app.add(Connection(server.getsockname()))
            connection.write_eof()
            seen = record_all(connection)
            run_until(app, lambda: "connect" in names(seen))
            settle(app)
            peer = net.keep(server.accept()[0])
            assert peer.recv(100) == b""
            peer.sendall(b"well then")
            run_until(app, lambda: "data" in names(seen))
            peer.close()
            run_until(app, lambda: over(seen))

    def test_it_may_be_closed_before_it_is_open(
        self, app: Dispatcher, net: Net
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            connection = app.add(Connection(server.getsockname()))
            seen = record_all(connection)
            connection.close()
            settle(app)
            assert connection.closed
            assert shown(seen)[-1] == ("disconnect", "closed")

    def test_a_unix_path_and_an_abstract_one(
        self, app: Dispatcher, net: Net, tmp_path: Path
    ) -> None:
        path = tmp_path / "socket"
        for name, address in (
            (str(path), f"unix:{path}"),
            (f"\0evdispatch-{os.getpid()}", f"unix:@evdispatch-{os.getpid()}"),
        ):
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(name)
                server.listen()
                connection = app.add(Connection(address))
                seen = record_all(connection)
                run_until(app, partial(bool, seen))
                assert names(seen) == ["connect"]
                server.accept()[0].close()
                run_until(app, partial(over, seen))

    def test_a_unix_path_that_is_not_there(
        self, app: Dispatcher, tmp_path: Path
    ) -> None:
        seen = record_all(app.add(Connection(f"unix:{tmp_path}/none")))
        run_until(app, lambda: over(seen))
        assert isinstance(seen[-1].error, FileNotFoundError)

    def test_a_socket_must_be_connected(self) -> None:
        with socket.socket() as sock, pytest.raises(ValueError, match="not connected"):
            Connection(sock)
        with (
            socket.socket(type=socket.SOCK_DGRAM) as sock,
            pytest.raises(ValueError, match="a stream"),
        ):
            Connection(sock)


class TestTimeouts:
    @pytest.fixture
    def app(self, timed: Dispatcher) -> Dispatcher:
        return timed

    def test_an_address_that_never_answers(
        self, app: Dispatcher, net: Net, clock: VirtualClock, silent: Any
    ) -> None:
        connection = app.add(Connection(silent, timeout=3))
        seen = record_all(connection)
        settle(app)
        clock.advance(2.9)
        settle(app)
        assert seen == []
        clock.advance(0.1)
        run_until(app, lambda: over(seen))
        settle(app)
        assert shown(seen) == [("disconnect", "timeout")]
        assert isinstance(seen[0].error, TimeoutError)

    def test_a_full_unix_backlog_is_tried_again(
        self, app: Dispatcher, net: Net, clock: VirtualClock
    ) -> None:
        name = f"\0evdispatch-full-{os.getpid()}"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(name)
            server.listen(0)
            with socket.socket(socket.AF_UNIX) as first:
                first.connect(name)
                connection = app.add(Connection(f"unix:@{name[1:]}", timeout=100))
                seen = record_all(connection)
                for _ in range(3):
                    settle(app)
                    clock.advance(0.2)
                assert seen == []
                server.accept()[0].close()
                clock.advance(0.2)
                run_until(app, lambda: names(seen) == ["connect"])
                server.accept()[0].close()
                run_until(app, lambda: over(seen))

    def test_closed_meanwhile_nothing_comes_late(
        self, app: Dispatcher, clock: VirtualClock, silent: Any
    ) -> None:
        connection = app.add(Connection(silent, timeout=3))
        seen = record_all(connection)
        settle(app)
        connection.close()
        clock.advance(10)
        settle(app)
        assert shown(seen) == [("disconnect", "closed")]


@pytest.fixture
def silent() -> Any:
    with unanswering_address() as address:
        yield address


class TestNames:
    def test_a_name_is_looked_up_on_another_thread(
        self, app: Dispatcher, net: Net, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        threads: list[str] = []
        real = _resolve._look_up

        def look_up(address: Any, flags: int) -> Any:
            if not flags:
                threads.append(threading.current_thread().name)
            return real(address, flags)

        monkeypatch.setattr(_resolve, "_look_up", look_up)
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            connection = app.add(Connection(f"localhost:{port}"))
            seen = record_all(connection)
            run_until(app, lambda: seen)
            assert names(seen) == ["connect"]
            net.keep(server.accept()[0])
        assert threads == ["evdispatch-background"]

    def test_a_name_that_there_is_not(self, app: Dispatcher) -> None:
        seen = record_all(app.add(Connection("no-such-host.invalid:80")))
        run_until(app, lambda: over(seen))
        assert shown(seen) == [("disconnect", "unresolved")]
        assert "no-such-host.invalid" in str(seen[0].error)

    def test_a_slow_look_up_holds_nobody(
        self, app: Dispatcher, net: Net, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        go = threading.Event()
        real = _resolve._look_up

        def look_up(address: Any, flags: int) -> Any:
            if not flags:
                assert go.wait(PATIENCE)
            return real(address, flags)

        monkeypatch.setattr(_resolve, "_look_up", look_up)
        slow = app.add(Connection("localhost:1"))
        seen = record_all(slow)
        _, client, others = net.pair()
        client.sendall(b"x")
        run_until(app, lambda: "data" in names(others))
        assert seen == []
        slow.close()
        go.set()
        settle(app)
        assert shown(seen) == [("disconnect", "closed")]


@pytest.mark.parametrize(
    "wrong", ["localhost", "::1:80", "host:99999", ":x", "unix:", ("a", "b"), 5, None]
)
def test_an_address_that_can_not_be(wrong: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        Connection(wrong)


def test_hosts_that_came_are_forgotten() -> None:
    """Those of CPython 3.12 would not be, if it were to intern them."""
    connection = Connection("127.0.0.1:1")
    before = sys.getallocatedblocks()
    for number in range(20_000):
        connection.peer = f"10.0.{number >> 8}.{number & 255}", number
    assert sys.getallocatedblocks() - before < 10_000
    assert connection.peer == ("10.0.78.31", 19_999)
