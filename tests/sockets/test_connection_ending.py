"""Closing, aborting and deadlines: exactly one `disconnect`, and no descriptor left."""

import gc
import os
import socket
import weakref
from typing import Any

import pytest
from helpers.events import names, record_all, shown
from helpers.network import Net, networking, over, receive, receive_all, reset

from evdispatch import ClosedError, Connection, Data, Dispatcher, Event, StateError
from evdispatch.testing import VirtualClock, run_until, settle

pytestmark = pytest.mark.pollers


class TestClosing:
    def test_connection_closed_ends_at_once_and_disconnects(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair()
        settle(app)
        connection.close()
        connection.close()
        assert connection.closed
        assert client.recv(1) == b""
        settle(app)
        assert shown(seen) == ["connect", ("disconnect", "closed")]

    def test_connection_closed_with_buffered_data_sends_it_first(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair()
        connection.write(b"x" * 20_000_000)
        assert connection.buffered
        connection.close()
        assert not connection.closed
        with pytest.raises(ClosedError):
            connection.write(b"more")
        with app.running():
            assert len(receive(client, 30_000_000)) == 20_000_000
        run_until(app, lambda: over(seen))
        assert shown(seen)[-1] == ("disconnect", "closed")

    def test_connection_closed_with_unread_input_does_not_reset_its_output(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, _ = net.pair()
        connection.pause()
        client.sendall(b"x" * 100_000)
        connection.write(b"bye")
        connection.close()
        assert receive(client, 10) == b"bye"

    def test_connection_closed_in_a_handler_drops_unhandled_events(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair(framing="lines")
        connection.on("line", once=True)(connection.close)
        client.sendall(b"one\ntwo\nthree\n")
        run_until(app, lambda: over(seen))
        assert shown(seen) == ["connect", b"one", ("disconnect", "closed")]

    def test_connection_closed_in_its_last_handlers_disconnects_once(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair()
        connection.on("disconnect")(connection.close)
        connection.on("eof")(connection.close)
        client.close()
        run_until(app, lambda: over(seen))
        settle(app)
        assert names(seen).count("disconnect") == 1

    def test_connection_closed_before_it_is_added_can_not_be_added(self) -> None:
        connection = Connection("127.0.0.1:1")
        connection.close()
        assert connection.closed
        with Dispatcher() as app, pytest.raises(ClosedError):
            app.add(connection)

    def test_connection_paused_and_closed_sends_its_buffer(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair()
        connection.pause()
        connection.write(b"x" * 20_000_000)
        connection.close()
        with app.running():
            assert len(receive(client, 20_000_000)) == 20_000_000
        run_until(app, lambda: over(seen))
        assert seen[-1].reason == "closed"

    def test_connection_of_a_closed_dispatcher_is_reset(
        self, io: Any, polling: Any
    ) -> None:
        with Dispatcher(io=io, **polling) as app, networking(app) as net:
            connection, client, _ = net.pair()
            connection.write(b"x" * 20_000_000)
            app.close()
            assert connection.closed
            with pytest.raises(ConnectionResetError):  # not all of it was written
                receive(client, 20_000_000)


class TestAborting:
    def test_connection_aborted_resets_the_peer(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair(1 << 12)
        connection.write(b"x" * 10_000_000)
        connection.abort()
        connection.abort()
        assert connection.closed
        run_until(app, lambda: over(seen))
        assert shown(seen)[-1] == ("disconnect", "aborted")
        with pytest.raises(ConnectionResetError):
            receive_all(client)

    def test_connection_aborted_while_it_closes_disconnects_once(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, _, seen = net.pair(1 << 12)
        connection.write(b"x" * 10_000_000)
        connection.close()
        connection.abort()
        run_until(app, lambda: over(seen))
        assert names(seen).count("disconnect") == 1

    def test_connection_aborted_before_it_is_added_is_closed(self) -> None:
        connection = Connection("127.0.0.1:1")
        connection.abort()
        assert connection.closed


class TestDeadlines:
    def test_connection_without_a_byte_ends_after_idle_timeout(
        self, timed: Dispatcher, timed_net: Net, clock: VirtualClock
    ) -> None:
        connection, client, seen = timed_net.pair(idle_timeout=5)
        clock.advance(4)
        client.sendall(b"x")
        run_until(timed, lambda: "data" in names(seen))
        clock.advance(4)
        settle(timed)
        connection.write(b"x")
        clock.advance(4.9)
        settle(timed)
        assert names(seen) == ["connect", "data"]
        clock.advance(5)
        run_until(timed, lambda: over(seen))
        assert seen[-1].reason == "timeout"
        assert isinstance(seen[-1].error, TimeoutError)

    def test_connection_paused_does_not_end_after_idle_timeout(
        self, timed: Dispatcher, timed_net: Net, clock: VirtualClock
    ) -> None:
        connection, _, seen = timed_net.pair(idle_timeout=5)
        connection.pause()
        for _ in range(4):
            clock.advance(4)
            settle(timed)
        assert not connection.closed
        connection.resume()
        clock.advance(5)
        settle(timed)
        clock.advance(5)
        run_until(timed, lambda: over(seen))

    def test_connection_with_slow_input_ends_after_total_timeout(
        self, timed: Dispatcher, timed_net: Net, clock: VirtualClock
    ) -> None:
        _, client, seen = timed_net.pair(
            framing="lines", idle_timeout=5, total_timeout=30
        )
        for _ in range(9):
            client.sendall(b"x")
            clock.advance(3)
            settle(timed)
        assert names(seen) == ["connect"]
        clock.advance(3)
        run_until(timed, lambda: over(seen))
        assert seen[-1].reason == "timeout"

    def test_connection_whose_peer_takes_nothing_ends_after_close_timeout(
        self, timed: Dispatcher, timed_net: Net, clock: VirtualClock
    ) -> None:
        connection, client, seen = timed_net.pair(1 << 12, close_timeout=2)
        connection.write(b"x" * 20_000_000)
        connection.close()
        settle(timed)
        clock.advance(1.9)
        settle(timed)
        assert not connection.closed
        clock.advance(0.1)
        run_until(timed, lambda: over(seen))
        assert seen[-1].reason == "timeout"
        with pytest.raises(ConnectionResetError):
            receive_all(client)

    @pytest.mark.parametrize(
        "option",
        [
            "idle_timeout",
            "total_timeout",
            "handshake_timeout",
            "close_timeout",
            "timeout",
        ],
    )
    @pytest.mark.parametrize("wrong", [0, -1, float("nan"), "x", True])
    def test_connection_timeout_not_above_0_raises(
        self, option: str, wrong: Any
    ) -> None:
        with pytest.raises((ValueError, TypeError)):
            Connection("127.0.0.1:1", **{option: wrong})


@pytest.mark.modes("inline")
@pytest.mark.parametrize("way", ["eof", "reset", "written to", "closed", "aborted"])
def test_connection_that_ended_is_freed_without_the_collector(
    app: Dispatcher, net: Net, way: str
) -> None:
    """It is freed at once: at a million a day the collector would be busy."""
    gc.collect()
    gc.disable()
    try:
        listener = net.listen()
        ended: list[str] = []
        listener.on("disconnect")(lambda event: ended.append(event.reason))
        client = net.client(listener)
        run_until(app, lambda: listener.connections)
        living = weakref.ref(listener.connections[0])
        end(app, listener.connections[0], client, way)
        run_until(app, lambda: ended)
        settle(app)
        assert living() is None
    finally:
        gc.enable()


def end(
    app: Dispatcher, connection: Connection, client: socket.socket, way: str
) -> None:
    if way == "eof":
        client.close()
    elif way in ("reset", "written to"):
        reset(client)
        if way == "written to":
            connection.write(b"x")
            connection.write(b"x")
    elif way == "closed":
        settle(app)
        connection.close()
    else:
        connection.abort()


class TestState:
    def test_connection_data_attribute_is_the_users(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, _, _ = net.pair()
        assert connection.data is None
        connection.data = {"name": "x"}
        assert connection.data["name"] == "x"

    def test_connection_addresses_are_those_of_the_socket(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, _ = net.pair()
        assert connection.peer == client.getsockname()
        assert connection.address == connection.local == client.getpeername()
        connection.close()
        assert connection.peer == client.getsockname()
        assert connection.local is None

    def test_connection_credentials_are_those_of_the_unix_peer(
        self, app: Dispatcher, net: Net, pair: tuple[socket.socket, socket.socket]
    ) -> None:
        connection = app.add(Connection(pair[0]))
        found = connection.credentials
        assert (found.pid, found.uid, found.gid) == (
            os.getpid(),
            os.getuid(),
            os.getgid(),
        )
        inet, _, _ = net.pair()
        with pytest.raises(OSError, match="no open unix socket"):
            _ = inet.credentials

    def test_connection_small_writes_are_not_delayed(
        self, app: Dispatcher, net: Net
    ) -> None:
        for connection in (net.pair()[0], net.peer()[0]):
            sock: Any = connection._socket
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert not sock.get_inheritable()

    def test_connection_aborted_drops_queued_events(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, _ = net.pair()
        seen: list[Event] = []
        connection.on(Data)(seen.append)
        client.sendall(b"x")
        if app._io_mode != "thread":
            while not len(app._queue):
                app._io.poll_once(0.01, inline=True)
        connection.abort()
        settle(app)
        assert seen == []
        assert app.stats().balanced

    def test_connection_added_twice_raises(self, app: Dispatcher, net: Net) -> None:
        connection, _, _ = net.pair()
        with pytest.raises(StateError):
            app.add(connection)
        seen = record_all(connection)
        assert seen == []
