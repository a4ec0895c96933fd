"""`Wakeup`: ends a wait from another thread or a signal handler."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest
from helpers.waiting import PATIENCE

from evdispatch._core._poller import readable_now
from evdispatch._core._wakeup import Wakeup


@pytest.fixture
def wakeup() -> Iterator[Wakeup]:
    wakeup = Wakeup()
    yield wakeup
    wakeup.close()


def test_wakeup_set_is_readable_until_cleared(wakeup: Wakeup) -> None:
    assert not readable_now(wakeup.fileno())
    wakeup.set()
    wakeup.set()
    assert readable_now(wakeup.fileno())
    wakeup.clear()
    assert not readable_now(wakeup.fileno())
    wakeup.clear()


def test_wakeup_set_many_times_does_not_block(wakeup: Wakeup) -> None:
    for _ in range(70_000):  # a pipe holds 65,536
        wakeup.set()
    assert readable_now(wakeup.fileno())
    wakeup.clear()
    assert not readable_now(wakeup.fileno())


def test_wakeup_set_after_close_does_not_touch_a_reused_descriptor() -> None:
    wakeup = Wakeup()
    numbers = {wakeup._fd, wakeup._write_fd}
    wakeup.close()
    others = os.pipe2(os.O_NONBLOCK)
    try:
        assert set(others) == numbers, "the test needs the numbers to be reused"
        wakeup.set()
        wakeup.close()
        assert not readable_now(others[0])
        os.fstat(others[0])
    finally:
        for fd in others:
            os.close(fd)


def test_wakeup_signal_before_a_wait_ends_it(wakeup: Wakeup) -> None:
    old = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with wakeup.wake_on_signals():
            signal.raise_signal(signal.SIGUSR1)
            wakeup.wait(None)  # would last for ever
            assert not readable_now(wakeup.fileno())
        signal.raise_signal(signal.SIGUSR1)
        assert not readable_now(wakeup.fileno())
    finally:
        signal.signal(signal.SIGUSR1, old)


def test_wakeup_fd_of_another_loop_stays_set(wakeup: Wakeup) -> None:
    other = Wakeup()
    try:
        signal.set_wakeup_fd(other._write_fd)
        with wakeup.wake_on_signals():
            pass
        assert signal.set_wakeup_fd(-1) == other._write_fd
    finally:
        other.close()


def test_wakeup_set_by_a_signal_handler_during_a_set_is_readable(
    wakeup: Wakeup,
) -> None:
    old = signal.signal(signal.SIGUSR1, lambda *_: wakeup.set())
    try:
        with wakeup._lock:  # as within a set
            signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, old)
    assert readable_now(wakeup.fileno())


def test_wakeup_set_by_another_thread_ends_a_wait(wakeup: Wakeup) -> None:
    thread = threading.Thread(target=wakeup.wait, args=(None,))
    thread.start()
    wakeup.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert not readable_now(wakeup.fileno()), "a wait leaves it unset"


def test_wakeup_wait_ends_after_its_timeout(wakeup: Wakeup) -> None:
    wakeup.wait(0)
    wakeup.wait(1e-9)


def test_wakeup_descriptor_is_nonblocking_and_not_inheritable(wakeup: Wakeup) -> None:
    assert not os.get_inheritable(wakeup.fileno())
    assert not os.get_blocking(wakeup.fileno())
