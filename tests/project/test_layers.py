"""Imports go down only: each module stands above all that it imports."""

import ast
import re
import sys
from itertools import groupby
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "evdispatch"

# From the ground up, and within a floor from left to right: a module may import what
# stands before it, and nothing else. The floors are those of docs/design.md.
FLOORS = {
    1: """
        _exports _errors _events _checks _stats
        _time _time._clock _time._deadlines _time._agenda _time._schedule _time._rates
    """,
    2: """
        _routing _routing._handlers _routing._filters _routing._routes
        _routing._pacing _routing._probes _routing._registry
        terminal._grammar terminal._modes terminal._keys terminal._bindings
        terminal._events terminal._regions terminal._clicks terminal._queries
        terminal._negotiation terminal._paste terminal._keyboard terminal._reports
        terminal._decoder terminal terminal._input terminal.explain._explanation
        terminal.explain._keys terminal.explain._reports terminal.explain
        _files._events _files._globs _files._saves _files._paths
        _files._debounce _files
        _kernel _kernel._poller _kernel._select_poller _kernel._wakeup _kernel._inotify
    """,
    3: """
        _queueing _queueing._policies _queueing._slots _queueing._queue
        sources sources._host sources._flow sources._base sources._files
        sources._sockets sources._sockets._addresses sources._sockets._bind
        sources._sockets._activation sources._sockets._resolve sources._sockets._race
        sources._sockets._opening sources._sockets._icmp
        sources._streams sources._streams._framing sources._streams._writing
        sources._streams._tls sources._streams._options sources._streams._output
        sources._streams._ending sources._streams._stream
        sources._timer sources._fd sources._pipe
        sources._connection sources._listener sources._datagram
        sources._tty sources._tty._channel sources._tty._guard_process
        sources._tty._guard sources._tty._signals sources._tty._tty
        sources._tty._source sources._tty._dialogue sources._terminal
        sources._tree sources._tree._observer sources._tree._hub sources._tree._model
        sources._tree._listing sources._tree._renames sources._tree._changes
        sources._tree._trail sources._tree._tracker sources._watch
    """,
    4: """
        _io _io._threads _io._sampler _io._pollers _io._watching _io._registrations _io._holding
        _io._intake _io._side _io._driver _io._io_thread _io._lookout _io._standby
    """,
    5: """
        _dispatch _dispatch._callbacks _dispatch._side _dispatch._meter
        _dispatch._interrupts
        _reports _reports._explain _reports._alive _reports._trace_file _reports._trace
    """,
    6: """
        _parts _parts._lifetime _parts._loop _parts._embedding _parts._hearing
        _parts._observing _parts._posting
    """,
    7: "_dispatcher",
    8: """
        __init__ testing
        cli._text cli._lines cli._exit cli._report cli._state cli._screen cli._view
        cli._keys cli._watch cli __main__
    """,
}
ORDER = [name for floor in FLOORS.values() for name in floor.split()]
FLOOR_OF = {name: floor for floor, names in FLOORS.items() for name in names.split()}

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


def test_every_module_has_its_place_and_every_place_its_module() -> None:
    assert sorted(ORDER) == sorted(MODULES)


def test_a_package_stands_in_one_piece() -> None:
    """So packages don't import each other in a circle either."""
    tops = [top for top, _ in groupby(name.partition(".")[0] for name in ORDER)]
    assert len(tops) == len(set(tops))


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_what_stands_below_it(name: str) -> None:
    below = set(ORDER[: ORDER.index(name)])
    upward = own_imports(MODULES[name]) - below
    assert not upward, f"{name} imports upwards: {sorted(upward)}"


def test_an_upward_import_would_be_seen_wherever_it_is() -> None:
    code = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from evdispatch._dispatcher import Dispatcher
def late():
    import evdispatch.testing
    from evdispatch._parts import _loop
    from evdispatch.sources import _fd
    from evdispatch import Event
"""
    ours = {within(name) for name in imports_of(code)} - {None}
    assert ours == {"_dispatcher", "testing", "_parts._loop", "sources._fd", "__init__"}


def test_the_design_page_tells_the_same_floors() -> None:
    told: dict[int, set[str]] = {}
    page = (ROOT / "docs/design.md").read_text()
    for floor, files in re.findall(r"^\| (\d) \| ([^|]+) \|", page, re.MULTILINE):
        told[int(floor)] = set(re.findall(r"`(\w+)/?`", files))
    assert told == {
        floor: {name.partition(".")[0] for name in names.split() if name != "__main__"}
        for floor, names in FLOORS.items()
    }


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
        "_kernel._poller",
        "_kernel._select_poller",
        "sources._tty._guard_process",
    }
    assert importers("selectors") == set()


def test_one_file_imports_pyinotify() -> None:
    assert importers("pyinotify") == {"_kernel._inotify"}


def test_the_core_knows_no_kind_of_source_but_the_base() -> None:
    """So a user's own source is the equal of ours."""
    for name, path in MODULES.items():
        if FLOOR_OF[name] in (1, 2, 4, 5, 6, 7) or name == "testing":
            kinds = {own for own in own_imports(path) if "sources" in own}
            assert kinds <= {"sources._base"}, name


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
    assert readers <= {"_time._clock"} | {
        name for name in readers if name.startswith("cli")
    }
