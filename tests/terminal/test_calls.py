"""How many Python calls a key takes from its bytes to its handler's filter."""

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from evdispatch.terminal import Decoder, Key, Pointer, Regions
from evdispatch.terminal._input import Input


def calls_of(function: Callable[[], Any]) -> list[str]:
    """Return the names of the Python functions that are called by one."""
    names: list[str] = []

    def note(frame: FrameType, what: str, argument: object) -> None:
        if what == "call":
            names.append(frame.f_code.co_qualname)

    before = sys.getprofile()
    gc.disable()  # a collection may call functions of other libraries
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(before)
        gc.enable()
    return names[1:]


@pytest.mark.parametrize(
    ("data", "binding"), [(b"a", "a"), (b"\x1b[A", "up"), (b"\x13", "ctrl+s")]
)
def test_key_takes_at_most_seven_calls(data: bytes, binding: str) -> None:
    source = Input(Decoder(), 0.025, Pointer(Regions()))
    passes = Key.compile_filter("key", binding, {"key": binding})
    assert passes is not None

    def walk() -> None:
        (key,) = source.feed(data, 0.0)
        assert not source.take_request()
        assert source.until is None
        assert passes(key)

    walk()  # the decoder learns the sequence
    calls = calls_of(walk)
    assert len(calls) <= 7, calls
