"""Text that is safe to show, and its width."""

import pytest
from helpers.parameters import TEXT
from hypothesis import given, settings
from hypothesis import strategies as st

from evdispatch.cli._text import clip, escaped, printable, width


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", ""),
        (b"\x1b[A", r"\e[A"),
        (b"a b~", "a b~"),
        (b"\x00\x7f\xff", r"\x00\x7f\xff"),
        (b"\\e", r"\\e"),
    ],
)
def test_bytes_are_escaped_as_in_a_shell(raw: bytes, expected: str) -> None:
    assert escaped(raw) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain é日", "plain é日"),
        ("a\x1b[31m\n", r"a\x1b[31m\n"),
        ("\ud800", r"\ud800"),
    ],
)
def test_unprintable_text_is_escaped(text: str, expected: str) -> None:
    assert printable(text) == expected


@settings(deadline=None)
@given(TEXT)
def test_printable_of_any_text_is_printable_and_encodable(text: str) -> None:
    assert printable(text).isprintable()
    printable(text).encode()  # without an error


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("", 0),
        ("abc", 3),
        ("é", 1),
        ("e\u0301", 1),
        ("日本", 4),
        ("\uff46", 2),
        ("😀", 2),
    ],
)
def test_width_counts_cells(text: str, cells: int) -> None:
    assert width(text) == cells


@pytest.mark.parametrize(
    ("text", "cells", "expected"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("abcd", 1, "…"),
        ("abcd", 0, ""),
        ("abcd", -1, ""),
        ("日本", 4, "日本"),
        ("日本", 3, "日…"),
        ("日本", 2, "…"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
    ],
)
def test_clipped_text_ends_with_an_ellipsis(
    text: str, cells: int, expected: str
) -> None:
    assert clip(text, cells) == expected


@settings(deadline=None)
@given(TEXT.map(printable), st.integers(-1, 30))
def test_clipped_text_fits_its_cells(text: str, cells: int) -> None:
    assert width(clip(text, cells)) <= max(cells, 0)
