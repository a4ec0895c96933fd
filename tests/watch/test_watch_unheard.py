"""A watch of which not all is heard: what nobody hears is not made, and nothing else changes."""

from pathlib import Path
from typing import Any

import pytest
from helpers.trees import come_to_rest, fill

from evdispatch import Dispatcher, Event, Watch
from evdispatch.testing import VirtualClock, run_until, settle


class Writes:
    """A file that is written to, again and again."""

    def __init__(self, app: Dispatcher, clock: VirtualClock, watch: Watch) -> None:
        self.app, self.clock, self.watch = app, clock, app.add(watch)
        self.told: list[str] = []
        self.rest()

    def hear(self, *names: str) -> None:
        for name in names:
            self.watch.on(name)(lambda event: self.told.append(event.name))

    def rest(self) -> list[str]:
        come_to_rest(self.app, self.clock, self.watch)
        told, self.told = self.told, []
        return told

    def write(self) -> list[str]:
        with open(Path(self.watch.path) / "a", "a") as file:
            file.write("text")
        return self.rest()

    def made(self) -> int:
        """Return how many events writing once makes."""
        before = self.app.stats().sources[self.watch].read
        self.write()
        return self.app.stats().sources[self.watch].read - before


@pytest.fixture
def writes(timed: Dispatcher, clock: VirtualClock, tmp_path: Path) -> Any:
    fill(tmp_path, "a")

    def make(kind: type[Watch] = Watch, **options: Any) -> Writes:
        return Writes(timed, clock, kind(tmp_path, **options))

    return make


def test_what_nobody_hears_is_made_once_and_no_more(writes: Any) -> None:
    file = writes()
    assert [file.made() for _ in range(3)] == [3, 1, 1]  # modified, closed; settled


def test_settled_is_told_after_what_nobody_hears(writes: Any) -> None:
    file = writes()
    file.hear("settled")
    assert [file.write() for _ in range(3)] == [["settled"]] * 3


def test_the_tree_is_not_settled_just_after_what_nobody_hears(writes: Any) -> None:
    file = writes()
    file.made()
    with open(Path(file.watch.path) / "a", "a") as open_file:
        open_file.write("text")
    run_until(file.app, lambda: not file.watch.settled)
    settle(file.app)
    assert not file.watch.settled
    file.rest()
    assert file.watch.settled


def test_who_comes_later_hears_it(writes: Any) -> None:
    file = writes()
    file.made()
    file.hear("modified")
    assert file.write() == ["modified"]
    file.hear("closed")
    assert file.write() == ["modified", "closed"]


def test_a_handler_that_has_gone_is_not_told(writes: Any) -> None:
    file = writes()
    file.hear("closed")

    def modified() -> None:
        file.told.append("modified")

    file.watch.on("modified")(modified)
    assert file.write() == ["modified", "closed"]
    file.app.off(modified)
    assert [file.made() for _ in range(3)] == [3, 2, 2]


def test_everybodys_handler_hears_it(writes: Any) -> None:
    file = writes()
    file.made()
    told = []
    file.app.on("modified")(lambda event: told.append(event.path))
    file.write()
    assert told == [file.watch.path + "/a"]


def test_who_minds_what_is_unheard_is_told_of_it(writes: Any) -> None:
    told: list[str] = []

    class Minding(Watch):
        def on_unhandled(self, event: Event) -> None:
            told.append(event.name)

    file = writes(Minding)
    told.clear()
    for _ in range(3):
        file.write()
    assert told == ["modified", "closed", "settled"] * 3


def test_what_is_debounced_needs_all_of_it(writes: Any) -> None:
    """What is written holds an event back, whoever hears it."""
    file = writes(debounce=0.1)
    file.hear("created")
    file.write()
    file.made()
    with open(Path(file.watch.path) / "b", "w") as other:
        for _ in range(3):
            run_until(file.app, lambda: not file.watch.settled)
            file.clock.advance(0.09)
            other.write("text")
            other.flush()
            settle(file.app)
            assert file.told == []
    assert file.rest() == ["created"]
