"""Datagrams: whole, empty, too long, to groups, and to closed ports."""

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from helpers.network import needs_ip6

from evdispatch import ClosedError, Datagram, Dispatcher, Error, Packet, StateError
from evdispatch.testing import record, run_until, settle

pytestmark = [pytest.mark.pollers, pytest.mark.cross]


def test_datagram_is_received_whole_with_its_address(app: Dispatcher) -> None:
    source = app.add(Datagram("127.0.0.1:0"))
    seen = record(source, Packet)
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        peer.connect(source.address)
        for data in (b"one", b"", b"x" * 60_000):
            peer.send(data)
        run_until(app, lambda: len(seen) == 3)
        assert [event.data for event in seen] == [b"one", b"", b"x" * 60_000]
        assert {event.address for event in seen} == {peer.getsockname()}
        assert not any(event.truncated for event in seen)
        assert source.send(b"back", seen[0].address)
        assert peer.recv(10) == b"back"


def test_datagram_event_is_named_datagram(app: Dispatcher) -> None:
    source = app.add(Datagram("127.0.0.1:0"))
    seen: list[Any] = []
    app.on("datagram", data=b"this")(seen.append)
    other = app.add(Datagram(peer=source.address))
    other.send(b"that")
    other.send(b"this")
    run_until(app, lambda: seen)
    assert seen[0].data == b"this"


def test_datagram_with_a_peer_needs_no_address(app: Dispatcher) -> None:
    one = app.add(Datagram("127.0.0.1:0"))
    other = app.add(Datagram(peer=one.address))
    seen = record(app, Packet)
    one.on("datagram")(lambda e: one.send(b"answer", e.address))
    assert other.send(bytearray(b"question"))
    run_until(app, lambda: len(seen) == 2)
    assert [(e.source, e.data) for e in seen] == [
        (one, b"question"),
        (other, b"answer"),
    ]


def test_datagrams_above_a_turns_worth_all_come(app: Dispatcher) -> None:
    source = app.add(Datagram("127.0.0.1:0"))
    seen = record(source, Packet)
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        for number in range(150):
            peer.sendto(b"%d" % number, source.address)
        run_until(app, lambda: len(seen) == 150)
    assert [event.data for event in seen] == [b"%d" % n for n in range(150)]


def test_datagram_too_long_is_truncated(app: Dispatcher) -> None:
    source = app.add(Datagram("127.0.0.1:0", max_size=4))
    seen = record(source, Packet)
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        peer.sendto(b"12345", source.address)
        peer.sendto(b"1234", source.address)
    run_until(app, lambda: len(seen) == 2)
    assert [(e.data, e.truncated) for e in seen] == [(b"1234", True), (b"1234", False)]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", pytest.param("::1", marks=needs_ip6, id="::1")]
)
@pytest.mark.parametrize("connected", [True, False])
def test_datagram_to_a_closed_port_is_an_error_event(
    app: Dispatcher, host: str, connected: bool
) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as gone:
        gone.bind((host, 0))
        address = gone.getsockname()[:2]
    source = app.add(Datagram(peer=address) if connected else Datagram((host, 0)))
    seen = record(source, Error)
    source.send(b"x", None if connected else address)
    run_until(app, lambda: seen)
    settle(app)
    assert len(seen) == 1
    exception = seen[0].exception
    assert isinstance(exception, ConnectionRefusedError)
    assert str(address[1]) in str(exception)
    assert not source.closed
    source.send(b"y", None if connected else address)
    run_until(app, lambda: len(seen) == 2)


def test_datagram_error_without_a_handler_is_logged(
    app: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        address = gone.getsockname()
    source = app.add(Datagram(peer=address))
    source.send(b"x")
    run_until(app, lambda: "Connection refused" in caplog.text)
    assert not source.closed


def test_datagram_to_a_multicast_group_is_received_by_members(app: Dispatcher) -> None:
    source = app.add(Datagram(":0", reuse_port=True))
    seen = record(source, Packet)
    source.join_group("239.255.13.7", "lo")
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        loopback = socket.inet_aton("127.0.0.1")
        peer.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, loopback)
        peer.sendto(b"to all", ("239.255.13.7", source.address[1]))
        run_until(app, lambda: seen)
        assert seen[0].data == b"to all"
        source.leave_group("239.255.13.7", "lo")
        peer.sendto(b"again", ("239.255.13.7", source.address[1]))
        settle(app)
        assert len(seen) == 1


@needs_ip6
def test_datagram_ip6_group_is_joined_and_left(app: Dispatcher) -> None:
    """Loopback carries no multicast of IPv6: the kernel knows whether we are in it."""
    source = app.add(Datagram("[::]:0"))
    index = socket.if_nametoindex("lo")
    source.join_group("ff01::1:7", index)
    with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
        source.join_group("ff01::1:7", "lo")
    source.leave_group("ff01::1:7", "lo")
    source.join_group("ff01::1:7", "lo")
    with pytest.raises(OSError, match="interface"):
        source.join_group("ff01::1:7", "lo-such")


class TestUnix:
    def test_datagram_unix_paths_and_abstract_names_reach_each_other(
        self, app: Dispatcher, tmp_path: Path
    ) -> None:
        path = tmp_path / "socket"
        one = app.add(Datagram(f"unix:{path}"))
        two = app.add(Datagram(f"unix:@evdispatch-{os.getpid()}"))
        seen = record(app, Packet)
        assert two.send(b"x", f"unix:{path}")
        run_until(app, lambda: seen)
        assert seen[0].source is one
        assert one.send(b"y", f"unix:@evdispatch-{os.getpid()}")
        run_until(app, lambda: len(seen) == 2)
        one.close()
        assert not path.exists()
        with pytest.raises(OSError, match="No such file"):
            two.send(b"x", f"unix:{path}")

    def test_datagram_unix_to_a_slow_reader_is_refused_until_drain(
        self, app: Dispatcher, tmp_path: Path
    ) -> None:
        path = str(tmp_path / "socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
            peer.bind(path)
            source = app.add(Datagram(peer=f"unix:{path}"))
            seen: list[Any] = []
            source.on("drain")(seen.append)
            sent = 0
            while source.send(b"%d" % sent):
                sent += 1
            settle(app)
            assert seen == []
            got = [peer.recv(10) for _ in range(sent)]
            assert got == [b"%d" % n for n in range(sent)]
            run_until(app, lambda: seen)
            settle(app)
            assert len(seen) == 1


class TestWrongUse:
    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ({}, ValueError),
            ({"bind": "nonsense"}, ValueError),
            ({"bind": 5}, TypeError),
            ({"peer": "localhost:80"}, ValueError),
            ({"bind": ":0", "max_size": 0}, ValueError),
        ],
    )
    def test_datagram_wrong_arguments_raise(
        self, arguments: Any, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            Datagram(**arguments)

    def test_datagram_wrong_bind_raises_when_added(self, app: Dispatcher) -> None:
        one = app.add(Datagram("127.0.0.1:0"))
        with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
            app.add(Datagram(one.address))
        with socket.socket() as stream, pytest.raises(ValueError, match="datagrams"):
            app.add(Datagram(stream))
        assert app.sources == (one,)

    def test_datagram_wrong_send_raises(self, app: Dispatcher) -> None:
        source = Datagram(":0")
        with pytest.raises(StateError):
            source.send(b"x", "127.0.0.1:9")
        app.add(source)
        with pytest.raises(OSError, match="too long"):
            source.send(bytes(70_000), ("127.0.0.1", 9))
        with pytest.raises(ValueError, match="numeric"):
            source.send(b"x", "localhost:9")
        source.close()
        with pytest.raises(ClosedError):
            source.send(b"x", "127.0.0.1:9")

    def test_datagram_of_an_existing_socket_owns_it(self, app: Dispatcher) -> None:
        sock = socket.socket(type=socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        source = app.add(Datagram(sock))
        seen = record(source, Packet)
        source.send(b"me", source.address)
        run_until(app, lambda: seen)
        source.close()
        assert sock.fileno() == -1
