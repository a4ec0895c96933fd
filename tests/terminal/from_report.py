"""Make test vectors of a report that `evdispatch keys --report FILE` wrote.

::

    python tests/terminal/from_report.py FILE GROUP [LINE ...] >> tests/terminal/vectors.jsonl

GROUP is the group of `vectors.jsonl` that they belong to, LINE the number of a line of
FILE; default: all lines that make one. Their events are what the decoder made of the
bytes where the report was written. If that is the bug, correct them.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from evdispatch.terminal import Decoder

VECTORS = Path(__file__).with_name("vectors.jsonl")
_DEL, _BACKSPACE = 0x7F, 0x08
_SGR = "1b5b3c"


def read(lines: Iterable[str]) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    """Return the head of a report, and its events by line number.

    A last line that was cut off, as on a full disk, is ignored.
    """
    head: dict[str, Any] = {}
    records = {}
    for number, text in enumerate(lines, 1):
        if text.startswith("#") or not text.endswith("}\n"):
            continue
        value = json.loads(text)
        if "events" in value:
            records[number] = value
        else:
            head = value
    return head, records


def vector(head: dict[str, Any], record: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the test vector of one event of a report.

    Raises:
        ValueError: Its bytes alone do not make it: a click, an answer, a piece of a paste.
    """
    data = bytes.fromhex(record["hex"])
    events = [_as_decoded(event, record["hex"]) for event in record["events"]]
    kind = events[0]["type"]
    piece = kind == "paste" and not data.startswith(b"\x1b[200~")
    if not data or piece or kind == "answer":
        raise ValueError(f"{record['line']!r} has no bytes that make it by themselves")
    options = _options(head)
    decoder = Decoder(**options)
    decoder.feed(data)
    made = {
        "id": name,
        "group": name.rpartition("-")[0],
        "hex": record["hex"],
        "events": events,
        "why": _why(head, record),
    }
    if options:
        made["options"] = options
    if decoder.pending is not None:
        made["final_flush"] = True
    return made


def _as_decoded(event: dict[str, Any], raw: str) -> dict[str, Any]:
    # Only SGR reports name the button of a release: for others the click tracker finds it.
    if event.get("action") == "release" and event["type"] == "mouse":
        return event if raw.startswith(_SGR) else {**event, "button": "none"}
    return event


def _options(head: dict[str, Any]) -> dict[str, Any]:
    """Return the decoder's options that differ from the defaults."""
    tty = head.get("tty")
    if tty is None:  # a pipe
        return {}
    options: dict[str, Any] = {}
    if tty["erase"] == _BACKSPACE:
        options["erase"] = _BACKSPACE
    if head["environment"].get("TERM") == "linux":
        options["term"] = "linux"
    return options


def _why(head: dict[str, Any], record: dict[str, Any]) -> str:
    environment = head.get("environment", {})
    names = [environment.get(name) for name in ("TERM", "TERM_PROGRAM")]
    terminal = ", ".join(filter(None, names)) or "no TERM"
    return f"reported of {terminal}: {record['line']}"


def vectors(
    lines: Iterable[str], group: str, first: int, wanted: Iterable[int] = ()
) -> list[dict[str, Any]]:
    """Return the vectors of a report, each sequence once.

    Args:
        lines: The report.
        group: The group they belong to.
        first: The number of the first one within the group.
        wanted: Numbers of lines; default: all that make a vector.

    Raises:
        ValueError: A line that is wanted makes no vector.
    """
    head, records = read(lines)
    chosen = set(wanted)
    missing = chosen - set(records)
    if missing:
        raise ValueError(f"line {min(missing)} has no event")
    found: dict[str, dict[str, Any]] = {}
    for number, record in records.items():
        if chosen and number not in chosen:
            continue
        try:
            made = vector(head, record, f"{group}-{first + len(found):03}")
        except ValueError:
            if chosen:
                raise
            continue
        found.setdefault(record["hex"], made)
    return list(found.values())


def _next_number(group: str) -> int:
    ids = [json.loads(line)["id"] for line in VECTORS.read_text("utf-8").splitlines()]
    numbers = [int(i.rpartition("-")[2]) for i in ids if i.rpartition("-")[0] == group]
    return max(numbers, default=0) + 1


def main(argv: list[str] | None = None) -> None:
    """Print the vectors."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("group", metavar="GROUP")
    parser.add_argument("lines", type=int, nargs="*", metavar="LINE")
    options = parser.parse_args(argv)
    report = options.file.read_text("utf-8").splitlines(keepends=True)
    first = _next_number(options.group)
    try:
        found = vectors(report, options.group, first, options.lines)
    except ValueError as error:
        parser.error(str(error))
    for made in found:
        sys.stdout.write(json.dumps(made, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
