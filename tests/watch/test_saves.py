"""Saves: which events of files belong together."""

from evdispatch import (
    Attributes,
    Closed,
    Created,
    Deleted,
    Event,
    Modified,
    Moved,
    Overflow,
)
from evdispatch._files._saves import HOLD, Saves

LATER = HOLD + 0.02


def paths_of(events: list[Event]) -> list[str]:
    return [
        f"{event.name} {getattr(event, 'path', '')}"
        + "!" * bool(getattr(event, "atomic", False))
        for event in events
    ]


def test_what_is_no_deletion_is_told_at_once() -> None:
    saves = Saves()
    events: list[Event] = [
        *(Created("a"), Modified("a"), Closed("a"), Attributes("a")),
        *(Moved("b", src_path="a"), Deleted("d", is_dir=True), Overflow("")),
    ]
    assert saves.feed(events, 0.0) == events
    assert saves.due is None


def test_a_deleted_file_is_told_when_it_has_stayed_away() -> None:
    saves = Saves()
    gone = Deleted("a")
    assert saves.feed([gone], 1.0) == []
    assert saves.due is not None
    assert 1.0 + HOLD <= saves.due < 1.0 + LATER
    assert saves.expire(1.0 + HOLD - 0.001) == []
    assert saves.expire(saves.due) == [gone]
    assert saves.due is None


def test_one_that_is_made_again_was_modified() -> None:
    saves = Saves()
    assert saves.feed([Deleted("a")], 0.0) == []
    assert paths_of(saves.feed([Created("a"), Closed("a")], 0.05)) == [
        "modified a",
        "closed a",
    ]
    assert saves.due is None
    assert saves.expire(LATER) == []


def test_and_deleted_again_it_waits_again() -> None:
    saves = Saves()
    again = Deleted("a")
    saves.feed([Deleted("a"), Created("a"), again], 0.0)
    saves.feed([Deleted("b")], 0.01)
    assert saves.expire(LATER)[0] is again


def test_one_that_is_made_again_too_late_is_created() -> None:
    saves = Saves()
    saves.feed([Deleted("a")], 0.0)
    assert paths_of(saves.expire(LATER)) == ["deleted a"]
    assert paths_of(saves.feed([Created("a")], LATER)) == ["created a"]


def test_a_rename_over_a_file_is_its_new_content() -> None:
    saves = Saves()
    events = saves.feed([Moved("a", src_path="t", replaced=True)], 0.0)
    assert paths_of(events) == ["deleted t", "modified a!"]


def test_a_rename_to_where_a_file_was_is_its_new_content() -> None:
    saves = Saves()
    saves.feed([Deleted("a")], 0.0)
    events = saves.feed([Moved("a", src_path="t")], 0.01)
    assert paths_of(events) == ["deleted t", "modified a!"]
    assert saves.due is None


def test_other_files_go_on_meanwhile() -> None:
    saves = Saves()
    saves.feed([Deleted("a")], 0.0)
    assert paths_of(saves.feed([Created("b"), Moved("c", src_path="b")], 0.0)) == [
        "created b",
        "moved c",
    ]
    assert saves.due is not None


def test_directories_and_trees_come_after_what_waits() -> None:
    for event in (Deleted("d", is_dir=True), Created("a", is_dir=True), Overflow("")):
        saves = Saves()
        gone = Deleted("d/a")
        saves.feed([gone], 0.0)
        assert saves.feed([event], 0.0) == [gone, event]
        assert saves.due is None


def test_many_are_told_in_their_order_in_linear_time() -> None:
    saves = Saves()
    gone = [Deleted(str(number)) for number in range(50_000)]
    saves.feed(gone, 0.0)
    assert saves.expire(LATER) == gone
