"""The terminal benchmark's figures: as a table, as a page of the documentation, as a plot."""

import datetime as dt
import platform
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import attrs
import matplotlib as mpl
from bench.terminal_peers import KIB, MIB, Peer
from matplotlib.figure import Figure

Figures = dict[str, float]  # the amount in a second, for each name
KINDS: Final = {"mix": "events per CPU second", "paste": "paste, MB per CPU second"}
_HEAD: Final = (
    *("decoder", "version", "entry", "events/s", "ratio"),
    *("paste MB/s", "ratio", "mix, paste"),
)
# Read on a light page and on a dark one: these have contrast enough against both.
_INK, _OURS, _THEIRS = "#808080", "#d9730d", "#4a86c5"


@attrs.frozen
class Row:
    """What one decoder reached: medians over the rounds, and ratios of ours to it."""

    peer: Peer
    rates: Figures
    ratios: Figures

    def cells(self) -> tuple[str, ...]:
        mix, paste = self.ratios["mix"], self.ratios["paste"]
        return (
            self.peer.name,
            self.peer.version,
            self.peer.entry,
            f"{self.rates['mix']:,.0f}",
            f"{mix:,.1f}",
            f"{self.rates['paste']:,.2f}",
            f"{paste:,.1f}",
            f"{_size(self.peer.mix)}, {_size(self.peer.paste)}",
        )


@attrs.frozen
class Table:
    """All rows, ours first, and our ratio to the fastest peer of each round."""

    rows: list[Row]
    times_fastest: Figures
    spread: dict[str, tuple[float, float]]

    def summary(self) -> list[str]:
        return [
            f"{KINDS[kind]}: {self.times_fastest[kind]:.1f} times the fastest peer "
            f"({self.spread[kind][0]:.1f} to {self.spread[kind][1]:.1f})"
            for kind in KINDS
        ]

    def text(self) -> str:
        lines = [_HEAD, *(row.cells() for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        # Names are flush left, figures flush right.
        told = [
            "  ".join(
                cell.ljust(width) if place < 3 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in lines
        ]
        return "\n".join([*told, "", *self.summary()])


def table(ours: Peer, peers: Sequence[Peer], rounds: dict[str, list[Figures]]) -> Table:
    """Take medians: of the figures, and of the ratios of each round."""

    def over(measure: Callable[[Figures], float]) -> Figures:
        return {kind: statistics.median(map(measure, rounds[kind])) for kind in KINDS}

    def row(peer: Peer) -> Row:
        rates = over(lambda figures: figures[peer.name])
        ratios = over(lambda figures: figures[ours.name] / figures[peer.name])
        return Row(peer, rates, ratios)

    def times_fastest(figures: Figures) -> float:
        return figures[ours.name] / max(figures[peer.name] for peer in peers)

    rows = [row(peer) for peer in (ours, *peers)]
    all_times = {kind: [*map(times_fastest, rounds[kind])] for kind in KINDS}
    spread = {kind: (min(times), max(times)) for kind, times in all_times.items()}
    return Table(rows, over(times_fastest), spread)


def markdown(result: Table, rounds: int) -> str:
    """Return the table for the documentation, and how it came about."""
    lines = [_HEAD, ("---",) * 3 + ("---:",) * 5, *(row.cells() for row in result.rows)]
    today = dt.datetime.now(tz=dt.UTC).date()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return "\n".join(
        [
            *(f"| {' | '.join(line)} |" for line in lines),
            "",
            *(f"- {line}" for line in result.summary()),
            "",
            f"Measured on {today} with {python} on {platform.system()} "
            f"{platform.machine()}, {rounds} rounds, by `make bench-terminal`.",
            "",
        ]
    )


def draw(result: Table, path: Path) -> None:
    """Draw a bar for each decoder, on a scale where ten times is always as long."""
    # Text stays text, and the same figures give the same file.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "evdispatch"})
    figure = Figure(figsize=(8, 5), layout="constrained")
    figure.patch.set_alpha(0)
    for axes, (kind, title) in zip(figure.subplots(2), KINDS.items(), strict=True):
        rows = sorted(result.rows, key=lambda row: row.rates[kind])
        values = [row.rates[kind] for row in rows]
        colors = [_OURS if row is result.rows[0] else _THEIRS for row in rows]
        bars = axes.barh([row.peer.name for row in rows], values, color=colors)
        labels = [
            f"{value:,.0f}" if value >= 10 else f"{value:.2g}" for value in values
        ]
        axes.bar_label(bars, labels, padding=4, color=_INK)
        axes.set_xscale("log")
        axes.set_xlim(min(values) / 3, max(values) * 4)
        axes.set_title(title, loc="left", color=_INK)
        axes.patch.set_alpha(0)
        axes.tick_params(which="both", colors=_INK)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(_INK)
    figure.savefig(path, metadata={"Date": None})


def _size(size: int) -> str:
    return f"{size // MIB} MiB" if size >= MIB else f"{size // KIB} KiB"
