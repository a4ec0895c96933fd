"""The pollers, with real descriptors."""

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


def test_poller_reports_ready_descriptors_with_their_masks(
    poller: EpollPoller, pipe: tuple[int, int]
) -> None:
    reader, writer = pipe
    poller.add(reader, READ)
    poller.add(writer, WRITE)
    assert poller.poll(0) == [(writer, WRITE)]
    os.write(writer, b"x")
    assert sorted(poller.poll(0)) == sorted([(reader, READ), (writer, WRITE)])


def test_poller_descriptor_not_read_is_reported_again(
    poller: EpollPoller, pipe: tuple[int, int]
) -> None:
    poller.add(pipe[0], READ)
    os.write(pipe[1], b"xy")
    for _ in range(3):
        assert poller.poll(0) == [(pipe[0], READ)]
    os.read(pipe[0], 2)
    assert poller.poll(0) == []


def test_poller_changed_mask_applies_at_once(
    poller: EpollPoller, pipe: tuple[int, int]
) -> None:
    poller.add(pipe[1], 0)
    assert poller.poll(0) == []
    poller.change(pipe[1], WRITE)
    assert poller.poll(0) == [(pipe[1], WRITE)]


def test_poller_oneshot_is_reported_once_until_rearmed(
    poller: EpollPoller, pipe: tuple[int, int]
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


def test_poller_mask_of_0_still_reports_errors_and_hangups(
    poller: EpollPoller, pipe: tuple[int, int]
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
def test_poller_file_always_ready_raises(poller: EpollPoller, path: str) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        with pytest.raises(NotPollableError):
            poller.add(fd, READ)
    finally:
        os.close(fd)


def test_poller_error_of_the_kernel_is_raised(
    poller: EpollPoller, pipe: tuple[int, int]
) -> None:
    poller.add(pipe[0], READ)
    own = poller.fileno()  # before the next line, since it opens a descriptor
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


def test_poller_remove_unwatched_descriptor_does_nothing(
    poller: EpollPoller, pipe: tuple[int, int]
) -> None:
    poller.remove(pipe[0])
    poller.add(pipe[0], READ)
    os.close(pipe[0])
    poller.remove(pipe[0])
    poller.remove(pipe[0])
    assert poller.poll(0) == []


def test_poller_remove_keeps_a_duplicate(
    poller: EpollPoller, pipe: tuple[int, int]
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


def test_poller_many_ready_descriptors_are_all_reported(poller: EpollPoller) -> None:
    fds = [os.eventfd(1) for _ in range(40)]
    try:
        for fd in fds:
            poller.add(fd, READ)
        assert sorted(poller.poll(0)) == [(fd, READ) for fd in sorted(fds)]
    finally:
        for fd in fds:
            os.close(fd)


def test_poller_fileno_is_pollable_and_not_inheritable(
    poller: EpollPoller, pipe: tuple[int, int]
) -> None:
    poller.add(pipe[0], READ)
    assert not readable_now(poller.fileno())
    os.write(pipe[1], b"x")
    assert readable_now(poller.fileno())
    assert not os.get_inheritable(poller.fileno())


@EPOLL
def test_poller_descriptor_added_by_another_thread_ends_the_wait(
    poller: EpollPoller, pipe: tuple[int, int]
) -> None:
    os.write(pipe[1], b"x")
    found: list[list[tuple[int, int]]] = []
    thread = threading.Thread(target=lambda: found.append(poller.poll(10)))
    thread.start()
    poller.add(pipe[0], READ)
    thread.join()
    assert found == [[(pipe[0], READ)]]


@OTHERS
def test_poller_closed_descriptor_on_select_and_poll_is_reported_invalid(
    poller: EpollPoller, pipe: tuple[int, int]
) -> None:
    poller.add(pipe[0], READ)
    os.close(pipe[0])
    assert not poller.live
    assert poller.poll(0) == [(pipe[0], INVALID)]


def test_poller_rebuilt_while_another_thread_waits_does_not_fail(
    poller: EpollPoller, pipe: tuple[int, int]
) -> None:
    """Repeat until a poll falls between the steps of a rebuild."""
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
class TestPollerRebuild:
    def test_rebuild_closed_descriptor_with_an_open_duplicate_is_removed(
        self, poller: EpollPoller, pipe: tuple[int, int]
    ) -> None:
        reader, writer = os.pipe()
        poller.add(reader, READ)
        poller.add(pipe[0], READ)
        duplicate = os.dup(reader)
        os.write(writer, b"x")
        os.close(reader)
        try:
            assert poller.poll(0) == [(reader, READ)], "the kernel still reports it"
            poller.remove(reader)
            assert poller.poll(0) == [(reader, READ)], "and keeps it after the removal"
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

    def test_rebuild_closed_descriptor_is_left_out(
        self, poller: EpollPoller, pipe: tuple[int, int]
    ) -> None:
        os.close(pipe[1])
        poller.rebuild([(pipe[1], WRITE), (pipe[0], READ)])
        assert poller.poll(0) == [(pipe[0], HANGUP)]


def test_readable_now_with_data_or_at_the_end_is_true() -> None:
    left, right = socket.socketpair()
    with left, right:
        assert not readable_now(left.fileno())
        right.send(b"x")
        assert readable_now(left.fileno())
        left.recv(1)
        right.close()
        assert readable_now(left.fileno())


def test_masks_are_those_of_epoll() -> None:
    assert (READ, WRITE, ERROR, HANGUP) == (
        select.EPOLLIN,
        select.EPOLLOUT,
        select.EPOLLERR,
        select.EPOLLHUP,
    )
