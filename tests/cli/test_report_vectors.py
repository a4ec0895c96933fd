"""From a report to a test vector: the notation is the same, and the vectors' tests pass."""

import json
from pathlib import Path
from typing import Any

import pytest
from cli.commands import DATA, lines_of, run
from cli.pictures import EVENTS
from cli.sessions import session
from helpers.terminals import Pty
from terminal import test_vectors
from terminal.describe import as_vector
from terminal.from_report import main as from_report
from terminal.from_report import vector, vectors

from evdispatch import Click, Event, Key
from evdispatch.cli._report import record, report_line
from evdispatch.terminal import Decoder, Pointer, Regions
from evdispatch.terminal._input import Input


def assert_vectors_hold(made: list[dict[str, Any]]) -> None:
    for each in made:
        tested = test_vectors._vector(json.loads(json.dumps(each)))
        test_vectors.test_vector_whole_and_byte_by_byte_makes_its_events(tested)
        test_vectors.test_vector_split_in_two_makes_its_events(tested)
        test_vectors.test_vector_with_trailing_bytes_makes_its_events_and_theirs(tested)


class TestRecords:
    """Events as values."""

    @test_vectors.each_vector
    def test_record_of_a_vector_has_its_notation(
        self, vector: test_vectors.Vector
    ) -> None:
        decoder = Decoder(**vector.options)
        for event in [*decoder.feed(vector.data), *decoder.flush()]:
            made = json.loads(json.dumps(record(event)))
            if "mods" in made:
                made["mods"] = frozenset(made["mods"])
            assert made == as_vector(event)

    @pytest.mark.parametrize(("event", "_"), EVENTS, ids=[e for _, e in EVENTS])
    def test_every_event_has_a_record(self, event: Event, _: str) -> None:
        made = json.loads(report_line(event))
        assert made["events"][0]["type"] in ("mouse", event.name)


HEAD = {"environment": {"TERM": "xterm", "TERM_PROGRAM": "foot"}, "tty": None}


def line_of(event: Event) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(report_line(event))
    return made


class TestVectors:
    """From a report to a test vector, and the vectors' own tests pass."""

    def test_report_of_a_pipe_makes_vectors_that_hold(
        self, io: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "report"
        run("--io", io, "--report", str(path), data=DATA)
        made = vectors(lines_of(path), "mixed", 1)
        assert [each["id"] for each in made][:2] == ["mixed-001", "mixed-002"]
        assert len({each["hex"] for each in made}) == len(made) > 20
        assert_vectors_hold(made)

    def test_report_of_a_tty_byte_by_byte_makes_vectors_that_hold(
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

    def test_report_of_every_vector_makes_vectors_that_hold(self) -> None:
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
                    vector(head, line_of(event), "mixed-001")
                    for event in events
                    if not isinstance(event, Click)
                ]
            )

    def test_made_vector_has_the_fields_of_a_vector(self) -> None:
        (event,) = Decoder().feed(b"\x1b[97;5u")
        made = vector(HEAD, line_of(event), "kitty-200")
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

    def test_event_without_bytes_of_its_own_makes_no_vector(self) -> None:
        for event in (Click(0, 0, "left", raw=b"\x1b[<0;1;1m"), Key("a")):
            with pytest.raises(ValueError, match="has no bytes"):
                vector(HEAD, line_of(event), "mixed-001")

    def test_script_prints_vectors_with_new_ids(
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
    def test_script_with_a_line_without_event_exits_with_2(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
    ) -> None:
        path = tmp_path / "report"
        run("--report", str(path))
        with pytest.raises(SystemExit, match="2"):
            from_report([str(path), "kitty", line])
        assert f"line {line}" in capsys.readouterr().err
