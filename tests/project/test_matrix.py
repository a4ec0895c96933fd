"""The io modes and pollers that a test runs with: see `helpers.matrix`."""

import pytest
from helpers.matrix import AXES, Axis

MODES, POLLERS = AXES


def marked(axis: Axis, *values: str) -> pytest.Mark:
    decorator: pytest.MarkDecorator = getattr(pytest.mark, axis.mark)
    return decorator.with_args(*values).mark


def test_axis_without_a_mark_has_all_modes_and_epoll() -> None:
    assert MODES.values(None) == ("auto", "inline", "thread")
    assert POLLERS.values(None) == ("epoll",)


def test_axis_mark_without_values_has_all_values() -> None:
    assert POLLERS.values(marked(POLLERS)) == ("epoll", "edge", "poll", "select")


def test_axis_mark_with_values_has_these_with_the_default_first() -> None:
    assert MODES.values(marked(MODES, "thread")) == ("thread",)
    assert MODES.values(marked(MODES, "inline", "auto")) == ("auto", "inline")


def test_axis_mark_with_an_unknown_value_raises() -> None:
    with pytest.raises(ValueError, match=r"modes must be of .*, got {'threads'}"):
        MODES.values(marked(MODES, "threads"))


@pytest.mark.parametrize(
    ("wanted", "in_all", "chosen"),
    [
        (None, False, ("auto",)),
        (None, True, ("auto", "inline", "thread")),
        (["thread", "inline"], False, ("inline", "thread")),
        (["other"], True, ("auto",)),
    ],
    ids=str,
)
def test_axis_chosen_is_the_first_value_unless_more_are_wanted(
    wanted: list[str] | None, in_all: bool, chosen: tuple[str, ...]
) -> None:
    assert MODES.chosen(MODES.every, wanted, in_all=in_all) == chosen
