"""The public names, and the modules that define them."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest
from helpers.package import PUBLIC_MODULES

import evdispatch
import evdispatch.terminal
import evdispatch.testing
from evdispatch import Event, _exports

# The events of a terminal are used like all others, so the top module has them as well.
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


@pytest.mark.parametrize("module", PUBLIC_MODULES, ids=lambda module: module.__name__)
def test_public_module_has_exactly_the_names_of_all(module: types.ModuleType) -> None:
    for name in module.__all__:
        assert hasattr(module, name), name
    if module is evdispatch.testing:
        return  # a single module, which has imports of its own
    shown = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert shown == set(module.__all__)


def test_public_name_is_imported_at_its_first_use() -> None:
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


def test_unknown_name_raises() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = evdispatch.nothing  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="nothing"):
        exec("from evdispatch import nothing")


def test_exports_are_those_that_type_checkers_see() -> None:
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


def test_exports_find_each_event_by_its_name() -> None:
    for name in evdispatch.__all__:
        value = getattr(evdispatch, name)
        if isinstance(value, type) and issubclass(value, Event):
            assert _exports._CLASSES[value.name] == name


def test_star_import_gives_the_public_names() -> None:
    namespace: dict[str, object] = {}
    exec("from evdispatch import *", namespace)
    assert set(namespace) - {"__builtins__"} == set(evdispatch.__all__)


def test_public_modules_share_only_the_terminal_events() -> None:
    top, terminal, testing = (set(module.__all__) for module in PUBLIC_MODULES)
    assert top & terminal == set(ALSO_OF_TERMINAL)
    assert testing & (top | terminal) == set()
    for name in ALSO_OF_TERMINAL:
        assert getattr(evdispatch, name) is getattr(evdispatch.terminal, name)


def test_version_is_three_numbers() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", evdispatch.__version__)


def test_modules_not_private_are_the_documented_ones() -> None:
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


def test_sources_package_exports_no_names() -> None:
    sources = importlib.import_module("evdispatch.sources")
    assert not hasattr(sources, "__all__")
    folders = {"stream", "net", "files", "tty"}
    assert {name for name in vars(sources) if not name.startswith("_")} <= folders
