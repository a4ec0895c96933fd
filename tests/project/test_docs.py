"""The documentation: its code runs, and its tables are complete."""

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys

import attrs
import pytest
from helpers.package import ROOT
from helpers.waiting import PATIENCE

import evdispatch
from evdispatch import Event
from evdispatch._events import event_classes
from evdispatch.terminal._keys import KEY_NAMES

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def blocks() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for match in re.finditer(
            r"^```python\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL
        ):
            line = page.read_text()[: match.start()].count("\n") + 1
            found.append((f"{page.relative_to(ROOT)}:{line}", match[1]))
    return found


def test_docs_have_code_blocks() -> None:
    assert len(blocks()) > 4


@pytest.mark.demo
@pytest.mark.parametrize(
    ("place", "code"), blocks(), ids=[place for place, _ in blocks()]
)
def test_docs_code_block_runs(place: str, code: str) -> None:
    """Each block is a program; its input is a `q`."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code],
        input=b"q",
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b""), place


MODULES = [
    module.name
    for module in pkgutil.walk_packages(evdispatch.__path__, "evdispatch.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", ["evdispatch", *MODULES])
def test_docstring_examples_of_a_module_run(name: str) -> None:
    module = importlib.import_module(name)
    extra = {"on": evdispatch.on}
    assert doctest.testmod(module, extraglobs=extra).failed == 0


def rows() -> list[list[str]]:
    table = (ROOT / "docs/reference/events.md").read_text().split("\n\n")[2]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()[2:]
    ]


def test_event_table_lists_every_public_event() -> None:
    ours = [cls for cls in event_classes() if cls.__module__.startswith("evdispatch.")]
    public = {cls for cls in ours if cls.__name__ in evdispatch.__all__}
    listed = {cls.strip("`") for _, cls, *_ in rows()}
    assert listed == {cls.__name__ for cls in public - {Event}}


@pytest.mark.parametrize("row", rows(), ids=lambda row: str(row[1]))
def test_event_table_row_lists_the_fields(row: list[str]) -> None:
    cls = getattr(evdispatch, row[1].strip("`"))
    assert row[0].split()[0].strip("`") == cls.name
    if base := re.fullmatch(r"as `(\w+)`", row[3]):
        assert base[1] in cls.names
        return
    fields = [field.name for field in attrs.fields(cls)]
    properties = [
        name for name, value in vars(cls).items() if isinstance(value, property)
    ]
    expected = [
        name for name in [*fields, *properties] if name not in ("source", "time")
    ]
    if cls is not evdispatch.Tick and "function" in expected:
        expected.remove("function")
    assert re.findall(r"`(\w+)`", row[3]) == expected


def test_key_table_lists_every_key() -> None:
    """The table is made from the tables of the decoder when the docs are built."""
    made = {"__name__": "key_names"}
    exec((ROOT / "docs/key_names.py").read_text("utf-8"), made)
    table = made["key_table"]()  # type: ignore[operator]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))
    assert set(rows) == KEY_NAMES
    assert rows["escape"] == "`esc` | `1b` | `CSI 27 u`"
    assert rows["page_up"] == "`pgup` `pageup` | `CSI 5 ~` | `CSI 57354 u`"
    assert rows["f1"] == " | `CSI 11 ~`, `CSI P`, `SS3 P` | `CSI 57364 u`"
    page = (ROOT / "docs/reference/keys.md").read_text("utf-8")
    assert "_build/key-names.md" in page
