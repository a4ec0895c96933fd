"""AtomicSaveFilter: which events of files belong together."""

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
from evdispatch.sources.files._atomic_saves import HOLD, AtomicSaveFilter

LATER = HOLD + 0.02


def described(events: list[Event]) -> list[str]:
    return [
        f"{event.name} {getattr(event, 'path', '')}"
        + "!" * bool(getattr(event, "atomic", False))
        for event in events
    ]


def test_atomic_saves_no_deletion_passes_at_once() -> None:
    saves = AtomicSaveFilter()
    events: list[Event] = [
        *(Created("a"), Modified("a"), Closed("a"), Attributes("a")),
        *(Moved("b", src_path="a"), Deleted("d", is_dir=True), Overflow("")),
    ]
    assert saves.feed(events, 0.0) == events
    assert saves.due is None


def test_atomic_saves_deleted_file_stays_away_is_deleted_after_the_hold() -> None:
    saves = AtomicSaveFilter()
    gone = Deleted("a")
    assert saves.feed([gone], 1.0) == []
    assert saves.due is not None
    assert 1.0 + HOLD <= saves.due < 1.0 + LATER
    assert saves.expire(1.0 + HOLD - 0.001) == []
    assert saves.expire(saves.due) == [gone]
    assert saves.due is None


def test_atomic_saves_file_made_again_in_time_is_modified() -> None:
    saves = AtomicSaveFilter()
    assert saves.feed([Deleted("a")], 0.0) == []
    assert described(saves.feed([Created("a"), Closed("a")], 0.05)) == [
        "modified a",
        "closed a",
    ]
    assert saves.due is None
    assert saves.expire(LATER) == []


def test_atomic_saves_file_deleted_again_waits_again() -> None:
    saves = AtomicSaveFilter()
    again = Deleted("a")
    saves.feed([Deleted("a"), Created("a"), again], 0.0)
    saves.feed([Deleted("b")], 0.01)
    assert saves.expire(LATER)[0] is again


def test_atomic_saves_file_made_again_too_late_is_deleted_and_created() -> None:
    saves = AtomicSaveFilter()
    saves.feed([Deleted("a")], 0.0)
    assert described(saves.expire(LATER)) == ["deleted a"]
    assert described(saves.feed([Created("a")], LATER)) == ["created a"]


def test_atomic_saves_rename_over_a_file_is_an_atomic_modified() -> None:
    saves = AtomicSaveFilter()
    events = saves.feed([Moved("a", src_path="t", replaced=True)], 0.0)
    assert described(events) == ["deleted t", "modified a!"]


def test_atomic_saves_rename_to_a_deleted_name_is_an_atomic_modified() -> None:
    saves = AtomicSaveFilter()
    saves.feed([Deleted("a")], 0.0)
    events = saves.feed([Moved("a", src_path="t")], 0.01)
    assert described(events) == ["deleted t", "modified a!"]
    assert saves.due is None


def test_atomic_saves_one_file_waits_others_pass() -> None:
    saves = AtomicSaveFilter()
    saves.feed([Deleted("a")], 0.0)
    assert described(saves.feed([Created("b"), Moved("c", src_path="b")], 0.0)) == [
        "created b",
        "moved c",
    ]
    assert saves.due is not None


def test_atomic_saves_directory_or_tree_event_comes_after_what_waits() -> None:
    for event in (Deleted("d", is_dir=True), Created("a", is_dir=True), Overflow("")):
        saves = AtomicSaveFilter()
        gone = Deleted("d/a")
        saves.feed([gone], 0.0)
        assert saves.feed([event], 0.0) == [gone, event]
        assert saves.due is None


def test_atomic_saves_many_deletions_keep_their_order_in_linear_time() -> None:
    saves = AtomicSaveFilter()
    gone = [Deleted(str(number)) for number in range(50_000)]
    saves.feed(gone, 0.0)
    assert saves.expire(LATER) == gone
