"""The package as a whole: its public face, and imports that go down only."""

import ast
from pathlib import Path

from evdispatch import terminal

FLOORS = [
    {"_keys", "_grammar", "_modes"},
    {"_bindings"},
    {"_events"},
    {"_keyboard", "_reports", "_paste", "_clicks", "_queries", "_regions"},
    {"_decoder", "_negotiation", "explain._explanation"},
    {"_input", "explain._keys", "explain._reports"},
    {"explain.__init__"},
    {"__init__"},
]
OUTSIDE = {"evdispatch._events", "evdispatch._errors"}
LIBRARIES = {
    *("attrs", "collections", "difflib", "functools", "re", "types", "typing"),
    "weakref",
}
PACKAGE = "evdispatch.terminal"


def imports(path: Path) -> set[str]:
    """The modules that a file imports, by their full names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, path
            if node.module == PACKAGE:  # from the package come modules
                found |= {f"{PACKAGE}.{alias.name}" for alias in node.names}
            else:
                found.add(str(node.module))
    return found


ROOT = Path(terminal.__path__[0])
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in ROOT.rglob("*.py")
}


def test_modules_import_only_lower_floors() -> None:
    assert set(FILES) == set().union(*FLOORS)
    below: set[str] = set()
    for floor in FLOORS:
        for name in floor:
            inside = {each for each in imports(FILES[name]) if each.startswith(PACKAGE)}
            assert inside <= {f"{PACKAGE}.{module}" for module in below}, name
        below |= floor


def test_modules_import_neither_io_nor_clock() -> None:
    for path in FILES.values():
        for module in imports(path):
            top = module.partition(".")[0]
            if top == "evdispatch":
                assert module in OUTSIDE or module.startswith(PACKAGE), path
            else:
                assert top in LIBRARIES, path


def test_public_names_are_these() -> None:
    assert all(hasattr(terminal, name) for name in terminal.__all__)
    assert terminal.__all__ == [
        "BEGIN_SYNCHRONIZED",
        "END_SYNCHRONIZED",
        "Answer",
        "Binding",
        "Click",
        "ClickTracker",
        "Decoder",
        "Drag",
        "Enter",
        "Focus",
        "Key",
        "Leave",
        "Modes",
        "Mouse",
        "Move",
        "Paste",
        "Pointer",
        "Press",
        "Region",
        "Regions",
        "Release",
        "Reply",
        "Resize",
        "Resume",
        "Scroll",
        "Suspend",
        "Unknown",
        "is_key_name",
        "parse_binding",
    ]
