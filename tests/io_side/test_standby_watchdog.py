"""The watchdog of the standby thread: its looks one by one, and its sleep."""

import threading
import time
from pathlib import Path

import pytest
from helpers.slow import standby_of
from helpers.waiting import PATIENCE, wait_until

from evdispatch import Dispatcher
from evdispatch._io._modes import CALM, Standby
from evdispatch.testing import settle

pytestmark = [pytest.mark.modes("auto"), pytest.mark.pollers]


class TestWatchdog:
    @pytest.fixture
    def standby(self, app: Dispatcher) -> Standby:
        standby = standby_of(app)
        assert standby.watchdog.thread is None  # it starts with the first step
        return standby

    def test_watchdog_new_pass_at_each_look_takes_nothing_over(
        self, standby: Standby
    ) -> None:
        for _ in range(5):
            standby.begin_pass()
            standby.watchdog.look()
            standby.end_pass()
        assert standby.takeovers == 0

    def test_watchdog_same_pass_at_two_looks_polls_until_it_ends(
        self, standby: Standby, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        polled = []

        def poll_once(timeout: float | None, *, inline: bool) -> None:
            polled.append((timeout, inline))
            if len(polled) == 3:
                standby.end_pass()

        monkeypatch.setattr(standby._io, "poll_once", poll_once)
        standby.begin_pass()
        standby.watchdog.look()
        assert polled == []
        standby.watchdog.look()
        assert polled == [(None, False)] * 3
        assert not standby._lock.locked()

    def test_watchdog_lock_wanted_by_the_dispatch_thread_is_released(
        self, standby: Standby, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def poll_once(timeout: float | None, *, inline: bool) -> None:
            assert not inline
            standby._wanted = True

        monkeypatch.setattr(standby._io, "poll_once", poll_once)
        standby.begin_pass()
        standby.watchdog.look()
        standby.watchdog.look()
        assert standby.takeovers == 1

    def test_watchdog_calm_for_long_sleeps_until_a_pass_begins(
        self, standby: Standby
    ) -> None:
        for _ in range(CALM):
            standby.watchdog.look()
        thread = threading.Thread(target=standby.watchdog.look)
        thread.start()
        wait_until(lambda: standby.watchdog.asleep)
        standby.begin_pass()
        thread.join(PATIENCE)
        assert not thread.is_alive()
        standby.end_pass()

    def test_watchdog_pass_that_begins_as_it_falls_asleep_is_not_missed(
        self, standby: Standby
    ) -> None:
        standby.watchdog.passing = True  # as `begin_pass` sets it, before its own look
        standby.watchdog._sleep()
        assert not standby.watchdog.asleep


def test_watchdog_of_an_idle_program_does_not_wake(app: Dispatcher) -> None:
    settle(app)
    standby = standby_of(app)
    wait_until(lambda: standby.watchdog.asleep)
    assert standby.watchdog.thread is not None

    def slept_through() -> bool:
        before = switches(standby)
        time.sleep(0.1)  # the idle time that is observed
        return switches(standby) == before

    wait_until(slept_through)  # it is marked asleep a moment before it sleeps


def switches(standby: Standby) -> int:
    """Return the number of context switches of the thread."""
    assert standby.watchdog.thread is not None
    task = standby.watchdog.thread._thread.native_id
    status = Path(f"/proc/self/task/{task}/status").read_text()
    return sum(
        int(line.split()[1]) for line in status.splitlines() if "ctxt_switches" in line
    )
