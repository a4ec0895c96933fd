"""The pollers, with real descriptors: what they promise to the IO side."""

import errno
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from helpers.pollers import VerifyPoller

from evdispatch import ERROR, HANGUP, READ, WRITE
from evdispatch._core._poller import (
    INVALID,
    NO_INTEREST,
    ONESHOT,
    EpollPoller,
    NotPollableError,
    readable_now,
)
from evdispatch._core._select_poller import PollPoller, SelectPoller


@pytest.fixture(params=[EpollPoller, VerifyPoller, PollPoller, SelectPoller])
def poller(request: pytest.FixtureRequest) -> Iterator[EpollPoller]:
    poller: EpollPoller = request.param()
    yield poller
    poller.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for fd in (reader, writer):
        try:
            os.close(fd)
        except OSError as error:
            assert error.errno == errno.EBADF, "a test may have closed it"  # noqa: PT017


EPOLL = pytest.mark.parametrize("poller", [EpollPoller, VerifyPoller], indirect=True)
OTHERS = pytest.mark.parametrize("poller", [PollPoller, SelectPoller], indirect=True)


class TestPoller:
    def test_it_tells_what_is_ready_and_what_for(
        self, poller: EpollPoller, pipe: tuple[int, int]
    ) -> None:
        reader, writer = pipe
        poller.add(reader, READ)
        poller.add(writer, WRITE)
        assert poller.poll(0) == [(writer, WRITE)]
        os.write(writer, b"x")
        assert sorted(poller.poll(0)) == sorted([(reader, READ), (writer, WRITE)])

    def test_ready_means_ready_until_it_is_read(
        self, poller: EpollPoller, pipe: tuple[int, int]
    ) -> None:
        poller.add(pipe[0], READ)
        os.write(pipe[1], b"xy")
        for _ in range(3):
            assert poller.poll(0) == [(pipe[0], READ)]
        os.read(pipe[0], 2)
        assert poller.poll(0) == []

    def test_a_changed_mask_holds_at_once(
        self, poller: EpollPoller, pipe: tuple[int, int]
    ) -> None:
        poller.add(pipe[1], 0)
        assert poller.poll(0) == []
        poller.change(pipe[1], WRITE)
        assert poller.poll(0) == [(pipe[1], WRITE)]

    def test_once_is_told_once_until_it_is_asked_for_anew(
        self, poller: EpollPoller, pipe: tuple[int, int]
    ) -> None:
        poller.add(pipe[0], READ | ONESHOT)
        assert poller.poll(0) == []
        for text in (b"x", b"y"):
            os.write(pipe[1], text)
            assert poller.poll(0) == [(pipe[0], READ)]
            os.write(pipe[1], text)
            assert poller.poll(0) == []
            poller.change(pipe[0], READ | ONESHOT)
            assert poller.poll(0) == [(pipe[0], READ)]
            os.read(pipe[0], 2)
            poller.change(pipe[0], READ | ONESHOT)
            assert poller.poll(0) == []
        poller.change(pipe[0], READ)
        os.write(pipe[1], b"z")
        assert [poller.poll(0) for _ in range(2)] == [[(pipe[0], READ)]] * 2

    def test_a_mask_of_0_still_tells_errors_and_hangups(
        self, poller: EpollPoller, pipe: tuple[int, int]
    ) -> None:
        poller.add(pipe[1], 0)
        os.close(pipe[0])
        assert poller.poll(0) == [(pipe[1], ERROR)]
        reader, writer = os.pipe()
        try:
            poller.add(reader, 0)
        finally:
            os.close(writer)
        assert (reader, HANGUP) in poller.poll(0)
        os.close(reader)

    @pytest.mark.parametrize("path", ["/dev/null", "/dev/zero", __file__, "/"])
    def test_what_is_always_ready_is_refused(
        self, poller: EpollPoller, path: str
    ) -> None:
        fd = os.open(path, os.O_RDONLY)
        try:
            with pytest.raises(NotPollableError):
                poller.add(fd, READ)
        finally:
            os.close(fd)

    def test_errors_of_the_kernel_pass_on(
        self, poller: EpollPoller, pipe: tuple[int, int]
    ) -> None:
        poller.add(pipe[0], READ)
        own = poller.fileno()  # before the next line: it takes a number of its own
        closed = os.dup(pipe[0])
        os.close(closed)
        cases: list[tuple[int, Callable[[], None]]] = [
            (errno.EEXIST, lambda: poller.add(pipe[0], READ)),
            (errno.EBADF, lambda: poller.add(closed, READ)),
            (errno.ELOOP, lambda: poller.add(own, READ)),
            (errno.ENOENT, lambda: poller.change(pipe[1], READ)),
            (errno.EBADF, lambda: poller.change(closed, READ)),
        ]
        for number, call in cases:
            with pytest.raises(OSError, match=os.strerror(number)):
                call()

    def test_removing_what_is_not_watched_is_quiet(
        self, poller: EpollPoller, pipe: tuple[int, int]
    ) -> None:
        poller.remove(pipe[0])
        poller.add(pipe[0], READ)
        os.close(pipe[0])
        poller.remove(pipe[0])
        poller.remove(pipe[0])
        assert poller.poll(0) == []

    def test_removing_leaves_a_duplicate_alone(
        self, poller: EpollPoller, pipe: tuple[int, int]
    ) -> None:
        duplicate = os.dup(pipe[0])
        try:
            poller.add(pipe[0], READ)
            poller.add(duplicate, READ)
            os.write(pipe[1], b"x")
            poller.remove(pipe[0])
            assert poller.poll(0) == [(duplicate, READ)]
        finally:
            os.close(duplicate)

    def test_more_are_told_than_one_call_of_epoll_gives(
        self, poller: EpollPoller
    ) -> None:
        fds = [os.eventfd(1) for _ in range(40)]
        try:
            for fd in fds:
                poller.add(fd, READ)
            assert sorted(poller.poll(0)) == [(fd, READ) for fd in sorted(fds)]
        finally:
            for fd in fds:
                os.close(fd)

    def test_it_can_be_polled_itself_and_is_not_inherited(
        self, poller: EpollPoller, pipe: tuple[int, int]
    ) -> None:
        poller.add(pipe[0], READ)
        assert not readable_now(poller.fileno())
        os.write(pipe[1], b"x")
        assert readable_now(poller.fileno())
        assert not os.get_inheritable(poller.fileno())

    @EPOLL
    def test_what_one_thread_adds_ends_the_wait_of_another(
        self, poller: EpollPoller, pipe: tuple[int, int]
    ) -> None:
        os.write(pipe[1], b"x")
        found: list[list[tuple[int, int]]] = []
        thread = threading.Thread(target=lambda: found.append(poller.poll(10)))
        thread.start()
        poller.add(pipe[0], READ)
        thread.join()
        assert found == [[(pipe[0], READ)]]


@OTHERS
def test_select_and_poll_tell_of_a_number_that_was_closed(
    poller: EpollPoller, pipe: tuple[int, int]
) -> None:
    poller.add(pipe[0], READ)
    os.close(pipe[0])
    assert not poller.live
    assert poller.poll(0) == [(pipe[0], INVALID)]


def test_it_may_be_rebuilt_and_changed_while_another_thread_waits(
    poller: EpollPoller, pipe: tuple[int, int]
) -> None:
    """As often as it takes for the one to come in between the steps of the other."""
    poller.add(pipe[1], 0)
    failures: list[Exception] = []
    done = threading.Event()

    def wait() -> None:
        try:
            while not done.is_set():
                poller.poll(0)
        except (ValueError, KeyError, OSError, RuntimeError) as error:
            failures.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    for _ in range(2000):
        poller.rebuild([(pipe[0], READ), (pipe[1], WRITE)])
        poller.change(pipe[1], NO_INTEREST)
        poller.change(pipe[1], 0)
    done.set()
    thread.join()
    assert failures == []


@EPOLL
class TestRebuild:
    def test_it_gets_rid_of_a_number_that_was_closed_while_a_duplicate_lives(
        self, poller: EpollPoller, pipe: tuple[int, int]
    ) -> None:
        reader, writer = os.pipe()
        poller.add(reader, READ)
        poller.add(pipe[0], READ)
        duplicate = os.dup(reader)
        os.write(writer, b"x")
        os.close(reader)
        try:
            assert poller.poll(0) == [(reader, READ)], "the kernel goes on telling it"
            poller.remove(reader)
            assert poller.poll(0) == [(reader, READ)], "and does not let go of it"
            number = poller.fileno()
            poller.rebuild([(pipe[0], READ)])
            assert poller.fileno() == number
            assert not os.get_inheritable(number)
            assert poller.poll(0) == []
            os.write(pipe[1], b"x")
            assert poller.poll(0) == [(pipe[0], READ)]
        finally:
            os.close(duplicate)
            os.close(writer)

    def test_it_leaves_out_what_was_closed(
        self, poller: EpollPoller, pipe: tuple[int, int]
    ) -> None:
        os.close(pipe[1])
        poller.rebuild([(pipe[1], WRITE), (pipe[0], READ)])
        assert poller.poll(0) == [(pipe[0], HANGUP)]


def test_readable_now_tells_data_and_the_end() -> None:
    left, right = socket.socketpair()
    with left, right:
        assert not readable_now(left.fileno())
        right.send(b"x")
        assert readable_now(left.fileno())
        left.recv(1)
        right.close()
        assert readable_now(left.fileno())


def test_the_masks_are_epolls() -> None:
    assert (READ, WRITE, ERROR, HANGUP) == (
        select.EPOLLIN,
        select.EPOLLOUT,
        select.EPOLLERR,
        select.EPOLLHUP,
    )
