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
    def test_it_is_closed_at_once_and_told(self, app: Dispatcher, net: Net) -> None:
        connection, client, seen = net.pair()
        settle(app)
        connection.close()
        connection.close()
        assert connection.closed
        assert client.recv(1) == b""
        settle(app)
        assert shown(seen) == ["connect", ("disconnect", "closed")]

    def test_what_is_buffered_goes_first(self, app: Dispatcher, net: Net) -> None:
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

    def test_unread_input_does_not_reset_what_was_written(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, _ = net.pair()
        connection.pause()
        client.sendall(b"x" * 100_000)
        connection.write(b"bye")
        connection.close()
        assert receive(client, 10) == b"bye"

    def test_what_was_not_handled_is_dropped(self, app: Dispatcher, net: Net) -> None:
        connection, client, seen = net.pair(framing="lines")
        connection.on("line", once=True)(connection.close)
        client.sendall(b"one\ntwo\nthree\n")
        run_until(app, lambda: over(seen))
        assert shown(seen) == ["connect", b"one", ("disconnect", "closed")]

    def test_a_handler_of_the_last_event_may_close_it(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, seen = net.pair()
        connection.on("disconnect")(connection.close)
        connection.on("eof")(connection.close)
        client.close()
        run_until(app, lambda: over(seen))
        settle(app)
        assert names(seen).count("disconnect") == 1

    def test_before_it_is_added(self) -> None:
        connection = Connection("127.0.0.1:1")
        connection.close()
        assert connection.closed
        with Dispatcher() as app, pytest.raises(ClosedError):
            app.add(connection)

    def test_a_paused_one_is_closed_too(self, app: Dispatcher, net: Net) -> None:
        connection, client, seen = net.pair()
        connection.pause()
        connection.write(b"x" * 20_000_000)
        connection.close()
        with app.running():
            assert len(receive(client, 20_000_000)) == 20_000_000
        run_until(app, lambda: over(seen))
        assert seen[-1].reason == "closed"

    def test_closing_the_dispatcher_closes_it(self, io: Any, polling: Any) -> None:
        with Dispatcher(io=io, **polling) as app, networking(app) as net:
            connection, client, _ = net.pair()
            connection.write(b"x" * 20_000_000)
            app.close()
            assert connection.closed
            with pytest.raises(ConnectionResetError):  # not all of it was written
                receive(client, 20_000_000)


class TestAborting:
    def test_the_other_side_is_reset(self, app: Dispatcher, net: Net) -> None:
        connection, client, seen = net.pair(1 << 12)
        connection.write(b"x" * 10_000_000)
        connection.abort()
        connection.abort()
        assert connection.closed
        run_until(app, lambda: over(seen))
        assert shown(seen)[-1] == ("disconnect", "aborted")
        with pytest.raises(ConnectionResetError):
            receive_all(client)

    def test_a_close_that_takes_long_can_be_aborted(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, _, seen = net.pair(1 << 12)
        connection.write(b"x" * 10_000_000)
        connection.close()
        connection.abort()
        run_until(app, lambda: over(seen))
        assert names(seen).count("disconnect") == 1

    def test_before_it_is_added(self) -> None:
        connection = Connection("127.0.0.1:1")
        connection.abort()
        assert connection.closed


class TestDeadlines:
    @pytest.fixture
    def app(self, timed: Dispatcher) -> Dispatcher:
        return timed

    def test_no_byte_for_a_while(
        self, app: Dispatcher, net: Net, clock: VirtualClock
    ) -> None:
        connection, client, seen = net.pair(idle_timeout=5)
        clock.advance(4)
        client.sendall(b"x")
        run_until(app, lambda: "data" in names(seen))
        clock.advance(4)
        settle(app)
        connection.write(b"x")
        clock.advance(4.9)
        settle(app)
        assert names(seen) == ["connect", "data"]
        clock.advance(5)
        run_until(app, lambda: over(seen))
        assert seen[-1].reason == "timeout"
        assert isinstance(seen[-1].error, TimeoutError)

    def test_a_pause_is_not_idleness(
        self, app: Dispatcher, net: Net, clock: VirtualClock
    ) -> None:
        connection, _, seen = net.pair(idle_timeout=5)
        connection.pause()
        for _ in range(4):
            clock.advance(4)
            settle(app)
        assert not connection.closed
        connection.resume()
        clock.advance(5)
        settle(app)
        clock.advance(5)
        run_until(app, lambda: over(seen))

    def test_drop_by_drop_it_ends_as_well(
        self, app: Dispatcher, net: Net, clock: VirtualClock
    ) -> None:
        _, client, seen = net.pair(framing="lines", idle_timeout=5, total_timeout=30)
        for _ in range(9):
            client.sendall(b"x")
            clock.advance(3)
            settle(app)
        assert names(seen) == ["connect"]
        clock.advance(3)
        run_until(app, lambda: over(seen))
        assert seen[-1].reason == "timeout"

    def test_who_takes_nothing_is_reset_in_the_end(
        self, app: Dispatcher, net: Net, clock: VirtualClock
    ) -> None:
        connection, client, seen = net.pair(1 << 12, close_timeout=2)
        connection.write(b"x" * 20_000_000)
        connection.close()
        settle(app)
        clock.advance(1.9)
        settle(app)
        assert not connection.closed
        clock.advance(0.1)
        run_until(app, lambda: over(seen))
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
    def test_a_deadline_is_above_0(self, option: str, wrong: Any) -> None:
        with pytest.raises((ValueError, TypeError)):
            Connection("127.0.0.1:1", **{option: wrong})


@pytest.mark.modes("inline")
@pytest.mark.parametrize("way", ["eof", "reset", "written to", "closed", "aborted"])
def test_one_that_is_over_is_no_garbage(app: Dispatcher, net: Net, way: str) -> None:
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
    def test_a_place_for_what_the_user_keeps(self, app: Dispatcher, net: Net) -> None:
        connection, _, _ = net.pair()
        assert connection.data is None
        connection.data = {"name": "x"}
        assert connection.data["name"] == "x"

    def test_addresses(self, app: Dispatcher, net: Net) -> None:
        connection, client, _ = net.pair()
        assert connection.peer == client.getsockname()
        assert connection.address == connection.local == client.getpeername()
        connection.close()
        assert connection.peer == client.getsockname()
        assert connection.local is None

    def test_who_is_on_the_other_side_of_a_unix_socket(
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

    def test_small_writes_are_not_held_back(self, app: Dispatcher, net: Net) -> None:
        for connection in (net.pair()[0], net.peer()[0]):
            sock: Any = connection._socket
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert not sock.get_inheritable()

    def test_events_queued_at_an_abort_are_dropped(
        self, app: Dispatcher, net: Net
    ) -> None:
        connection, client, _ = net.pair()
        seen: list[Event] = []
        connection.on(Data)(seen.append)
        client.sendall(b"x")
        if app._io_mode != "thread":
            while not len(app._queue):
                app._io.pump(0.01, inline=True)
        connection.abort()
        settle(app)
        assert seen == []
        assert app.stats().balanced

    def test_it_is_added_once(self, app: Dispatcher, net: Net) -> None:
        connection, _, _ = net.pair()
        with pytest.raises(StateError):
            app.add(connection)
        seen = record_all(connection)
        assert seen == []
