"""Regions: what is where, and what must hold for any of them."""

from typing import Any

import pytest
from helpers.events import with_targets
from hypothesis import given, settings
from hypothesis import strategies as st

from evdispatch import Event, StateError
from evdispatch.terminal import (
    Enter,
    Focus,
    Leave,
    Mouse,
    Move,
    Pointer,
    Region,
    Regions,
    Scroll,
)


class TestRegions:
    """What is where."""

    def test_a_region_holds_its_cells_and_no_others(self) -> None:
        regions = Regions()
        region = regions.add("ok", 2, 1, 4, 2)
        held = {(x, y) for x in range(-1, 9) for y in range(-1, 9) if regions.at(x, y)}
        assert held == {(x, y) for x in (2, 3, 4, 5) for y in (1, 2)}
        assert regions.at(2, 1) is region
        assert (region.name, region.x, region.y) == ("ok", 2, 1)
        assert (region.width, region.height, region.z) == (4, 2, 0)
        assert repr(region) == "<Region 'ok' 4x2 at 2,1 z=0>"

    def test_the_highest_counts_and_of_equals_the_last(self) -> None:
        regions = Regions()
        low = regions.add("low", 0, 0, 9, 9, z=-1)
        first = regions.add("first", 0, 0, 3, 3)
        last = regions.add("last", 2, 2, 3, 3)
        assert regions.at(0, 0) is first
        assert regions.at(2, 2) is last
        assert regions.at(8, 8) is low
        low.place(0, 0, 9, 9, z=1)
        assert regions.at(2, 2) is low
        assert [region.name for region in regions] == ["low", "first", "last"]

    def test_it_moves_and_grows_and_goes(self) -> None:
        regions = Regions()
        region = regions.add("ok", 0, 0, 1, 1, z=5)
        region.move(-2, 7)
        region.resize(3, 4)
        assert (region.x, region.y, region.width, region.height) == (-2, 7, 3, 4)
        assert region.z == 5
        assert region in regions
        region.remove()
        region.remove()
        assert region not in regions
        assert regions.at(0, 8) is None

    def test_a_removed_name_is_free_again_and_the_old_region_is_dead(self) -> None:
        regions = Regions()
        old = regions.add("ok", 0, 0, 1, 1)
        old.remove()
        new = regions.add("ok", 0, 0, 1, 1)
        old.remove()
        with pytest.raises(StateError, match=r"'ok'.*was removed"):
            old.move(1, 1)
        with pytest.raises(StateError, match=r"'ok'.*was removed"):
            old.resize(1, 2)
        assert regions.at(0, 0) is new

    def test_each_change_is_told_and_no_refused_one(self) -> None:
        changes: list[None] = []
        regions = Regions(lambda: changes.append(None))
        region = regions.add("ok", 0, 0, 1, 1)
        region.move(1, 1)
        with pytest.raises(ValueError, match="width"):
            region.resize(0, 1)
        with pytest.raises(ValueError, match="already"):
            regions.add("ok", 0, 0, 1, 1)
        region.remove()
        region.remove()
        assert len(changes) == 3
        assert region.width == 1

    @pytest.mark.parametrize(
        ("arguments", "error", "words"),
        [
            (("", 0, 0, 1, 1), ValueError, "not empty"),
            ((None, 0, 0, 1, 1), TypeError, "name is text, not None"),
            ((b"ok", 0, 0, 1, 1), TypeError, "name is text"),
            (("a", 0.0, 0, 1, 1), TypeError, "x is a whole number of cells, not 0.0"),
            (("a", 0, "0", 1, 1), TypeError, "y is a whole"),
            (("a", 0, 0, True, 1), TypeError, "width is a whole"),
            (("a", 0, 0, 1, None), TypeError, "height is a whole"),
            (("a", 0, 0, 0, 1), ValueError, "width is 1 or more, not 0"),
            (("a", 0, 0, 1, -1), ValueError, "height is 1 or more, not -1"),
            (("ok", 0, 0, 1, 1), ValueError, "there is a region 'ok' already"),
        ],
    )
    def test_what_is_no_region_is_an_error(
        self, arguments: tuple[Any, ...], error: type[Exception], words: str
    ) -> None:
        regions = Regions()
        regions.add("ok", 0, 0, 1, 1)
        with pytest.raises(error, match=words):
            regions.add(*arguments)
        with pytest.raises(TypeError, match="z is a whole"):
            regions.add("a", 0, 0, 1, 1, z=0.5)  # type: ignore[arg-type]
        assert len(list(regions)) == 1


numbers = st.integers(-3, 12)
boxes = st.lists(
    st.tuples(numbers, numbers, st.integers(1, 9), st.integers(1, 9), st.integers(0, 2))
)
cells = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=20)
fuzz = settings(deadline=None, derandomize=True, max_examples=200)


def brute_force(regions: list[Region], x: int, y: int) -> str | None:
    """Paint every region, from the lowest up, and look what colour the cell has."""
    painted: dict[tuple[int, int], str] = {}
    for z in range(3):
        for region in regions:
            if region.z == z:
                for column in range(region.x, region.x + region.width):
                    for row in range(region.y, region.y + region.height):
                        painted[column, row] = region.name
    return painted.get((x, y))


@given(boxes, cells)
@fuzz
def test_the_target_is_what_one_would_see(
    boxes: list[tuple[int, int, int, int, int]], cells: list[tuple[int, int]]
) -> None:
    regions = Regions()
    for number, (x, y, width, height, z) in enumerate(boxes):
        regions.add(str(number), x, y, width, height, z=z)
    pointer = Pointer(regions)
    inside = None
    for x, y in cells:
        event = Move(x, y)
        crossings = pointer.follow(event)
        assert event.target == brute_force(list(regions), x, y)
        expected = [] if inside is None else [f"leave {inside}"]
        expected += [] if event.target is None else [f"enter {event.target}"]
        same = inside == event.target
        assert with_targets(crossings) == ([] if same else expected)
        inside = event.target


changes = st.sampled_from(["add", "remove", "place", "forget", "look", "mouse"])
steps = st.lists(st.tuples(changes, st.integers(0, 2), numbers, numbers), max_size=30)


def happens(
    step: tuple[str, int, int, int], regions: Regions, pointer: Pointer
) -> list[Event]:
    what, number, x, y = step
    name = str(number)
    known = {region.name: region for region in regions}
    match what:
        case "add" if name not in known:
            regions.add(name, x, y, 3, 3)
        case "remove" if name in known:
            known[name].remove()
        case "place" if name in known:
            known[name].place(x, y, 4, 2, z=x)
        case "forget":
            return [*pointer.forget(), Focus(gained=False)]
        case "look":
            return pointer.look()
        case "mouse":
            event = Scroll(x, y, "wheel_up")
            return [*pointer.follow(event), event]
        case _:
            pass  # there is no such region, or there is one already
    return []


@given(steps)
@fuzz
def test_enter_and_leave_take_turns_and_agree_with_the_target(
    steps: list[tuple[str, int, int, int]],
) -> None:
    regions = Regions()
    pointer = Pointer(regions)
    inside: str | None = None
    for step in steps:
        for event in happens(step, regions, pointer):
            match event:
                case Enter():
                    assert inside is None
                    inside = event.target
                case Leave():
                    assert inside == event.target
                    inside = None
                case Mouse():
                    assert inside == event.target
                case _:
                    assert inside is None
