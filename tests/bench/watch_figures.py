"""The file watching benchmark's figures: as tables, as JSON, as a plot."""

import datetime as dt
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import attrs
import matplotlib as mpl
from bench.watch_peers import OURS, Peer
from matplotlib.figure import Figure

Result = dict[str, Any]
"""What a library's process has told: cpu and wall in seconds, delivered, resident ..."""

Round = dict[str, dict[str, Result | None]]
"""Results by what was measured, and by library; None: it took too long, or lost some."""

# Read on a light page and on a dark one: these have contrast enough against both.
_INK, _OURS, _THEIRS = "#808080", "#d9730d", "#4a86c5"
_NONE: Final = "-"
_NOTES: Final = (
    "CPU is user and system time of all threads; the ratio, how many times as much as",
    "evdispatch it took in the same round: the median, and the least and the most.",
    "For the two events of a file the kernel tells evdispatch 3 records, watchfiles 4, and",
    "the others 2. Events per second of the first kind are bounded by who waits on purpose:",
    "evdispatch holds what was deleted for 0.1 s unless raw, watchfiles looks each 50 ms.",
)


@attrs.frozen
class Sizes:
    """How much is done in one measurement."""

    events: int = 100_000
    batch: int = 4_000
    directories: int = 5_000


@attrs.define(eq=False)
class Figures:
    """The results of all rounds, and of the large tree if there was one."""

    sizes: Sizes
    peers: Sequence[Peer]
    rounds: list[Round] = attrs.Factory(list)
    long: dict[str, Result | None] = attrs.Factory(dict)

    def values(self, peer: Peer, kind: str, key: str) -> list[float]:
        """Return what was measured in each round."""
        results = (one[kind][peer.name] for one in self.rounds)
        return [result[key] for result in results if result is not None]

    def median(self, peer: Peer, kind: str, key: str) -> float | None:
        found = self.values(peer, kind, key)
        return statistics.median(found) if found else None

    def ratios(self, peer: Peer, kind: str) -> list[float]:
        """Return how many times our CPU time it took in each round."""
        pairs = [(one[kind][peer.name], one[kind][OURS.name]) for one in self.rounds]
        return [
            theirs["cpu"] / ours["cpu"]
            for theirs, ours in pairs
            if theirs is not None and ours is not None
        ]

    # -- tables ------------------------------------------------------------------------

    def events(self) -> list[tuple[str, ...]]:
        """Return the table of flow and burst."""
        head = (
            *("library", "version", "CPU, us/event", "ratio", "events/s"),
            *("burst: delivered", "overflows told", "events/s"),
        )
        return [head, *map(self._events_of, self.peers)]

    def _events_of(self, peer: Peer) -> tuple[str, ...]:
        count = self.sizes.events
        flow = self.median(peer, "flow", "cpu"), self.median(peer, "flow", "wall")
        walls = self.values(peer, "burst", "wall")
        delivered = self.values(peer, "burst", "delivered")
        rates = [n / wall for n, wall in zip(delivered, walls, strict=True) if n]
        return (
            peer.name,
            version(peer.package),
            _number(flow[0], 1e6 / count, 1),
            _spread(self.ratios(peer, "flow"), 2),
            _NONE if flow[1] is None else f"{count / flow[1]:,.0f}",
            _spread(delivered, 0),
            _spread(self.values(peer, "burst", "overflows"), 0) if peer.tells else "no",
            f"{statistics.median(rates):,.0f}" if rates else _NONE,
        )

    def setup(self) -> list[tuple[str, ...]]:
        """Return the table of trees that were set up."""
        head = ["library", "CPU, ms", "ratio", "until watched, ms", "bytes each"]
        if self.long:
            head += ["large: CPU, s", "until watched, s", "bytes each"]
        return [tuple(head), *map(self._setup_of, self.peers)]

    def _setup_of(self, peer: Peer) -> tuple[str, ...]:
        each = 1 / self.sizes.directories
        cells = (
            peer.name,
            _number(self.median(peer, "setup", "cpu"), 1e3, 0),
            _spread(self.ratios(peer, "setup"), 2),
            _number(self.median(peer, "setup", "wall"), 1e3, 0),
            _number(self.median(peer, "setup", "resident"), each, 0),
        )
        if not self.long:
            return cells
        large = self.long.get(peer.name)
        if large is None:
            return (*cells, _NONE, _NONE, _NONE)
        each = large["resident"] / large["directories"]
        return (*cells, f"{large['cpu']:.2f}", f"{large['wall']:.2f}", f"{each:,.0f}")

    def text(self) -> str:
        """Return the tables in Markdown, and how they came about."""
        sizes = self.sizes
        today = dt.datetime.now(tz=dt.UTC).date()
        python = f"{platform.python_implementation()} {platform.python_version()}"
        return "\n".join(
            [
                f"{sizes.events:,} events in one directory:",
                "",
                *_markdown(self.events(), left=2),
                "",
                *_NOTES,
                "",
                f"A tree of {sizes.directories:,} directories, until all are watched:",
                "",
                *_markdown(self.setup(), left=1),
                "",
                f"Measured on {today} with {python} on {platform.system()} "
                f"{platform.machine()}, {len(self.rounds)} rounds, by "
                "`make bench-watch`.",
                "",
            ]
        )

    def data(self) -> dict[str, Any]:
        """Return all that was measured."""
        return {
            "python": platform.python_version(),
            "system": platform.platform(),
            "versions": {peer.package: version(peer.package) for peer in self.peers},
            "sizes": attrs.asdict(self.sizes),
            "rounds": self.rounds,
            "long": self.long,
        }


def _number(value: float | None, factor: float, digits: int) -> str:
    return _NONE if value is None else f"{value * factor:,.{digits}f}"


def _spread(values: list[float], digits: int) -> str:
    """Return the median, and the least and the most if they differ."""
    if not values:
        return _NONE
    middle, least, most = (
        f"{value:,.{digits}f}"
        for value in (statistics.median(values), min(values), max(values))
    )
    return middle if least == most else f"{middle} ({least} to {most})"


def _markdown(rows: list[tuple[str, ...]], *, left: int) -> list[str]:
    """Return a table with names flush left, and figures flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = tuple(
        "-" * width if place < left else "-" * (width - 1) + ":"
        for place, width in enumerate(widths)
    )
    return [
        "| "
        + " | ".join(
            cell.ljust(w) if n < left else cell.rjust(w)
            for n, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in (rows[0], rule, *rows[1:])
    ]


def draw(figures: Figures, path: Path) -> None:
    """Draw a bar for each library."""
    # Text stays text, and the same figures give the same file.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "evdispatch"})
    sizes = figures.sizes
    tree = f"{sizes.directories:,} directories"
    panels = (
        ("CPU time of an event, us", "flow", "cpu", 1e6 / sizes.events, 1),
        (f"burst: delivered of {sizes.events:,}", "burst", "delivered", 1.0, 0),
        (f"CPU time until {tree} are watched, ms", "setup", "cpu", 1e3, 0),
        (
            "memory of a watched directory, bytes",
            "setup",
            "resident",
            1 / sizes.directories,
            0,
        ),
    )
    figure = Figure(figsize=(10, 6), layout="constrained")
    figure.patch.set_alpha(0)
    all_axes = figure.subplots(2, 2).flat
    for axes, (title, kind, key, factor, digits) in zip(all_axes, panels, strict=True):
        shown = [(p, figures.median(p, kind, key)) for p in reversed(figures.peers)]
        bars = [(peer, value * factor) for peer, value in shown if value is not None]
        colors = [_OURS if p.package == OURS.package else _THEIRS for p, _ in bars]
        values = [value for _, value in bars]
        drawn = axes.barh([peer.name for peer, _ in bars], values, color=colors)
        labels = [f"{value:,.{digits}f}" for value in values]
        axes.bar_label(drawn, labels, padding=4, color=_INK)
        axes.margins(x=0.18)
        axes.set_title(title, loc="left", color=_INK)
        axes.patch.set_alpha(0)
        axes.tick_params(which="both", colors=_INK)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(_INK)
    figure.savefig(path, metadata={"Date": None})
