"""The monotonic clock and its alarm: a timerfd, by ctypes or by os."""

import errno
import importlib.util
import math
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.descriptors import readable
from helpers.waiting import PATIENCE

from evdispatch import MonotonicClock
from evdispatch._core import _clock
from evdispatch._core._clock import TimerFd

# As on an older Python, and as on this one.
WAYS = [(3, 11), sys.version_info[:2]] if sys.version_info >= (3, 13) else [(3, 11)]


@pytest.fixture(params=WAYS, ids=["ctypes", "os"][: len(WAYS)])
def module(request: pytest.FixtureRequest) -> Any:
    """The clock as it is on an older and on a newer Python."""
    spec = importlib.util.spec_from_file_location("a_clock", _clock.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "version_info", request.param)
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def alarm(module: Any) -> Iterator[TimerFd]:
    alarm = module.TimerFd()
    yield alarm
    alarm.close()


def test_monotonic_clock_now_is_time_monotonic() -> None:
    before = time.monotonic()
    now = MonotonicClock().now()
    assert before <= now <= time.monotonic()


def test_monotonic_clock_alarm_is_a_new_one_each_time() -> None:
    first, second = MonotonicClock().alarm(), MonotonicClock().alarm()
    try:
        assert first.fileno() != second.fileno()
    finally:
        first.close()
        second.close()


def test_timerfd_is_never_early_and_hardly_late(alarm: TimerFd) -> None:
    late = []
    for number in range(200):
        deadline = time.monotonic() + number * 7e-6
        alarm.set(deadline)
        assert readable(alarm.fileno(), PATIENCE)
        late.append(time.monotonic() - deadline)
    assert min(late) >= 0
    assert sorted(late)[100] < 0.001, "a poller's own timeout is a millisecond late"


def test_timerfd_not_set_is_not_readable(alarm: TimerFd) -> None:
    assert not readable(alarm.fileno())


@pytest.mark.parametrize("past", [0.0, -1.0, -math.inf, -1e300, 1e-12])
def test_timerfd_set_to_the_past_is_readable_at_once(
    alarm: TimerFd, past: float
) -> None:
    alarm.set(past)
    assert readable(alarm.fileno(), PATIENCE)


@pytest.mark.parametrize("never", [None, math.inf])
def test_timerfd_set_to_never_is_not_readable(
    alarm: TimerFd, never: float | None
) -> None:
    alarm.set(0.0)
    assert readable(alarm.fileno(), PATIENCE)
    alarm.set(never)
    assert not readable(alarm.fileno())
    alarm.set(time.monotonic() + 0.001)
    alarm.set(never)
    assert not readable(alarm.fileno(), 0.01)


@pytest.mark.parametrize("far", [2.0**31, 2.0**40, 2.0**62, 1e18, 1e300, 1.7e308])
def test_timerfd_set_to_far_future_is_not_readable(alarm: TimerFd, far: float) -> None:
    alarm.set(far)
    assert not readable(alarm.fileno())
    alarm.set(time.monotonic())
    assert readable(alarm.fileno(), PATIENCE)


def test_timerfd_set_again_is_not_readable_any_more(alarm: TimerFd) -> None:
    alarm.set(0.0)
    assert readable(alarm.fileno(), PATIENCE)
    alarm.set(time.monotonic() + 3600)
    assert not readable(alarm.fileno())


def test_timerfd_after_deadline_stays_readable(alarm: TimerFd) -> None:
    alarm.set(0.0)
    assert readable(alarm.fileno(), PATIENCE)
    assert readable(alarm.fileno())


def test_timerfd_descriptor_is_cloexec_and_nonblocking(alarm: TimerFd) -> None:
    assert not os.get_inheritable(alarm.fileno())
    assert not os.get_blocking(alarm.fileno())


def test_timerfd_closed_twice_keeps_a_reused_descriptor(alarm: TimerFd) -> None:
    number = alarm.fileno()
    alarm.close()
    fd = os.open("/dev/null", os.O_RDONLY)
    try:
        assert fd == number, "the test needs the same number again"
        alarm.close()
        os.fstat(fd)
    finally:
        os.close(fd)


def test_timerfd_kernel_error_raises_os_error(alarm: TimerFd, module: Any) -> None:
    with pytest.raises(OSError, match=r"Invalid|Bad file") as caught:
        module._set(0x7FFFFFF, 1)
    assert caught.value.errno in (errno.EBADF, errno.EINVAL)
