"""Queries and answers, without a terminal."""

from typing import Any

import attrs
import pytest

from evdispatch import Event, Reply
from evdispatch.terminal import Decoder, Pointer, Regions
from evdispatch.terminal._input import Input
from evdispatch.terminal._queries import DEVICE, KITTY, QUERIES, Queries, knows_mode

DA1 = b"\x1b[?62;4c"


@attrs.define(eq=False)
class Answered(Event):
    value: Any


def ask(given: Input, name: str, until: float = 1.0) -> bytes:
    given.queries.ask(QUERIES[name], until, lambda value, raw: [Answered(value)])
    return given.take_request()


def fed(given: Input, data: bytes, now: float = 0.0) -> list[Any]:
    """Feed bytes one by one; return values of answers, and names of other events."""
    events = [event for byte in data for event in given.feed(bytes([byte]), now)]
    return [
        event.value if isinstance(event, Answered) else event.name for event in events
    ]


@pytest.fixture
def given() -> Input:
    return Input(Decoder(), 0.025, Pointer(Regions()))


@pytest.mark.parametrize(
    ("name", "request_", "reply", "value"),
    [
        ("cursor", b"\x1b[?6n", b"\x1b[?3;5R", (4, 2)),
        ("cursor", b"\x1b[?6n", b"\x1b[?3;5;1R", (4, 2)),
        (
            "background",
            b"\x1b]11;?\x1b\\",
            b"\x1b]11;rgb:1e1e/ffff/0000\x1b\\",
            (30, 255, 0),
        ),
        ("background", b"\x1b]11;?\x1b\\", b"\x1b]11;rgb:f/0/8\x07", (255, 0, 136)),
        (
            "background",
            b"\x1b]11;?\x1b\\",
            b"\x1b]11;rgba:00/80/ff/ff\x07",
            (0, 128, 255),
        ),
        ("foreground", b"\x1b]10;?\x1b\\", b"\x1b]10;rgb:00/00/00\x07", (0, 0, 0)),
        ("version", b"\x1b[>q", b"\x1bP>|XTerm(390)\x1b\\", "XTerm(390)"),
    ],
    ids=lambda value: None if isinstance(value, bytes | tuple) else str(value),
)
def test_answer_of_a_query_has_its_value(
    given: Input, name: str, request_: bytes, reply: bytes, value: Any
) -> None:
    assert ask(given, name) == request_ + b"\x1b[c"
    assert fed(given, b"x" + reply + b"y" + DA1 + b"z") == ["key", value, *["key"] * 2]
    assert given.until is None
    assert given.take_request() == b""


def test_device_query_needs_no_fence(given: Input) -> None:
    assert ask(given, "device") == b"\x1b[c"
    assert fed(given, DA1 + DA1) == [(62, 4), "reply"]


@pytest.mark.parametrize("name", ["background", "foreground", "version"])
def test_unsupported_query_is_answered_by_the_fence(given: Input, name: str) -> None:
    ask(given, name)
    assert fed(given, DA1) == [None]


def test_cursor_query_falls_back_to_the_ambiguous_form(
    given: Input,
) -> None:
    ask(given, "cursor")
    assert fed(given, DA1) == []
    assert given.take_request() == b"\x1b[6n\x1b[c"
    assert fed(given, b"\x1b[1;2R" + DA1) == [(1, 0)]  # it is not shift+f3
    assert fed(given, b"\x1b[1;2R") == ["key"]  # and now it is


def test_cursor_query_falls_back_only_once(given: Input) -> None:
    ask(given, "cursor")
    assert fed(given, DA1) == []
    given.take_request()
    assert fed(given, DA1) == [None]
    assert given.expire(0.0) == []
    assert fed(given, b"\x1b[1;2R") == ["key"]


def test_silent_terminal_is_awaited_until_the_timeout(given: Input) -> None:
    ask(given, "version", until=2.0)
    ask(given, "device", until=1.0)
    assert [given.until] == [1.0]
    assert given.expire(0.9) == []
    assert [event.value for event in given.expire(1.0)] == [None]  # type: ignore[attr-defined]
    assert [given.until] == [2.0]
    assert [event.value for event in given.expire(2.0)] == [None]  # type: ignore[attr-defined]
    assert given.until is None
    # Late answers are still theirs: the third answers no query.
    assert fed(given, DA1 * 3) == ["reply"]


def test_late_answer_does_not_answer_the_next_query(
    given: Input,
) -> None:
    ask(given, "version", until=1.0)
    given.expire(1.0)
    ask(given, "background", until=2.0)
    late = b"\x1bP>|late\x1b\\" + DA1
    assert given.queries.fences == 2
    assert fed(given, late) == []
    assert fed(given, b"\x1b]11;rgb:00/ff/00\x07" + DA1) == [(0, 255, 0)]
    assert given.queries.fences == 0


def test_expired_queries_are_bounded(given: Input) -> None:
    for number in range(1000):
        ask(given, "background", until=number)
        given.expire(number)
    assert given.queries.fences < 100


def test_until_covers_escape_and_answer(
    given: Input,
) -> None:
    ask(given, "version", until=2.0)
    given.feed(b"\x1b", 1.0)
    assert given.until == 1.025
    assert [event.name for event in given.expire(1.025)] == ["key"]
    assert given.until == 2.0


def test_queries_in_a_row_get_their_own_answers(given: Input) -> None:
    for name in ("background", "cursor", "foreground", "device"):
        ask(given, name)
    assert given.queries.fences == 4
    answers = b"\x1b[?1;1R" + DA1 + b"\x1b]10;rgb:0/0/0\x07" + DA1 * 2
    # The fence of the background's comes with the cursor's.
    expected = fed(given, DA1 + answers)
    assert expected == [None, (0, 0), (0, 0, 0), (62, 4)]


def test_reply_without_a_query_stays_a_reply(given: Input) -> None:
    assert fed(given, DA1 + b"\x1b[?3;5R\x1b]11;rgb:0/0/0\x07\x1b[?1u") == ["reply"] * 4


def test_invalid_colour_stays_a_reply(given: Input) -> None:
    ask(given, "background")
    assert fed(given, b"\x1b]11;red\x07") == ["reply"]


def test_kitty_and_mode_queries_are_answered() -> None:
    queries = Queries()
    values: list[Any] = []

    def note(value: Any, raw: bytes) -> list[Event]:
        values.append(value)
        return []

    queries.ask(KITTY, 1.0, note, note)
    assert queries.request == b"\x1b[?u\x1b[c"
    queries.take(Reply("kitty_flags", (0,)))
    queries.take(Reply("da1", (62,)))
    for state in range(5):
        queries.ask(knows_mode(2048), 1.0, note)
        queries.take(Reply("decrpm", (2026, 1), private=True))
        queries.take(Reply("decrpm", (2048, state), private=True))
        queries.take(Reply("da1", (62,)))
    assert values == [0, (62,), False, True, True, True, False]
    queries.ask(DEVICE, 1.0, note)
    queries.forget()
    assert queries.until is None
    assert queries.request == b""


def test_cancelled_queries_have_no_answer(given: Input) -> None:
    ask(given, "version", until=9.0)
    ask(given, "device", until=9.0)
    given.queries.forget()
    assert given.until == 0.0
    assert fed(given, DA1) == ["reply"]
    assert [event.value for event in given.expire(0.0)] == [None, None]  # type: ignore[attr-defined]
    assert given.until is None
