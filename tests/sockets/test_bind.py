"""Bound sockets: internet addresses, and sockets that were bound by others."""

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from helpers.network import listening, needs_ip6
from helpers.waiting import PATIENCE

from evdispatch.sources.net._addresses import HostPort, UnixPath
from evdispatch.sources.net._bind import adopt_listening, bind, listen


class TestInet:
    @needs_ip6
    def test_bind_all_interfaces_accepts_ip4_and_ip6(self) -> None:
        bound = listening(HostPort(None, 0))
        try:
            port = bound.socket.getsockname()[1]
            for host in ("127.0.0.1", "::1"):
                socket.create_connection((host, port), timeout=PATIENCE).close()
        finally:
            bound.close()

    @needs_ip6
    def test_bind_ip6_wildcard_accepts_no_ip4(self) -> None:
        bound = listening(HostPort("::", 0))
        try:
            port = bound.socket.getsockname()[1]
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        finally:
            bound.close()

    def test_bind_tcp_sets_nodelay_on_accepted_sockets(self) -> None:
        bound = listening(HostPort("127.0.0.1", 0))
        try:
            assert not bound.socket.getblocking()
            assert not bound.socket.get_inheritable()
            with socket.create_connection(bound.socket.getsockname()):
                bound.socket.settimeout(PATIENCE)
                with bound.socket.accept()[0] as accepted:
                    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        finally:
            bound.close()

    @needs_ip6
    def test_bind_all_interfaces_with_ip6_in_use_raises(self) -> None:
        with socket.socket(socket.AF_INET6) as other:
            other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            other.bind(("::", 0))
            other.listen()
            port = other.getsockname()[1]
            with pytest.raises(OSError, match=f"':{port}'") as caught:
                listening(HostPort(None, port))
        assert caught.value.errno == errno.EADDRINUSE

    def test_bind_unknown_host_raises(self) -> None:
        with pytest.raises(socket.gaierror, match=r"\[fe80::1%none\]:80"):
            listening(HostPort("fe80::1%none", 80))  # an interface: no server is asked

    @pytest.mark.parametrize("backlog", [10**30, "many"])
    def test_listen_with_a_wrong_backlog_raises_and_leaves_nothing(
        self, tmp_path: Path, backlog: Any
    ) -> None:
        path = tmp_path / "socket"
        for address in (HostPort("127.0.0.1", 0), UnixPath(str(path))):
            with pytest.raises((OverflowError, TypeError)):
                listen(address, backlog=backlog, reuse_port=False)
        assert not path.exists()

    def test_bind_datagrams_to_a_used_port_raises(self) -> None:
        first = bind(HostPort("127.0.0.1", 0), socket.SOCK_DGRAM, reuse_port=False)
        address = HostPort(*first.socket.getsockname())
        with pytest.raises(OSError, match=str(address)):
            bind(address, socket.SOCK_DGRAM, reuse_port=False)
        first.close()

    @pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
    def test_bind_with_reuse_port_shares_the_port(
        self, kind: socket.SocketKind
    ) -> None:
        first = bind(HostPort("127.0.0.1", 0), kind, reuse_port=True)
        address = HostPort(*first.socket.getsockname())
        bind(address, kind, reuse_port=True).close()
        first.close()

    def test_bind_error_names_the_address(self) -> None:
        with pytest.raises(OSError, match=r"192\.0\.2\.1:80"):
            listening(HostPort("192.0.2.1", 80))  # TEST-NET-1: no host has it

    def test_bind_after_close_succeeds_at_once(self) -> None:
        bound = listening(HostPort("127.0.0.1", 0))
        address = bound.socket.getsockname()
        with socket.create_connection(address) as client:
            bound.socket.settimeout(PATIENCE)
            bound.socket.accept()[0].close()  # this side ends first: TIME_WAIT
            assert client.recv(1) == b""
        bound.close()
        listening(HostPort(*address)).close()


class TestAdopting:
    def test_adopt_listening_socket_is_made_nonblocking(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            assert adopt_listening(sock, backlog=5).socket is sock
            assert not sock.getblocking()
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    def test_adopt_bound_socket_listens_and_keeps_its_path(
        self, tmp_path: Path
    ) -> None:
        path = str(tmp_path / "socket")
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(path)
            bound = adopt_listening(sock, backlog=5)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            bound.close()
        assert os.path.exists(path)  # it is the user's

    def test_adopt_connected_socket_raises(
        self, pair: tuple[socket.socket, socket.socket]
    ) -> None:
        with pytest.raises(ValueError, match="connected"):
            adopt_listening(pair[0], backlog=5)

    def test_adopt_datagram_socket_raises(self) -> None:
        sock = socket.socket(type=socket.SOCK_DGRAM)
        with sock, pytest.raises(ValueError, match="stream"):
            adopt_listening(sock, backlog=5)
