"""Where things are, at every size."""

from itertools import combinations

import pytest

from evdispatch.cli._state import BUTTONS, PAD, Layout, Rect, layout
from evdispatch.terminal import Regions

SIZES = [
    *(
        (1, 1),
        (5, 2),
        (20, 6),
        (29, 8),
        (33, 10),
        (34, 10),
        (55, 16),
        (56, 15),
        (56, 16),
    ),
    *((80, 24), (120, 40), (300, 100), (1000, 3)),
]


def cells(rect: Rect) -> set[tuple[int, int]]:
    return {
        (x, y)
        for x in range(rect.x, rect.x + rect.width)
        for y in range(rect.y, rect.y + rect.height)
    }


def parts(places: Layout) -> list[Rect]:
    rows = [y for y in (0, places.counters, places.footer) if y is not None]
    panels = [rect for rect in (places.detail, places.pad) if rect is not None]
    bars = [Rect(0, y, places.columns, 1) for y in rows]
    return [*bars, *panels, *places.buttons.values(), places.log]


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_places_at_any_size_neither_overlap_nor_exceed_the_screen(
    columns: int, rows: int
) -> None:
    places = layout(columns, rows)
    screen = Rect(0, 0, columns, max(rows, 2))
    for one, other in combinations(parts(places), 2):
        assert not cells(one) & cells(other), (one, other)
    for rect in parts(places):
        assert cells(rect) <= cells(screen), rect


@pytest.mark.parametrize(("columns", "rows"), [s for s in SIZES if s >= (20, 6)])
def test_buttons_and_log_are_there_from_20_by_6_on(columns: int, rows: int) -> None:
    places = layout(columns, rows)
    assert list(places.buttons) == list(BUTTONS)
    assert places.log.height > 0


def hit(places: Layout, x: int, y: int) -> str | None:
    """Return what reacts to the mouse at a cell."""
    regions = Regions()
    for name, rect in places.regions.items():
        regions.add(name, *rect)
    region = regions.at(x, y)
    return None if region is None else region.name


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_places_that_react_can_be_regions_at_any_size(columns: int, rows: int) -> None:
    assert hit(layout(columns, rows), columns, rows) is None


def test_button_reacts_on_its_cells_only() -> None:
    places = layout(80, 24)
    for name, rect in places.buttons.items():
        hits = {
            (x, y) for x in range(80) for y in range(24) if hit(places, x, y) == name
        }
        assert hits == cells(rect)


def test_pad_reacts_within_its_border_only() -> None:
    places = layout(80, 24)
    assert places.pad is not None
    x, y, wide, high = places.pad
    assert hit(places, x, y) is None
    assert hit(places, x + 1, y + 1) == PAD
    assert hit(places, x + wide - 2, y + high - 2) == PAD
    assert hit(places, x + wide - 1, y + high - 1) is None


def test_narrow_screen_has_no_panels() -> None:
    places = layout(20, 24)
    assert (places.detail, places.pad) == (None, None)
    assert hit(places, 10, 10) is None
