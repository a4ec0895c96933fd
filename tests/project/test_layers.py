"""The layers of the package: imports go down only.

A room is a folder or a file at the top of the package. Its floor is one above the highest room
that it imports. docs/design.md lists the floors.
"""

import ast
import functools
import re
import sys
from pathlib import Path

import pytest
from helpers.package import ROOT

PACKAGE = ROOT / "evdispatch"

# Modules that code without IO does not need.
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
    """Return the imports of a file, including those within functions and TYPE_CHECKING."""
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
    """Return a module's name below the package, or None for any other module."""
    top, _, rest = name.partition(".")
    return (rest or "__init__") if top == "evdispatch" else None


def own_imports(path: Path) -> set[str]:
    return {own for name in imported(path) if (own := within(name)) is not None}


def room_of(module: str) -> str:
    return module.partition(".")[0]


@functools.cache
def floor_of(room: str) -> int:
    """Return a room's floor; a cycle of imports raises RecursionError."""
    modules = [name for name in MODULES if room_of(name) == room]
    below = {room_of(own) for name in modules for own in own_imports(MODULES[name])}
    return 1 + max((floor_of(each) for each in below - {room}), default=0)


ROOMS = sorted({room_of(name) for name in MODULES})


def test_rooms_have_no_import_cycle() -> None:
    for room in ROOMS:
        floor_of(room)


@functools.cache
def height_of(module: str) -> int:
    """Return the length of the longest chain of imports; a cycle raises RecursionError."""
    below = own_imports(MODULES[module]) & MODULES.keys() - {module}
    return 1 + max((height_of(each) for each in below), default=0)


def test_modules_have_no_import_cycle() -> None:
    for module in MODULES:
        height_of(module)


def test_package_has_few_folders_that_say_what_belongs_in_them() -> None:
    folders = [path for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE]
    assert len(folders) <= 12
    for path in folders:
        assert ast.get_docstring(ast.parse(path.read_text())), path


def test_imports_within_functions_and_type_checking_are_found() -> None:
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


def test_design_page_lists_the_floors_of_the_imports() -> None:
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


def test_select_is_imported_by_the_pollers_only() -> None:
    # The guard process is a separate program, which imports nothing of the package.
    assert importers("select") == {
        "_core._poller",
        "_core._select_poller",
        "sources.tty._guard_process",
    }
    assert importers("selectors") == set()


def test_pyinotify_is_imported_by_one_module() -> None:
    assert importers("pyinotify") == {"sources.files._inotify"}


def test_engine_imports_no_source_but_the_base() -> None:
    """A user's own source can do the same as those of the package."""
    base = {f"sources.{name}" for name in ("_base", "_registration", "_host")}
    for name, path in MODULES.items():
        if room_of(name) not in ("sources", "__init__", "cli"):
            kinds = {own for own in own_imports(path) if own.startswith("sources")}
            assert kinds <= base, name


TERMINAL = [name for name in MODULES if name.split(".")[0] == "terminal"]


@pytest.mark.parametrize("name", TERMINAL)
def test_terminal_package_does_no_io_and_reads_no_clock(name: str) -> None:
    assert {found.split(".")[0] for found in imported(MODULES[name])} & IO_MODULES == (
        set()
    )
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"open", "print", "input", "__import__", "exec"}


@pytest.mark.parametrize("name", MODULES)
def test_module_imports_only_the_standard_library_and_dependencies(name: str) -> None:
    allowed = {*sys.stdlib_module_names, "attrs", "pyinotify", "evdispatch"}
    assert {found.split(".")[0] for found in imported(MODULES[name])} <= allowed


def test_time_is_imported_by_the_clock_and_the_command_only() -> None:
    readers = importers("time")
    assert readers <= {"_core._clock"} | {
        name for name in readers if name.startswith("cli")
    }
