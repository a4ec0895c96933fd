"""The public names: which there are, and where each lives."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

import evdispatch
import evdispatch.terminal
import evdispatch.testing
from evdispatch import Event, _exports

DOCS = Path(__file__).parents[2] / "docs"

# What the terminal makes is used like any other event, so it is found with the others.
ALSO_OF_TERMINAL = [
    "Answer",
    "Click",
    "Drag",
    "Enter",
    "Focus",
    "Key",
    "Leave",
    "Mouse",
    "Move",
    "Paste",
    "Press",
    "Region",
    "Release",
    "Reply",
    "Resize",
    "Resume",
    "Scroll",
    "Suspend",
    "Unknown",
]

FACES = (evdispatch, evdispatch.terminal, evdispatch.testing)


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
def test_a_face_shows_what_it_says_and_no_more(face: types.ModuleType) -> None:
    for name in face.__all__:
        assert hasattr(face, name), name
    if face is evdispatch.testing:
        return  # it is a module, which has imports of its own
    shown = {
        name
        for name, value in vars(face).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert shown == set(face.__all__)


def test_a_name_is_loaded_when_it_is_asked_for() -> None:
    program = """
import sys
import evdispatch
assert not {"attrs", "pyinotify", "evdispatch._dispatcher"} & sys.modules.keys()
assert evdispatch.READ and "Terminal" in dir(evdispatch)
from evdispatch import Dispatcher
assert not {"pyinotify", "evdispatch.terminal", "ssl", "asyncio"} & sys.modules.keys()
app = Dispatcher()
before = set(sys.modules)
app.on("tick", count=3)(print)
app.on("line", data=b"x")(print)
assert set(sys.modules) - before == {"evdispatch.sources._timer"}
for name in ("modified", "click", "datagram", "tick", "readable", "line"):
    app.on(name)(print)
assert evdispatch.terminal.Decoder
app.close()
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_what_is_no_public_name_is_none() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = evdispatch.nothing  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="nothing"):
        exec("from evdispatch import nothing")


def test_each_name_has_the_home_that_type_checkers_see() -> None:
    tree = ast.parse(Path(evdispatch.__file__).read_text())
    seen = {
        alias.name: statement.module.removeprefix("evdispatch.")
        for branch in tree.body
        if isinstance(branch, ast.If)
        for statement in branch.body
        if isinstance(statement, ast.ImportFrom) and statement.module
        for alias in statement.names
    }
    assert seen == _exports._HOME_OF
    assert set(seen) == set(evdispatch.__all__)


def test_each_event_of_ours_is_found_by_its_name() -> None:
    for name in evdispatch.__all__:
        value = getattr(evdispatch, name)
        if isinstance(value, type) and issubclass(value, Event):
            assert _exports._CLASSES[value.name] == name


def test_a_star_import_gives_the_public_names() -> None:
    namespace: dict[str, object] = {}
    exec("from evdispatch import *", namespace)
    assert set(namespace) - {"__builtins__"} == set(evdispatch.__all__)


def test_no_name_has_two_homes_but_for_the_terminals_events() -> None:
    top, terminal, testing = (set(face.__all__) for face in FACES)
    assert top & terminal == set(ALSO_OF_TERMINAL)
    assert testing & (top | terminal) == set()
    for name in ALSO_OF_TERMINAL:
        assert getattr(evdispatch, name) is getattr(evdispatch.terminal, name)


def test_the_package_says_its_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", evdispatch.__version__)


def test_modules_are_private_but_for_the_faces() -> None:
    names = {
        module.name.removeprefix("evdispatch.")
        for module in pkgutil.walk_packages(evdispatch.__path__, "evdispatch.")
    }
    assert {name for name in names if not name.split(".")[-1].startswith("_")} == {
        *("cli", "debug", "sources", "terminal", "testing"),
        *(
            "sources.stream",
            "sources.net",
            "sources.files",
            "sources.tty",
            "terminal.explain",
        ),
    }


def test_sources_is_no_third_home() -> None:
    sources = importlib.import_module("evdispatch.sources")
    assert not hasattr(sources, "__all__")
    folders = {"stream", "net", "files", "tty"}
    assert {name for name in vars(sources) if not name.startswith("_")} <= folders
