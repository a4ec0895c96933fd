"""From a report to a test vector: the notation is the same, and the vectors' tests pass."""

import json
from pathlib import Path
from typing import Any

import pytest
from cli.pictures import EVENTS
from cli.reports import DATA, lines_of, run
from cli.sessions import session
from helpers.terminals import Pty
from terminal import test_vectors
from terminal.describe import as_vector
from terminal.from_report import main as from_report
from terminal.from_report import vector, vectors

from evdispatch import Click, Event, Key
from evdispatch.cli._record import record
from evdispatch.cli._report import Report
from evdispatch.terminal import Decoder, Pointer, Regions
from evdispatch.terminal._input import Input


def assert_vectors_hold(made: list[dict[str, Any]]) -> None:
    for each in made:
        tested = test_vectors._vector(json.loads(json.dumps(each)))
        test_vectors.test_whole_and_byte_by_byte(tested)
        test_vectors.test_every_split_in_two(tested)
        test_vectors.test_with_trailing_bytes(tested)


class TestRecords:
    """Events as values."""

    @test_vectors.each_vector
    def test_the_notation_is_that_of_the_vectors(
        self, vector: test_vectors.Vector
    ) -> None:
        decoder = Decoder(**vector.options)
        for event in [*decoder.feed(vector.data), *decoder.flush()]:
            told = json.loads(json.dumps(record(event)))
            if "mods" in told:
                told["mods"] = frozenset(told["mods"])
            assert told == as_vector(event)

    @pytest.mark.parametrize(("event", "_"), EVENTS, ids=[e for _, e in EVENTS])
    def test_every_event_has_a_record(self, event: Event, _: str) -> None:
        told = json.loads(Report(0.0).tell(event))
        assert told["events"][0]["type"] in ("mouse", event.name)


HEAD = {"environment": {"TERM": "xterm", "TERM_PROGRAM": "foot"}, "tty": None}


def record_of(event: Event) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(Report(0.0).tell(event))
    return record


class TestVectors:
    """From a report to a test vector, and the vectors' own tests pass."""

    def test_a_round_trip_by_a_pipe(self, io: str, tmp_path: Path) -> None:
        path = tmp_path / "report"
        run("--io", io, "--report", str(path), data=DATA)
        made = vectors(lines_of(path), "mixed", 1)
        assert [each["id"] for each in made][:2] == ["mixed-001", "mixed-002"]
        assert len({each["hex"] for each in made}) == len(made) > 20
        assert_vectors_hold(made)

    def test_a_round_trip_by_a_tty_byte_by_byte(
        self, io: str, pty: Pty, tmp_path: Path
    ) -> None:
        path = tmp_path / "report"
        data = DATA.replace(b"\x1b[1;2\x18", b"").replace(b"\xe2\x82", b"")
        with session(pty, "--plain", "--io", io, "--report", str(path)) as user:
            pty.wait_for(b"\x1b[?1004h")
            for byte in data + b"q":
                pty.type(bytes([byte]))
            assert user.wait() == 0
        assert_vectors_hold(vectors(lines_of(path), "mixed", 1))

    def test_every_vector_comes_back(self) -> None:
        for each in test_vectors.VECTORS:
            if not set(each.options) <= {"erase", "term"}:
                continue  # no terminal of ours has these
            tty = {"erase": each.options.get("erase", 0x7F)}
            environment = {"TERM": each.options.get("term", "xterm")}
            head = {"environment": environment, "tty": tty}
            reader = Input(Decoder(**each.options), 0.1, Pointer(Regions()))
            events = [*reader.feed(each.data, 0.0), *reader.flush(1.0)]
            assert_vectors_hold(
                [
                    vector(head, record_of(event), "mixed-001")
                    for event in events
                    if not isinstance(event, Click)
                ]
            )

    def test_the_fields_are_those_of_the_vectors(self) -> None:
        (event,) = Decoder().feed(b"\x1b[97;5u")
        made = vector(HEAD, record_of(event), "kitty-200")
        assert made == {
            "id": "kitty-200",
            "group": "kitty",
            "hex": "1b5b39373b3575",
            "events": [
                {"type": "key", "key": "a", "mods": ["ctrl"], "text": None}
                | {"action": "press"}
            ],
            "why": "reported of xterm, foot: key ctrl+a",
        }

    def test_what_bytes_alone_do_not_make_has_none(self) -> None:
        for event in (Click(0, 0, "left", raw=b"\x1b[<0;1;1m"), Key("a")):
            with pytest.raises(ValueError, match="has no bytes"):
                vector(HEAD, record_of(event), "mixed-001")

    def test_the_script(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "report"
        run("--report", str(path), data=b"a\x1b[97;5u\x1b[97;6u")
        from_report([str(path), "kitty", "6", "7"])
        printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [each["events"][0]["key"] for each in printed] == ["a", "a"]
        ids = [each["id"] for each in printed]
        assert not {each.id for each in test_vectors.VECTORS} & set(ids)
        assert_vectors_hold(printed)
        with pytest.raises(SystemExit, match="2"):
            from_report([str(path)])

    @pytest.mark.parametrize("line", ["3", "99"])
    def test_a_line_that_makes_none_is_told(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
    ) -> None:
        path = tmp_path / "report"
        run("--report", str(path))
        with pytest.raises(SystemExit, match="2"):
            from_report([str(path), "kitty", line])
        assert f"line {line}" in capsys.readouterr().err
