"""Connection attempts side by side: who wins, in which order, and nothing left open."""

import contextlib
import errno
import os
import random
import resource
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.network import unanswering_address

from evdispatch._kernel._poller import WRITE, ready_now
from evdispatch.sources._sockets._addresses import HostPort, UnixPath
from evdispatch.sources._sockets._race import Race
from evdispatch.sources._sockets._resolve import interleave, known, look_up

IP4, IP6 = socket.AF_INET, socket.AF_INET6


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def silent() -> Iterator[Any]:
    with unanswering_address() as address:
        yield address


def refused() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()


def finish(race: Race, now: float = 0.0) -> socket.socket:
    """Advance by readiness alone."""
    while (winner := race.advance(now)) is None:
        fd, mask = race.watched or (-1, 0)
        assert fd >= 0, "something is under way"
        assert ready_now(fd, mask, 10)
    return winner


def test_one_address(server: socket.socket) -> None:
    with finish(Race([(IP4, server.getsockname())])) as winner:
        assert winner.getpeername() == server.getsockname()
        assert not winner.getblocking()
        assert not winner.get_inheritable()
        assert winner.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_failure_begins_the_next_at_once(server: socket.socket) -> None:
    race = Race([(IP4, refused()), (IP4, refused()), (IP4, server.getsockname())])
    with finish(race) as winner:
        assert winner.getpeername() == server.getsockname()


def test_silence_begins_the_next_after_a_while(
    server: socket.socket, silent: Any
) -> None:
    race = Race([(IP4, silent), (IP4, server.getsockname())], delay=0.25)
    assert race.advance(10.0) is None
    assert race.deadline == 10.25
    first = race.watched
    assert first is not None
    assert race.advance(10.2) is None
    assert race.watched == first
    with finish(race, 10.25) as winner:
        assert winner.getpeername() == server.getsockname()
    assert race.watched is None


def test_all_refused_is_the_first_ones_error_with_notes() -> None:
    one, two = refused(), refused()
    with pytest.raises(ConnectionRefusedError) as caught:
        finish(Race([(IP4, one), (IP4, two)]))
    assert f"127.0.0.1:{one[1]}" in str(caught.value)
    assert f"127.0.0.1:{two[1]}" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    "candidate", [(12345, ("127.0.0.1", 1)), (IP6, ("127.0.0.1", 1)), (IP4, ("x", 1))]
)
def test_an_address_that_can_not_be_is_a_failure(
    server: socket.socket, candidate: Any
) -> None:
    with finish(Race([candidate, (IP4, server.getsockname())])):
        pass
    with pytest.raises(OSError):  # noqa: PT011 (each has another one)
        finish(Race([candidate]))


def test_a_full_unix_backlog_is_tried_again_later() -> None:
    name = f"\0evdispatch-race-{os.getpid()}"
    with (
        socket.socket(socket.AF_UNIX) as server,
        socket.socket(socket.AF_UNIX) as first,
    ):
        server.bind(name)
        server.listen(0)
        first.connect(name)
        race = Race([(socket.AF_UNIX, name)])
        now, waits = 0.0, []
        for _ in range(7):
            assert race.advance(now) is None
            assert race.watched is None
            assert race.deadline is not None
            waits.append(round(race.deadline - now, 2))
            now = race.deadline
        assert waits == [0.01, 0.02, 0.04, 0.08, 0.16, 0.16, 0.16]
        server.accept()[0].close()
        winner = race.advance(now)
        assert winner is not None
        winner.close()


def test_no_socket_left_is_a_failure(server: socket.socket) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            Race([(IP4, server.getsockname())]).advance(0.0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_two_that_are_ready_at_once_leave_one_socket_open(
    server: socket.socket, silent: Any
) -> None:
    """A socket that is collected open gives a ResourceWarning, which fails the test."""
    there = (IP4, server.getsockname())
    race = Race([(IP4, silent), there, there], delay=0.25)
    assert race.advance(0.0) is None
    for _ in range(2):  # begun together, and so neither is looked at before the other
        race._begin(race._waiting.popleft(), 0.0)
    for fd in list(race._attempts)[1:]:
        assert ready_now(fd, WRITE, 10)
    with finish(race) as winner:
        accepted = [server.accept()[0] for _ in range(2)]
        winner.sendall(b"x")
        assert sorted(sock.recv(1) for sock in accepted) == [b"", b"x"]
    for sock in accepted:
        sock.close()


@pytest.mark.parametrize("room", range(4))
def test_no_descriptor_to_watch_a_second_one_is_its_failure_alone(
    silent: Any, room: int
) -> None:
    """The socket and two epolls: with room for less, the first goes on all the same."""
    race = Race([(IP4, silent), (IP4, silent)], delay=0.25)
    assert race.advance(0.0) is None
    alone = race.watched
    free = os.dup(0)
    os.close(free)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as undo:
        undo.callback(race.close)
        undo.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + room, hard))
        for _ in range(2):
            assert race.advance(0.25) is None
            assert (race.watched == alone) == (room < 3)
        assert race.deadline is None


def test_a_socket_that_is_connected_to_itself_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Bound(socket.socket):
        """Has the port it connects to, which the kernel may choose too."""

        def connect_ex(self, address: Any) -> int:
            self.bind(address)
            return super().connect_ex(address)

    address = refused()
    monkeypatch.setattr("evdispatch.sources._sockets._race.socket.socket", Bound)
    with pytest.raises(ConnectionRefusedError):
        finish(Race([(IP4, address)]))


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_nothing_is_left_open(
    server: socket.socket, silent: Any, seed: int
) -> None:
    """The fixture of all tests counts the descriptors."""
    rng = random.Random(seed)
    kinds = [refused(), silent, server.getsockname()]
    race = Race([(IP4, rng.choice(kinds)) for _ in range(rng.randrange(1, 6))])
    now = 0.0
    for _ in range(rng.randrange(1, 12)):
        try:
            winner = race.advance(now)
        except ConnectionRefusedError:
            return
        if winner is not None:
            winner.close()
            return
        now += rng.choice([0.0, 0.1, 0.3])
        ready_now(*(race.watched or (server.fileno(), 0)), 0.002)
    race.close()
    assert race.watched is None


def test_families_take_turns() -> None:
    six: list[Any] = [(IP6, n) for n in range(3)]
    four: list[Any] = [(IP4, n) for n in range(2)]
    assert interleave([*six, *four]) == [six[0], four[0], six[1], four[1], six[2]]
    assert interleave([*four, *six])[0] == four[0]
    assert interleave(six) == six


def test_what_is_numeric_needs_no_look_up() -> None:
    assert known(HostPort("127.0.0.1", 80)) == [(IP4, ("127.0.0.1", 80))]
    assert known(HostPort("::1", 80)) == [(IP6, ("::1", 80, 0, 0))]
    assert known(UnixPath("/x")) == [(socket.AF_UNIX, "/x")]
    assert known(HostPort("localhost", 80)) is None
    assert (IP4, ("127.0.0.1", 80)) in look_up(HostPort("localhost", 80))
    assert look_up(HostPort(None, 80)) == look_up(HostPort("localhost", 80))
    with pytest.raises(socket.gaierror, match=r"no-such-host\.invalid:80") as caught:
        look_up(HostPort("no-such-host.invalid", 80))
    assert caught.value.errno in (socket.EAI_NONAME, socket.EAI_AGAIN, errno.ENOENT)
