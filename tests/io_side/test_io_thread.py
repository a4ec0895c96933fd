"""``io="thread"``: the IO thread stands back while a pass handles what it has read."""

import threading
from typing import Any

import pytest
from helpers.events import Work

from evdispatch import Dispatcher
from evdispatch._io import _io_thread as io_thread
from evdispatch._io._io_thread import Threaded
from evdispatch._io._lookout import Watched

pytestmark = pytest.mark.pollers

_LONG = 60.0  # seconds; no test waits for so long


def threaded(app: Dispatcher) -> Threaded:
    pumping: Any = app._pumping
    if isinstance(pumping, Watched):
        pumping = pumping._pumping
    assert isinstance(pumping, Threaded)
    return pumping


@pytest.mark.parametrize("slow", [None, 5.0])
def test_it_knows_of_passes_whether_handlers_are_measured_or_not(
    slow: float | None,
) -> None:
    with Dispatcher(io="thread", slow=slow) as app:
        passing: list[tuple[bool, int]] = []
        pumping = threaded(app)
        app.on(Work)(lambda: passing.append((pumping._passing, pumping._beat)))
        for _ in range(2):
            app.post(Work())
            app.step(0)
        assert passing == [(True, 1), (True, 2)]
        assert not pumping._passing


class TestStandingBack:
    @pytest.fixture(autouse=True)
    def long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(io_thread, "LULL", _LONG)

    @pytest.fixture
    def pumping(self, app: Dispatcher) -> Threaded:
        """One without a thread: what is called here, that would call."""
        return Threaded(app._io, app._queue, app._roster.wakeup, app._wakeup)

    def test_the_end_of_the_pass_ends_it(
        self, app: Dispatcher, pumping: Threaded
    ) -> None:
        app.post(Work())
        pumping.begin()
        thread = threading.Thread(target=pumping._let_pass)
        thread.start()
        while not pumping._waiting:
            pass
        pumping.finish()
        thread.join(_LONG / 2)
        assert not thread.is_alive()

    def test_not_without_anything_to_handle(self, pumping: Threaded) -> None:
        pumping.begin()
        pumping._let_pass()

    def test_once_for_each_pass(
        self, app: Dispatcher, pumping: Threaded, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app.post(Work())
        pumping.begin()
        monkeypatch.setattr(io_thread, "LULL", 0.0)
        pumping._let_pass()
        monkeypatch.setattr(io_thread, "LULL", _LONG)
        pumping._let_pass()

    def test_a_pass_that_ends_as_it_is_over_spoils_no_other(
        self, app: Dispatcher, pumping: Threaded, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app.post(Work())
        monkeypatch.setattr(io_thread, "LULL", 0.0)
        for _ in range(3):
            pumping.begin()
            pumping._let_pass()
            pumping._waiting = True  # as if it were not known yet
            pumping.finish()
            pumping._waiting = True
            pumping.finish()
