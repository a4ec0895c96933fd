"""One line an event: the format that tools parse."""

import pytest
from cli.pictures import EVENTS

import evdispatch
from evdispatch import Enter, Eof, Event, Leave, Mouse
from evdispatch.cli._lines import SHOWN, headline, line
from evdispatch.terminal import Decoder


@pytest.mark.parametrize(("event", "expected"), EVENTS, ids=[e for _, e in EVENTS])
def test_event_makes_one_printable_line(event: Event, expected: str) -> None:
    assert line(event) == expected
    assert line(event).isprintable()
    assert expected == f"{event.name} {headline(event)}".rstrip()


def test_every_event_of_a_terminal_is_shown() -> None:
    """All public events of the decoder are shown, and are among EVENTS.

    Enter and leave are not: they are made of a program's own regions.
    """
    faces = {
        value
        for value in vars(evdispatch.terminal).values()
        if isinstance(value, type) and issubclass(value, Event)
    } - {Enter, Leave}
    assert all(issubclass(cls, SHOWN) for cls in faces)
    assert {type(event) for event, _ in EVENTS} >= faces - {Mouse}
    assert Eof not in SHOWN


def test_decoded_bytes_make_lines() -> None:
    data = b"a\x1b[A\x1b[<0;5;3M\x1b[200~hi\n\x1b[201~\x1b[I\x1b[<35;1;1M\x1b[3;5R"
    assert [line(event) for event in Decoder(expect_cpr=1).feed(data)] == [
        "key a",
        "key up",
        "press left 4,2",
        r"paste 'hi\n'",
        "focus gained",
        "move 0,0",
        "reply cpr 3;5",
    ]
