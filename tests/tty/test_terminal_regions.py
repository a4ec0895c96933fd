"""Regions of a Terminal on a real pty, and on a pipe."""

import os
import threading

import pytest
from helpers.events import with_targets
from helpers.terminals import Keyboard, Pty, click, sgr

from evdispatch import (
    Click,
    Dispatcher,
    Enter,
    Event,
    FilterError,
    Leave,
    Mouse,
    Terminal,
)
from evdispatch.testing import record, run_until, settle


@pytest.fixture
def keyboard(app: Dispatcher, pty: Pty) -> Keyboard:
    keyboard = Keyboard(app, pty)
    keyboard.terminal.region("ok", 2, 1, 4, 2)
    keyboard.terminal.region("no", 8, 1, 4, 2)
    return keyboard


class TestHandlers:
    """A handler of a target gets the events of that target only."""

    def test_click_on_a_region_calls_the_handler_of_that_target(
        self, keyboard: Keyboard
    ) -> None:
        calls: list[str] = []
        for name in "ok", "no", "somewhere else":
            keyboard.app.on("click", target=name)(lambda name=name: calls.append(name))
        keyboard.app.on("click", target=None)(lambda: calls.append("none"))
        keyboard.type(click(8, 1) + click(3, 2) + click(0, 0))
        assert calls == ["no", "ok", "none"]

    def test_handler_of_several_targets_is_called_for_each(
        self, keyboard: Keyboard
    ) -> None:
        seen: list[str] = []

        @keyboard.app.on("enter", target={"ok", "no"})
        def entered(event: Enter) -> None:
            seen.append(event.target)

        keyboard.type(sgr(35, 2, 1) + sgr(35, 0, 0) + sgr(35, 8, 1))
        assert seen == ["ok", "no"]

    @pytest.mark.parametrize("name", ["click", "enter", "leave"])
    def test_handler_of_a_target_that_is_no_name_raises(
        self, app: Dispatcher, name: str
    ) -> None:
        with pytest.raises(FilterError, match="never 5"):
            app.on(name, target=5)(lambda: None)

    def test_enter_and_leave_come_before_the_event_that_caused_them(
        self, keyboard: Keyboard
    ) -> None:
        seen = record(keyboard.app, Event)
        keyboard.type(sgr(35, 2, 1) + sgr(0, 8, 1) + sgr(32, 0, 0) + sgr(0, 0, 0, "m"))
        mine = [event for event in seen if event.source is keyboard.terminal]
        assert with_targets(mine) == [
            *("enter ok", "move ok", "leave ok", "enter no", "press no"),
            *("leave no", "drag no", "release no"),
        ]
        assert all(event.time for event in mine)
        assert keyboard.app.stats().balanced

    def test_focus_lost_in_a_region_emits_leave(self, keyboard: Keyboard) -> None:
        leaves = record(keyboard.app, Leave)
        keyboard.type(sgr(35, 2, 1) + b"\x1b[O")
        assert with_targets(leaves) == ["leave ok"]

    def test_handler_of_mouse_is_not_called_for_enter_and_leave(
        self, keyboard: Keyboard
    ) -> None:
        seen = record(keyboard.app, Mouse)
        keyboard.type(sgr(35, 2, 1))
        assert with_targets(seen) == ["move ok"]


class TestChanges:
    """Regions are added, moved and removed; the pointer may rest."""

    def test_region_changed_under_a_resting_pointer_emits_enter_and_leave(
        self, keyboard: Keyboard
    ) -> None:
        app, terminal = keyboard.app, keyboard.terminal
        keyboard.type(sgr(35, 20, 20))
        enters, leaves = record(app, Enter), record(app, Leave)
        region = terminal.region("popup", 19, 19, 3, 3)
        settle(app)
        assert with_targets(enters) == ["enter popup"]
        region.move(0, 0)
        settle(app)
        assert with_targets(leaves) == ["leave popup"]
        region.place(20, 20, 1, 1)
        settle(app)
        region.remove()
        settle(app)
        assert with_targets(enters) == ["enter popup"] * 2
        assert with_targets(leaves) == ["leave popup"] * 2
        assert (leaves[-1].x, leaves[-1].y) == (20, 20)

    def test_regions_changed_by_several_threads_stay_consistent(
        self, keyboard: Keyboard
    ) -> None:
        app, terminal = keyboard.app, keyboard.terminal
        keyboard.type(sgr(35, 20, 20))
        enters = record(app, Enter)

        def many(first: int) -> None:
            for number in range(first, first + 50):
                region = terminal.region(str(number), 0, 0, 5, 5)
                region.move(1, 1)
                region.remove()
            terminal.region(f"last {first}", 20, 20, 1, 1)

        threads = [threading.Thread(target=many, args=(n * 100,)) for n in range(4)]
        for thread in threads:
            thread.start()
        run_until(app, lambda: enters)
        for thread in threads:
            thread.join()
        settle(app)
        assert len(list(terminal.regions)) == 2 + 4
        keyboard.type(click(20, 20))
        top = terminal.regions.at(20, 20)
        assert top is not None
        assert enters[-1].target == top.name

    def test_region_changed_while_nothing_runs_raises_nothing(
        self, app: Dispatcher, pty: Pty
    ) -> None:
        terminal = Terminal(pty.slave)
        region = terminal.region("ok", 0, 0, 1, 1)
        region.move(2, 2)
        app.add(terminal)
        terminal.close()
        region.remove()
        terminal.region("late", 0, 0, 1, 1)

    def test_region_with_a_bad_name_or_number_raises(self, keyboard: Keyboard) -> None:
        with pytest.raises(ValueError, match="'ok' already"):
            keyboard.terminal.region("ok", 0, 0, 1, 1)
        with pytest.raises(TypeError, match="x must be a whole number"):
            keyboard.terminal.region("a", 0.5, 0, 1, 1)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="height must be 1 or more"):
            keyboard.terminal.region("a", 0, 0, 1, 0)


def test_region_of_a_pipe_is_the_target_of_clicks(app: Dispatcher) -> None:
    read, write = os.pipe()
    clicks = record(app, Click)
    terminal = app.add(Terminal(read))
    terminal.region("ok", 2, 1, 4, 2)
    os.write(write, sgr(0, 2, 1) + sgr(0, 5, 2, "m"))
    os.close(write)
    app.run()
    assert with_targets(clicks) == ["click ok"]
    assert (clicks[0].x, clicks[0].y) == (5, 2)
    os.close(read)
