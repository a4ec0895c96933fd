"""Imports go down only: the rooms of the package stand on floors, and no room imports upwards.

A room is a folder or a file at the top of the package. Its floor is one above the highest room
that it imports. docs/design.md lists them.
"""

import ast
import functools
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "evdispatch"

# What does no IO has no use for these.
IO_MODULES = {
    *("asyncio", "ctypes", "fcntl", "io", "mmap", "multiprocessing", "os", "pathlib"),
    *("pty", "select", "selectors", "shutil", "signal", "socket", "subprocess", "sys"),
    *("tempfile", "termios", "threading", "time", "tty"),
}


def module_name(path: Path) -> str:
    """Return the name below the package: ``_events``, ``_io._side``, ``_io``."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    if parts[-1] == "__init__" and len(parts) > 1:
        parts = parts[:-1]
    return ".".join(parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(path: Path) -> set[str]:
    """Return all that a file imports, within functions and TYPE_CHECKING too."""
    return imports_of(path.read_text())


def imports_of(code: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            base = node.module or ""
            # ``from package import x`` imports a module, if x is one.
            names |= {
                full if within(full := f"{base}.{alias.name}") in MODULES else base
                for alias in node.names
            }
    return names


def within(name: str) -> str | None:
    """Return a module's name below the package, or None if it is none of ours."""
    top, _, rest = name.partition(".")
    return (rest or "__init__") if top == "evdispatch" else None


def own_imports(path: Path) -> set[str]:
    return {own for name in imported(path) if (own := within(name)) is not None}


def room_of(module: str) -> str:
    return module.partition(".")[0]


@functools.cache
def floor_of(room: str) -> int:
    """Return a room's floor; a circle of imports has none, and so recurses for ever."""
    modules = [name for name in MODULES if room_of(name) == room]
    below = {room_of(own) for name in modules for own in own_imports(MODULES[name])}
    return 1 + max((floor_of(each) for each in below - {room}), default=0)


ROOMS = sorted({room_of(name) for name in MODULES})


def test_rooms_import_each_other_in_no_circle() -> None:
    for room in ROOMS:
        floor_of(room)


@functools.cache
def height_of(module: str) -> int:
    """Return how many modules stand below one, itself included; a circle recurses for ever."""
    below = own_imports(MODULES[module]) & MODULES.keys() - {module}
    return 1 + max((height_of(each) for each in below), default=0)


def test_modules_import_each_other_in_no_circle() -> None:
    for module in MODULES:
        height_of(module)


def test_package_has_few_folders_that_say_what_belongs_in_them() -> None:
    folders = [path for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE]
    assert len(folders) <= 12
    for path in folders:
        assert ast.get_docstring(ast.parse(path.read_text())), path


def test_an_upward_import_would_be_seen_wherever_it_is() -> None:
    code = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from evdispatch._dispatcher import Dispatcher
def late():
    import evdispatch.testing
    from evdispatch._io import _modes
    from evdispatch.sources import _fd
    from evdispatch import Event
"""
    ours = {within(name) for name in imports_of(code)} - {None}
    assert ours == {"_dispatcher", "testing", "_io._modes", "sources._fd", "__init__"}


def test_the_design_page_lists_the_floors_that_the_imports_have() -> None:
    listed: dict[int, set[str]] = {}
    page = (ROOT / "docs/design.md").read_text()
    for floor, rooms in re.findall(r"^\| (\d+) \| ([^|]+) \|", page, re.MULTILINE):
        listed[int(floor)] = set(re.findall(r"`(\w+)/?`", rooms))
    found: dict[int, set[str]] = {}
    for room in ROOMS:
        found.setdefault(floor_of(room), set()).add(room)
    assert listed == found


def importers(name: str) -> set[str]:
    return {
        module
        for module, path in MODULES.items()
        if any(
            found == name or found.startswith(f"{name}.") for found in imported(path)
        )
    }


def test_only_the_pollers_import_select() -> None:
    # The other one is a program of its own, which imports nothing of ours.
    assert importers("select") == {
        "_core._poller",
        "_core._select_poller",
        "sources.tty._guard_process",
    }
    assert importers("selectors") == set()


def test_one_file_imports_pyinotify() -> None:
    assert importers("pyinotify") == {"sources.files._inotify"}


def test_the_engine_imports_no_kind_of_source_but_the_base() -> None:
    """So a user's own source is the equal of ours."""
    base = {f"sources.{name}" for name in ("_base", "_registration", "_host")}
    for name, path in MODULES.items():
        if room_of(name) not in ("sources", "__init__", "cli"):
            kinds = {own for own in own_imports(path) if own.startswith("sources")}
            assert kinds <= base, name


TERMINAL = [name for name in MODULES if name.split(".")[0] == "terminal"]


@pytest.mark.parametrize("name", TERMINAL)
def test_the_terminal_package_does_no_io_and_reads_no_clock(name: str) -> None:
    assert {found.split(".")[0] for found in imported(MODULES[name])} & IO_MODULES == (
        set()
    )
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"open", "print", "input", "__import__", "exec"}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_the_standard_library_and_attrs_alone(name: str) -> None:
    allowed = {*sys.stdlib_module_names, "attrs", "pyinotify", "evdispatch"}
    assert {found.split(".")[0] for found in imported(MODULES[name])} <= allowed


def test_nothing_reads_the_clock_but_the_clock() -> None:
    readers = importers("time")
    assert readers <= {"_core._clock"} | {
        name for name in readers if name.startswith("cli")
    }
