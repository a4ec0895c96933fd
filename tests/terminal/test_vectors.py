"""The decoder against vectors.jsonl: whole, in pieces, and with more to follow."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
import pytest
from terminal.describe import as_vector

from evdispatch._events import Event
from evdispatch.terminal import Decoder


@attrs.frozen
class Vector:
    id: str
    data: bytes
    events: list[dict[str, Any]]
    flush: bool
    options: dict[str, Any]

    def decode(self, chunks: Iterable[bytes]) -> list[dict[str, Any]]:
        decoder = Decoder(**self.options)
        events: list[Event] = []
        for chunk in chunks:
            events += decoder.feed(chunk)
        assert (decoder.pending is not None) == self.flush
        if self.flush:
            events += decoder.flush()
            assert decoder.pending is None
        return [as_vector(event) for event in events]


def load() -> list[Vector]:
    lines = Path(__file__).with_name("vectors.jsonl").read_text("utf-8").splitlines()
    return [_vector(json.loads(line)) for line in lines]


def _vector(line: dict[str, Any]) -> Vector:
    events = [
        {**event, "mods": frozenset(event["mods"])} if "mods" in event else event
        for event in line["events"]
    ]
    return Vector(
        line["id"],
        bytes.fromhex(line["hex"]),
        events,
        line.get("final_flush", False),
        line.get("options", {}),
    )


VECTORS = load()
each_vector = pytest.mark.parametrize(
    "vector", [pytest.param(vector, id=vector.id) for vector in VECTORS]
)


GROUPS = """
text c0 esc cursor fkeys mods rxvt keypad mok kitty sgr x10 urxvt paste focus resize
reply bad utf8 mixed
"""


def test_vectors_cover_all_groups() -> None:
    groups = {vector.id.rpartition("-")[0] for vector in VECTORS}
    assert groups == set(GROUPS.split())


@each_vector
def test_vector_whole_and_byte_by_byte_makes_its_events(vector: Vector) -> None:
    assert vector.decode([vector.data]) == vector.events
    chunks = [vector.data[i : i + 1] for i in range(len(vector.data))]
    assert vector.decode(chunks) == vector.events


@each_vector
def test_vector_split_in_two_makes_its_events(vector: Vector) -> None:
    for at in range(1, len(vector.data)):
        chunks = [vector.data[:at], vector.data[at:]]
        assert vector.decode(chunks) == vector.events, at


@each_vector
def test_vector_with_trailing_bytes_makes_its_events_and_theirs(vector: Vector) -> None:
    tail = b"q\x1b[A"
    decoder = Decoder(**vector.options)
    if vector.flush:
        events = [*decoder.feed(vector.data), *decoder.flush(), *decoder.feed(tail)]
    else:
        events = decoder.feed(vector.data + tail)
    *before, letter, arrow = [as_vector(event) for event in events]
    assert before == vector.events
    assert (letter["key"], arrow["key"]) == ("q", "up")


def test_raw_bytes_of_events_are_the_input() -> None:
    for vector in VECTORS:
        decoder = Decoder(**vector.options)
        events: list[Any] = [*decoder.feed(vector.data), *decoder.flush()]
        if events:  # the release of a wheel makes none
            assert b"".join(event.raw for event in events) == vector.data, vector.id


def test_repeated_input_makes_new_events() -> None:
    for vector in VECTORS:
        decoder = Decoder(**vector.options)
        events = [*decoder.feed(vector.data), *decoder.flush()]
        events += [*decoder.feed(vector.data), *decoder.flush()]
        assert len({id(event) for event in events}) == len(events), vector.id
