"""The looks of the thread that stands by, one by one; and its sleep."""

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


class TestLooks:
    """The looks of the thread that stands by, one by one."""

    @pytest.fixture
    def standby(self, app: Dispatcher) -> Standby:
        standby = standby_of(app)
        assert standby.watchdog.thread is None  # it starts with the first step
        return standby

    def test_a_pass_that_is_new_at_each_look_is_left_alone(
        self, standby: Standby
    ) -> None:
        for _ in range(5):
            standby.begin_pass()
            standby.watchdog.look()
            standby.end_pass()
        assert standby.takeovers == 0

    def test_one_that_is_still_the_same_is_pumped_for_until_it_is_over(
        self, standby: Standby, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pumped = []

        def poll_once(timeout: float | None, *, inline: bool) -> None:
            pumped.append((timeout, inline))
            if len(pumped) == 3:
                standby.end_pass()

        monkeypatch.setattr(standby._io, "poll_once", poll_once)
        standby.begin_pass()
        standby.watchdog.look()
        assert pumped == []
        standby.watchdog.look()
        assert pumped == [(None, False)] * 3
        assert not standby._lock.locked()

    def test_it_lets_go_as_soon_as_the_lock_is_wanted(
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

    def test_it_sleeps_when_all_has_been_calm_and_is_roused_by_a_pass(
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

    def test_a_pass_that_begins_as_it_goes_to_sleep_is_not_missed(
        self, standby: Standby
    ) -> None:
        standby.watchdog.passing = True  # as `begin` has it, before it looks
        standby.watchdog._sleep()
        assert not standby.watchdog.asleep


def test_one_that_idles_wakes_nobody_up(app: Dispatcher) -> None:
    settle(app)
    standby = standby_of(app)
    wait_until(lambda: standby.watchdog.asleep)
    assert standby.watchdog.thread is not None

    def slept_through() -> bool:
        before = switches(standby)
        time.sleep(0.1)  # nothing happens for so long
        return switches(standby) == before

    wait_until(slept_through)  # it says so a moment before it sleeps


def switches(standby: Standby) -> int:
    """Return how often the kernel has had the thread wait."""
    assert standby.watchdog.thread is not None
    task = standby.watchdog.thread._thread.native_id
    status = Path(f"/proc/self/task/{task}/status").read_text()
    return sum(
        int(line.split()[1]) for line in status.splitlines() if "ctxt_switches" in line
    )
