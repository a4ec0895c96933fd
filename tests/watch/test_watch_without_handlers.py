"""Watch: events without handlers are not made, and nothing else changes."""

from pathlib import Path
from typing import Any

import pytest
from helpers.trees import come_to_rest, fill

from evdispatch import Dispatcher, Event, Watch
from evdispatch.testing import VirtualClock, run_until, settle


class Writes:
    """A watched file that is written again and again."""

    def __init__(self, app: Dispatcher, clock: VirtualClock, watch: Watch) -> None:
        self.app, self.clock, self.watch = app, clock, app.add(watch)
        self.received: list[str] = []
        self.rest()

    def handle(self, *names: str) -> None:
        for name in names:
            self.watch.on(name)(lambda event: self.received.append(event.name))

    def rest(self) -> list[str]:
        come_to_rest(self.app, self.clock, self.watch)
        reported, self.received = self.received, []
        return reported

    def append(self) -> None:
        with open(Path(self.watch.path) / "a", "a") as file:
            file.write("text")

    def write(self) -> list[str]:
        self.append()
        return self.rest()

    def made(self) -> int:
        """Write once, and return how many events that makes."""
        before = self.app.stats().sources[self.watch].read
        self.write()
        return self.app.stats().sources[self.watch].read - before


@pytest.fixture
def writes(timed: Dispatcher, clock: VirtualClock, tmp_path: Path) -> Any:
    fill(tmp_path, "a")

    def make(kind: type[Watch] = Watch, **options: Any) -> Writes:
        return Writes(timed, clock, kind(tmp_path, **options))

    return make


def test_events_without_handlers_are_made_once(writes: Any) -> None:
    file = writes()
    assert [file.made() for _ in range(3)] == [2, 0, 0]  # modified, closed


def test_settled_with_other_events_unhandled_comes_each_time(writes: Any) -> None:
    file = writes()
    file.handle("settled")
    assert [file.write() for _ in range(3)] == [["settled"]] * 3


def test_settled_without_handlers_needs_no_wake_up(writes: Any) -> None:
    file = writes()
    file.handle("modified")
    file.write()
    for _ in range(3):
        file.append()
        run_until(file.app, lambda: file.received)
        settle(file.app)
        assert file.app.timeout() is None
        assert file.rest() == ["modified"]
        assert file.watch.settled


def test_settled_property_just_after_an_unhandled_change_is_false(writes: Any) -> None:
    file = writes()
    file.made()
    file.append()
    run_until(file.app, lambda: not file.watch.settled)
    settle(file.app)
    assert not file.watch.settled
    file.rest()
    assert file.watch.settled


def test_handler_added_later_receives_the_events(writes: Any) -> None:
    file = writes()
    file.made()
    file.handle("modified")
    assert file.write() == ["modified"]
    file.handle("closed")
    assert file.write() == ["modified", "closed"]


def test_handler_removed_its_events_are_no_longer_made(writes: Any) -> None:
    file = writes()
    file.handle("closed")

    def modified() -> None:
        file.received.append("modified")

    file.watch.on("modified")(modified)
    assert file.write() == ["modified", "closed"]
    file.app.off(modified)
    assert [file.made() for _ in range(3)] == [2, 1, 1]


def test_handler_of_the_dispatcher_receives_the_events(writes: Any) -> None:
    file = writes()
    file.made()
    reported = []
    file.app.on("modified")(lambda event: reported.append(event.path))
    file.write()
    assert reported == [file.watch.path + "/a"]


def test_on_unhandled_overridden_receives_all_events(writes: Any) -> None:
    reported: list[str] = []

    class Minding(Watch):
        def on_unhandled(self, event: Event) -> None:
            reported.append(event.name)

    file = writes(Minding)
    reported.clear()
    for _ in range(3):
        file.write()
    assert reported == ["modified", "closed", "settled"] * 3


def test_debounce_unhandled_writes_still_delay_the_event(writes: Any) -> None:
    """A write delays the event of its path, with or without a handler."""
    file = writes(debounce=0.1)
    file.handle("created")
    file.write()
    file.made()
    with open(Path(file.watch.path) / "b", "w") as other:
        for _ in range(3):
            run_until(file.app, lambda: not file.watch.settled)
            file.clock.advance(0.09)
            other.write("text")
            other.flush()
            settle(file.app)
            assert file.received == []
    assert file.rest() == ["created"]
