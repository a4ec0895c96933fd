"""Paths of unix sockets: stale or taken, and nothing left behind."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.network import listening
from helpers.processes import UNTRACED
from helpers.waiting import PATIENCE

from evdispatch.sources.net._addresses import UnixPath
from evdispatch.sources.net._bind import bind

# The first: asking is not allowed, so nothing is removed. The second: nor is looking, when
# closing, and the socket is closed all the same. Root may do both, so it is none.
WITHOUT_RIGHTS = """
import os, tempfile
from evdispatch.sources.net._addresses import UnixPath
from evdispatch.sources.net._bind import listen
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


class TestUnix:
    def test_bind_unix_stale_path_is_taken_over(self, tmp_path: Path) -> None:
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
    def test_bind_unix_path_in_use_raises(
        self, tmp_path: Path, kind: socket.SocketKind
    ) -> None:
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
    def test_bind_unix_path_bound_and_not_yet_listening_raises(
        self, tmp_path: Path, theirs: socket.SocketKind, ours: socket.SocketKind
    ) -> None:
        address = UnixPath(str(tmp_path / "socket"))
        with socket.socket(socket.AF_UNIX, theirs) as starting:
            starting.bind(address.path)
            with pytest.raises(OSError, match="another program") as caught:
                bind(address, ours, reuse_port=False)
            assert caught.value.errno == errno.EADDRINUSE
            assert caught.value.filename == f"unix:{address.path}"

    def test_bind_unix_probe_is_not_noticed_by_the_owner(self, tmp_path: Path) -> None:
        address = UnixPath(str(tmp_path / "socket"))
        first = listening(address)
        with pytest.raises(OSError, match="another program"):
            listening(address)
        with pytest.raises(BlockingIOError):
            first.socket.accept()
        first.close()

    def test_bind_unix_path_of_a_connected_datagram_socket_raises(
        self, tmp_path: Path
    ) -> None:
        address = UnixPath(str(tmp_path / "socket"))
        first = bind(address, socket.SOCK_DGRAM, reuse_port=False)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
            peer.bind(str(tmp_path / "peer"))
            first.socket.connect(str(tmp_path / "peer"))  # asking it is EPERM
            with pytest.raises(OSError, match="another program"):
                bind(address, socket.SOCK_DGRAM, reuse_port=False)
        first.close()

    def test_bind_unix_link_is_left_alone(self, tmp_path: Path) -> None:
        path, link = str(tmp_path / "socket"), str(tmp_path / "link")
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(path)
        os.symlink(path, link)
        with pytest.raises(OSError, match="no socket"):
            listening(UnixPath(link))
        assert os.path.islink(link)

    def test_bind_unix_abstract_name_leaves_no_path(self) -> None:
        address = UnixPath(f"\0evdispatch-bind-{os.getpid()}")
        first = listening(address)
        with pytest.raises(OSError, match="unix:@evdispatch-bind") as caught:
            listening(address)
        assert caught.value.errno == errno.EADDRINUSE
        first.close()
        listening(address).close()

    def test_bound_unix_closed_twice_removes_no_other_path(
        self, tmp_path: Path
    ) -> None:
        path = str(tmp_path / "socket")
        bound = listening(UnixPath(path))
        bound.close()
        other = listening(UnixPath(path))  # often with the number of the first inode
        bound.close()
        assert os.path.exists(path)
        other.close()

    def test_bound_unix_relative_path_is_removed_after_chdir(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        bound = listening(UnixPath("socket"))
        monkeypatch.chdir("/")
        bound.close()
        assert not (tmp_path / "socket").exists()

    def test_bound_unix_path_above_a_link_is_removed(self, tmp_path: Path) -> None:
        (tmp_path / "real/sub").mkdir(parents=True)
        (tmp_path / "link").symlink_to("real/sub")
        (tmp_path / "socket").write_text("dear")  # where the text alone leads
        bound = listening(UnixPath(f"{tmp_path}/link/../socket"))
        bound.close()
        assert not (tmp_path / "real/socket").exists()
        assert (tmp_path / "socket").read_text() == "dear"

    def test_bind_unix_without_a_working_directory_succeeds(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "gone").mkdir()
        monkeypatch.chdir(tmp_path / "gone")
        (tmp_path / "gone").rmdir()
        listening(UnixPath(str(tmp_path / "socket"))).close()

    def test_bind_unix_without_rights_raises_and_closes(self) -> None:
        command = [sys.executable, "-X", "dev", "-W", "error", "-c", WITHOUT_RIGHTS]
        done = subprocess.run(
            command,
            capture_output=True,
            env=UNTRACED,
            text=True,
            check=True,
            timeout=PATIENCE,
        )
        assert done.stdout.split() == ["PermissionError", "True", "-1", "True"]
        assert done.stderr == ""

    def test_bind_unix_file_that_is_no_socket_is_left_alone(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "file"
        path.write_text("dear")
        with pytest.raises(OSError, match="no socket") as caught:
            listening(UnixPath(str(path)))
        assert caught.value.errno == errno.EADDRINUSE
        assert path.read_text() == "dear"

    def test_bound_unix_path_taken_by_another_is_not_removed(
        self, tmp_path: Path
    ) -> None:
        path = str(tmp_path / "socket")
        bound = listening(UnixPath(path))
        os.unlink(path)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(path)
            bound.close()
            assert os.path.exists(path)

    def test_bind_unix_missing_directory_raises(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="none/socket"):
            listening(UnixPath(str(tmp_path / "none/socket")))

    def test_bind_unix_with_reuse_port_raises(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="reuse_port"):
            listening(UnixPath(str(tmp_path / "socket")), reuse_port=True)
