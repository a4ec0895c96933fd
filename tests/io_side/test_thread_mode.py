"""``io="thread"``: the IO thread yields while a pass handles the events it has read."""

import threading
from typing import Any

import pytest
from helpers.events import Work

from evdispatch import Dispatcher
from evdispatch._io import _modes
from evdispatch._io._modes import Threaded

pytestmark = pytest.mark.pollers

_LONG = 60.0  # seconds; no test waits for so long


def threaded(app: Dispatcher) -> Threaded:
    driver: Any = app._runner._driver
    assert isinstance(driver, Threaded)
    return driver


@pytest.mark.parametrize("slow", [None, 5.0])
def test_thread_mode_counts_passes_with_and_without_slow(
    slow: float | None,
) -> None:
    with Dispatcher(io="thread", slow=slow) as app:
        passing: list[tuple[bool, int]] = []
        driver = threaded(app)
        app.on(Work)(lambda: passing.append((driver._passing, driver._beat)))
        for _ in range(2):
            app.post(Work())
            app.step(0)
        assert passing == [(True, 1), (True, 2)]
        assert not driver._passing


class TestYieldToDispatch:
    @pytest.fixture(autouse=True)
    def long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_modes, "GIL_YIELD", _LONG)

    @pytest.fixture
    def driver(self, app: Dispatcher) -> Threaded:
        """A driver without a thread; the tests make the calls of the thread."""
        return Threaded(
            app._io, app._queue, app._registrations.wakeup, app._runner._wakeup
        )

    def test_io_thread_yielding_resumes_at_the_end_of_the_pass(
        self, app: Dispatcher, driver: Threaded
    ) -> None:
        app.post(Work())
        driver.begin_pass()
        thread = threading.Thread(target=driver._yield_to_dispatch)
        thread.start()
        while not driver._waiting:
            pass
        driver.end_pass()
        thread.join(_LONG / 2)
        assert not thread.is_alive()

    def test_io_thread_with_an_empty_queue_does_not_yield(
        self, driver: Threaded
    ) -> None:
        driver.begin_pass()
        driver._yield_to_dispatch()

    def test_io_thread_yields_once_for_each_pass(
        self, app: Dispatcher, driver: Threaded, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app.post(Work())
        driver.begin_pass()
        monkeypatch.setattr(_modes, "GIL_YIELD", 0.0)
        driver._yield_to_dispatch()
        monkeypatch.setattr(_modes, "GIL_YIELD", _LONG)
        driver._yield_to_dispatch()

    def test_io_thread_yield_timed_out_as_the_pass_ends_keeps_the_lock_balanced(
        self, app: Dispatcher, driver: Threaded, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app.post(Work())
        monkeypatch.setattr(_modes, "GIL_YIELD", 0.0)
        for _ in range(3):
            driver.begin_pass()
            driver._yield_to_dispatch()
            driver._waiting = True  # as if the wait had not returned yet
            driver.end_pass()
            driver._waiting = True
            driver.end_pass()
