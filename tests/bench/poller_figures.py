"""The figures of `bench_pollers`: medians, a table, and a plot."""

import statistics
from pathlib import Path

import attrs
import matplotlib as mpl
from matplotlib.figure import Figure

COLORS = {
    "select": "#d55e00",
    "poll": "#e69f00",
    "epoll": "#0072b2",
    "epoll, edge": "#009e73",
    "threads": "#999999",
}


@attrs.define(eq=False)
class Figures:
    """CPU time of a request, in microseconds, by kind and silent connections."""

    levels: tuple[int, ...]
    times: dict[tuple[str, int], list[float]] = attrs.Factory(dict)
    memory: dict[str, list[float]] = attrs.Factory(dict)
    python_memory: float = 0.0

    def add(self, kind: str, count: int, microseconds: float) -> None:
        self.times.setdefault((kind, count), []).append(microseconds)

    @property
    def kinds(self) -> list[str]:
        return list(dict.fromkeys(kind for kind, _ in self.times))

    def time(self, kind: str, count: int) -> float | None:
        found = self.times.get((kind, count))
        return None if found is None else statistics.median(found)

    def growth(self, kind: str, count: int) -> float:
        """Return how many times that with none it takes; the median over the rounds."""
        none, many = self.times[kind, self.levels[0]], self.times[kind, count]
        return statistics.median(m / n for m, n in zip(many, none, strict=True))

    def table(self) -> str:
        """Return a table in Markdown."""
        head = ["silent connections", *self.kinds]
        rows = [head, ["---:"] * len(head)]
        for count in self.levels:
            cells = [self._cell(kind, count) for kind in self.kinds]
            rows.append([f"{count:,}", *cells])
        each = [
            f"{statistics.median(self.memory[k]) / 1024:.1f} KiB" for k in self.kinds
        ]
        rows.append(["memory of the process for each connection", *each])
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)

    def _cell(self, kind: str, count: int) -> str:
        found = self.time(kind, count)
        if found is None:
            return "-"
        return f"{found:.1f} us ({self.growth(kind, count):.2f})"


def write_page(figures: Figures, folder: Path) -> None:
    """Write the table and the plot that the page includes."""
    text = figures.table() + "\n\n"
    text += (
        "In parentheses: how many times the figure without silent connections it is. "
    )
    text += "select ends at its limit of descriptors; threads were not tried further.\n"
    text += f"Of the memory, {figures.python_memory:.0f} bytes are Python's own "
    text += f"(tracemalloc, epoll, {figures.levels[-1]:,} connections).\n"
    (folder / "bench-pollers.md").write_text(text)
    _draw(figures, folder / "bench-pollers.svg")


def _draw(figures: Figures, path: Path) -> None:
    mpl.rcParams["svg.hashsalt"] = "evdispatch"
    figure = Figure(figsize=(10, 4), layout="constrained")
    times, memory = figure.subplots(1, 2, width_ratios=(3, 1.4))
    for kind in figures.kinds:
        points = [(n, figures.time(kind, n)) for n in figures.levels]
        shown = [(max(n, 1), t) for n, t in points if t is not None]
        times.plot(*zip(*shown, strict=True), "o-", label=kind, color=COLORS[kind])
    times.set_xscale("log")
    times.set_yscale("log")
    times.set_xlabel("silent connections (the first point: none)")
    times.set_ylabel("CPU time of a request, us")
    times.grid(visible=True, alpha=0.3)
    times.legend()
    kinds = figures.kinds
    each = [statistics.median(figures.memory[kind]) / 1024 for kind in kinds]
    memory.barh(kinds, each, color=[COLORS[kind] for kind in kinds])
    memory.set_xlabel("memory of the process\nfor each connection, KiB")
    figure.savefig(path, metadata={"Date": None})
