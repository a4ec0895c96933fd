"""Clicks: counts, cells, times, and releases that do not name their button."""

import pytest

from evdispatch._events import Event
from evdispatch.terminal import Click, ClickTracker, Key, Mouse, Press, Release, Scroll

CTRL = frozenset({"ctrl"})
INTERVAL = 0.5  # a power of two: sums are exact


@pytest.fixture
def tracker() -> ClickTracker:
    return ClickTracker(INTERVAL)


def counts(tracker: ClickTracker, *presses: tuple[float, Press]) -> list[int]:
    """Press and release, and return the counts of the clicks."""
    clicks = []
    for now, press in presses:
        tracker.track(press, now)
        release = Release(press.x, press.y, press.button)
        same, click = tracker.track(release, now)
        assert same is release
        assert isinstance(click, Click)
        assert click.count == press.count
        clicks.append(click.count)
    return clicks


def left(x: int = 1, y: int = 1) -> Press:
    return Press(x, y, "left")


def test_presses_in_time_count_to_three(tracker: ClickTracker) -> None:
    presses = [(i * INTERVAL, left()) for i in range(5)]  # exactly in time
    assert counts(tracker, *presses) == [1, 2, 3, 1, 2]


def test_late_press_starts_the_count_again(tracker: ClickTracker) -> None:
    assert counts(tracker, (0, left()), (INTERVAL + 0.01, left())) == [1, 1]


@pytest.mark.parametrize("other", [left(2, 1), left(1, 2), Press(1, 1, "right")])
def test_press_on_another_cell_or_button_starts_the_count_again(
    tracker: ClickTracker, other: Press
) -> None:
    assert counts(tracker, (0, left()), (0, other), (0, left())) == [1, 1, 1]


def test_click_has_the_press_modifiers_and_the_release_bytes(
    tracker: ClickTracker,
) -> None:
    tracker.track(Press(3, 4, "right", CTRL), 0)
    _, click = tracker.track(Release(3, 4, "right", raw=b"raw"), 9)
    assert isinstance(click, Click)
    assert (click.x, click.y, click.button, click.count) == (3, 4, "right", 1)
    assert (click.mods, click.raw) == (CTRL, b"raw")


@pytest.mark.parametrize(
    "release", [Release(2, 1, "left"), Release(1, 2, "left"), Release(1, 1, "right")]
)
def test_release_elsewhere_makes_no_click(
    tracker: ClickTracker, release: Release
) -> None:
    tracker.track(left(), 0)
    assert tracker.track(release, 0) == [release]


def test_second_release_makes_no_click(tracker: ClickTracker) -> None:
    tracker.track(left(), 0)
    assert len(tracker.track(Release(1, 1, "left"), 0)) == 2
    assert len(tracker.track(Release(1, 1, "left"), 0)) == 1


def test_release_without_button_gets_the_held_one(tracker: ClickTracker) -> None:
    tracker.track(Press(1, 1, "middle"), 0)
    release, click = tracker.track(Release(1, 1, "none"), 0)
    assert isinstance(release, Release)
    assert isinstance(click, Click)
    assert release.button == click.button == "middle"


def test_release_without_button_of_two_held_gets_none(tracker: ClickTracker) -> None:
    tracker.track(left(), 0)
    tracker.track(Press(1, 1, "right"), 0)
    for _ in range(2):
        release = Release(1, 1, "none")
        assert tracker.track(release, 0) == [release]
        assert release.button == "none"
    tracker.track(left(), 0)  # neither is taken to be held any more
    release = Release(1, 1, "none")
    tracker.track(release, 0)
    assert release.button == "left"


def test_two_held_buttons_make_two_clicks(tracker: ClickTracker) -> None:
    tracker.track(left(), 0)
    tracker.track(Press(1, 1, "right"), 0)
    for button in ("left", "right"):
        _, click = tracker.track(Release(1, 1, button), 0)
        assert isinstance(click, Click)
        assert click.button == button


@pytest.mark.parametrize(
    "event", [Key("a"), Scroll(1, 1, "wheel_up"), Mouse(1, 1)], ids=lambda e: e.name
)
def test_other_events_pass_through(tracker: ClickTracker, event: Event) -> None:
    tracker.track(left(), 0)
    assert tracker.track(event, 0) == [event]
    assert counts(tracker, (0, left())) == [2]
