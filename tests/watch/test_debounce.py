"""Debouncing: the net effect of each path, and that it is the same as of all events."""

import random
from collections import Counter
from typing import Any

import pytest
from helpers.trees import Replay
from hypothesis import given, settings
from hypothesis import strategies as st

from evdispatch import (
    Attributes,
    Change,
    Closed,
    Created,
    Deleted,
    Event,
    Existing,
    Modified,
    Moved,
    Overflow,
)
from evdispatch.sources.files._debounce import Debouncer, Paths


def made(text: str) -> Event:
    """Return an event: ``C a``, ``V a b``, with a slash for a directory."""
    kind, path, *to = text.split()
    is_dir, path = path.endswith("/"), path.rstrip("/")
    if kind in "VR":
        return Moved(to[0].rstrip("/"), is_dir, path, replaced=kind == "R")
    kinds: dict[str, type[Change]] = {
        "C": Created,
        "M": Modified,
        "D": Deleted,
        "A": Attributes,
        "W": Closed,
    }
    return kinds[kind](path, is_dir)


def short(event: Event) -> str:
    if isinstance(event, Moved):
        return f"V {event.src_path} {event.path}{'/' * event.is_dir}"
    assert isinstance(event, Change)
    mark = "/" * event.is_dir + "!" * bool(getattr(event, "atomic", False))
    return f"{event.name[0].upper()} {event.path}{mark}"


def net_effect(text: str) -> list[str]:
    """Return what comes of events that follow each other at once, then of quiet."""
    debouncer = Debouncer(1.0, 10.0)
    events = debouncer.feed([made(each.strip()) for each in text.split(",")], 0.0)
    assert debouncer.expire(0.99) == []
    events += debouncer.expire(1.0)
    assert debouncer.due is None
    return [short(event) for event in events]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ("C a, M a, M a, W a, A a", "C a"),
        ("C a, D a", ""),
        ("C a, M a, D a", ""),
        ("M a, M a, W a", "M a"),
        ("M a, D a", "D a"),
        ("A a", "A a"),
        ("A a, M a", "M a"),
        ("A a, D a", "D a"),
        ("W a", ""),
        ("D a, C a", "M a"),
        ("D a, C a, W a", "M a"),
        ("D a, C a, D a", "D a"),
        ("V a b", "V a b"),
        ("V a b, V b c", "V a c"),
        ("V a b, V b c, V c d", "V a d"),
        ("V a b, V b a", ""),
        ("V a b, D b", "D a"),
        ("V a b, M b", "C b, D a"),
        ("M a, V a b", "D a, C b"),
        ("A a, V a b", "V a b"),
        ("C a, V a b", "C b"),
        ("C a, V a b, D b", ""),
        ("V a b, C a", "C b, M a"),
        ("V a b, C a, D b", "M a"),  # an editor that keeps the old one for a moment
        ("V a b, C a, W a, D b", "M a"),
        ("C t, W t, R t a", "M a!"),
        ("R t a", "D t, M a!"),
        ("C a, R t a", "C a, D t"),
        ("M a, R t a", "M a!, D t"),
        ("V a b, R t b", "D a, D t, C b"),
        ("V a b, V c a", "C b, D c, M a!"),
        ("D b, V a b", "M b!, D a"),
        ("C a, M b, D a, M b", "M b"),
        ("C d/, C d/a, M d/a", "C d/, C d/a"),
        ("C d/, C d/a, D d/a, D d/", ""),
        ("C d/a, M d/b, D d/c, D d/", "D d/c, D d/"),
        ("M x, M d/a, V d/ e", "M d/a, V d e/, M x"),
        ("V d/a x, D d/", "V d/a x, D d/"),
        ("V x d/a, D d/", "D d/, D x"),
        ("D a, C a/", "D a, C a/"),
        ("V d/ e, V e/ f", "V d e/, V e f/"),
    ],
)
def test_debouncer_events_of_one_burst_become_their_net_effect(
    events: str, expected: str
) -> None:
    assert sorted(net_effect(events)) == sorted(filter(None, expected.split(", ")))


def test_debouncer_directory_moves_or_goes_its_files_come_first() -> None:
    assert net_effect("M x, M d/a, V d/ e") == ["M d/a", "V d e/", "M x"]
    assert net_effect("C d/a, M d/b, D d/c, D d/") == ["D d/c", "D d/"]


def test_debouncer_each_path_waits_until_it_is_quiet() -> None:
    debouncer = Debouncer(1.0, 10.0)
    debouncer.feed([made("M a"), made("M b")], 0.0)
    debouncer.feed([made("M a")], 0.6)
    assert [short(event) for event in debouncer.expire(1.0)] == ["M b"]
    assert debouncer.due == 1.6
    assert [short(event) for event in debouncer.expire(1.6)] == ["M a"]
    assert debouncer.due is None


def test_debouncer_path_never_quiet_its_event_comes_after_the_longest_wait() -> None:
    debouncer = Debouncer(1.0, 2.5)
    over = []
    for tenth in range(40):
        debouncer.feed([made("M a")], tenth / 10)
        over += [(tenth, short(event)) for event in debouncer.expire(tenth / 10)]
    assert over == [(25, "M a")]
    assert Debouncer(5.0, 2.0).feed([made("M a")], 0.0) == []


def test_debouncer_file_comes_goes_and_comes_waits_from_the_last_time() -> None:
    debouncer = Debouncer(1.0, 10.0)
    debouncer.feed([made("C a"), made("D a")], 0.0)
    debouncer.feed([made("C a")], 0.5)
    assert debouncer.expire(1.0) == []
    assert debouncer.due == 1.5
    assert [short(event) for event in debouncer.expire(1.5)] == ["C a"]


def test_debouncer_files_come_and_go_nothing_is_kept() -> None:
    debouncer = Debouncer(1.0, 10.0)
    for tenth in range(1_000):
        now = tenth / 10
        debouncer.feed([made("C d/a"), made("V d/a d/b"), made("D d/b")], now)
        debouncer.expire(now)
    assert len(debouncer._heap) <= 20
    assert debouncer._paths._members == {}
    assert debouncer._paths._entries == {}


def test_debouncer_directory_goes_cost_is_what_waits_below_it() -> None:
    asked = []

    class Counting(dict[str, dict[str, None]]):
        def get(self, key: str, default: Any = None) -> Any:
            asked.append(key)
            return super().get(key, default)

    debouncer = Debouncer(1.0, 10.0)
    debouncer.feed([made(f"M e/{number}") for number in range(1_000)], 0.0)
    debouncer.feed([made("M d/a"), made("C d/b"), made("M d")], 0.0)
    debouncer._paths._entries = Counting(debouncer._paths._entries)
    reported = debouncer.feed([made("D d/")], 0.0)
    assert [short(event) for event in reported] == ["D d/"]
    assert sorted(asked) == ["d", "d/a", "d/b"]


PATHS = ["/a", "/a/b", "/a/b/c", "/a/d", "/ab", "/e/f", "e", "e/f"]


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(PATHS))))
def test_paths_asked_for_a_directory_return_all_members_below(
    steps: list[tuple[bool, str]],
) -> None:
    paths, members = Paths(), Counter[str]()
    for add, path in steps:
        if add:
            paths.add(path)
            members[path] += 1
        elif members[path]:
            paths.remove(path)
            members[path] -= 1
        for above in PATHS:
            wanted = [p for p in +members if f"{p}/".startswith(f"{above}/")]
            assert sorted(paths.below(above)) == sorted(wanted)


def test_debouncer_tree_event_or_existing_comes_after_what_waits() -> None:
    debouncer = Debouncer(1.0, 10.0)
    tree, existing = Overflow("r"), Existing("x")
    first, second = made("M a"), made("M b")
    assert debouncer.feed([first, tree, second, existing], 0.0) == [
        *(first, tree),
        *(second, existing),
    ]
    assert debouncer.due is None


def possible(chance: random.Random, paths: dict[str, bool]) -> Event | None:
    """Return a random event that can be where these paths are."""
    names = ["a", "b", "d", "e", "d/a", "d/b", "e/a", "e/b", "d/e", "d/e/a"]
    path, to = chance.choice(names), chance.choice(names)
    above, _, _ = path.rpartition("/")
    above_to, _, _ = to.rpartition("/")
    if path not in paths:
        if above and not paths.get(above):
            return None
        return Created(path, path in ("d", "e", "d/e"))
    is_dir = paths[path]
    free = to not in paths and (not above_to or paths.get(above_to) is True)
    kind = chance.randrange(6)
    if kind == 0:
        return Deleted(path, is_dir)
    if kind == 1 and free and not (to + "/").startswith(path + "/"):
        return Moved(to, is_dir, path)
    if kind == 2 and not is_dir and paths.get(to) is False and to != path:
        return Moved(to, False, path, replaced=True)
    return None if is_dir else chance.choice([Modified, Closed, Attributes])(path)


@settings(max_examples=300, deadline=None)
@given(st.integers(), st.sampled_from([0.0, 0.05, 0.3]))
def test_debouncer_random_events_add_up_to_the_same_files(
    seed: int, pause: float
) -> None:
    chance = random.Random(seed)
    truth, known = Replay(""), Replay("")
    debouncer = Debouncer(0.2, 1.0)
    now = 0.0
    for _ in range(60):
        event = possible(chance, truth.paths)
        if event is None:
            continue
        assert isinstance(event, Change)
        truth.hear(event)
        now += chance.random() * pause
        for each in (*debouncer.expire(now), *debouncer.feed([event], now)):
            assert isinstance(each, Change)
            known.hear(each)
    for each in debouncer.expire(now + 1.0):
        assert isinstance(each, Change)
        known.hear(each)
    assert debouncer.due is None
    assert truth.strange == known.strange == []
    assert known.paths == truth.paths
