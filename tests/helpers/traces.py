"""Traces: a look at what was written."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

Records = list[dict[str, Any]]


def load(path: Path) -> Records:
    records: Records = json.loads(path.read_text())
    return records


def of(records: Records, kind: str) -> Records:
    return [each for each in records if each.get("cat") == kind]


def span_names(records: Records) -> list[str]:
    return [each["name"].rpartition(".")[2] for each in records]


def check(records: Records) -> None:
    """See whether waits are complete, and spans nest within each thread."""
    waits = Counter((each["id"], each["ph"]) for each in of(records, "queue"))
    for number, _ in waits:
        assert waits[number, "b"] == waits[number, "e"] == 1
    threads: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for each in records:
        if each["ph"] == "X":
            began = round(each["ts"] * 1000)
            threads[each["tid"]].append((began, began + round(each["dur"] * 1000)))
            assert each["dur"] >= 0
    for spans in threads.values():
        stack: list[int] = []
        for began, ended in sorted(spans, key=lambda span: (span[0], -span[1])):
            while stack and stack[-1] <= began:
                stack.pop()
            assert not stack or ended <= stack[-1]
            stack.append(ended)
    named = {each["tid"] for each in records if each["name"] == "thread_name"}
    assert set(threads) <= named
    assert len({each["pid"] for each in records}) == 1
