"""The heap of deadlines: order, cancelling, and what it costs to cancel."""

import math
import random
import weakref
from collections.abc import Iterable
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from evdispatch._core._deadlines import Deadlines, TimerId


@attrs.define(eq=False)
class Someone:
    name: str = ""

    def on_deadline(self, now: float) -> Iterable[Any]:
        return ()


def drain(deadlines: Deadlines, now: float = math.inf) -> list[Any]:
    found = []
    while (owner := deadlines.pop(now, deadlines.count)) is not None:
        found.append(owner)
    return found


def test_an_empty_heap_has_no_next() -> None:
    deadlines = Deadlines()
    assert deadlines.next() is None
    assert deadlines.pop(math.inf, 0) is None
    assert len(deadlines) == 0


def test_equal_deadlines_come_in_the_order_they_were_added() -> None:
    deadlines = Deadlines()
    owners = [Someone(str(n)) for n in range(50)]
    for owner in owners:
        deadlines.add(7.0, owner)
    assert drain(deadlines) == owners


def test_what_is_due_exactly_now_is_due() -> None:
    deadlines = Deadlines()
    owner = Someone()
    deadlines.add(2.0, owner)
    assert deadlines.pop(math.nextafter(2.0, 0), 1) is None
    assert deadlines.pop(2.0, 1) is owner


def test_what_was_added_later_is_left_for_later() -> None:
    deadlines = Deadlines()
    first, second = Someone(), Someone()
    deadlines.add(1.0, first)
    before = deadlines.count
    deadlines.add(1.0, second)
    assert deadlines.pop(5.0, before) is first
    assert deadlines.pop(5.0, before) is None
    assert deadlines.pop(5.0, deadlines.count) is second


def test_a_cancelled_one_does_not_come() -> None:
    deadlines = Deadlines()
    first, second = Someone(), Someone()
    cancelled = deadlines.add(1.0, first)
    deadlines.add(2.0, second)
    deadlines.cancel(cancelled)
    assert (len(deadlines), deadlines.next()) == (1, 2.0)
    assert drain(deadlines) == [second]


def test_cancelling_twice_or_late_is_no_error_and_counts_once() -> None:
    deadlines = Deadlines()
    over = deadlines.add(1.0, Someone())
    cancelled = deadlines.add(2.0, Someone())
    deadlines.add(3.0, Someone())
    deadlines.pop(1.5, 3)
    for deadline in (over, cancelled, cancelled):
        deadlines.cancel(deadline)
    assert len(deadlines) == 1


def test_one_that_is_over_keeps_its_owner_no_more() -> None:
    deadlines = Deadlines()
    owners = [Someone(), Someone()]
    gone = [weakref.ref(owner) for owner in owners]
    _, cancelled = (deadlines.add(1.0, owner) for owner in owners)
    deadlines.cancel(cancelled)
    drain(deadlines)
    del owners[:]
    assert [reference() for reference in gone] == [None, None]


def test_a_hundred_thousand_cancels_leave_nothing_behind() -> None:
    deadlines = Deadlines()
    kept = [deadlines.add(1e6 + n, Someone()) for n in range(10)]
    for number in range(100_000):
        deadlines.cancel(deadlines.add(float(number), Someone()))
        assert len(deadlines._heap) <= 2 * len(kept) + 64 + 1
    assert len(deadlines) == len(kept)
    assert len(drain(deadlines)) == len(kept)


def test_cancelling_all_of_many_at_once_empties_the_heap() -> None:
    deadlines = Deadlines()
    entries = [deadlines.add(float(n % 977), Someone()) for n in range(100_000)]
    random.Random(5).shuffle(entries)
    for entry in entries:
        deadlines.cancel(entry)
    assert len(deadlines) == 0
    assert not deadlines._heap  # also if nothing is added or asked for
    assert deadlines.next() is None


def test_what_is_cancelled_takes_no_memory_when_others_are_added_or_asked_for() -> None:
    deadlines = Deadlines()
    for _ in range(3):
        for entry in [deadlines.add(float(n), Someone()) for n in range(10_000)]:
            deadlines.cancel(entry)
        deadlines.add(1e6, Someone())
        assert len(deadlines._heap) <= 2 * len(deadlines) + 64
    for entry in [deadlines.add(float(n), Someone()) for n in range(10_000)]:
        deadlines.cancel(entry)
    assert deadlines.next() == 1e6
    assert len(deadlines._heap) <= 2 * len(deadlines) + 64


@given(
    st.lists(
        st.one_of(
            st.floats(0, 100).map(lambda when: ("add", when)),
            st.integers(0, 200).map(lambda index: ("cancel", index)),
            st.floats(0, 100).map(lambda now: ("pop", now)),
        ),
        max_size=300,
    )
)
def test_it_does_what_a_sorted_list_would(steps: list[tuple[str, Any]]) -> None:
    deadlines = Deadlines()
    added: list[tuple[TimerId, Someone]] = []
    model: list[tuple[float, int, Someone]] = []
    for what, value in steps:
        if what == "add":
            owner = Someone()
            model.append((value, len(added), owner))
            added.append((deadlines.add(value, owner), owner))
        elif what == "cancel" and value < len(added):
            deadline, owner = added[value]
            deadlines.cancel(deadline)
            model = [entry for entry in model if entry[2] is not owner]
        elif what == "pop":
            due = [entry for entry in model if entry[0] <= value]
            expected = min(due, key=lambda entry: entry[:2]) if due else None
            assert deadlines.pop(value, deadlines.count) is (expected and expected[2])
            if expected is not None:
                model.remove(expected)
        assert len(deadlines) == len(model)
        assert deadlines.next() == min((when for when, _, _ in model), default=None)
