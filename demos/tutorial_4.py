"""Tutorial, step 4: tests. The stopwatch again, without a command and without waiting.

It no longer prints, but calls what it was given: that is all a test needs. Run it:
``python demos/tutorial_4.py``, or ``pytest demos/tutorial_4.py``.
"""

# ruff: noqa: D103, S101 (tests assert, and their names tell what)

from collections.abc import Callable

from evdispatch import Dispatcher, Key, Line, Tick, Timer, on
from evdispatch.testing import ManualSource, VirtualClock, settle


class Stopwatch:
    """Tells laps: lines, and presses of the space bar."""

    def __init__(self, app: Dispatcher, show: Callable[[str], object]) -> None:
        self._app = app
        self._show = show
        self._laps: list[float] = []

    @on("tick")
    def tick(self, event: Tick) -> None:
        """Show that time goes by."""
        self._show(f"{event.count} s")

    @on("line")
    def line(self, event: Line) -> None:
        """Take a line for a lap."""
        self._lap(event.time, event.data.decode(errors="replace"))

    @on("key", key="space")
    def space(self, event: Key) -> None:
        """Take a press of the space bar for a lap."""
        self._lap(event.time, "lap")

    @on("key", key="q")
    def leave(self) -> None:
        """End early."""
        self._app.stop()

    def _lap(self, time: float, text: str) -> None:
        self._laps.append(time)
        self._show(f"{time - self._laps[0]:8.3f}  {text}")


def test_laps_bear_the_time_since_the_first() -> None:
    clock = VirtualClock()  # it stands still until it is told
    shown: list[str] = []
    with Dispatcher(clock=clock) as app:
        app.register(Stopwatch(app, shown.append))
        app.add(Timer("tick", every=1.0))
        source = app.add(ManualSource())
        source.emit(Line(b"compiling"))
        settle(app)  # until nothing more happens by itself
        clock.advance(45)  # one late tick stands for all of them
        settle(app)
        source.emit(Key("space"))
        settle(app)
    assert shown == ["   0.000  compiling", "45 s", "  45.000  lap"]


def test_q_ends_it() -> None:
    with Dispatcher() as app:
        app.register(Stopwatch(app, print))
        app.add(ManualSource()).emit(Key("q"))
        app.run()  # if the key did nothing, it would not return


def main() -> None:
    """Run the tests without pytest."""
    test_laps_bear_the_time_since_the_first()
    test_q_ends_it()
    print("2 tests passed")


if __name__ == "__main__":
    main()
