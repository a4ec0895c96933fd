"""Bound sockets: addresses, paths that are stale or taken, and nothing left behind."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from networks import needs_ip6
from untraced import UNTRACED

from evdispatch.sources._sockets._addresses import HostPort, UnixPath
from evdispatch.sources._sockets._bind import Bound, adopt_listening, bind, listen


def listening(address: Any, **options: Any) -> Bound:
    return listen(address, backlog=10, reuse_port=options.get("reuse_port", False))


# The first: asking is not allowed, so nothing is removed. The second: nor is looking, when
# closing, and the socket is closed all the same. Root may do both, so it is none.
WITHOUT_RIGHTS = """
import os, tempfile
from evdispatch.sources._sockets._addresses import UnixPath
from evdispatch.sources._sockets._bind import listen
if os.geteuid() == 0:
    os.setuid(65534)
with tempfile.TemporaryDirectory(dir="/tmp") as directory:
    path = directory + "/socket"
    bound = listen(UnixPath(path), backlog=1, reuse_port=False)
    os.chmod(path, 0)
    try:
        listen(UnixPath(path), backlog=1, reuse_port=False)
    except OSError as error:
        print(type(error).__name__, error.filename == "unix:" + path)
    os.chmod(directory, 0)
    bound.close()
    os.chmod(directory, 0o700)
    print(bound.socket.fileno(), os.path.exists(path))
"""


class TestInet:
    @needs_ip6
    def test_all_interfaces_are_those_of_both_kinds(self) -> None:
        bound = listening(HostPort(None, 0))
        try:
            port = bound.socket.getsockname()[1]
            for host in ("127.0.0.1", "::1"):
                socket.create_connection((host, port), timeout=10).close()
        finally:
            bound.close()

    @needs_ip6
    def test_ip6_alone_is_ip6_alone(self) -> None:
        bound = listening(HostPort("::", 0))
        try:
            port = bound.socket.getsockname()[1]
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=10)
        finally:
            bound.close()

    def test_accepted_ones_do_not_hold_small_writes_back(self) -> None:
        bound = listening(HostPort("127.0.0.1", 0))
        try:
            assert not bound.socket.getblocking()
            assert not bound.socket.get_inheritable()
            with socket.create_connection(bound.socket.getsockname()):
                bound.socket.settimeout(10)
                with bound.socket.accept()[0] as accepted:
                    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        finally:
            bound.close()

    @needs_ip6
    def test_half_of_all_interfaces_is_an_error(self) -> None:
        with socket.socket(socket.AF_INET6) as other:
            other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            other.bind(("::", 0))
            other.listen()
            port = other.getsockname()[1]
            with pytest.raises(OSError, match=f"':{port}'") as caught:
                listening(HostPort(None, port))
        assert caught.value.errno == errno.EADDRINUSE

    def test_there_is_no_such_host(self) -> None:
        with pytest.raises(socket.gaierror, match=r"\[fe80::1%none\]:80"):
            listening(HostPort("fe80::1%none", 80))  # an interface: no server is asked

    @pytest.mark.parametrize("backlog", [10**30, "many"])
    def test_a_wrong_backlog_leaves_nothing(self, tmp_path: Path, backlog: Any) -> None:
        path = tmp_path / "socket"
        for address in (HostPort("127.0.0.1", 0), UnixPath(str(path))):
            with pytest.raises((OverflowError, TypeError)):
                listen(address, backlog=backlog, reuse_port=False)
        assert not path.exists()

    def test_datagrams_are_not_shared_by_chance(self) -> None:
        first = bind(HostPort("127.0.0.1", 0), socket.SOCK_DGRAM, reuse_port=False)
        address = HostPort(*first.socket.getsockname())
        with pytest.raises(OSError, match=str(address)):
            bind(address, socket.SOCK_DGRAM, reuse_port=False)
        first.close()

    @pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
    def test_reuse_port_shares_them(self, kind: socket.SocketKind) -> None:
        first = bind(HostPort("127.0.0.1", 0), kind, reuse_port=True)
        address = HostPort(*first.socket.getsockname())
        bind(address, kind, reuse_port=True).close()
        first.close()

    def test_an_error_names_the_address(self) -> None:
        with pytest.raises(OSError, match=r"192\.0\.2\.1:80"):
            listening(HostPort("192.0.2.1", 80))  # TEST-NET-1: nobody's

    def test_it_can_be_bound_again_at_once(self) -> None:
        bound = listening(HostPort("127.0.0.1", 0))
        address = bound.socket.getsockname()
        with socket.create_connection(address) as client:
            bound.socket.settimeout(10)
            bound.socket.accept()[0].close()  # this side ends first: TIME_WAIT
            assert client.recv(1) == b""
        bound.close()
        listening(HostPort(*address)).close()


class TestUnix:
    def test_a_stale_path_is_taken_over(self, tmp_path: Path) -> None:
        path = str(tmp_path / "socket")
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(path)
            dead.listen()
        bound = listening(UnixPath(path))
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
        bound.close()
        assert not os.path.exists(path)

    @pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
    def test_a_living_one_is_not(self, tmp_path: Path, kind: socket.SocketKind) -> None:
        address = UnixPath(str(tmp_path / "socket"))
        first = bind(address, kind, reuse_port=False)
        if kind == socket.SOCK_STREAM:
            first.socket.listen()
        with pytest.raises(OSError, match="another program listens"):
            bind(address, kind, reuse_port=False)
        assert os.path.exists(address.path)
        first.close()

    @pytest.mark.parametrize("theirs", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
    @pytest.mark.parametrize("ours", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
    def test_one_that_does_not_listen_yet_is_not_stale(
        self, tmp_path: Path, theirs: socket.SocketKind, ours: socket.SocketKind
    ) -> None:
        address = UnixPath(str(tmp_path / "socket"))
        with socket.socket(socket.AF_UNIX, theirs) as starting:
            starting.bind(address.path)
            with pytest.raises(OSError, match="another program") as caught:
                bind(address, ours, reuse_port=False)
            assert caught.value.errno == errno.EADDRINUSE
            assert caught.value.filename == f"unix:{address.path}"

    def test_a_living_one_hears_nothing_of_being_asked(self, tmp_path: Path) -> None:
        address = UnixPath(str(tmp_path / "socket"))
        first = listening(address)
        with pytest.raises(OSError, match="another program"):
            listening(address)
        with pytest.raises(BlockingIOError):
            first.socket.accept()
        first.close()

    def test_datagrams_are_for_one_peer_only(self, tmp_path: Path) -> None:
        address = UnixPath(str(tmp_path / "socket"))
        first = bind(address, socket.SOCK_DGRAM, reuse_port=False)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
            peer.bind(str(tmp_path / "peer"))
            first.socket.connect(str(tmp_path / "peer"))  # asking it is EPERM
            with pytest.raises(OSError, match="another program"):
                bind(address, socket.SOCK_DGRAM, reuse_port=False)
        first.close()

    def test_a_link_is_left_alone(self, tmp_path: Path) -> None:
        path, link = str(tmp_path / "socket"), str(tmp_path / "link")
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(path)
        os.symlink(path, link)
        with pytest.raises(OSError, match="no socket"):
            listening(UnixPath(link))
        assert os.path.islink(link)

    def test_an_abstract_one_needs_no_path(self) -> None:
        address = UnixPath(f"\0evdispatch-bind-{os.getpid()}")
        first = listening(address)
        with pytest.raises(OSError, match="unix:@evdispatch-bind") as caught:
            listening(address)
        assert caught.value.errno == errno.EADDRINUSE
        first.close()
        listening(address).close()

    def test_closing_twice_removes_no_path_of_another(self, tmp_path: Path) -> None:
        path = str(tmp_path / "socket")
        bound = listening(UnixPath(path))
        bound.close()
        other = listening(UnixPath(path))  # often with the number of the first inode
        bound.close()
        assert os.path.exists(path)
        other.close()

    def test_a_relative_path_is_removed_wherever_one_is(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        bound = listening(UnixPath("socket"))
        monkeypatch.chdir("/")
        bound.close()
        assert not (tmp_path / "socket").exists()

    def test_one_above_a_link_is_removed(self, tmp_path: Path) -> None:
        (tmp_path / "real/sub").mkdir(parents=True)
        (tmp_path / "link").symlink_to("real/sub")
        (tmp_path / "socket").write_text("dear")  # where the text alone leads
        bound = listening(UnixPath(f"{tmp_path}/link/../socket"))
        bound.close()
        assert not (tmp_path / "real/socket").exists()
        assert (tmp_path / "socket").read_text() == "dear"

    def test_one_needs_no_directory_of_its_own(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "gone").mkdir()
        monkeypatch.chdir(tmp_path / "gone")
        (tmp_path / "gone").rmdir()
        listening(UnixPath(str(tmp_path / "socket"))).close()

    def test_one_that_has_no_rights_there(self) -> None:
        command = [sys.executable, "-X", "dev", "-W", "error", "-c", WITHOUT_RIGHTS]
        done = subprocess.run(
            command,
            capture_output=True,
            env=UNTRACED,
            text=True,
            check=True,
            timeout=30,
        )
        assert done.stdout.split() == ["PermissionError", "True", "-1", "True"]
        assert done.stderr == ""

    def test_a_file_that_is_no_socket_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_text("dear")
        with pytest.raises(OSError, match="no socket") as caught:
            listening(UnixPath(str(path)))
        assert caught.value.errno == errno.EADDRINUSE
        assert path.read_text() == "dear"

    def test_the_path_of_another_is_not_removed(self, tmp_path: Path) -> None:
        path = str(tmp_path / "socket")
        bound = listening(UnixPath(path))
        os.unlink(path)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(path)
            bound.close()
            assert os.path.exists(path)

    def test_a_directory_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="none/socket"):
            listening(UnixPath(str(tmp_path / "none/socket")))

    def test_reuse_port_is_not_for_it(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="reuse_port"):
            listening(UnixPath(str(tmp_path / "socket")), reuse_port=True)


class TestAdopting:
    def test_one_that_listens_already(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            assert adopt_listening(sock, backlog=5).socket is sock
            assert not sock.getblocking()
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    def test_one_that_is_only_bound(self, tmp_path: Path) -> None:
        path = str(tmp_path / "socket")
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(path)
            bound = adopt_listening(sock, backlog=5)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            bound.close()
        assert os.path.exists(path)  # it is the user's

    def test_one_that_is_connected(
        self, pair: tuple[socket.socket, socket.socket]
    ) -> None:
        with pytest.raises(ValueError, match="connected"):
            adopt_listening(pair[0], backlog=5)

    def test_one_of_datagrams(self) -> None:
        sock = socket.socket(type=socket.SOCK_DGRAM)
        with sock, pytest.raises(ValueError, match="stream"):
            adopt_listening(sock, backlog=5)
