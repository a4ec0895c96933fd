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
from helpers.network import Net, free_port, over
from helpers.waiting import PATIENCE

from evdispatch import Connection, Dispatcher
from evdispatch.sources.net import _opening
from evdispatch.testing import VirtualClock, run_until, settle

pytestmark = pytest.mark.pollers


class TestOutcomes:
    def test_connection_opened_connects(self, app: Dispatcher, net: Net) -> None:
        connection, peer, seen = net.peer()
        assert names(seen) == ["connect"]
        assert connection.peer == peer.getsockname() == seen[0].address

    def test_connection_without_a_listener_is_refused(self, app: Dispatcher) -> None:
        connection = app.add(Connection(("127.0.0.1", port := free_port())))
        seen = record_all(connection)
        run_until(app, lambda: over(seen))
        settle(app)
        assert shown(seen) == [("disconnect", "refused")]
        assert isinstance(seen[0].error, ConnectionRefusedError)
        assert f"127.0.0.1:{port}" in str(seen[0].error)
        assert connection.closed

    def test_connection_written_before_it_is_open_sends_it_then(
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

    def test_connection_ended_before_it_is_open_shuts_down_then(
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

    def test_connection_closed_before_it_is_open_disconnects(
        self, app: Dispatcher, net: Net
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            connection = app.add(Connection(server.getsockname()))
            seen = record_all(connection)
            connection.close()
            settle(app)
            assert connection.closed
            assert shown(seen)[-1] == ("disconnect", "closed")

    def test_connection_to_a_unix_path_and_an_abstract_name_connects(
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

    def test_connection_to_a_missing_unix_path_fails(
        self, app: Dispatcher, tmp_path: Path
    ) -> None:
        seen = record_all(app.add(Connection(f"unix:{tmp_path}/none")))
        run_until(app, lambda: over(seen))
        assert isinstance(seen[-1].error, FileNotFoundError)

    def test_connection_of_an_unconnected_socket_raises(self) -> None:
        with (
            socket.socket() as sock,
            pytest.raises(ValueError, match="must be connected"),
        ):
            Connection(sock)
        with (
            socket.socket(type=socket.SOCK_DGRAM) as sock,
            pytest.raises(ValueError, match="must be a stream"),
        ):
            Connection(sock)


class TestTimeouts:
    def test_connection_to_a_silent_address_ends_after_timeout(
        self, timed: Dispatcher, timed_net: Net, clock: VirtualClock, silent: Any
    ) -> None:
        connection = timed.add(Connection(silent, timeout=3))
        seen = record_all(connection)
        settle(timed)
        clock.advance(2.9)
        settle(timed)
        assert seen == []
        clock.advance(0.1)
        run_until(timed, lambda: over(seen))
        settle(timed)
        assert shown(seen) == [("disconnect", "timeout")]
        assert isinstance(seen[0].error, TimeoutError)

    def test_connection_to_a_full_unix_backlog_is_tried_again(
        self, timed: Dispatcher, timed_net: Net, clock: VirtualClock
    ) -> None:
        name = f"\0evdispatch-full-{os.getpid()}"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(name)
            server.listen(0)
            with socket.socket(socket.AF_UNIX) as first:
                first.connect(name)
                connection = timed.add(Connection(f"unix:@{name[1:]}", timeout=100))
                seen = record_all(connection)
                for _ in range(3):
                    settle(timed)
                    clock.advance(0.2)
                assert seen == []
                server.accept()[0].close()
                clock.advance(0.2)
                run_until(timed, lambda: names(seen) == ["connect"])
                server.accept()[0].close()
                run_until(timed, lambda: over(seen))

    def test_connection_closed_while_opening_gets_no_late_events(
        self, timed: Dispatcher, clock: VirtualClock, silent: Any
    ) -> None:
        connection = timed.add(Connection(silent, timeout=3))
        seen = record_all(connection)
        settle(timed)
        connection.close()
        clock.advance(10)
        settle(timed)
        assert shown(seen) == [("disconnect", "closed")]


class TestNames:
    def test_connection_name_is_looked_up_on_another_thread(
        self, app: Dispatcher, net: Net, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        threads: list[str] = []
        real = _opening._look_up

        def look_up(address: Any, flags: int) -> Any:
            if not flags:
                threads.append(threading.current_thread().name)
            return real(address, flags)

        monkeypatch.setattr(_opening, "_look_up", look_up)
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            connection = app.add(Connection(f"localhost:{port}"))
            seen = record_all(connection)
            run_until(app, lambda: seen)
            assert names(seen) == ["connect"]
            net.keep(server.accept()[0])
        assert threads == ["evdispatch-background"]

    def test_connection_unknown_name_is_unresolved(self, app: Dispatcher) -> None:
        seen = record_all(app.add(Connection("no-such-host.invalid:80")))
        run_until(app, lambda: over(seen))
        assert shown(seen) == [("disconnect", "unresolved")]
        assert "no-such-host.invalid" in str(seen[0].error)

    def test_connection_slow_look_up_does_not_block_others(
        self, app: Dispatcher, net: Net, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        go = threading.Event()
        real = _opening._look_up

        def look_up(address: Any, flags: int) -> Any:
            if not flags:
                assert go.wait(PATIENCE)
            return real(address, flags)

        monkeypatch.setattr(_opening, "_look_up", look_up)
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
def test_connection_malformed_address_raises(wrong: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        Connection(wrong)


def test_connection_peers_hosts_are_not_kept() -> None:
    """Those of CPython 3.12 would not be, if it were to intern them."""
    connection = Connection("127.0.0.1:1")
    before = sys.getallocatedblocks()
    for number in range(20_000):
        connection.peer = f"10.0.{number >> 8}.{number & 255}", number
    assert sys.getallocatedblocks() - before < 10_000
    assert connection.peer == ("10.0.78.31", 19_999)
