"""The parts of the documentation's page: the JSON of all figures, tables, and plots.

A run of some families leaves the others' figures as they are: no table compares two.
"""

import json
from pathlib import Path
from typing import Any, Final

import attrs
import matplotlib as mpl
from bench.performance import dispatch, echo, firehose, imports, memory, posts, timers
from bench.performance.claims import claims_table
from bench.performance.tables import median, number, tables
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Read on a light page and on a dark one: these have contrast enough against both.
_INK, _OURS, _THEIRS = "#808080", "#d9730d", "#4a86c5"
_WIDE: Final = 30.0  # times; beyond, ten times is always as long


@attrs.frozen
class Panel:
    """A measure of a case, to be drawn."""

    title: str
    family: str
    case: str
    measure: str

    def values(self, measured: dict[str, Any]) -> dict[str, float]:
        """Return the medians by contestant, the least last."""
        cases = measured.get(self.family, {}).get("cases", {})
        named = [cases[name] for name in cases if name.endswith(self.case)]
        column = named[0].get(self.measure, {}) if named else {}
        found = {name: median(values) for name, values in column.items()}
        some = [(name, value) for name, value in found.items() if value is not None]
        return dict(sorted(some, key=lambda pair: -pair[1]))


def _echo(connections: int, size: int) -> Panel:
    case = echo.title(connections, size)
    return Panel(f"{case}: CPU per request, us", "echo", case, echo.CPU)


ECHO: Final = [_echo(*shape) for shape in echo.SHAPES]
README: Final = [
    attrs.evolve(ECHO[0], title=f"TCP echo, {ECHO[0].title}"),
]
OVERVIEW: Final = [
    Panel("1 handler: CPU per event, ns", "dispatch", "1 handler", dispatch.CPU),
    Panel("post from a thread: CPU, us", "posts", "threads", posts.CPU),
    Panel("timer of 1.5 ms: us late", "timers", timers.ONESHOT, timers.MEDIAN),
    Panel("a timer scheduled, cancelled: us", "timers", timers.MANY, timers.CPU),
    Panel("idle connection: bytes", "memory", "connections", memory.IDLE),
    Panel("import: CPU, ms", "imports", "import", imports.CPU),
    *(
        Panel(f"key, {case}: ms, 99 of 100", "firehose", case, firehose.WORST)
        for case in firehose.KINDS.values()
    ),
]


def write(measured: dict[str, Any], docs: Path) -> None:
    """Add figures to those that are there, and write all parts anew."""
    path = docs / "performance.json"
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    known |= measured
    path.write_text(json.dumps(known, indent=1) + "\n")
    (docs / "performance-claims.md").write_text(claims_table(known))
    for name, family in known.items():
        text = f"{tables(family)}\n{_told(name, family)}\n"
        (docs / f"performance-{name}.md").write_text(text)
    # Text stays text, and the same figures give the same file.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "evdispatch"})
    draw(known, ECHO, docs / "performance-echo.svg")
    draw(known, OVERVIEW, docs / "performance.svg")
    draw(known, README, docs / "performance-readme.svg")


def _told(name: str, family: dict[str, Any]) -> str:
    return (
        f"Measured on {family['date']} with {family['python']} on {family['system']}, "
        f'{family["rounds"]} rounds, by `make bench ARGS="{name}"`.'
    )


def draw(measured: dict[str, Any], panels: list[Panel], path: Path) -> None:
    """Draw a bar for each contestant; the shortest is the best."""
    shown = [(panel, panel.values(measured)) for panel in panels]
    shown = [(panel, values) for panel, values in shown if values]
    if not shown:
        return
    columns = 1 if len(shown) == 1 else 2
    rows = -(-len(shown) // columns)
    most = max(len(values) for _, values in shown)
    size = 5 * columns + 2 * (columns == 1), rows * (0.7 + 0.22 * most)
    figure = Figure(figsize=size, layout="constrained")
    figure.patch.set_alpha(0)
    all_axes = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes in all_axes[len(shown) :]:
        axes.set_visible(False)
    for axes, (panel, values) in zip(all_axes, shown, strict=False):
        _bars(axes, panel.title, values)
    figure.savefig(path, metadata={"Date": None})


def _bars(axes: Axes, title: str, values: dict[str, float]) -> None:
    colors = [_OURS if n.startswith("evdispatch") else _THEIRS for n in values]
    bars = axes.barh(list(values), list(values.values()), color=colors)
    labels = [number(value) for value in values.values()]
    axes.bar_label(bars, labels, padding=4, color=_INK)
    least, most = min(values.values()), max(values.values())
    if least > 0 and most / least > _WIDE:
        axes.set_xscale("log")
        axes.set_xlim(least / 3, most * 4)
    else:
        axes.margins(x=0.18)
    axes.set_title(title, loc="left", color=_INK)
    axes.patch.set_alpha(0)
    axes.tick_params(which="both", colors=_INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_INK)
