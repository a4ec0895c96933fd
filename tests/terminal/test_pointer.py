"""The pointer among regions: what it enters and leaves, and drags and clicks."""

import pytest
from helpers.events import with_targets

from evdispatch.terminal import (
    Click,
    Decoder,
    Drag,
    Enter,
    Leave,
    Move,
    Pointer,
    Press,
    Regions,
    Release,
    Scroll,
)
from evdispatch.terminal._input import Input


class Hand:
    """Moves the mouse of a terminal that has regions."""

    def __init__(self) -> None:
        self.changes = 0
        self.regions = Regions(self._changed)
        self.pointer = Pointer(self.regions)
        self._input = Input(Decoder(), 0.025, self.pointer)

    def _changed(self) -> None:
        self.changes += 1

    def does(self, code: int, x: int, y: int, final: str = "M") -> list[str]:
        """Send a mouse report, and return what comes of it."""
        report = f"\x1b[<{code};{x + 1};{y + 1}{final}"
        return self.sends(report.encode())

    def sends(self, data: bytes) -> list[str]:
        return with_targets(self._input.feed(data, 0.0))

    def looks(self) -> list[str]:
        return with_targets(self.pointer.look())

    def moves(self, x: int, y: int) -> list[str]:
        return self.does(35, x, y)

    def presses(self, x: int, y: int) -> list[str]:
        return self.does(0, x, y)

    def drags(self, x: int, y: int) -> list[str]:
        return self.does(32, x, y)

    def releases(self, x: int, y: int) -> list[str]:
        return self.does(0, x, y, "m")


@pytest.fixture
def hand() -> Hand:
    hand = Hand()
    hand.regions.add("ok", 2, 1, 4, 2)
    hand.regions.add("no", 8, 1, 4, 2)
    return hand


class TestCrossings:
    """Enter and leave."""

    def test_one_leave_then_one_enter_before_the_event(self, hand: Hand) -> None:
        assert hand.moves(0, 0) == ["move None"]
        assert hand.moves(2, 1) == ["enter ok", "move ok"]
        assert hand.moves(3, 1) == ["move ok"]
        assert hand.moves(8, 1) == ["leave ok", "enter no", "move no"]
        assert hand.moves(0, 0) == ["leave no", "move None"]

    @pytest.mark.parametrize("code", [0, 32, 35, 64])
    def test_whatever_tells_where_the_pointer_is(self, hand: Hand, code: int) -> None:
        assert hand.does(code, 2, 1)[0] == "enter ok"
        hand.moves(8, 1)
        assert hand.does(0, 2, 1, "m")[:2] == ["leave no", "enter ok"]

    def test_they_tell_the_cell_and_the_bytes(self, hand: Hand) -> None:
        hand.moves(2, 1)
        leave, enter = hand.pointer.follow(Move(9, 2, raw=b"raw"))
        assert isinstance(leave, Leave)
        assert isinstance(enter, Enter)
        for event in (leave, enter):
            assert (event.x, event.y, event.raw) == (9, 2, b"raw")
        (leave,) = hand.pointer.forget()
        assert isinstance(leave, Leave)
        assert (leave.target, leave.x, leave.y, leave.raw) == ("no", 9, 2, b"")

    def test_an_inner_region_takes_the_pointer_from_the_outer(self, hand: Hand) -> None:
        hand.moves(2, 1)
        hand.regions.add("icon", 3, 1, 1, 1)
        assert hand.moves(3, 1) == ["leave ok", "enter icon", "move icon"]
        assert hand.moves(4, 1) == ["leave icon", "enter ok", "move ok"]

    def test_a_lost_focus_leaves_and_a_gained_one_does_nothing(
        self, hand: Hand
    ) -> None:
        hand.moves(2, 1)
        assert hand.sends(b"\x1b[I") == ["focus"]
        assert hand.sends(b"\x1b[O") == ["leave ok", "focus"]
        assert hand.sends(b"\x1b[O") == ["focus"]
        hand.regions.add("popup", 0, 0, 20, 20, z=1)
        assert hand.looks() == [], "the pointer may be anywhere"
        assert hand.moves(2, 1) == ["enter popup", "move popup"]

    def test_a_region_that_changes_under_the_pointer(self, hand: Hand) -> None:
        assert hand.looks() == [], "nobody knows where the pointer is"
        hand.moves(2, 1)
        (region,) = [region for region in hand.regions if region.name == "ok"]
        assert hand.looks() == []
        region.move(3, 1)
        assert hand.looks() == ["leave ok"]
        region.resize(2, 2)
        assert hand.looks() == []
        region.place(0, 0, 9, 9)
        assert hand.looks() == ["enter ok"]
        region.remove()
        assert hand.looks() == ["leave ok"]
        hand.regions.add("ok", 2, 1, 1, 1)
        assert hand.looks() == ["enter ok"]

    def test_a_region_that_is_replaced_in_one_go_is_not_left(self, hand: Hand) -> None:
        hand.moves(2, 1)
        (region,) = [region for region in hand.regions if region.name == "ok"]
        region.remove()
        hand.regions.add("ok", 0, 0, 5, 5)
        assert hand.looks() == []


class TestDrags:
    """What a button went down on has its drags and its release."""

    def test_a_drag_keeps_its_target_wherever_it_goes(self, hand: Hand) -> None:
        hand.presses(2, 1)
        assert hand.drags(8, 1) == ["leave ok", "enter no", "drag ok"]
        assert hand.drags(0, 0) == ["leave no", "drag ok"]
        assert hand.releases(0, 0) == ["release ok"]
        assert hand.drags(8, 1) == ["enter no", "drag no"], "its press was not heard"

    def test_a_drag_that_began_outside_has_no_target(self, hand: Hand) -> None:
        hand.presses(0, 0)
        assert hand.drags(2, 1) == ["enter ok", "drag None"]
        assert hand.releases(2, 1) == ["release None"]

    def test_each_button_has_its_own(self, hand: Hand) -> None:
        hand.does(0, 2, 1)
        hand.does(2, 8, 1)
        assert hand.does(32, 0, 0)[-1] == "drag ok"
        assert hand.does(34, 0, 0)[-1] == "drag no"
        assert hand.does(64, 8, 1)[-1] == "scroll no", "a wheel is held by none"

    def test_a_release_that_does_not_tell_its_button(self, hand: Hand) -> None:
        hand.sends(b"\x1b[M" + bytes([32, 33 + 2, 33 + 1]))
        assert hand.sends(b"\x1b[M" + bytes([32 + 3, 33 + 3, 33 + 2])) == [
            "release ok",
            "click ok",
        ]

    def test_a_region_that_goes_during_a_drag_is_dragged_on(self, hand: Hand) -> None:
        hand.presses(2, 1)
        for region in hand.regions:
            region.remove()
        assert hand.drags(2, 1) == ["leave ok", "drag ok"]
        assert hand.releases(2, 1) == ["release ok"], "and no click"


class TestClicks:
    """Press and release in one region."""

    def test_a_hand_may_shake(self, hand: Hand) -> None:
        hand.presses(2, 1)
        assert hand.releases(5, 2) == ["release ok", "click ok"]

    def test_the_click_is_where_the_release_is(self, hand: Hand) -> None:
        found = Input(Decoder(), 0.025, hand.pointer).feed(
            b"\x1b[<16;3;2M\x1b[<0;6;3m", 0.0
        )
        click = found[-1]
        assert isinstance(click, Click)
        assert (click.x, click.y, click.button, click.count) == (5, 2, "left", 1)
        assert (click.mods, click.raw) == (frozenset({"ctrl"}), b"\x1b[<0;6;3m")

    @pytest.mark.parametrize("cell", [(8, 1), (0, 0), (6, 1)])
    def test_no_click_if_the_release_is_elsewhere(
        self, hand: Hand, cell: tuple[int, int]
    ) -> None:
        hand.presses(2, 1)
        assert hand.releases(*cell)[-1] == "release ok"

    def test_without_a_region_the_cell_counts(self, hand: Hand) -> None:
        hand.presses(0, 0)
        assert hand.releases(0, 0) == ["release None", "click None"]
        hand.presses(0, 0)
        assert hand.releases(1, 0) == ["release None"]
        hand.presses(0, 0)
        assert hand.releases(2, 1)[-1] == "release None"

    def test_a_region_that_comes_between_takes_the_click(self, hand: Hand) -> None:
        hand.presses(0, 0)
        hand.regions.add("popup", 0, 0, 5, 5, z=1)
        assert hand.releases(0, 0) == ["enter popup", "release None"]
        hand.presses(0, 0)
        hand.regions.add("over", 0, 0, 5, 5, z=2)
        assert hand.releases(0, 0) == ["leave popup", "enter over", "release popup"]


def test_what_was_made_by_hand_has_no_target() -> None:
    for cls in (Press, Release, Click, Move, Drag, Scroll):
        assert cls(1, 1, "left").target is None
