"""Listeners: what they bind to, whom they accept, and what happens at the limits."""

import contextlib
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from helpers.events import names, record_all
from helpers.network import Net, echo, needs_ip6, over, receive

from evdispatch import (
    Connect,
    Connection,
    Dispatcher,
    Listener,
    SourceError,
    StateError,
)
from evdispatch.testing import record, run_until, settle

pytestmark = [pytest.mark.pollers, pytest.mark.cross]


def talk(app: Dispatcher, net: Net, listener: Listener) -> None:
    echo(listener)
    client = net.client(listener)
    client.sendall(b"hello")
    run_until(app, lambda: listener.connections)
    settle(app)
    run_until(app, lambda: listener.connections[0].counts.handled >= 2)
    assert receive(client, 5) == b"hello"


class TestAddresses:
    def test_listener_port_0_gets_a_free_port(self, app: Dispatcher, net: Net) -> None:
        listener = net.listen()
        host, port = listener.address
        assert host == "127.0.0.1"
        assert port > 0
        talk(app, net, listener)

    @needs_ip6
    @pytest.mark.parametrize("address", [":0", "[::1]:0", ("127.0.0.1", 0)])
    def test_listener_each_form_of_address_is_bound(
        self, app: Dispatcher, net: Net, address: Any
    ) -> None:
        listener = app.add(Listener(address))
        echo(listener)
        port = listener.address[1]
        hosts = {":0": ["127.0.0.1", "::1"], "[::1]:0": ["::1"]}
        for host in hosts.get(address, ["127.0.0.1"]):
            sock = net.keep(socket.create_connection((host, port)))
            sock.sendall(b"x")
            run_until(app, lambda: listener.connections)
            with app.running():
                assert sock.recv(10) == b"x"

    def test_listener_unix_path_is_made_and_removed(
        self, app: Dispatcher, net: Net, tmp_path: Path
    ) -> None:
        path = tmp_path / "socket"
        listener = app.add(Listener(f"unix:{path}"))
        assert listener.address == f"unix:{path}"
        talk(app, net, listener)
        listener.close()
        assert not path.exists()

    def test_listener_abstract_name_is_bound(self, app: Dispatcher, net: Net) -> None:
        listener = app.add(Listener(f"unix:@evdispatch-{os.getpid()}"))
        assert listener.address == f"unix:@evdispatch-{os.getpid()}"
        talk(app, net, listener)

    def test_listener_existing_socket_is_owned(self, app: Dispatcher, net: Net) -> None:
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        listener = app.add(Listener(sock))
        talk(app, net, listener)
        listener.close()
        assert sock.fileno() == -1

    def test_listener_address_in_use_raises_and_names_it(
        self, app: Dispatcher, net: Net
    ) -> None:
        listener = net.listen()
        with pytest.raises(OSError, match=r"in use.*127\.0\.0\.1"):
            app.add(Listener(listener.address))
        assert app.sources == (listener,)

    def test_listener_with_reuse_port_shares_it(self, app: Dispatcher) -> None:
        first = app.add(Listener("127.0.0.1:0", reuse_port=True))
        second = app.add(Listener(first.address, reuse_port=True))
        assert second.address == first.address

    @pytest.mark.parametrize(
        ("wrong", "error"),
        [
            ({"backlog": 0}, ValueError),
            ({"max_connections": 0}, ValueError),
            ({"max_connections": True}, TypeError),
            ({"framing": "words"}, ValueError),
            ({"tls": "yes"}, TypeError),
            ({"low": 10, "high": 5}, ValueError),
        ],
    )
    def test_listener_wrong_options_raise(
        self, wrong: Any, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            Listener("127.0.0.1:0", **wrong)


class TestAccepting:
    def test_listener_connections_have_it_as_parent(
        self, app: Dispatcher, net: Net
    ) -> None:
        listener = net.listen()
        other = net.listen()
        seen: list[Connect] = record(listener, Connect)
        clients = [net.client(listener) for _ in range(10)]
        net.client(other)
        run_until(app, lambda: len(seen) == 10)
        settle(app)
        assert len(seen) == 10
        assert {event.address for event in seen} == {c.getsockname() for c in clients}
        assert all(isinstance(event.source, Connection) for event in seen)
        assert all(event.source.parent is listener for event in seen)
        assert set(listener.connections) == {event.source for event in seen}

    def test_listener_connection_handlers_get_its_events_alone(
        self, app: Dispatcher, net: Net
    ) -> None:
        listener = net.listen()
        client = net.client(listener)
        run_until(app, lambda: listener.connections)
        seen = record_all(listener.connections[0])
        other = net.client(listener)
        client.sendall(b"a")
        other.sendall(b"b")
        run_until(app, lambda: "data" in names(seen))
        settle(app)
        assert [e.data for e in seen if e.name == "data"] == [b"a"]

    def test_listener_accepts_more_than_a_turns_worth(
        self, app: Dispatcher, net: Net
    ) -> None:
        listener = net.listen()
        for _ in range(200):
            net.client(listener)
        run_until(app, lambda: len(listener.connections) == 200)

    def test_listener_client_gone_before_accept_leaves_nothing(
        self, app: Dispatcher, net: Net
    ) -> None:
        listener = net.listen()
        seen = record_all(listener)
        client = net.client(listener)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        run_until(app, lambda: over(seen) or not listener.connections)
        settle(app)
        assert listener.connections == ()
        assert names(seen) in ([], ["connect", "disconnect"])

    def test_listener_max_connections_holds_others_back(
        self, app: Dispatcher, net: Net
    ) -> None:
        listener = net.listen(max_connections=2)
        seen = record_all(listener)
        clients = [net.client(listener) for _ in range(4)]
        run_until(app, lambda: names(seen).count("connect") == 2)
        settle(app)
        assert len(listener.connections) == 2
        clients[0].close()
        run_until(app, lambda: names(seen).count("connect") == 3)
        settle(app)
        assert len(listener.connections) == 2
        for client in clients:
            client.close()
        run_until(app, lambda: names(seen).count("disconnect") == 4)
        assert not listener.connections

    def test_listener_paused_accepts_nothing(self, app: Dispatcher, net: Net) -> None:
        listener = net.listen()
        listener.pause()
        net.client(listener)
        settle(app)
        assert listener.connections == ()
        listener.resume()
        run_until(app, lambda: listener.connections)


class TestClosing:
    def test_listener_closed_keeps_its_connections(
        self, app: Dispatcher, net: Net
    ) -> None:
        listener = echo(net.listen())
        client = net.client(listener)
        seen = record_all(listener)
        run_until(app, lambda: seen)
        listener.close()
        client.sendall(b"x")
        run_until(app, lambda: "data" in names(seen))
        assert receive(client, 1) == b"x"
        assert listener.address is None

    def test_listener_closed_ends_connections_without_a_handled_connect(
        self, app: Dispatcher, net: Net
    ) -> None:
        listener = net.listen()
        clients = [net.client(listener) for _ in range(5)]
        heard_of: list[Any] = []
        ended: list[Any] = []
        app.on("disconnect")(ended.append)

        @listener.on("connect")
        def close(event: Connect) -> None:
            heard_of.append(event.source)
            listener.close()

        run_until(app, lambda: heard_of)
        settle(app)
        assert len(heard_of) == 1
        assert ended == []
        assert [s for s in app.sources if isinstance(s, Connection)] == heard_of
        heard_of[0].close()
        for client in clients:
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b""

    def test_listener_closed_can_not_be_added_again(
        self, app: Dispatcher, net: Net
    ) -> None:
        listener = net.listen()
        listener.close()
        with pytest.raises(StateError):
            app.add(listener)


def test_listener_socket_shut_down_is_an_error(app: Dispatcher, net: Net) -> None:
    listener = net.listen()
    assert listener._bound is not None
    listener._bound.socket.shutdown(socket.SHUT_RDWR)  # it listens no more
    with pytest.raises(SourceError):
        run_until(app, lambda: False, timeout=5)
    assert listener.closed
